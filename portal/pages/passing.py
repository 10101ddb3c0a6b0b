"""The page that makes a workspace pass, and shows it once."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from portal.pages import words
from portal.pages.visits import Book, Visit


def add(book: Book) -> None:
    """Add the page; the outside door alone has it."""
    book.get("/pass", _form)
    book.post("/pass", _make)


async def _form(visit: Visit) -> Response:
    return await _page(visit, visit.asked("project"), "")


async def _make(visit: Visit) -> Response:
    project = visit.form.get("project", "")
    return await _page(visit, project, await visit.parts.sign_in.make_pass(visit.someone, project))


async def _page(visit: Visit, chosen: str, made: str) -> Response:
    known = await run_in_threadpool(visit.airlock.projects, visit.someone)
    own = visit.someone.projects()
    return visit.show(
        "pass.html",
        words.say("pass.title"),
        projects=[project for project in known if project.name in own and not project.ended],
        chosen=chosen,
        made=made,
        minutes=visit.parts.settings.sign_in.sessions.pass_minutes,
    )
