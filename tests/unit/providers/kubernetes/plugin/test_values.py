"""Secrets, unknown values and the engine's property bags."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.kubernetes.plugin.values import (
    UNKNOWN,
    Object,
    Secret,
    has_secret,
    has_unknown,
    marked,
    part,
    plain,
    redacted,
)
from providers.kubernetes.plugin.wire import decode, encode

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in cast(Object, value).items() if item is not None}
    return [without_nulls(item) for item in cast(list[Any], value)] if isinstance(value, list) else value


@given(st.dictionaries(st.text(), VALUES))
def test_a_property_bag_comes_back_as_it_went(value: dict[str, Any]) -> None:
    assert decode(encode(value)) == without_nulls(value)


def test_whole_numbers_are_integers() -> None:
    decoded = decode(encode({"replicas": 3, "ratio": 0.5}))
    assert isinstance(decoded["replicas"], int)
    assert decoded["ratio"] == 0.5


def test_secrets_cross_the_wire() -> None:
    value = {"data": Secret({"key": "value"}), "list": [Secret("a")]}
    assert decode(encode(value)) == value


@given(st.dictionaries(st.text(), VALUES))
def test_what_is_marked_is_still_the_same_value(value: dict[str, Any]) -> None:
    assert plain(marked(value, value)) == value
    assert plain(marked(value, Secret(None))) == value


def test_marks_are_copied_to_the_same_places() -> None:
    live = {"data": {"a": "1", "b": "2"}, "other": "x"}
    assert marked(live, {"data": {"a": Secret("1")}}) == {"data": {"a": Secret("1"), "b": "2"}, "other": "x"}


@pytest.mark.parametrize("like", [[Secret("a"), "b"], {"k": [Secret("a")]}])
def test_a_value_of_another_make_up_is_secret_as_a_whole(like: Any) -> None:
    assert marked(["b", "a"], like) == Secret(["b", "a"])


def test_secrets_and_unknowns_are_found_inside() -> None:
    assert has_secret({"a": [{"b": Secret(1)}]})
    assert not has_secret({"a": [{"b": 1}]})
    assert has_unknown({"a": [Secret({"b": UNKNOWN})]})
    assert not has_unknown({"a": ["unknown"]})


def test_a_message_loses_secrets_in_every_spelling() -> None:
    inputs = {"stringData": Secret({"key": "hunter22"}), "data": Secret({"other": "c2VjcmV0c2VjcmV0"})}
    text = "invalid: hunter22, aHVudGVyMjI=, secretsecret, c2VjcmV0c2VjcmV0"
    assert redacted(text, inputs) == "invalid: [secret], [secret], [secret], [secret]"


def test_a_part_that_is_not_there_is_none() -> None:
    assert part({"a": {"b": 1}}, "a", "b") == 1
    assert part({"a": "text"}, "a", "b") is None
    assert part({}, "a", "b") is None
