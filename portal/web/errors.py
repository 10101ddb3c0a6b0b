"""Errors as a door tells them: one form for everything, without a word of what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from portal.domain.errors import AirlockError
from portal.web.seen import seen

API: Final = "/api/"
_PARTS_FAULT: Final = 500
_OWN_WORDS: Final[Mapping[int, tuple[str, str, str]]] = {
    400: ("invalid", "this cannot be read", "Send JSON as the description says."),
    404: ("not-found", "there is nothing here", "Look at the address again."),
    405: ("not-allowed", "this cannot be done here", "The answer's `Allow` says what can."),
    408: ("too-slow", "the body came too slowly", "Send it again; what had come whole is kept."),
    413: ("too-large", "the body is larger than this door takes", "Send it in smaller parts."),
    421: ("wrong-host", "this door is not known under that name", "Use the door's own address."),
    429: ("too-many", "asked too often", "Wait as long as `Retry-After` says."),
}


class Problem(BaseModel):
    """What went wrong: `code` for programs, the rest for people. Upload conflicts say the right `offset`."""

    model_config = ConfigDict(extra="allow")
    code: str = Field(examples=["not-found"])
    what: str
    remedy: str
    where: str


class Cut(HTTPException):
    """Ends the reading of a body, through whatever reads it."""


def told(scope: Scope, error: AirlockError, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer that tells an error: a page where a person looks at pages, JSON elsewhere."""
    page = getattr(getattr(scope.get("app"), "state", None), "error_page", None)
    if page is not None and not str(scope["path"]).startswith(API) and _wants_page(scope):
        response: Response = page(Request(scope), error)
        response.headers.update(headers or {})
        return response
    return JSONResponse(_document(error), error.status, headers)


def _document(error: AirlockError) -> dict[str, Any]:
    found: dict[str, Any] = dict(error.document())
    if "offset" in found:
        found["offset"] = int(found["offset"])
    return found


def _wants_page(scope: Scope) -> bool:
    accepted = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return b"text/html" in accepted


def own(status: int, what: str = "", remedy: str = "") -> AirlockError:
    """Return an error of the door itself, such as 404 for a path that does not exist."""
    code, usual, usual_remedy = _OWN_WORDS.get(status, ("error", "this failed", "Try again later."))
    error = AirlockError(what or usual, remedy or usual_remedy)
    # Set on the one error, so that the domain need not know of what only HTTP has.
    error.code, error.status = code, status  # pyright: ignore[reportAttributeAccessIssue]
    return error


def fault() -> AirlockError:
    """Return what is told of a fault in the airlock itself: nothing of it."""
    return own(500, "the airlock itself failed", "Try again; tell the operator the answer's X-Request-Id.")


def install(app: FastAPI) -> None:
    """Make an app tell every error in the one form."""
    app.add_exception_handler(AirlockError, _airlock)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)


def _airlock(request: Request, error: Exception) -> Response:
    assert isinstance(error, AirlockError)
    if error.status >= _PARTS_FAULT:
        seen(request.scope).why = error.what
    return told(request.scope, error, _extra(error))


def _extra(error: AirlockError) -> dict[str, str]:
    return {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "5"}, 503: {"Retry-After": "5"}}.get(
        error.status, {}
    )


def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = next(iter(error.errors()), {"loc": (), "msg": "wrong", "type": ""})
    found = own(422, str(first["msg"])[:300], "Send what the description of this call says.")
    found.code = "invalid"  # pyright: ignore[reportAttributeAccessIssue]
    found.where = _where(first)
    return told(request.scope, found)


def _where(problem: Mapping[str, Any]) -> str:
    """Return the field at fault; a key that nobody knows is the caller's own text, and is not sent back."""
    loc = tuple(problem["loc"])
    known = loc[:-1] if problem["type"] == "extra_forbidden" else loc
    return ".".join(str(each) for each in known)[:200]


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return told(request.scope, own(error.status_code), error.headers)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's description of errors with these statuses, beside those that every call may meet."""
    words = {
        400: "The body cannot be read.",
        401: "Nobody known is asking.",
        403: "The person may not do this, or the call comes from another site.",
        404: "There is no such thing, or the person may not know of it.",
        408: "The body came too slowly.",
        409: "It cannot be done in the present state, or somebody else was faster.",
        413: "More than a limit allows.",
        421: "The door is not known under this name.",
        422: "What was sent cannot be taken.",
        429: "Asked too often.",
        503: "Something the airlock needs does not answer; nothing is lost.",
    }
    return {
        status: {"model": Problem, "description": words[status]}
        for status in sorted({*statuses, 401, 403, 404, 421, 422, 429, 503})
    }
