"""Pydantic's errors in our words: what was found, what is allowed, and what to do."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Final, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails, ValidationError

from tre.model.findings import Finding, Steps, alternatives, clip, did_you_mean
from tre.model.reading import Document
from tre.model.words import PROBLEM, SENTENCES
from tre.registry import BACKENDS

Words = tuple[str, str]
"""What is wrong, and the remedy."""

_SENTENCE: Final = 300
"""How long a sentence of a validator may be: it may quote what it found."""

_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "string_type": ("text", "Put it in quotes if it is meant as text."),
    "int_type": ("a whole number", "Write it in digits, without quotes."),
    "float_type": ("a number", "Write it in digits, without quotes."),
    "bool_type": ("true or false", 'Write "true" or "false", without quotes.'),
    "date_type": ("a date", 'Write it as year-month-day, such as "2027-03-31".'),
    "tuple_type": ("a list", 'Write a list: one item a line after "- ", or in [ ].'),
    "dict_type": ("keys with values", 'Write "key: value" lines below it, indented.'),
    "model_type": ("keys with values", 'Write "key: value" lines below it, indented.'),
    "model_attributes_type": ("keys with values", 'Write "key: value" lines below it, indented.'),
}


def findings(
    error: ValidationError, model: type[BaseModel], document: Document, base: Steps
) -> Iterator[Finding]:
    """Yield each of pydantic's errors on the value at `base`, at its line and in our words."""
    value = _at(document.data, base)
    for each in error.errors(include_url=False):
        if _only_follows(each):
            continue
        steps = _without_tag(each)
        what, remedy = _words(each, model, steps, _at(value, steps[:-1]))
        yield document.finding((*base, *steps), what, remedy)


def _only_follows(error: ErrorDetails) -> bool:
    """Tell whether a list is called too short only because what it holds is wrong, which is told already."""
    return error["type"] == "too_short" and len(error["input"]) >= error.get("ctx", {})["min_length"]


def _at(value: Any, steps: Steps) -> Any:
    for step in steps:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _without_tag(error: ErrorDetails) -> Steps:
    """Return the error's place as the file has it: pydantic adds the chosen backend's name below a target."""
    steps: Steps = error["loc"]
    if len(steps) > 2 and steps[0] == "targets" and steps[2] in BACKENDS:
        return (*steps[:2], *steps[3:])
    return steps


def _words(error: ErrorDetails, model: type[BaseModel], steps: Steps, around: Any) -> Words:
    kind, found, context = error["type"], error.get("input"), error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(str(steps[-1]), keys(model, steps[:-1], around))
    if kind in _KINDS:
        wanted, remedy = _KINDS[kind]
        return f"{show(found)} where {wanted} belongs", remedy
    teller = _TELLERS.get(kind)
    if teller is None:
        return f"{show(found)} is not allowed here", "See the reference of site and project files."
    return teller(found, context)


def show(found: Any) -> str:
    """Return what stands in the file, as a person would name it."""
    if found is None:
        return "nothing"
    if isinstance(found, str):
        return f'the text "{clip(found, 40)}"' if found else "an empty text"
    if isinstance(found, Mapping):
        return "a group of keys"
    if isinstance(found, tuple | list):
        return "a list"
    if isinstance(found, bool):
        return "true" if found else "false"
    return clip(str(found), 40)


def _unknown_key(key: str, known: list[str]) -> Words:
    remedy = f"Keys allowed here: {alternatives(known)}." if known else "Remove it."
    return "unknown key." + did_you_mean(key, known), remedy


def _missing(_: Any, __: Mapping[str, Any]) -> Words:
    return "is missing", "Add this key with its value."


_WRITTEN: Final[Mapping[str, str]] = {"True": "true", "False": "false", "None": "null"}


def _choice(found: Any, context: Mapping[str, Any]) -> Words:
    expected = str(context["expected"])
    choices = [each.strip("'") for each in expected.replace(" or ", ", ").split(", ")]
    words = [_WRITTEN.get(each, each) for each in choices]
    hint = did_you_mean(found, words) if isinstance(found, str) else ""
    return f"{show(found)} is not one of the choices.{hint}", f"Choose from: {alternatives(words)}."


