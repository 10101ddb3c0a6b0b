"""Pages that show and change nothing: projects, lists of requests, one request, people."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from portal.domain import rights
from portal.domain.errors import NotFound
from portal.domain.people import Door
from portal.domain.rights import Action, Whose
from portal.domain.states import WORK, Direction, State
from portal.pages import forms, marks, showing, words
from portal.pages.visits import Book, Crumb, Visit
from portal.service.views import FileView, ReceiptView, RequestDetail, VerdictView

SHOWN: Final = 100
"""Files on one page: a request may have ten thousand."""
_WORST_FIRST: Final = ("bad", "unreadable", "warning", "clean")
_RECORDED: Final = "finish"


def add(book: Book) -> None:
    """Add the pages of the book's door."""
    book.get("/", _start)
    book.get("/projects", _projects)
    book.get("/requests", _requests)
    book.get("/incoming", _incoming)
    book.get("/requests/{request_id}", _request)
    book.get("/requests/{request_id}/status", _status)
    if book.parts.door is Door.OUTSIDE:
        book.get("/queue", _queue)
        book.get("/projects/{project}/people", _people)


def _start(visit: Visit) -> Response:
    return RedirectResponse("/projects", 303)


def _projects(visit: Visit) -> Response:
    projects = visit.airlock.projects(visit.someone)
    people_of = {project.name for project in projects if _sees_people(visit, project.name)}
    return visit.show("projects.html", words.say("projects.title"), projects=projects, people_of=people_of)


def _sees_people(visit: Visit, project: str) -> bool:
    return any(rights.whose(visit.someone, project, way, Action.SEE_PEOPLE) is Whose.ANY for way in Direction)


def _requests(visit: Visit) -> Response:
    asked = {name: visit.asked(name) for name in ("project", "direction", "state", "mine")}
    page = visit.airlock.requests(
        visit.someone,
        project=asked["project"] or None,
        direction=Direction(asked["direction"]) if asked["direction"] in set(Direction) else None,
        state=State(asked["state"]) if asked["state"] in set(State) else None,
        mine={"yes": True, "no": False}.get(asked["mine"]),
        before=visit.asked("before") or None,
    )
    return visit.show(
        "requests.html",
        words.say("requests.title"),
        page=page,
        older=visit.older(page.next),
        wanted=asked,
        projects=visit.airlock.projects(visit.someone),
        directions=tuple(Direction),
        states=tuple(State),
    )


def _queue(visit: Visit) -> Response:
    page = visit.airlock.queue(visit.someone, visit.asked("before") or None)
    return visit.show("queue.html", words.say("queue.title"), page=page, older=visit.older(page.next))


def _incoming(visit: Visit) -> Response:
    page = visit.airlock.requests(
        visit.someone,
        direction=Direction.INPUT,
        state=State.RELEASED,
        before=visit.asked("before") or None,
    )
    return visit.show("incoming.html", words.say("incoming.title"), page=page, older=visit.older(page.next))


@dataclass(frozen=True)
class Row:
    """A file as the pages show it: with what checks found, and with the receipt, if it was fetched."""

    file: FileView
    verdicts: tuple[VerdictView, ...]
    receipt: ReceiptView | None


@dataclass(frozen=True)
class More:
    """Whether more files follow, and where."""

    next: str


def worst_first(verdicts: Iterable[VerdictView]) -> tuple[VerdictView, ...]:
    """Return verdicts in the order in which a person should read them; blocking ones lead."""
    order = {outcome: index for index, outcome in enumerate(_WORST_FIRST)}
    return tuple(sorted(verdicts, key=lambda each: (not each.blocks, order.get(each.outcome, 0), each.check)))


def file_rows(visit: Visit, detail: RequestDetail) -> dict[str, Any]:
    """Return the context of a page of files: `files`, `general` findings, and where earlier and more are."""
    start = forms.number(visit.form.get("turn") or visit.asked("from") or "0")
    receipts = {
        receipt.file_id: receipt for receipt in detail.receipts if receipt.person == visit.someone.subject
    }
    end = start + SHOWN
    following = str(end) if end < len(detail.files) else ""
    return {
        "files": [
            Row(file, _of(detail.verdicts, file.id), receipts.get(file.id))
            for file in detail.files[start:end]
        ],
        "general": _of(detail.verdicts, ""),
        "earlier_files": str(max(0, start - SHOWN)) if start else "",
        "more_files": More(following),
        "more_address": f"{visit.request.url.path}?from={following}",
    }


