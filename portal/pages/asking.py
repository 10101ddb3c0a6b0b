"""Pages of whoever asks: begin a request, add its files, hand it in, take it back."""

from __future__ import annotations

import json
import uuid
from typing import Any, Final, cast

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from portal.domain.errors import AirlockError, Conflict, Invalid, Refused
from portal.domain.rights import Action
from portal.domain.states import Direction
from portal.pages import forms, looking, words
from portal.pages.visits import Book, Crumb, Visit
from portal.service.views import RequestDetail

_SLICE: Final = 4 << 20
"""Bytes of one part from a browser: large enough to be fast, small enough that losing one costs little."""


def add(book: Book) -> None:
    """Add the pages; both doors have them, and each project's rules say who may ask at which."""
    book.get("/requests/new", _new)
    book.post("/requests/new", _create)
    book.get("/requests/{request_id}/files", _files)
    book.get("/requests/{request_id}/files/list", _list)
    book.script("POST", "/requests/{request_id}/files", _announce)
    book.script("PUT", "/requests/{request_id}/files/{file_id}/content", _content)
    book.post("/requests/{request_id}/files/{file_id}/remove", _remove)
    book.post("/requests/{request_id}/submit", _submit)
    book.get("/requests/{request_id}/withdraw", _ask_withdraw)
    book.post("/requests/{request_id}/withdraw", _withdraw)


def _direction(text: str) -> Direction:
    if text not in set(Direction):
        raise Invalid(words.say("error.no_direction"), words.say("error.no_direction_remedy"))
    return Direction(text)


def _new(visit: Visit) -> Response:
    return _new_form(visit, _direction(visit.asked("direction")), visit.asked("project"))


def _new_form(
    visit: Visit, direction: Direction, chosen: str, problem: AirlockError | None = None
) -> Response:
    projects = [each for each in visit.airlock.projects(visit.someone) if direction in each.may_ask]
    if not projects:
        raise Refused(words.say("error.not_offered"), words.say("error.no_direction_remedy"))
    return visit.show(
        "new_request.html",
        words.say(f"new.{direction}"),
        status=problem.status if problem else 200,
        direction=direction.value,
        projects=projects,
        chosen=chosen,
        key=visit.form.get("key") or str(uuid.uuid4()),
        text=visit.form.get("title", ""),
        purpose=visit.form.get("purpose", ""),
        problem=problem,
        problem_field="title",
        crumbs=(Crumb("/projects", words.say("nav.projects")),),
    )


def _create(visit: Visit) -> Response:
    form = visit.form
    direction, project = _direction(form.get("direction", "")), form.get("project", "")
    try:
        made = visit.airlock.create(
            visit.someone,
            project,
            direction,
            form.get("title", ""),
            form.get("purpose", ""),
            form.get("key") or None,
        )
    except (Invalid, Conflict) as error:
        return _new_form(visit, direction, project, error)
    return visit.go(f"/requests/{made.id}/files")


def _detail(visit: Visit) -> RequestDetail:
    return visit.airlock.request(visit.someone, visit.named("request_id"))


def _files(visit: Visit) -> Response:
    return _files_page(visit, _detail(visit))


def _files_page(visit: Visit, detail: RequestDetail, problem: AirlockError | None = None) -> Response:
    if Action.UPLOAD not in detail.allowed:
        raise Conflict(words.say("error.not_ready"), words.say("error.not_ready_remedy"))
    return visit.show(
        "files.html",
        words.say(f"files.title_{detail.request.direction}"),
        status=problem.status if problem else 200,
        crumbs=looking.crumbs(detail),
        limits=detail.project.limits,
        slice=min(_SLICE, visit.parts.settings.bodies.document),
        problem=problem,
        **_listed(visit, detail),
    )


def _listed(visit: Visit, detail: RequestDetail) -> dict[str, Any]:
    complete = bool(detail.files) and all(file.complete for file in detail.files)
    rows = looking.file_rows(visit, detail)
    rows["more_address"] = f"/requests/{detail.request.id}/files?from={rows['more_files'].next}"
    return {
        "request": detail.request,
        "project": detail.project,
        "ready": complete and Action.SUBMIT in detail.allowed,
        **rows,
    }


def _list(visit: Visit) -> Response:
    return visit.show("_files.html", "", **_listed(visit, _detail(visit)))


async def _announce(visit: Visit) -> Response:
    wanted = _announced(await visit.request.body())
    file = await run_in_threadpool(
        visit.airlock.add_file,
        visit.someone,
        visit.named("request_id"),
        wanted["path"],
        wanted["size"],
        wanted["media_type"],
    )
    return JSONResponse(file.document())


def _announced(body: bytes) -> dict[str, Any]:
    try:
        found: object = json.loads(body)
    except ValueError:
        raise forms.unread() from None
    if not isinstance(found, dict):
        raise forms.unread()
    document = cast("dict[str, object]", found)
    path, size, media = document.get("path"), document.get("size"), document.get("media_type")
    if not isinstance(path, str) or not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise forms.unread()
    return {"path": path, "size": size, "media_type": media if isinstance(media, str) else None}


async def _content(visit: Visit) -> Response:
    file = await visit.airlock.upload(
        visit.someone,
        visit.named("request_id"),
        visit.named("file_id"),
        forms.number(visit.asked("offset")),
        visit.request.stream(),
        last=visit.asked("last") == "1",
    )
    return JSONResponse(file.document())


def _remove(visit: Visit) -> Response:
    request_id = visit.named("request_id")
    visit.airlock.remove_file(visit.someone, request_id, visit.named("file_id"))
    return visit.go(f"/requests/{request_id}/files", "removed")


def _submit(visit: Visit) -> Response:
    request_id = visit.named("request_id")
    try:
        visit.airlock.submit(visit.someone, request_id, forms.number(visit.form.get("version", "")))
    except (Invalid, Conflict) as error:
        detail = _detail(visit)
        if Action.UPLOAD not in detail.allowed:
            raise
        return _files_page(visit, detail, error)
    return visit.go(f"/requests/{request_id}", "submitted")


def _ask_withdraw(visit: Visit) -> Response:
    return reason_page(visit, "withdraw", Action.WITHDRAW)


def reason_page(visit: Visit, act: str, action: Action) -> Response:
    """Return the page that asks for a reason before something final."""
    detail = _detail(visit)
    if action not in detail.allowed:
        raise Conflict(words.say("error.not_offered"), words.say("error.not_offered_remedy"))
    return visit.show(
        "reason.html",
        words.say(f"reason.title_{act}"),
        act=act,
        request=detail.request,
        crumbs=looking.crumbs(detail),
    )


def _withdraw(visit: Visit) -> Response:
    request_id = visit.named("request_id")
    visit.airlock.withdraw(visit.someone, request_id, visit.form.get("reason", ""))
    return visit.go(f"/requests/{request_id}", "withdrawn")
