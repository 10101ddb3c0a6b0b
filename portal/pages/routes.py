"""The pages of each door, as routers that the doors' apps mount, and the page that tells any error."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal.domain.errors import AirlockError
from portal.pages import asking, auditing, looking, passing, picking_up, reviewing, showing, signing_in, words
from portal.pages.assets import FOREVER
from portal.pages.visits import Book, Visit, error_page_of
from portal.sign_in.interface import InsideSignIn, Outside
from portal.web.context import Context
from portal.web.errors import own


def outside_router(parts: Context[Outside]) -> APIRouter:
    """Return every page of the outside door."""
    return _router(parts, reviewing, auditing, passing)


def inside_router(parts: Context[InsideSignIn]) -> APIRouter:
    """Return every page of the inside door: ask for outputs, fetch inputs, and nothing else."""
    return _router(parts)


def error_page(request: Request, error: AirlockError) -> Response:
    """Return the page that tells an error of the door itself; `app.state.context` holds the door's parts."""
    parts: Context[Any] = request.app.state.context
    return error_page_of(Visit(request, parts, None), error)


def _router(parts: Context[Any], *more: Any) -> APIRouter:
    book = Book(parts)
    # `/requests/new` stands before `/requests/{request_id}`: the first route that fits answers.
    for pages in (signing_in, asking, looking, picking_up, *more):
        pages.add(book)
    book.router.add_route("/static/{name}", _static, methods=["GET"], include_in_schema=False)
    return book.router


async def _static(request: Request) -> Response:
    asset = showing.ASSETS_BY_NAME.get(request.path_params["name"])
    if asset is None:
        return error_page(request, own(404, words.say("error.no_page"), words.say("error.no_page_remedy")))
    return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": FOREVER})
