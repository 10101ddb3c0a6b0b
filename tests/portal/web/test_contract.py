"""Schemathesis asks each door all that its description allows, and much that it does not, as several people.

No answer is a fault, none is undocumented, and each has the form that the description gives. The calls are the same in
each run: nothing is left to chance.
"""

from __future__ import annotations

from typing import Any, Final, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis import checks as common
from schemathesis.specs.openapi import checks as openapi

from portal.domain.people import Door
from portal.web.apps import PREFIX
from tests.portal.web.asks import add, draft, good, reached, released, submitted
from tests.portal.web.running import Running

_COMMON: Final[Any] = common
_OPENAPI: Final[Any] = openapi  # Neither has types that say anything.
CHECKS: Final[list[Any]] = [
    _COMMON.not_a_server_error,
    _OPENAPI.status_code_conformance,
    _OPENAPI.content_type_conformance,
    _OPENAPI.response_headers_conformance,
    _OPENAPI.response_schema_conformance,
    _OPENAPI.negative_data_rejection,
]
SIGN_OUT: Final = f"DELETE {PREFIX}/session"
"""Would end the session with which everything else is asked; it is tried by itself."""
MODES: Final = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
BOUNDED: Final = settings(
    max_examples=4,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def made(running: Running) -> list[dict[str, str]]:
    """Give requests in several states, each with a file: the numbers that calls are about."""
    done = released(running)
    with running.client("robin", Door.INSIDE) as inside:
        waiting = reached(inside, submitted(inside), "in_review")
        open_ = draft(inside)
        file = add(inside, open_, "a.csv", b"1")
    found = [(each["request"]["id"], each["files"][0]["id"]) for each in (done, waiting)]
    numbers = [{"request_id": request, "file_id": file} for request, file in found]
    return [*numbers, {"request_id": open_, "file_id": file["id"]}]


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize(
    ("door", "name"),
    [
        (Door.OUTSIDE, "casey"),
        (Door.OUTSIDE, "sasha"),
        (Door.OUTSIDE, "avery"),
        (Door.OUTSIDE, "ollie"),
        (Door.OUTSIDE, ""),
        (Door.INSIDE, "robin"),
        (Door.INSIDE, ""),
    ],
)
def test_no_call_breaks_the_contract(
    running: Running, made: list[dict[str, str]], door: Door, name: str, mode: GenerationMode
) -> None:
    with running.client() as nobody:
        description = good(nobody.get(f"{running.address(door)}{PREFIX}/openapi.json"))
    assert description["openapi"].startswith("3.1")
    schema: Any = cast(Any, schemathesis.openapi).from_dict(description)
    headers = running.headers(name, door) if name else {}
    tried = 0
    for found in schema.get_all_operations():
        operation: Any = found.ok()
        if operation.label == SIGN_OUT or (mode is GenerationMode.NEGATIVE and not _has_input(operation)):
            continue
        tried += _ask(operation, mode, made, running.address(door), headers)
    assert tried > 40


def _has_input(operation: Any) -> bool:
    return bool(operation.definition.raw.get("parameters") or operation.definition.raw.get("requestBody"))


def _ask(
    operation: Any, mode: GenerationMode, made: list[dict[str, str]], address: str, headers: dict[str, str]
) -> int:
    tried = 0

    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode), numbers=st.sampled_from(made))
    def ask(case: Any, numbers: dict[str, str]) -> None:
        nonlocal tried
        tried += 1
        if mode is GenerationMode.POSITIVE and case.path_parameters:
            known = {key: value for key, value in numbers.items() if key in case.path_parameters}
            case.path_parameters.update(known)
        response = case.call(base_url=address, headers=headers)
        case.validate_response(response, checks=CHECKS, headers=headers)

    ask()
    return tried


def test_signing_out_ends_the_session(running: Running) -> None:
    with running.client("morgan", Door.OUTSIDE, "guarded") as morgan:
        good(morgan.get(f"{PREFIX}/me"))
        assert morgan.delete(f"{PREFIX}/session").status_code == 204
        assert morgan.get(f"{PREFIX}/me").status_code == 401
        assert morgan.delete(f"{PREFIX}/session").status_code == 401


@pytest.mark.parametrize("door", list(Door))
def test_every_call_documents_the_errors_that_every_call_may_meet(running: Running, door: Door) -> None:
    with running.client() as nobody:
        description = good(nobody.get(f"{running.address(door)}{PREFIX}/openapi.json"))
    for path, calls in description["paths"].items():
        for method, call in calls.items():
            if path.startswith(PREFIX):
                assert {"401", "403", "404", "421", "422", "429", "503"} <= set(call["responses"]), (
                    method,
                    path,
                )
                assert call["summary"], (method, path)
