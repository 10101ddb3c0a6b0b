"""The exported JSON Schemas know every key that the models know, and refuse every other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest

from tre.model import schema
from tre.model.load import PULUMI_KEYS
from tre.registry import BACKENDS


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        items = cast("dict[str, Any]", node)
        if "properties" in items:
            yield items
        for each in items.values():
            yield from _objects(each)
    elif isinstance(node, list):
        for each in cast("list[Any]", node):
            yield from _objects(each)


def _references(node: Any) -> set[str]:
    text = json.dumps(node)
    return {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}


@pytest.mark.parametrize("kind", schema.KINDS)
def test_unknown_keys_are_refused_everywhere_but_at_names(kind: str) -> None:
    whole = schema.schema(kind)
    open_ones = [
        sorted(each["properties"])
        for each in _objects(whole)
        if each.get("additionalProperties") is not False
    ]
    assert open_ones == []
    assert set(whole["properties"]) == {"config", *PULUMI_KEYS}


@pytest.mark.parametrize("kind", schema.KINDS)
def test_it_holds_the_models_keys_and_whole_references(kind: str) -> None:
    key, model = schema.KINDS[kind]
    whole = schema.schema(kind)
    content = whole["properties"]["config"]["properties"][key]
    assert set(content["properties"]) == set(model.model_fields)
    assert content["required"] == [name for name, field in model.model_fields.items() if field.is_required()]
    assert _references(whole) <= set(whole["$defs"])
    described: dict[str, Any] = {**whole["$defs"], "": {}}
    for each in content["properties"].values():
        assert each.get("description") or described[each.get("$ref", "").rpartition("/")[2]]["description"]


def test_a_target_is_told_by_its_backend() -> None:
    site = schema.schema("site")["properties"]["config"]["properties"]["tre:site"]
    (target,) = site["properties"]["targets"]["patternProperties"].values()
    assert set(target["discriminator"]["mapping"]) == set(BACKENDS)
