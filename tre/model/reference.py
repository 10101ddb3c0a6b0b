"""The reference of site and project files, written from the models: `python -m tre.model.reference`.

The texts are the models' own descriptions, so the reference cannot say anything else than `validate` does.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from components.model import Model, Target
from tre.model import schema
from tre.model.project import Project
from tre.model.site import Site
from tre.model.tiers import TIER_OF, TIERS
from tre.model.words import SENTENCES
from tre.paths import checkout
from tre.registry import target_models

COMMAND: Final = "python -m tre.model.reference"
_NOTE: Final = f"<!-- Written by `{COMMAND}` from the models. Do not edit. -->\n"
_TIER_ROWS: Final = {
    "network_out": "network out",
    "packages": "packages",
    "clipboard": "clipboard",
    "reviewers": "people who release an output",
    "encryption": "encryption at rest",
    "sign_in": "sign-in, always with several factors, from",
    "runtime": "runtime",
    "review": "where outputs are reviewed",
}


def pages() -> Mapping[Path, str]:
    """Return every generated file below `docs` with its text."""
    return {
        Path("reference/site.md"): _page(
            "Site file", f"`Pulumi.<site>.yaml`, below `{schema.SITE_KEY}`.", Site
        ),
        Path("reference/project.md"): _page(
            "Project file", f"`Pulumi.<site>-<project>.yaml`, below `{schema.PROJECT_KEY}`.", Project
        ),
        Path("reference/targets.md"): _targets(),
        Path("reference/tiers.md"): _tiers(),
        Path("schema/site.json"): schema.text("site"),
        Path("schema/project.json"): schema.text("project"),
    }


def write(folder: Path) -> None:
    """Write every generated file below `folder`."""
    for place, text in pages().items():
        file = folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _page(title: str, where: str, model: type[Model]) -> str:
    whole = model.model_json_schema()
    known = cast("dict[str, Any]", whole.get("$defs", {}))
    parts = [f"# {title}\n\n{_NOTE}\n{where} Keys that are not listed are refused.\n", _table(whole, known)]
    for name in _used(whole, known):
        parts.append(
            f"\n## {name}\n\n{_one_line(known[name].get('description', ''))}\n\n{_table(known[name], known)}"
        )
    return "\n".join(parts)


def _used(node: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    """Return the models below a schema in the order in which its keys name them; targets have a page of their own."""
    found: dict[str, None] = {}
    for each in node.get("properties", {}).values():
        for name in _names(each):
            if "backend" not in known[name].get("properties", {}):
                found[name] = None
                found.update(dict.fromkeys(_used(known[name], known)))
    return list(found)


def _names(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, each in cast("dict[str, Any]", node).items():
            if key == "$ref":
                yield str(each).rpartition("/")[2]
            elif key != "discriminator":
                yield from _names(each)
    elif isinstance(node, list):
        for each in cast("list[Any]", node):
            yield from _names(each)


def _table(node: Mapping[str, Any], known: Mapping[str, Any], texts: Mapping[str, str] | None = None) -> str:
    required = node.get("required", [])
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for name, each in node.get("properties", {}).items():
        default = "**needed**" if name in required else _default(each)
        meaning = (texts or {}).get(name) or _described(each, known)
        rows.append(f"| `{name}` | {_kind(each, known)} | {default} | {_one_line(meaning)} |")
    return "\n".join(rows) + "\n"


def _described(node: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    # Pydantic leaves a key's description out where its model says the same.
    return node.get("description") or (
        known[next(_names(dict(node)))]["description"] if "$ref" in node else ""
    )


def _default(node: Mapping[str, Any]) -> str:
    value = node.get("default")
    if value is None or value == "" or value == [] or isinstance(value, dict):
        return ""
    return f"`{json.dumps(value) if isinstance(value, bool | list) else value}`"


def _kind(node: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """Return how a value is written, in words."""
    if "$ref" in node:
        name = next(_names(dict(node)))
        return f"[{name}](#{name.lower()})"
    if "anyOf" in node:
        return " or ".join(_kind(each, known) for each in node["anyOf"] if each.get("type") != "null")
    if "oneOf" in node:
        return "a [target](targets.md)"
    if "const" in node:
        return f"`{str(node['const']).lower()}`"
    if "enum" in node:
        return ", ".join(f"`{each}`" for each in node["enum"])
    return _plain(node, known)


def _plain(node: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    kind = node.get("type")
    if kind == "array":
        return f"list of: {_kind(node.get('items', {}), known)}"
    if kind == "object" and "patternProperties" in node:
        (value,) = node["patternProperties"].values()
        return f"names, each with {_kind(value, known)}"
    if kind == "object" and "additionalProperties" in node:
        return f"names with {_kind(cast('dict[str, Any]', node['additionalProperties']), known)}"
    if kind in ("integer", "number"):
        return {"integer": "whole number", "number": "number"}[kind] + _range(node)
    if node.get("format") == "date":
        return "date (year-month-day)"
    if kind == "boolean":
        return "`true`, `false`"
    sentence = SENTENCES.get(node.get("pattern", ""), "")
    longest = (
        f"; {node.get('minLength', 1)} to {node['maxLength']} characters"
        if sentence and "maxLength" in node
        else ""
    )
    return _one_line(sentence + longest) or "text"


def _range(node: Mapping[str, Any]) -> str:
    least = node.get("minimum", node.get("exclusiveMinimum"))
    most = node.get("maximum")
    if least is None:
        return ""
    word = "from" if "minimum" in node else "above"
    return f" {word} {least:g}" + (f" to {most:,.0f}".replace(",", " ") if most is not None else "")


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _targets() -> str:
    parts = [f"# Targets\n\n{_NOTE}\nOne kind for each backend; `backend` says which.\n"]
    for name, model in sorted(target_models().items()):
        whole = model.model_json_schema()
        known = cast("dict[str, Any]", whole.get("$defs", {}))
        parts.append(f"\n## {name}\n\n{_doc(model)}\n\n{_table(whole, known, _attribute_texts(model))}")
        for below in _used(whole, known):
            owner = _class_named(model, below)
            parts.append(
                f"\n### {below}\n\n{_doc(owner)}\n\n{_table(known[below], known, _attribute_texts(owner))}"
            )
    return "\n".join(parts)


def _doc(model: type[Model]) -> str:
    return inspect.getdoc(model) or ""


def _class_named(model: type[Target], name: str) -> type[Model]:
    """Return a model that a target's module defines, for its texts."""
    return cast("type[Model]", getattr(inspect.getmodule(model), name))


def _attribute_texts(model: type[Model]) -> dict[str, str]:
    """Return the text below each attribute of a class: backends describe their keys there."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    body = cast(ast.ClassDef, tree).body
    return {
        cast(ast.Name, field.target).id: inspect.cleandoc(text.value.value)
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _tiers() -> str:
    names = " | ".join(f"{tier.level} {tier.name}" for tier in TIERS)
    rows = [f"| | {names} |", "|---" * (len(TIERS) + 1) + "|"]
    for key, words in _TIER_ROWS.items():
        values = " | ".join(str(dataclasses.asdict(tier)[key]) for tier in TIERS)
        rows.append(f"| {words} | {values} |")
    classes = ", ".join(f"{name} {tier}" for name, tier in TIER_OF.items())
    return f"""\
# Tiers

{_NOTE}
The most sensitive data set of a project sets its tier ({classes}); a site holds data up to its own tier.
`validate` refuses a setting that is weaker than its tier; what is left unset takes the tier's value.

{chr(10).join(rows)}
"""


if __name__ == "__main__":
    write(checkout() / "docs")