def _of(verdicts: Sequence[VerdictView], file_id: str) -> tuple[VerdictView, ...]:
    return worst_first(verdict for verdict in verdicts if verdict.file_id == file_id)


@dataclass(frozen=True)
class Act:
    """One thing that the person may do with a request now: where, which words, and how its button looks."""

    path: str
    word: str
    look: str = ""


def acts(detail: RequestDetail) -> tuple[Act, ...]:
    """Return what the person may do with the request now, the most wanted first."""
    allowed = detail.allowed
    offered = (
        (Action.UPLOAD in allowed, Act("files", "files", "button-main")),
        ({Action.DECIDE, Action.READ} <= allowed, Act("review", "review", "button-main")),
        (Action.PICK_UP in allowed, Act("pick-up", "pick-up", "button-main")),
        (Action.RETRY in allowed, Act("retry", "retry", "button-main")),
        (Action.READ_RECORD in allowed and recorded(detail), Act("record", "record")),
        (Action.READ_RECORD in allowed, Act("events", "audit")),
        (Action.WITHDRAW in allowed, Act("withdraw", "withdraw")),
        (Action.REVOKE in allowed, Act("revoke", "revoke")),
    )
    return tuple(act for may, act in offered if may)


def recorded(detail: RequestDetail) -> bool:
    """Tell whether the request was released, so that a signed record of it is there."""
    return any(step.action == _RECORDED for step in detail.timeline)


def status(detail: RequestDetail) -> dict[str, Any]:
    """Return the context of the state's box."""
    request = detail.request
    before = next((s.before for s in reversed(detail.timeline) if s.after == request.state and s.before), "")
    fetched = len({receipt.file_id for receipt in detail.receipts})
    return {
        "request": request,
        "detail": detail,
        "working": request.state in WORK,
        "journey": marks.journey(request.state, before, bool(request.files) and fetched >= request.files),
        "can": acts(detail),
    }


def crumbs(detail: RequestDetail, *, with_request: bool = True) -> tuple[Crumb, ...]:
    """Return the way to a page of a request."""
    request = detail.request
    project = Crumb(f"/requests?project={request.project}", request.project)
    own = (Crumb(f"/requests/{request.id}", request.title),) if with_request else ()
    return (Crumb("/requests", words.say("nav.requests")), project, *own)


def _request(visit: Visit) -> Response:
    detail = visit.airlock.request(visit.someone, visit.named("request_id"))
    paths = {file.id: file.path for file in detail.files}

    def path_of(file_id: str) -> str:
        return paths.get(file_id, "")

    return visit.show(
        "request.html",
        detail.request.title,
        crumbs=crumbs(detail, with_request=False),
        path_of=path_of,
        **status(detail),
        **file_rows(visit, detail),
    )


def _status(visit: Visit) -> Response:
    detail = visit.airlock.request(visit.someone, visit.named("request_id"))
    answer = visit.show("_status.html", "", **status(detail))
    if detail.request.state not in WORK:
        # What the page shows besides the state has changed with it.
        answer.headers["HX-Refresh"] = "true"
    return answer


def _people(visit: Visit) -> Response:
    name = visit.named("project")
    people = visit.airlock.people(visit.someone, name)
    project = next((each for each in visit.airlock.projects(visit.someone) if each.name == name), None)
    if project is None:
        raise NotFound(words.say("error.no_page"), words.say("error.no_page_remedy"))
    today = visit.airlock.parts.clock().date()

    def expiry(end: datetime.date) -> str:
        return showing.expiry(end, today)

    return visit.show(
        "people.html",
        f"{words.say('people.title')} {name}",
        people=people,
        project=project,
        expiry=expiry,
        crumbs=(Crumb("/projects", words.say("nav.projects")),),
    )
