"""JSON Schemas of what programs read: a verify report and a deletion certificate, in `docs/reports`.

`python -m tre.verify.schema` writes them; a test holds that they are current.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from components.model import Model
from tre import console, paths
from tre.verify.certificate import Certificate
from tre.verify.report import Report

FOLDER: Final = "docs/reports"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def texts() -> Mapping[str, str]:
    """Return each schema's text by its file's name."""
    return {
        "verify.json": _text(_enveloped(Report, "verify")),
        "certificate.json": _text(_schema(Certificate)),
    }


def _schema(model: type[Model]) -> dict[str, Any]:
    return {"$schema": _DIALECT, **model.model_json_schema(mode="serialization")}


def _enveloped(model: type[Model], kind: str) -> dict[str, Any]:
    """Return a model's schema with the two keys that every document of a command begins with."""
    schema = _schema(model)
    head = {"version": {"const": console.SCHEMA_VERSION}, "kind": {"const": kind}}
    required = [*head, *schema.get("required", ())]
    return {**schema, "properties": {**head, **schema["properties"]}, "required": required}


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2) + "\n"


def write(root: Path) -> list[Path]:
    """Write the schemas below a checkout's root and return their places."""
    written = [root / FOLDER / name for name in texts()]
    for file, text in zip(written, texts().values(), strict=True):
        file.write_text(text, encoding="utf-8")
    return written


if __name__ == "__main__":
    console.say(f"Wrote {', '.join(map(str, write(paths.checkout())))}.")
