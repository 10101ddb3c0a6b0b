"""Bytes that nobody thought of: every file gets its verdicts, and no check falls over."""

from __future__ import annotations

import gzip
import pickle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.checks import Held, Outcome, formats
from portal.checks.pickles import pickle_in
from tests.portal.checks import made
from tests.portal.checks.held import checked, held

_SEEDS = [
    made.TABLE,
    b'{"version": "1", "results": {}}',
    b'[{"a": 1, "b": "x"}]',
    pickle.dumps({"a": [1]}, 4),
    made.zipped({"a.csv": made.TABLE, "b.json": b"[]"}),
    made.tarred({"a.csv": made.TABLE}),
    made.tarred({"a.csv": made.TABLE}, "gz"),
    gzip.compress(made.TABLE, mtime=0),
    made.word({"docProps/core.xml": made.CORE}),
]
_PATHS = [
    *(
        "a.csv",
        "a.json",
        "a.jsonl",
        "a.txt",
        "results.json",
        "a.zip",
        "a.tar",
        "a.tar.gz",
        "a.gz",
        "a.xz",
        "a.docx",
    ),
    *("a.pkl", "a", "a.unknown", "a.rds"),
]


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """Return one of the seeds with some bytes changed, cut off or doubled."""
    body = bytearray(draw(st.sampled_from(_SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(body) - 1)))
        change = draw(st.sampled_from(["set", "cut", "double", "insert"]))
        if change == "set" and body:
            body[at] = draw(st.integers(0, 255))
        elif change == "cut":
            del body[at:]
        elif change == "double":
            body += body[at:]
        else:
            body[at:at] = draw(st.binary(max_size=8))
    return bytes(body)


@st.composite
def _prefixed(draw: st.DrawFn) -> bytes:
    """Return noise after the mark of some format, other than those that the parsing process reads."""
    parsed = {formats.Family.PICTURE, formats.Family.DOCUMENT}
    known = draw(st.sampled_from([f for f in formats.FORMATS if f.marks and f.family not in parsed]))
    head = bytearray(300)
    for at, mark in known.marks[0]:
        head[at : at + len(mark)] = mark
    end = max(at + len(mark) for at, mark in known.marks[0])
    return bytes(head[:end]) + draw(st.binary(max_size=300))


def _files(bodies: list[bytes], paths: list[str]) -> list[Held]:
    return [held(path, body) for path, body in zip(paths, bodies, strict=False)]


@pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.binary(max_size=400), _mutated(), _prefixed()), st.sampled_from(_PATHS))
def test_no_bytes_make_a_check_raise_or_stay_without_a_verdict(body: bytes, path: str) -> None:
    (file,) = _files([body], [path])
    found = checked([file])
    assert {"malware", "type", "opaque"} <= {finding.check for finding in found}
    assert all(finding.version for finding in found)
    assert all(finding.file_id == path for finding in found)


@pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_walking_through_opcodes_never_raises(body: bytes) -> None:
    found = pickle_in(body)
    assert found is None or isinstance(found.calls, bool)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
        max_leaves=8,
    ),
    st.integers(2, 5),
)
def test_every_pickle_of_protocols_with_a_mark_is_recognised(value: object, protocol: int) -> None:
    assert pickle_in(pickle.dumps(value, protocol)) is not None


def test_damaged_pictures_and_documents_never_raise() -> None:
    seeds = {
        "a.png": made.picture(),
        "a.jpg": made.photograph(),
        "a.pdf": made.document(script="x", attached=b"y"),
    }
    files = [
        Held(f"{path}{cut}", path, len(body[:cut]), "", held(path, body[:cut]).opener)
        for path, body in seeds.items()
        for cut in range(9, len(body), len(body) // 12)
    ]
    found = checked(files)
    types = {finding.file_id: finding.outcome for finding in found if finding.check == "type"}
    assert len(types) == len(files)
    assert Outcome.UNREADABLE in types.values()
