"""Projects as the airlock knows them, and who was seen in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.database.tables import ProjectRow, SeenRow
from portal.domain import rights
from portal.domain.clock import Clock
from portal.domain.errors import Refused
from portal.domain.people import SITE, Person
from portal.domain.policy import Project
from portal.domain.rights import Action
from portal.domain.states import Direction
from portal.service import rows, said
from portal.service.parts import Parts
from portal.service.views import PersonView, ProjectView


def of(parts: Parts, person: Person) -> list[ProjectView]:
    """Return the person's projects by name."""
    query = select(ProjectRow).order_by(ProjectRow.name)
    if not person.site_wide:
        query = query.where(ProjectRow.name.in_(sorted(person.projects())))
    with parts.database.reading() as session:
        return [rows.project_view(person, row, parts.clock()) for row in session.scalars(query)]


def register_project(session: Session, clock: Clock, project: Project) -> None:
    """Write a project's policy, new or changed; an ended project that is written again goes on."""
    row = session.get(ProjectRow, project.name)
    document = project.model_dump(mode="json")
    if row is None:
        session.add(ProjectRow(name=project.name, document=document, ended=False, changed_at=clock()))
    elif row.document != document or row.ended:
        row.document, row.ended, row.changed_at = document, False, clock()


def end_project(session: Session, clock: Clock, name: str) -> None:
    """End a project; ended already is fine.

    Raises:
        NotFound: there is no such project.
    """
    row = rows.project_row(session, name)
    if not row.ended:
        row.ended, row.changed_at = True, clock()


def people(parts: Parts, person: Person, project: str) -> list[PersonView]:
    """Return who was seen with a role in a project, by name."""
    name = said.project(project)
    if not any(rights.may(person, name, way, Action.SEE_PEOPLE, person.subject) for way in Direction):
        raise Refused(f"your roles do not let you see the people of {name}", "Ask its Project Manager.")
    with parts.database.reading() as session:
        rows.project_row(session, name)
        seen = session.scalars(select(SeenRow).order_by(SeenRow.name, SeenRow.subject))
        views = [_view(row, name) for row in seen]
    return [view for view in views if view.roles]


def _view(row: SeenRow, project: str) -> PersonView:
    return PersonView(
        subject=row.subject,
        name=row.name,
        full_name=row.full_name,
        email=row.email,
        roles=tuple(sorted(roles_in(row.grants, project))),
        expires=row.expires,
        last_seen=row.last_seen,
    )


def roles_in(grants: Iterable[Any], project: str) -> set[str]:
    """Return the roles of a stored person (`[[project, role], ...]`) in a project, the site's own among them."""
    return {str(role) for scope, role in grants if scope in {project, SITE}}
