"""Calls that look and change nothing, at both doors."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from portal.domain.people import Person
from portal.service.views import Page, ProjectView, RequestDetail, RequestView
from portal.web.api.answers import Myself
from portal.web.context import SIGNED_IN, Caller, Service, described, listed, said
from portal.web.models import RequestId, Wanted

router = APIRouter(tags=["looking"], dependencies=SIGNED_IN)


@router.get("/me", summary="Who am I", **described(Myself))
async def me(person: Caller) -> Response:
    """Return who the door takes the caller for, and their roles."""
    return JSONResponse(myself(person))


def myself(person: Person) -> dict[str, object]:
    """Return a person as they see themselves."""
    roles = [{"project": grant.project, "role": str(grant.role)} for grant in person.grants]
    return {
        "subject": person.subject,
        "name": person.name,
        "full_name": person.full_name,
        "door": str(person.door),
        "bound_to": person.bound_to,
        "roles": sorted(roles, key=lambda each: (each["project"], each["role"])),
    }


@router.get("/projects", summary="My projects", **described(list[ProjectView]))
def projects(person: Caller, airlock: Service) -> Response:
    """Return the projects in which the person has a role."""
    return listed(airlock.projects(person))


@router.get("/requests", summary="Requests that I may see, newest first", **described(Page[RequestView]))
def requests(person: Caller, airlock: Service, wanted: Annotated[Wanted, Query()]) -> Response:
    """Return one page; give its `next` as `before` for the page after."""
    return said(airlock.requests(person, **dict(wanted)))


@router.get("/requests/{request_id}", summary="One request, whole", **described(RequestDetail))
def request(request_id: RequestId, person: Caller, airlock: Service) -> Response:
    """Return everything of a request that the person may see, and what they may do with it now."""
    return said(airlock.request(person, request_id))
