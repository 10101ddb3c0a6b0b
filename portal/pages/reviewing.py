"""Pages of whoever decides: look at every file beside what the checks found, then decide with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from portal.domain.errors import AirlockError, Conflict, Invalid, NotFound
from portal.domain.rights import Action
from portal.pages import looking, words
from portal.pages.asking import reason_page
from portal.pages.looking import Row
from portal.pages.visits import Book, Visit
from portal.preview import Preview
from portal.service.views import FileView, RequestDetail
from portal.web.api.picking_up import download

_FILE, _WHY = "file-", "why-"
_SMALL: Final = "small-counts"
_DIGITS: Final = 10


def add(book: Book) -> None:
    """Add the pages; the outside door alone has them."""
    book.get("/requests/{request_id}/review", _review)
    book.post("/requests/{request_id}/review", _decide)
    book.get("/requests/{request_id}/files/{file_id}/preview", _preview)
    book.get("/requests/{request_id}/files/{file_id}/picture", _picture)
    book.get("/requests/{request_id}/files/{file_id}/download", _download)
    for act, action in (("revoke", Action.REVOKE), ("retry", Action.RETRY)):
        book.get(f"/requests/{{request_id}}/{act}", _Ask(act, action))
    book.post("/requests/{request_id}/revoke", _revoke)
    book.post("/requests/{request_id}/retry", _retry)


async def _review(visit: Visit) -> Response:
    return await _review_page(visit)


async def _review_page(visit: Visit, problem: AirlockError | None = None) -> Response:
    detail = await run_in_threadpool(visit.airlock.request, visit.someone, visit.named("request_id"))
    if not detail.allowed >= {Action.DECIDE, Action.READ}:
        raise Conflict(words.say("error.not_reviewed"), words.say("error.not_reviewed_remedy"))
    rows = looking.file_rows(visit, detail)
    shown = _shown(detail, visit.asked("file"), rows["files"])
    preview = await visit.airlock.preview(visit.someone, detail.request.id, shown.id)
    return visit.show(
        "review.html",
        f"{words.say('review.title')} {detail.request.title}",
        status=problem.status if problem else 200,
        request=detail.request,
        detail=detail,
        shown=shown,
        preview=preview,
        small=small_counts(detail, shown, preview),
        said=visit.form,
        elsewhere=_elsewhere(visit.form, rows["files"]),
        problem=problem,
        problem_field="outcome",
        crumbs=looking.crumbs(detail),
        **rows,
    )


def _elsewhere(said: Mapping[str, str], rows: list[Row]) -> dict[str, str]:
    """Return what was said of files on other pages of the list: this page carries it along."""
    here = {f"{part}{row.file.id}" for row in rows for part in (_FILE, _WHY)}
    return {
        name: value
        for name, value in said.items()
        if value and name.startswith((_FILE, _WHY)) and name not in here
    }


def _shown(detail: RequestDetail, wanted: str, rows: list[Row]) -> FileView:
    """Return the file to show first: the one asked for, or the one with most that checks point out."""
    found = next((file for file in detail.files if file.id == wanted), None)
    if found:
        return found
    if not rows:
        raise NotFound(words.say("error.not_reviewed"), words.say("error.not_reviewed_remedy"))
    return max(rows, key=lambda row: sum(v.outcome != "clean" for v in row.verdicts)).file


async def _preview(visit: Visit) -> Response:
    detail, file, preview = await _looked_at(visit)
    return visit.show(
        "_preview.html",
        "",
        detail=detail,
        request=detail.request,
        shown=file,
        preview=preview,
        small=small_counts(detail, file, preview),
    )


@dataclass(frozen=True)
class Small:
    """The cells of a preview (row, column) that are counts below the project's smallest."""

    least: int
    cells: frozenset[tuple[int, int]]


def small_counts(detail: RequestDetail, file: FileView, preview: Preview) -> Small:
    """Return which cells of a previewed table to mark: whole numbers in the columns that the check points out."""
    found = next((v for v in detail.verdicts if v.file_id == file.id and v.check == _SMALL), None)
    least = found.detail.get("smallest_count") if found else None
    if found is None or not isinstance(least, int):
        return Small(0, frozenset())
    labels = frozenset(map(str, found.detail.get("small", ())))
    columns = [i for i, name in enumerate(preview.columns) if {name, f"column {i + 1}"} & labels]
    return Small(
        least,
        frozenset(
            (at, column)
            for at, row in enumerate(preview.rows)
            for column in columns
            if column < len(row) and _below(row[column], least)
        ),
    )


def _below(cell: str, least: int) -> bool:
    text = cell.strip()
    return text.isascii() and text.isdigit() and len(text) < _DIGITS and 0 < int(text) < least


async def _looked_at(visit: Visit) -> tuple[RequestDetail, FileView, Preview]:
    request_id, file_id = visit.named("request_id"), visit.named("file_id")
    detail = await run_in_threadpool(visit.airlock.request, visit.someone, request_id)
    preview = await visit.airlock.preview(visit.someone, request_id, file_id)
    file = next((each for each in detail.files if each.id == file_id), None)
    if file is None:
        raise NotFound(words.say("error.no_page"), words.say("error.no_page_remedy"))
    return detail, file, preview


async def _picture(visit: Visit) -> Response:
    preview = await visit.airlock.preview(visit.someone, visit.named("request_id"), visit.named("file_id"))
    if preview.kind != "picture":
        raise NotFound(words.say("error.no_picture"))
    return Response(preview.picture, media_type="image/png")


async def _download(visit: Visit) -> Response:
    return download(
        *await visit.airlock.download_for_review(
            visit.someone, visit.named("request_id"), visit.named("file_id")
        )
    )


async def _decide(visit: Visit) -> Response:
    if visit.form.get("turn"):
        return await _review_page(visit)
    try:
        await run_in_threadpool(_decided, visit)
    except (Invalid, Conflict) as error:
        return await _review_page(visit, error)
    return visit.go(f"/requests/{visit.named('request_id')}", "decided")


def _decided(visit: Visit) -> None:
    form = visit.form
    if not form.get("outcome"):
        raise Invalid(words.say("error.no_choice"), words.say("error.no_choice_remedy"))
    visit.airlock.decide(
        visit.someone,
        visit.named("request_id"),
        outcome=form["outcome"],
        manifest_sha256=form.get("manifest_sha256", ""),
        reason=form.get("reason", ""),
        files={
            name.removeprefix(_FILE): {
                "outcome": outcome,
                "reason": form.get(f"{_WHY}{name.removeprefix(_FILE)}", ""),
            }
            for name, outcome in form.items()
            if name.startswith(_FILE) and outcome
        },
    )


class _Ask:
    """The page that asks for a reason before one act."""

    def __init__(self, act: str, action: Action) -> None:
        self._act = act
        self._action = action

    def __call__(self, visit: Visit) -> Response:
        """Return the page."""
        return reason_page(visit, self._act, self._action)


def _revoke(visit: Visit) -> Response:
    request_id = visit.named("request_id")
    visit.airlock.revoke(visit.someone, request_id, visit.form.get("reason", ""))
    return visit.go(f"/requests/{request_id}", "revoked")


def _retry(visit: Visit) -> Response:
    request_id = visit.named("request_id")
    visit.airlock.retry(visit.someone, request_id)
    return visit.go(f"/requests/{request_id}", "retried")
