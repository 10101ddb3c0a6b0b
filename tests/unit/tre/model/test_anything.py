"""Whatever the files hold, there is a site or a clear refusal: never a traceback, never pydantic's own words."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.tre.model.samples import FILES, TODAY
from tre.errors import InvalidInput
from tre.model.load import LoadedSite, load_all, load_site

SITE = (FILES / "everything.site.happy.yaml").read_text()
PROJECT = (FILES / "everything.project.happy.yaml").read_text()
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
MANY = settings(max_examples=400, deadline=None, suppress_health_check=SLOW)
FOREIGN = re.compile(
    r"pydantic|validation error|input should|traceback|errors\.pydantic|ValueError|NoneType", re.I
)
GENERIC = "is not allowed here"
Judge = Callable[[bytes, bytes], LoadedSite | InvalidInput]
Values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.dates()
    | st.datetimes()
    | st.binary(max_size=8)
    | st.text(max_size=20)
    | st.sampled_from(
        ["demo", "heart", "kubernetes", "embedded", "a" * 300, "CHANGEME", "2028-02-31", "1e999"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=4)
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    folder = tmp_path_factory.mktemp("sites")

    def load(site: bytes, project: bytes) -> LoadedSite | InvalidInput:
        (folder / "Pulumi.demo.yaml").write_bytes(site)
        (folder / "Pulumi.demo-heart.yaml").write_bytes(project)
        try:
            return load_site(folder, "demo", today=TODAY)
        except InvalidInput as refused:
            _is_clear(refused, folder)
            return refused

    return load


def _is_clear(refused: InvalidInput, folder: Path) -> None:
    assert refused.problems
    for each in refused.problems:
        assert each.where.startswith(str(folder))
        assert each.what
        assert each.remedy
        told = f"{each.where} {each.what} {each.remedy}"
        assert not FOREIGN.search(told.replace(str(folder), ""))
        assert GENERIC not in each.what
        assert told.isprintable()


def _mutated(data: st.DataObject, original: bytes) -> bytes:
    """Return a file with some bytes changed, inserted, removed or moved."""
    content = bytearray(original)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 12))
        piece = data.draw(
            st.binary(max_size=4)
            | st.sampled_from([b"\n", b": ", b"- ", b"&a ", b"*a", b"{", b"!!x ", b"---\n"])
        )
        content[place : place + length] = piece
    return bytes(content)


@MANY
@given(data=st.data())
def test_changed_bytes(judge: Judge, data: st.DataObject) -> None:
    site, project = SITE.encode(), PROJECT.encode()
    if data.draw(st.booleans()):
        judge(_mutated(data, site), project)
    else:
        judge(site, _mutated(data, project))


def _places(value: Any, steps: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(cast("dict[Any, Any]", value).items())
    elif isinstance(value, list):
        items = list(enumerate(cast("list[Any]", value)))
    return [steps, *(place for key, below in items for place in _places(below, (*steps, key)))]


def _altered(data: st.DataObject, text: str) -> bytes:
    """Return a file with one value dropped, replaced, or given a stray key."""
    tree: Any = yaml.safe_load(text)
    *above, last = data.draw(st.sampled_from(_places(tree)[1:]))
    around = tree
    for step in above:
        around = around[step]
    change = data.draw(st.sampled_from(["drop", "replace", "replace", "replace", "add"]))
    if change == "drop":
        del around[last]
    elif change == "replace":
        around[last] = data.draw(Values)
    elif isinstance(around, dict):
        around[data.draw(st.text(max_size=10))] = data.draw(Values)
    return yaml.safe_dump(tree, allow_unicode=data.draw(st.booleans())).encode("utf-8", "surrogatepass")


@MANY
@given(data=st.data())
def test_changed_values(judge: Judge, data: st.DataObject) -> None:
    judge(_altered(data, SITE), _altered(data, PROJECT))


@MANY
@given(site=st.binary(max_size=300), project=st.text(max_size=300))
def test_garbage(judge: Judge, site: bytes, project: str) -> None:
    assert isinstance(judge(site, project.encode("utf-8", "surrogatepass")), InvalidInput)


@MANY
@given(site=Values, project=Values)
def test_any_yaml_where_a_site_belongs(judge: Judge, site: Any, project: Any) -> None:
    found = judge(
        yaml.safe_dump({"config": {"tre:site": site}}).encode("utf-8", "surrogatepass"),
        yaml.safe_dump({"config": {"tre:project": project}}).encode("utf-8", "surrogatepass"),
    )
    assert isinstance(found, InvalidInput)


@MANY
@given(
    depth=st.integers(1, 5000),
    brackets=st.sampled_from(["[", "{", "{a: ", "- ", "? ", "[{a: ", "!!x [", "&a [", "'"]),
)
def test_deep_nesting(judge: Judge, depth: int, brackets: str) -> None:
    assert isinstance(
        judge(f"config:\n  tre:site: {brackets * depth}".encode(), PROJECT.encode()), InvalidInput
    )


def test_the_unchanged_files_are_sound(judge: Judge) -> None:
    assert isinstance(judge(SITE.encode(), PROJECT.encode()), LoadedSite)
    assert isinstance(judge(yaml.safe_dump(yaml.safe_load(SITE)).encode(), PROJECT.encode()), LoadedSite)


@MANY
@given(name=st.text(alphabet=st.characters(exclude_characters="/\x00", codec="utf-8"), max_size=30))
def test_any_name(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    with pytest.raises(InvalidInput):
        load_site(folder, name)
    with pytest.raises(InvalidInput):
        load_all(folder / f"none-{name}")
