"""Signing in and out at either door."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.domain.errors import AirlockError, NotFound, NotSignedIn
from portal.domain.people import Door
from portal.pages import inside, words
from portal.pages.visits import Book, Visit
from portal.sign_in.interface import RETURN_PATH, SIGN_IN_PATH, WORKLOAD_HEADER, Going, SignedIn

_INSTITUTION = f"{SIGN_IN_PATH}/institution"


def add(book: Book) -> None:
    """Add the pages of the book's door."""
    book.post("/sign-out", _sign_out)
    if book.parts.door is Door.INSIDE:
        book.get(SIGN_IN_PATH, _pass_form, open_to_all=True)
        book.post(SIGN_IN_PATH, _with_pass, open_to_all=True)
        return
    book.get(SIGN_IN_PATH, _form, open_to_all=True)
    if book.parts.sign_in.kind == "accounts":
        book.post(SIGN_IN_PATH, _with_password, open_to_all=True)
    else:
        book.get(_INSTITUTION, _leave, open_to_all=True)
        book.get(RETURN_PATH, _come_back, open_to_all=True)


def _form(visit: Visit) -> Response:
    return _outside_form(visit, visit.asked("next"))


def _outside_form(visit: Visit, back: str, name: str = "", problem: AirlockError | None = None) -> Response:
    local = visit.parts.sign_in.kind == "accounts"
    return visit.show(
        "sign_in.html",
        words.say("sign_in.title"),
        status=problem.status if problem else 200,
        local=local,
        institution="" if local else f"{_INSTITUTION}?next={quote(back, safe='')}",
        next=back,
        name=name,
        problem=problem,
        problem_field="name",
    )


async def _with_password(visit: Visit) -> Response:
    form = visit.form
    name, back = form.get("name", ""), form.get("next", "")
    code = form.get("code", "").replace(" ", "")
    try:
        signed = await visit.parts.sign_in.with_password(
            visit.request, name, form.get("password", ""), code, back or "/"
        )
    except AirlockError as error:
        return _outside_form(visit, back, name, error)
    return _gone(signed.going)


async def _leave(visit: Visit) -> Response:
    return _gone(await visit.parts.sign_in.begin(visit.asked("next") or "/"))


async def _come_back(visit: Visit) -> Response:
    signed = await visit.parts.sign_in.finish(visit.request)
    return _gone(signed.going)


def _gone(going: Going) -> Response:
    response = RedirectResponse(going.location, 303)
    for cookie in going.cookies:
        cookie.put(response)
    return response


async def _sign_out(visit: Visit) -> Response:
    going: Going = await visit.parts.sign_in.sign_out(visit.request)
    response = _gone(going)
    if visit.parts.door is Door.INSIDE:
        inside.forget(response, visit.secure)
    return response


def _pass_form(visit: Visit) -> Response:
    return _inside_form(visit, visit.asked("next"))


def _inside_form(visit: Visit, back: str, problem: AirlockError | None = None) -> Response:
    return visit.show(
        "sign_in_pass.html",
        words.say("sign_in_pass.title"),
        status=problem.status if problem else 200,
        ask_workload=WORKLOAD_HEADER not in visit.request.headers,
        renew=inside.signed_in_before(visit.request, visit.secure),
        next=back,
        problem=problem,
        problem_field="pass",
    )


async def _with_pass(visit: Visit) -> Response:
    back, workload = visit.form.get("next", ""), visit.form.get("workload", "").strip()
    request = inside.with_headers(visit.request, visit.secure, workload)
    try:
        signed = await _spent(visit, request)
    except (NotSignedIn, NotFound) as error:
        return _inside_form(visit, back, error)
    response = RedirectResponse(own_path(back), 303)
    inside.keep(response, signed, workload, visit.secure)
    return response


async def _spent(visit: Visit, request: Request) -> SignedIn | None:
    """Spend the pass; without one, a session that still holds goes on with the workspace's new token.

    Clusters renew their tokens every hour, and nobody should need a new pass for that.
    """
    workspace_pass = visit.form.get("pass", "")
    if workspace_pass or not inside.signed_in_before(request, visit.secure):
        return await visit.parts.sign_in.spend(request, workspace_pass)
    await visit.parts.sign_in.person(request)
    return None


def own_path(path: str) -> str:
    """Return a path of our own, or the start where it is not one: nobody is sent elsewhere."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"
