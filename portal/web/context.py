"""What every endpoint is given: the door's parts, and who asks."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from pydantic_core import to_json
from starlette.responses import JSONResponse, Response

from portal.domain.errors import AirlockError
from portal.domain.people import Door, Person
from portal.service import Airlock
from portal.service.views import View
from portal.settings import Settings
from portal.sign_in.interface import InsideSignIn, Outside, SignIn
from portal.web.errors import documented
from portal.web.rates import Buckets, refuse
from portal.web.seen import seen
from portal.web.telemetry import Quiet, Telemetry

SignInT = TypeVar("SignInT", bound=SignIn)
_READY_FOR: Final = 2.0
"""Seconds for which an answer to `/readyz` holds, so that asking it is no way of keeping the store busy."""

Probe = Callable[[], Awaitable[None]]


class Readiness:
    """Asks the parts that a door needs whether they answer, at most every two seconds."""

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self._probes = probes
        self._at = float("-inf")
        self._found: dict[str, str] = {}

    async def parts(self) -> dict[str, str]:
        """Return for each part `ok` or `unavailable`."""
        if time.monotonic() - self._at > _READY_FOR:
            self._found = {name: await _asked(probe) for name, probe in self._probes.items()}
            self._at = time.monotonic()
        return self._found


async def _asked(probe: Probe) -> str:
    try:
        await probe()
    except AirlockError:
        return "unavailable"
    return "ok"


@dataclass
class Context(Generic[SignInT]):
    """The parts of one door."""

    settings: Settings
    door: Door
    airlock: Airlock
    sign_in: SignInT
    readiness: Readiness
    telemetry: Telemetry = field(default_factory=Quiet)
    callers: Buckets = field(init=False)

    def __post_init__(self) -> None:
        self.callers = Buckets(self.settings.rates.person)


def context(request: Request) -> Context[Any]:
    """Return the door's parts."""
    found: Context[Any] = request.app.state.context
    return found


def outside(request: Request) -> Context[Outside]:
    """Return the outside door's parts."""
    return context(request)


def inside(request: Request) -> Context[InsideSignIn]:
    """Return the inside door's parts."""
    return context(request)


async def airlock(request: Request) -> Airlock:
    """Return the service. A coroutine, as a plain function would be called in a thread of its own, each time."""
    return context(request).airlock


async def caller(request: Request) -> Person:
    """Return who asks, and count the call.

    Raises:
        NotSignedIn: nobody known.
        TooMany: the person asks too often.
    """
    parts = context(request)
    person = await parts.sign_in.person(request)
    seen(request.scope).person = person.name
    refuse(parts.callers, person.subject)
    return person


_BEARER: Final = HTTPBearer(
    auto_error=False, description="A session of the command line or workspace, or an access token."
)
Caller = Annotated[Person, Depends(caller)]
Service = Annotated[Airlock, Depends(airlock)]
SIGNED_IN: Final = [Depends(_BEARER)]
"""Says in the description that a call needs a person; `caller` is what asks for one."""


def described(model: object, status: int = 200, *errors: int) -> dict[str, Any]:
    """Return what an endpoint that answers with JSON says of itself: its model, and every error it may tell."""
    return {
        "status_code": status,
        "response_model": None,
        "responses": {status: {"model": model}, **documented(*errors)},
    }


class Json(JSONResponse):
    """JSON written by pydantic's core: a page of requests in a fifth of the time that the standard library takes."""

    def render(self, content: Any) -> bytes:
        """Return the text."""
        return to_json(content, inf_nan_mode="null")


def said(view: View, status: int = 200) -> Response:
    """Return a view as JSON."""
    return Json(view.document(), status)


def listed(views: list[Any]) -> Response:
    """Return views as a JSON list."""
    return Json([view.document() for view in views])
