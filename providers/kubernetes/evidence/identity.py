"""Proofs of identity's promises."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from components.contract import Evidence, Record, Records, Verdict, changed
from providers.kubernetes import names
from providers.kubernetes.evidence.airlock_faults import rewritten, stopped
from providers.kubernetes.evidence.site import listing, running, scope
from providers.kubernetes.evidence.view import (
    BINDING,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    CRON_JOB,
    ROLE,
    ROLE_BINDING,
    View,
    all_of,
    at,
    called,
    is_keepers,
    keeper,
    listed,
    planted,
    view,
    without,
)

_PREFIX: Final = "tre:"
_EXPIRES: Final = f"{names.LABEL}/expires"


def _bindings(project: View) -> list[Record]:
    """Return the project's bindings but for the keeper's, which is no person's."""
    return [each for each in project.mine(ROLE_BINDING) if not is_keepers(project, each)]


def _subjects(binding: Record) -> list[Mapping[str, Any]]:
    return listed(binding.inputs, "subjects")


def _name(record: Record) -> str:
    return str(at(record.inputs, "metadata", "name"))


def named_people_only(records: Records) -> Verdict:
    """Every binding in the project is to one named user of the site's issuer."""
    project = view(records)
    bindings = _bindings(project)
    offences = [
        f"role binding {_name(each)} is not to one named person"
        for each in bindings
        if len(_subjects(each)) != 1
        or _subjects(each)[0].get("kind") != "User"
        or not str(_subjects(each)[0].get("name")).startswith(_PREFIX)
    ]
    unnamed = [
        f"the airlock's list has a person without a name or twice: {name}"
        for name, times in Counter(str(at(each, "name") or "") for each in _listed(project)).items()
        if not name or times > 1
    ]
    return all_of(
        "each binding and each account is one named person's",
        [*bindings, scope(project)],
        offences + unnamed,
    )


def _listed(project: View) -> list[Mapping[str, Any]]:
    """Return the people whom the airlock and the sign-in service are told of."""
    return listed(listing(scope(project)), "people")


def multi_factor(records: Records) -> Verdict:
    """The site's sign-in rules refuse a token that was got with one factor."""
    project = view(records)
    found = project.named(CONFIG_MAP, "sign-in")
    text = at(found.inputs, "data", "authentication.json") if found else None
    issuers = listed(json.loads(str(text)), "jwt") if text else []
    rules = [str(at(rule, "expression")) for each in issuers for rule in listed(each, "claimValidationRules")]
    asks = bool(issuers) and any("claims.amr" in rule for rule in rules)
    return all_of("sign-in without a second factor is refused", [found if asks else None])


def need_to_know(records: Records) -> Verdict:
    """Rights are given in the project's own namespace, by roles of that namespace, and reach no data."""
    project = view(records)
    wide = [
        f"role binding {_name(each)} borrows a cluster-wide role"
        for each in _bindings(project)
        if at(each.inputs, "roleRef", "kind") != "Role"
    ]
    stars = [
        f"role {_name(role)} grants every resource or verb"
        for role in project.mine(ROLE)
        for rule in listed(role.inputs, "rules")
        if "*" in listed(rule, "resources") or "*" in listed(rule, "verbs")
    ]
    return all_of(
        "people have rights in their own project alone",
        [*_bindings(project), *project.mine(ROLE), scope(project)],
        wide + stars + _other_groups(project),
    )


def _other_groups(project: View) -> list[str]:
    own = names.group(project.site, project.project, "")
    return [
        f"{at(person, 'name')} gets the group {group}, which is not this project's"
        for person in _listed(project)
        for group in listed(person, "groups")
        if not str(group).startswith(own)
    ]


def access_expires(records: Records) -> Verdict:
    """Every binding carries its last day, none is past it, and the keeper takes away those that are."""
    project = view(records)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    bindings = _bindings(project)
    overdue = [
        f"role binding {_name(each)} has no last day or is past it ({day or 'none'})"
        for each in bindings
        if not (day := str(at(each.inputs, "metadata", "annotations", _EXPIRES) or "")) or day < today
    ]
    overdue += [
        f"the account of {at(each, 'name')} has no last day or is past it"
        for each in _listed(project)
        if str(at(each, "expires") or "") < today
    ]
    means, silent = keeper(project)
    return all_of(
        "every right has a last day, on which the keeper and the registrar end it",
        [*bindings, *means, scope(project), running(project, "registrar")],
        overdue + silent,
    )


