"""The schemas of the verify report and of the deletion certificate are current."""

from __future__ import annotations

import json

import pytest

from tre import paths
from tre.verify import schema


@pytest.mark.parametrize("name", schema.texts())
def test_the_schema_is_what_the_code_says(name: str) -> None:
    written = (paths.checkout() / schema.FOLDER / name).read_text(encoding="utf-8")
    assert written == schema.texts()[name], "run: python -m tre.verify.schema"


def test_a_report_has_a_version_and_refuses_unknown_keys() -> None:
    found = json.loads(schema.texts()["verify.json"])
    assert found["properties"]["version"] == {"const": 1}
    assert {"version", "kind", "site", "when", "asked", "projects", "satre"} == set(found["required"])
    assert found["additionalProperties"] is False