def _backend(found: Any, context: Mapping[str, Any]) -> Words:
    given = clip(str(context["tag"]))
    what = f'there is no backend "{given}".{did_you_mean(given, BACKENDS)}'
    return what, f"Set backend to one of: {alternatives(BACKENDS)}."


def _no_backend(found: Any, _: Mapping[str, Any]) -> Words:
    return "names no backend", f'Add "backend:" with one of: {alternatives(BACKENDS)}.'


def _pattern(found: Any, context: Mapping[str, Any]) -> Words:
    pattern = str(context["pattern"])
    return (
        f"{show(found)} does not have the right form",
        f"Write {SENTENCES.get(pattern, f'it to match {pattern}')}.",
    )


def _bound(comparison: str, key: str) -> Callable[[Any, Mapping[str, Any]], Words]:
    def tell(found: Any, context: Mapping[str, Any]) -> Words:
        limit = float(context[key])
        number = f"{limit:,.0f}".replace(",", " ") if limit.is_integer() else f"{limit:g}"
        return f"{show(found)} is out of range", f"Write a number {comparison} {number}."

    return tell


def _short_text(found: Any, context: Mapping[str, Any]) -> Words:
    return f"{show(found)} is too short", f"Use at least {context['min_length']} characters."


def _long_text(found: Any, context: Mapping[str, Any]) -> Words:
    what = f"{show(found)} has {len(found)} characters, which is too long"
    return what, f"Use at most {context['max_length']} characters."


def _few(_: Any, context: Mapping[str, Any]) -> Words:
    return f"holds {context['actual_length']} entries, which is too few", (
        f"Write at least {context['min_length']}."
    )


def _many(_: Any, context: Mapping[str, Any]) -> Words:
    return "holds too many entries", f"Write at most {context['max_length']}."


def _own(_: Any, context: Mapping[str, Any]) -> Words:
    return clip(str(context["what"]), _SENTENCE), clip(str(context["remedy"]), _SENTENCE)


def _value_error(found: Any, context: Mapping[str, Any]) -> Words:
    # A backend's target raises ValueError with a sentence of its own, which may end in a good example.
    what, _, example = str(context["error"]).partition(", for example ")
    what, example = clip(what, _SENTENCE), clip(example, _SENTENCE)
    return what, f"Write it like {example}." if example else "Correct it; the reference of targets says how."


_TELLERS: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], Words]]] = {
    "missing": _missing,
    "literal_error": _choice,
    "union_tag_invalid": _backend,
    "union_tag_not_found": _no_backend,
    "string_pattern_mismatch": _pattern,
    "string_too_short": _short_text,
    "string_too_long": _long_text,
    "too_short": _few,
    "too_long": _many,
    "greater_than": _bound("above", "gt"),
    "greater_than_equal": _bound("of at least", "ge"),
    "less_than": _bound("below", "lt"),
    "less_than_equal": _bound("of at most", "le"),
    PROBLEM: _own,
    "value_error": _value_error,
}


def keys(model: type[BaseModel], steps: Steps, value: Any) -> list[str]:
    """Return the keys allowed at a place below `model`; `value` tells which backend's target it is."""
    found: Any = model
    for step in steps:
        found = _below(found, step)
    models = [each for each in _models(found) if _fits(each, value)]
    return [name for each in models for name in each.model_fields]


def _below(annotation: Any, step: str | int) -> Any:
    """Return the annotation one step further down, or None where it cannot be told."""
    for each in _parts(annotation):
        if isinstance(each, type) and issubclass(each, BaseModel) and step in each.model_fields:
            return each.model_fields[step].annotation
        if get_origin(each) in (tuple, list) and isinstance(step, int):
            return get_args(each)[0]
        if get_origin(each) is dict:
            return get_args(each)[1]
    return None


def _parts(annotation: Any) -> list[Any]:
    """Return the members of a union, without the metadata around them."""
    if get_origin(annotation) is Annotated:
        return _parts(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [part for each in get_args(annotation) for part in _parts(each)]
    return [annotation]


def _models(annotation: Any) -> list[type[BaseModel]]:
    return [each for each in _parts(annotation) if isinstance(each, type) and issubclass(each, BaseModel)]


def _fits(model: type[BaseModel], value: Any) -> bool:
    tag = model.model_fields.get("backend")
    if tag is None or not isinstance(value, Mapping):
        return True
    return cast("Mapping[str, Any]", value).get("backend") in typing.get_args(tag.annotation)
