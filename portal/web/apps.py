"""The two doors: one app each, from the same parts. What one door offers alone does not exist at the other."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse, Response

from portal.domain.people import Door
from portal.sign_in.interface import InsideSignIn, Outside
from portal.sign_in.settings import OidcSettings
from portal.web import errors
from portal.web.api import asking, deciding, looking, picking_up, signing_in
from portal.web.api.answers import Health
from portal.web.bodies import BodyLimits
from portal.web.context import Context, context
from portal.web.headers import Headers, content_policy
from portal.web.observed import Observed
from portal.web.origins import Origins
from portal.web.rates import AddressRates

PREFIX: Final = "/api/v1"
VERSION: Final = "1"
_SHARED: Final = (looking.router, asking.router, picking_up.router, signing_in.both)


def outside(parts: Context[Outside]) -> FastAPI:
    """Return the outside door: staff bring in, review, decide, revoke, pick up and audit."""
    from portal.pages import routes

    app = _app(parts, *_SHARED, deciding.router, signing_in.outside_only)
    return _with_pages(app, routes.outside_router(parts))


def inside(parts: Context[InsideSignIn]) -> FastAPI:
    """Return the inside door: workspaces ask for outputs and fetch approved inputs, and nothing else."""
    from portal.pages import routes

    app = _app(parts, *_SHARED, signing_in.inside_only)
    return _with_pages(app, routes.inside_router(parts))


def _with_pages(app: FastAPI, pages: APIRouter) -> FastAPI:
    from portal.pages import routes

    app.include_router(pages)
    app.state.error_page = routes.error_page
    return app


def _app(parts: Context[Any], *routers: APIRouter) -> FastAPI:
    app = FastAPI(
        title=f"The airlock, {parts.door} door",
        version=VERSION,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=True,
    )
    app.state.context = parts
    errors.install(app)
    app.include_router(_health)
    for router in routers:
        app.include_router(router, prefix=PREFIX)
    _layers(app, parts)
    return app


def _layers(app: FastAPI, parts: Context[Any]) -> None:
    """Add the layers, innermost first: what costs least refuses first."""
    place = parts.settings.door(parts.door)
    app.add_middleware(BodyLimits, limits=parts.settings.bodies)
    app.add_middleware(AddressRates, rates=parts.settings.rates)
    app.add_middleware(Origins, place=place)
    app.add_middleware(Headers, policy=content_policy(*_issuer(parts)), secure=place.secure)
    app.add_middleware(Observed, door=parts.door, telemetry=parts.telemetry)


def _issuer(parts: Context[Any]) -> tuple[str, ...]:
    """Return the issuer's origin, to which signing in and out lead on."""
    sign_in = parts.settings.sign_in.outside
    if parts.door is Door.INSIDE or not isinstance(sign_in, OidcSettings):
        return ()
    address = urlsplit(sign_in.issuer)
    return (f"{address.scheme}://{address.netloc}",)


_health = APIRouter(tags=["health"])


@_health.get("/healthz", summary="Is the process alive", response_model=Health)
async def healthz() -> Response:
    """Answer at once."""
    return JSONResponse({"ready": True, "parts": {}})


@_health.get(
    "/readyz", summary="Can the door do its work", response_model=Health, responses={503: {"model": Health}}
)
async def readyz(request: Request) -> Response:
    """Ask the database and the store; 503 where one of them does not answer."""
    parts = await context(request).readiness.parts()
    ready = set(parts.values()) <= {"ok"}
    return JSONResponse({"ready": ready, "parts": parts}, 200 if ready else 503)
