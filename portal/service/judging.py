"""Whether a request's decisions are enough: asked when one is made, and again, from the rows, before a release.

The state of a request proves nothing: a door that was broken into could write it. What counts are the decisions,
which the inside door cannot write, on the very manifest whose bytes the worker hashed (SATRE 3.3.05).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy.orm import Session

from portal.database.tables import DecisionRow, FileRow, RequestRow, VerdictRow
from portal.domain.manifest import Entry, Manifest
from portal.domain.people import Role
from portal.domain.policy import Project
from portal.domain.rights import ASKS, RIGHTS, Action, Whose
from portal.domain.states import Direction
from portal.record.disclosure import Needed
from portal.service import rows

APPROVE: Final = "approve"
_HARMLESS: Final = "clean"


def need(session: Session, request: RequestRow) -> Needed:
    """Return what a request needs: the stricter of the policy at submission and today's."""
    project = rows.project_row(session, request.project)
    return needed(request, rows.policies_of(request, project), rows.verdicts_of(session, request))


def needed(request: RequestRow, policies: rows.Policies, verdicts: Sequence[VerdictRow]) -> Needed:
    """Return what a request needs by its policies and the verdicts of its present round.

    The policy beside the request was written by the door; the project's own row is out of its reach.
    """
    both = (policies.then, policies.now)
    direction = Direction(request.direction)
    opaque = any(v.check == "opaque" and v.outcome != _HARMLESS for v in verdicts)
    role = next((p.rules.opaque_role for p in both if p.rules.opaque_role), "") if opaque else ""
    people = max(_people(policy, direction) for policy in both)
    return Needed(max(people, int(bool(role))), role)


def _people(policy: Project, direction: Direction) -> int:
    """Return how many must approve: an output as many as the policy says, an input one where anybody must."""
    return policy.reviewers if direction is Direction.OUTPUT else min(1, policy.reviewers)


def manifest(files: Iterable[FileRow]) -> Manifest:
    """Return the manifest of files that the worker hashed."""
    return Manifest.of(Entry(file.path, file.sha256, file.size, file.media_type) for file in files)


def valid(request: RequestRow, decisions: Sequence[DecisionRow]) -> list[DecisionRow]:
    """Return the decisions of this round on this manifest, by people who could decide it; one for each person."""
    direction = Direction(request.direction)
    found = {
        decision.person: decision
        for decision in decisions
        if decision.round == request.round
        and decision.manifest_sha256 == request.manifest_sha256
        and decision.person != request.requester
        and _could(direction, {str(role) for role in decision.roles})
    }
    return list(found.values())


def _could(direction: Direction, roles: set[str]) -> bool:
    deciding = {
        role.value
        for role in Role
        if RIGHTS[role].get((direction, Action.DECIDE), Whose.NOBODY) & Whose.OTHERS
    }
    return bool(roles & deciding) and ASKS[direction].value not in roles


def approvals(request: RequestRow, decisions: Sequence[DecisionRow]) -> list[DecisionRow]:
    """Return the approvals that count; none where anybody turned the request or one of its files down."""
    counted = valid(request, decisions)
    return counted if all(_approves(decision) for decision in counted) else []


def _approves(decision: DecisionRow) -> bool:
    return decision.outcome == APPROVE and all(
        said_of.get("outcome", APPROVE) == APPROVE for said_of in decision.files.values()
    )


def enough(request: RequestRow, decisions: Sequence[DecisionRow], needed: Needed) -> bool:
    """Tell whether the approvals release the request."""
    counted = approvals(request, decisions)
    if len(counted) < needed.people:
        return False
    return not needed.role or any(needed.role in decision.roles for decision in counted)


def blocking(verdict: VerdictRow, policy: Project) -> bool:
    """Tell whether a verdict stops a request. What could not be read is not clean, and stops it as well.

    A model goes to the role that the site names for it instead: its verdict is a warning then. A program never passes.
    """
    return verdict.check in policy.rules.blocking and verdict.outcome in {"bad", "unreadable"}