def duties_separated(records: Records) -> Verdict:
    """No named person holds an analyst's binding and checks outputs in the same project.

    Output checkers have no binding on this backend at all: they work at the airlock. So anyone who is bound
    here and checks would stand in the list that the airlock is told.
    """
    project = view(records)
    held = {str(person["name"]): _roles(person) for person in _listed(project)}
    both = [
        f"{name} both analyses and checks"
        for name, roles in held.items()
        if {"data-analyst", "output-checker"} <= roles
    ]
    checkers = {f"{_PREFIX}{name}" for name, roles in held.items() if "output-checker" in roles}
    analysts = [each for each in _bindings(project) if at(each.inputs, "roleRef", "name") == "data-analyst"]
    bound = [
        f"role binding {_name(each)} gives an output checker an analyst's rights"
        for each in analysts
        if any(subject.get("name") in checkers for subject in _subjects(each))
    ]
    return all_of("nobody both analyses and checks", [*analysts, scope(project)], both + bound)


def _roles(person: Mapping[str, Any]) -> set[str]:
    return {str(group).rpartition(":")[2] for group in listed(person, "groups")}


def no_standing_admin(records: Records) -> Verdict:
    """No binding of ours grants cluster rights beyond reading walls; sessions need the break-glass group."""
    project = view(records)
    admin = [
        f"cluster role binding {_name(each)} gives administrator rights"
        for each in project.all(CLUSTER_ROLE_BINDING)
        if at(each.inputs, "roleRef", "name") in ("cluster-admin", "admin", "edit")
        and any(_of_the_tre(project, subject) for subject in _subjects(each))
    ]
    strong = [
        f"cluster role {_name(role)} changes things by itself"
        for role in project.all(CLUSTER_ROLE)
        for rule in listed(role.inputs, "rules")
        if set(listed(rule, "verbs")) - {"get", "list", "watch", "impersonate"}
    ]
    return all_of(
        "rights over projects are borrowed on record, never held", project.admits("sessions"), admin + strong
    )


def _of_the_tre(project: View, subject: Mapping[str, Any]) -> bool:
    """Tell whether a subject is a person who signs in at the TRE, or one of the site's groups."""
    prefix = _PREFIX if subject.get("kind") == "User" else names.group(project.site, "", "").rstrip(":")
    return str(subject.get("name")).startswith(prefix)


def _to(kind: str, name: str) -> list[dict[str, str]]:
    return [{"kind": kind, "name": name}]


def _does_both(told: dict[str, Any]) -> None:
    told["people"][0]["groups"] = ["tre:x:y:data-analyst", "tre:x:y:output-checker"]


def _another_group(told: dict[str, Any]) -> None:
    told["people"][0]["groups"].append("tre:demo:another:data-analyst")


def _past(told: dict[str, Any]) -> None:
    told["people"][0]["expires"] = "2020-01-01"


EVIDENCE: Final[Mapping[str, Evidence]] = {
    "named-people-only": Evidence(
        named_people_only,
        {
            "everyone signed in": planted(
                ROLE_BINDING, "all", subjects=_to("Group", "system:authenticated"), roleRef={"kind": "Role"}
            )
        },
    ),
    "multi-factor": Evidence(
        multi_factor,
        {
            "one factor": changed(
                called(CONFIG_MAP, "sign-in"),
                data={"authentication.json": json.dumps({"jwt": [{"issuer": {}}]})},
            )
        },
    ),
    "need-to-know": Evidence(
        need_to_know,
        {
            "a cluster-wide role": planted(
                ROLE_BINDING,
                "view",
                subjects=_to("User", "tre:eve"),
                roleRef={"kind": "ClusterRole", "name": "view"},
            ),
            "another project's group": rewritten(_another_group),
            "every resource": planted(ROLE, "all", rules=[{"resources": ["*"], "verbs": ["get"]}]),
        },
    ),
    "access-expires": Evidence(
        access_expires,
        {
            "no keeper": without(lambda record: record.type == CRON_JOB),
            "no registrar": stopped("registrar"),
            "an account past its day": rewritten(_past),
            "no last day": planted(
                ROLE_BINDING, "endless", subjects=_to("User", "tre:eve"), roleRef={"kind": "Role"}
            ),
            "past its day": planted(
                ROLE_BINDING,
                "old",
                metadata={"annotations": {_EXPIRES: "2020-01-01"}},
                subjects=_to("User", "tre:eve"),
            ),
        },
    ),
    "duties-separated": Evidence(
        duties_separated,
        {
            "a checker who analyses": planted(
                ROLE_BINDING,
                "both",
                subjects=_to("User", "tre:grace"),
                roleRef={"kind": "Role", "name": "data-analyst"},
            ),
            "an account that does both": rewritten(_does_both),
        },
    ),
    "no-standing-admin": Evidence(
        no_standing_admin,
        {
            "an administrator": planted(
                CLUSTER_ROLE_BINDING,
                "root",
                subjects=_to("User", "tre:eve"),
                roleRef={"name": "cluster-admin"},
            ),
            "sessions allowed": without(called(BINDING, "--sessions")),
        },
    ),
}
