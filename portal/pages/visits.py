"""One visit of one page: who asks, what they sent, and the page that answers, errors included."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from portal.domain.errors import AirlockError, NotSignedIn
from portal.domain.people import Door, Person, Role
from portal.pages import forms, inside, showing, words
from portal.service import Airlock
from portal.sign_in.interface import SIGN_IN_PATH
from portal.web.context import Context, caller

_SEE_OTHER: Final = 303
_LONGEST_BACK: Final = 2000
_DECIDE: Final = frozenset({Role.OUTPUT_CHECKER, Role.INFORMATION_ASSET_OWNER})


@dataclass(frozen=True)
class Entry:
    """One entry of the navigation."""

    path: str
    word: str
    current: bool


@dataclass(frozen=True)
class Crumb:
    """One step of the way to a page."""

    path: str
    text: str


@dataclass(frozen=True)
class Visit:
    """What a page is made from. `person` is nobody's on the pages that come before signing in."""

    request: Request
    parts: Context[Any]
    person: Person | None
    form: forms.Form = field(default_factory=dict[str, str])

    @property
    def airlock(self) -> Airlock:
        """Return the service."""
        return self.parts.airlock

    @property
    def someone(self) -> Person:
        """Return who is signed in.

        Raises:
            NotSignedIn: nobody is.
        """
        if self.person is None:
            raise NotSignedIn("nobody is signed in", "Sign in.")
        return self.person

    @property
    def secure(self) -> bool:
        """Tell whether people reach the door through TLS."""
        return self.parts.settings.door(self.parts.door).secure

    @property
    def form_token(self) -> str:
        """Return what this session's forms carry."""
        if self.parts.door is Door.INSIDE:
            return inside.form_token(self.request, self.secure)
        return self.parts.sign_in.form_token(self.request)

    def form_fits(self, token: str) -> bool:
        """Tell whether a form's token is this session's."""
        if self.parts.door is Door.INSIDE:
            return inside.form_token_fits(self.request, self.secure, token)
        return self.parts.sign_in.form_token_fits(self.request, token)

    def asked(self, name: str) -> str:
        """Return a parameter of the address; empty where it is not given."""
        return self.request.query_params.get(name, "")

    def named(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    def show(self, template: str, title: str, *, status: int = 200, **context: Any) -> Response:
        """Return a page."""
        html = showing.page(template, {**self._frame(title), **context})
        return HTMLResponse(html, status)

    def go(self, path: str, done: str = "") -> Response:
        """Send the browser to another page of ours; `done` is told there."""
        return RedirectResponse(f"{path}?{urlencode({'done': done})}" if done else path, _SEE_OTHER)

    def older(self, token: str) -> str:
        """Return the address of the page of a list that follows."""
        kept = {k: v for k, v in self.request.query_params.items() if v and k not in {"before", "done"}}
        return f"{self.request.url.path}?{urlencode({**kept, 'before': token})}"

    def _frame(self, title: str) -> dict[str, Any]:
        done = f"done.{self.asked('done')}"
        return {
            "title": title,
            "base": "",
            "site": self.parts.settings.title or self.parts.settings.site,
            "door": self.parts.door.value,
            "person": self.person,
            "nav": self._nav() if self.person else (),
            "form_token": self.form_token,
            "crumbs": (),
            "problem": None,
            "problem_field": "",
            "done": done if done in words.WORDS else "",
        }

    def _nav(self) -> tuple[Entry, ...]:
        path = self.request.url.path
        return tuple(
            Entry(to, word, path == to or path.startswith(f"{to}/"))
            for to, word in self._entries(self.someone)
        )

    def _entries(self, person: Person) -> list[tuple[str, str]]:
        roles = {grant.role for grant in person.grants}
        offered = [("/projects", "nav.projects"), ("/requests", "nav.requests")]
        if self.parts.door is Door.OUTSIDE and roles & _DECIDE:
            offered.append(("/queue", "nav.queue"))
        offered.append(("/incoming", "nav.incoming"))
        if self.parts.door is Door.OUTSIDE and Role.AUDITOR in roles:
            offered.append(("/audit", "nav.audit"))
        if self.parts.door is Door.OUTSIDE and Role.DATA_ANALYST in roles:
            offered.append(("/pass", "nav.pass"))
        return offered


Handler = Callable[[Visit], Response] | Callable[[Visit], Awaitable[Response]]


class Book:
    """The pages of one door. Handlers that are not coroutines run in a thread, since they ask the database."""

    def __init__(self, parts: Context[Any]) -> None:
        self.parts = parts
        self.router = APIRouter()

    def get(self, path: str, handler: Handler, *, open_to_all: bool = False) -> None:
        """Add a page that only shows."""
        self._add(path, "GET", _Reading(self.parts, handler, open_to_all))

    def post(self, path: str, handler: Handler, *, open_to_all: bool = False) -> None:
        """Add what a form is sent to. It carries the session's token, unless nobody is signed in yet."""
        self._add(path, "POST", _Form(self.parts, handler, open_to_all))

    def script(self, method: str, path: str, handler: Handler) -> None:
        """Add what the pages' script calls; it answers with JSON, and its body is the handler's to read."""
        self._add(path, method, _Script(self.parts, handler, open_to_all=False))

    def _add(self, path: str, method: str, endpoint: _Endpoint) -> None:
        self.router.add_route(path, endpoint.answer, methods=[method], include_in_schema=False)


class _Endpoint:
    """Finds out who asks, runs the handler, and tells errors."""

    def __init__(self, parts: Context[Any], handler: Handler, open_to_all: bool) -> None:
        self._parts = parts
        self._handler = handler
        self._open = open_to_all

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        if self._parts.door is Door.INSIDE and not self._open:
            secure = self._parts.settings.door(Door.INSIDE).secure
            request = inside.with_headers(request, secure)
        visit = Visit(request, self._parts, None)
        try:
            if not self._open:
                visit = Visit(request, self._parts, await caller(request))
            return await _run(self._handler, await self._with_form(visit))
        except AirlockError as error:
            return self._told(visit, error)

    async def _with_form(self, visit: Visit) -> Visit:
        return visit

    def _told(self, visit: Visit, error: AirlockError) -> Response:
        if isinstance(error, NotSignedIn) and visit.request.method == "GET":
            return _to_sign_in(visit)
        return error_page_of(visit, error)


class _Reading(_Endpoint):
    pass


class _Form(_Endpoint):
    async def _with_form(self, visit: Visit) -> Visit:
        form = await forms.read(visit.request)
        if not self._open and not visit.form_fits(form.get(forms.FIELD, "")):
            raise forms.old()
        return Visit(visit.request, visit.parts, visit.person, form)


class _Script(_Endpoint):
    async def _with_form(self, visit: Visit) -> Visit:
        if not visit.form_fits(visit.request.headers.get(forms.HEADER, "")):
            raise forms.old()
        return visit

    def _told(self, visit: Visit, error: AirlockError) -> Response:
        return JSONResponse(error.document(), error.status)


async def _run(handler: Handler, visit: Visit) -> Response:
    if inspect.iscoroutinefunction(handler):
        return await handler(visit)
    return await run_in_threadpool(handler, visit)  # pyright: ignore[reportReturnType, reportArgumentType]


def _to_sign_in(visit: Visit) -> Response:
    if "hx-request" in visit.request.headers:
        return Response(status_code=NotSignedIn.status)  # The script loads the whole page again.
    back = visit.request.url.path
    if visit.request.url.query:
        back += f"?{visit.request.url.query}"
    where = f"?next={quote(back, safe='')}" if back != "/" and len(back) < _LONGEST_BACK else ""
    return RedirectResponse(f"{SIGN_IN_PATH}{where}", _SEE_OTHER)


def error_page_of(visit: Visit, error: AirlockError) -> Response:
    """Return the page that tells an error."""
    return visit.show(
        "error.html",
        words.WORDS.get(f"error.title_{error.code}") or words.say("error.title_error"),
        status=error.status,
        answered=error.status,
        what=error.what,
        remedy=error.remedy,
        number=_number(visit.request),
    )


def _number(request: Request) -> str:
    seen = request.scope.get("tre.seen")
    return str(getattr(seen, "number", ""))
