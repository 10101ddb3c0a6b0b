"""How command lines and workspaces sign in and out; browsers use the pages."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.security import APIKeyHeader
from starlette.responses import JSONResponse, Response

from portal.domain.errors import NotFound
from portal.sign_in.interface import WORKLOAD_HEADER, SignedIn
from portal.sign_in.settings import OidcSettings
from portal.web.api.answers import HowToSignIn, PassMade, Session
from portal.web.context import SIGNED_IN, Caller, context, described, inside, outside
from portal.web.errors import documented
from portal.web.models import NameAndPassword, Pass, ProjectName

both = APIRouter(tags=["signing in"])
outside_only = APIRouter(tags=["signing in"])
inside_only = APIRouter(tags=["signing in"])
_WORKLOAD = [Depends(APIKeyHeader(name=WORKLOAD_HEADER, auto_error=False, description="The workload token."))]


def _session(signed: SignedIn) -> Response:
    body = {
        "token": signed.token,
        "expires_at": signed.expires_at.isoformat(),
        "name": signed.person.name,
    }
    return JSONResponse(body, 201)


@both.delete(
    "/session",
    summary="Sign out",
    status_code=204,
    response_model=None,
    responses=documented(),
    dependencies=SIGNED_IN,
)
async def sign_out(request: Request, person: Caller) -> Response:
    """End the session that the call carries."""
    del person
    await context(request).sign_in.sign_out(request)
    return Response(status_code=204)


@outside_only.get("/sign-in", summary="How a command line signs in", **described(HowToSignIn))
async def how(request: Request) -> Response:
    """Return whether this door takes local accounts, or sends people to an issuer, and to which."""
    place = outside(request).settings.sign_in
    issuer = place.outside if isinstance(place.outside, OidcSettings) else None
    return JSONResponse(
        {
            "kind": outside(request).sign_in.kind,
            "issuer": issuer.issuer if issuer else "",
            "client_id": (place.device_client_id or issuer.client_id) if issuer else "",
            "scopes": list(issuer.scopes) if issuer else [],
        }
    )


@outside_only.post("/sign-in", summary="Sign in with a local account", **described(Session, 201, 400, 413))
async def with_password(request: Request, body: NameAndPassword) -> Response:
    """Sign in with name, password and one-time code."""
    sign_in = outside(request).sign_in
    if sign_in.kind != "accounts":
        raise NotFound("this door has no local accounts", "Sign in at its issuer.")
    return _session(await sign_in.with_password(request, body.name, body.password, body.code, "/"))


@inside_only.post(
    "/sign-in",
    summary="Sign in a workspace with a pass",
    dependencies=_WORKLOAD,
    **described(Session, 201, 400, 413),
)
async def with_pass(request: Request, body: Pass) -> Response:
    """Turn a workspace pass into a session for the workspace's own project."""
    return _session(await inside(request).sign_in.spend(request, body.workspace_pass))


@outside_only.post(
    "/projects/{project}/passes",
    summary="Make a workspace pass",
    dependencies=SIGNED_IN,
    **described(PassMade, 201),
)
async def make_pass(request: Request, project: ProjectName, person: Caller) -> Response:
    """Make a pass: for a few minutes, spent once, in a workspace of this project alone."""
    made = await outside(request).sign_in.make_pass(person, project)
    minutes = outside(request).settings.sign_in.sessions.pass_minutes
    return JSONResponse({"pass": made, "project": project, "minutes": minutes}, 201)
