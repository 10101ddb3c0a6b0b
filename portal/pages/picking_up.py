"""Pages for what was released: fetch each file once. Outputs at the outside door, inputs at the inside door."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from portal.domain.errors import Conflict
from portal.domain.rights import Action
from portal.pages import looking, words
from portal.pages.visits import Book, Visit
from portal.web.api.picking_up import download

_FETCH: Final = "/fetch"


def add(book: Book) -> None:
    """Add the pages."""
    book.get("/requests/{request_id}/pick-up", _pick_up)
    book.post("/requests/{request_id}/files/{file_id}/fetch", _link)
    book.get(f"{_FETCH}/{{token}}", _fetch)


def _pick_up(visit: Visit) -> Response:
    detail = visit.airlock.request(visit.someone, visit.named("request_id"))
    if Action.PICK_UP not in detail.allowed:
        raise Conflict(words.say("error.not_released"), words.say("error.not_released_remedy"))
    rows: dict[str, Any] = looking.file_rows(visit, detail)
    return visit.show(
        "pick_up.html",
        words.say("pick_up.title"),
        request=detail.request,
        crumbs=looking.crumbs(detail),
        **rows,
    )


def _link(visit: Visit) -> Response:
    link = visit.airlock.link(visit.someone, visit.named("request_id"), visit.named("file_id"))
    return RedirectResponse(f"{_FETCH}/{link.token}", 303)


async def _fetch(visit: Visit) -> Response:
    return download(*await visit.airlock.fetch(visit.someone, visit.named("token")))
