"""JSON Schemas of the files, for editors: completion, hover and a check while typing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from components.model import Model
from tre.model.load import PROJECT_KEY, PULUMI_KEYS, SITE_KEY
from tre.model.project import Project
from tre.model.site import Site

KINDS: Final[Mapping[str, tuple[str, type[Model]]]] = {
    "site": (SITE_KEY, Site),
    "project": (PROJECT_KEY, Project),
}
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema of a whole stack file of a kind (`site` or `project`)."""
    key, model = KINDS[kind]
    content = cast("dict[str, Any]", _untitled(model.model_json_schema()))
    definitions = content.pop("$defs")
    config = {
        "type": "object",
        "required": [key],
        "properties": {key: content},
        "additionalProperties": False,
    }
    return {
        "$schema": DIALECT,
        "title": f"A {kind} of the TRE deployer",
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": config,
            **{each: {"description": "Written by Pulumi."} for each in PULUMI_KEYS},
        },
        "additionalProperties": False,
        "$defs": definitions,
    }


def text(kind: str) -> str:
    """Return the schema of a kind as a file's text."""
    return json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n"


def _untitled(node: Any) -> Any:
    """Return a schema without the titles that pydantic makes up, and closed where it lists patterns of keys."""
    if isinstance(node, dict):
        items = cast("dict[str, Any]", node).items()
        kept = {key: _untitled(each) for key, each in items if not (key == "title" and isinstance(each, str))}
        return {**kept, "additionalProperties": False} if "patternProperties" in kept else kept
    return [_untitled(each) for each in cast("list[Any]", node)] if isinstance(node, list) else node
