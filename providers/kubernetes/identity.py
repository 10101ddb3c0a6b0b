"""People on Kubernetes: one binding per named person and role, with the least rights, until a day.

People come from the site's OIDC issuer as users `tre:<sign-in name>`. A project's roles see the state of jobs;
nobody gets shells, forwarded ports, logs or secrets. Operators may act as the break-glass group, which the
API server's audit log records; nobody holds its rights in between.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, cast

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace
from pulumi_kubernetes.rbac.v1 import (
    ClusterRole,
    ClusterRoleBinding,
    PolicyRuleArgs,
    Role,
    RoleBinding,
    RoleRefArgs,
    SubjectArgs,
)

from components.identity import EMBEDDED, Identity, IdentityOutputs, IdentitySpec, Passage, Person
from providers.kubernetes import keeping, names
from providers.kubernetes.doors import sign_in
from providers.kubernetes.doors.walls import Walls
from providers.kubernetes.objects import meta, pod_security
from providers.kubernetes.target import KubernetesTarget

USER_PREFIX: Final = "tre:"
SITE: Final = "site"
RBAC_GROUP: Final = "rbac.authorization.k8s.io"
EXPIRES: Final = f"{names.LABEL}/expires"
SCOPE_LABEL: Final = f"{names.LABEL}/airlock-scope"
"""Label of the lists that the airlock's registrar reads."""

_READ: Final = ["get", "list", "watch"]
_JOBS: Final = PolicyRuleArgs(api_groups=["batch"], resources=["jobs"], verbs=_READ)
_SHARE: Final = PolicyRuleArgs(api_groups=[""], resources=["resourcequotas", "limitranges"], verbs=_READ)
_WALLS: Final = [
    PolicyRuleArgs(api_groups=["networking.k8s.io"], resources=["networkpolicies"], verbs=_READ),
    PolicyRuleArgs(api_groups=[RBAC_GROUP], resources=["*"], verbs=_READ),
    PolicyRuleArgs(api_groups=["admissionregistration.k8s.io"], resources=["*"], verbs=_READ),
    PolicyRuleArgs(api_groups=[""], resources=["namespaces"], verbs=_READ),
]

PROJECT_RIGHTS: Final[dict[str, list[PolicyRuleArgs]]] = {
    # Not even pods: a pod's status carries the termination message, up to 4 KiB that a job writes itself.
    "data-analyst": [_JOBS, _SHARE],
    "data-steward": [_JOBS],
    "project-manager": [_JOBS, _SHARE],
    "information-asset-owner": [_SHARE],
    "output-checker": [],
}
"""What each role may ask of the API server in its project; output checkers work at the airlock alone."""


class KubernetesIdentity(Identity[KubernetesTarget]):
    """The people of the site (scope `site`) or of one project, as bindings of named users."""

    def build(self) -> IdentityOutputs:
        access: pulumi.Input[dict[str, str]] = {}
        place: pulumi.Input[str] = names.site_namespace(self.spec.site, "identity")
        after: list[pulumi.Resource] = []
        if self.spec.scope == SITE:
            namespace = self._identity_place(str(place))
            place, after = namespace.metadata.name, [namespace]
            self._site()
            access = self._sign_in(namespace)
        else:
            self._project()
        self._list(place, after)
        roles = sorted({role for person in self.spec.people for role in person.roles})
        groups = {role: names.group(self.spec.site, self.spec.scope, role) for role in roles}
        return IdentityOutputs(
            issuer=pulumi.Output.from_input(self._issuer()),
            groups=pulumi.Output.from_input(groups),
            place=place,
            access=access,
        )

    @property
    def _embedded(self) -> bool:
        return self.spec.sign_in.issuer == EMBEDDED

    def _issuer(self) -> str:
        if self._embedded:
            return sign_in.issuer(self.spec.site, self.target)
        return self.spec.sign_in.issuer

    def _identity_place(self, place: str) -> Namespace:
        return Namespace(
            "identity-namespace",
            metadata=meta(self.spec, place, extra=pod_security(self.target.pod_security_version)),
            # Held, because deleting it would delete what people have signed in with.
            opts=self.held(),
        )

    def _sign_in(self, namespace: Namespace) -> pulumi.Input[dict[str, str]]:
        """Run the site's own sign-in service, unless the issuer is the institution's own."""
        place = names.site_namespace(self.spec.site, "identity")
        walls = Walls(self, place, namespace)
        walls.guard()
        if not self._embedded:
            return {}
        service = sign_in.SignInService(self, place, walls, namespace)
        service.run()
        return service.access()

    def _list(self, place: pulumi.Input[str], after: list[pulumi.Resource]) -> None:
        """List the scope's people, and a project's rules, for the airlock's registrar."""
        ConfigMap(
            f"scope-{self.spec.scope}",
            metadata=meta(
                self.spec, f"scope-{self.spec.scope}", cast("str", place), extra={SCOPE_LABEL: "true"}
            ),
            data={"scope.json": json.dumps(listed(self.spec), sort_keys=True)},
            opts=self.child(depends_on=after),
        )

    def _holders(self, role: str) -> list[Person]:
        return [person for person in self.spec.people if role in person.roles]

    def _project(self) -> None:
        place = names.namespace(self.spec.site, self.spec.scope)
        keeping.let_in(self)
        for role, rights in PROJECT_RIGHTS.items():
            if rights and (holders := self._holders(role)):
                made = Role(role, metadata=meta(self.spec, role, place), rules=rights, opts=self.child())
                for person in holders:
                    self._bind(person, role, place, made)

    def _bind(self, person: Person, role: str, place: str, made: Role) -> None:
        RoleBinding(
            f"{role}-{person.name}",
            metadata=meta(
                self.spec, f"{role}-{person.name}", place, annotations={EXPIRES: self._last_day(person)}
            ),
            role_ref=RoleRefArgs(api_group=RBAC_GROUP, kind="Role", name=made.metadata.name),
            subjects=[_user(person)],
            opts=self.child(),
        )

    def _last_day(self, person: Person) -> str:
        return min(person.expires, self.spec.expires).isoformat()

    def _site(self) -> None:
        self._keys_place()
        keeping.settle_in(self, self.spec.keeper_image)
        self._cluster_role("auditor", _WALLS, self._holders("auditor"))
        break_glass = names.group(self.spec.site, SITE, "break-glass")
        act_as = PolicyRuleArgs(
            api_groups=[""], resources=["groups"], verbs=["impersonate"], resource_names=[break_glass]
        )
        act_as_oneself = PolicyRuleArgs(
            api_groups=[""],
            resources=["users"],
            verbs=["impersonate"],
            resource_names=[f"{USER_PREFIX}{person.name}" for person in self._holders("operator")],
        )
        operators = self._holders("operator")
        self._cluster_role("operator", [*_WALLS, act_as, *([act_as_oneself] if operators else [])], operators)

    def _cluster_role(self, role: str, rights: list[PolicyRuleArgs], people: Iterable[Person]) -> None:
        name = names.guard(self.spec.site, role)
        made = ClusterRole(
            role,
            metadata=meta(self.spec, name),
            rules=rights,
            opts=self.child(),
        )
        for person in people:
            ClusterRoleBinding(
                f"{role}-{person.name}",
                metadata=meta(
                    self.spec, f"{name}-{person.name}", annotations={EXPIRES: self._last_day(person)}
                ),
                role_ref=RoleRefArgs(api_group=RBAC_GROUP, kind="ClusterRole", name=made.metadata.name),
                subjects=[_user(person)],
                opts=self.child(),
            )

    def _keys_place(self) -> None:
        """Make the namespace of the site's keys and sign-in rules. No role of ours reaches a Secret in it."""
        place = names.site_namespace(self.spec.site, "keys")
        namespace = Namespace(
            "keys-namespace",
            metadata=meta(self.spec, place, extra=pod_security(self.target.pod_security_version)),
            # Held, because deleting it would delete the key of every project.
            opts=self.held(),
        )
        ConfigMap(
            "sign-in",
            metadata=meta(self.spec, "sign-in", place),
            data={"authentication.json": json.dumps(self._authentication(), sort_keys=True)},
            opts=self.child(depends_on=[namespace]),
        )

    def _authentication(self) -> dict[str, Any]:
        """Return the API server's structured authentication: our issuer, our prefix, more than one factor.

        `amr` is the token's list of authentication methods (RFC 8176).
        """
        factors = {
            "expression": "has(claims.amr) && ('mfa' in claims.amr || 'otp' in claims.amr)",
            "message": "sign in with a second factor",
        }
        return {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthenticationConfiguration",
            "jwt": [
                {
                    "issuer": {"url": self._issuer(), "audiences": [f"tre-{self.spec.site}"]},
                    "claimMappings": {
                        "username": {"claim": "preferred_username", "prefix": USER_PREFIX},
                        "groups": {"claim": "groups", "prefix": ""},
                    },
                    "claimValidationRules": [factors] if self.spec.sign_in.multi_factor else [],
                }
            ],
        }


def listed(spec: IdentitySpec) -> dict[str, Any]:
    """Return a scope as the airlock's registrar reads it: the project's rules, and its people with their groups."""
    people = [
        {
            "name": person.name,
            "email": person.email,
            "full_name": person.full_name,
            "groups": [names.group(spec.site, spec.scope, role) for role in sorted(person.roles)],
            "expires": min(person.expires, spec.expires).isoformat(),
        }
        for person in spec.people
    ]
    return {"project": _rules(spec, spec.passage) if spec.passage else None, "people": people}


def _rules(spec: IdentitySpec, passage: Passage) -> dict[str, Any]:
    return {
        "name": spec.scope,
        "title": passage.title,
        "tier": spec.tier,
        "reviewers": passage.reviewers,
        "expires": spec.expires.isoformat(),
        "days": {
            "review": passage.review_days,
            "pickup": passage.pickup_days,
            "retention": passage.retention_days,
        },
    }


def _user(person: Person) -> SubjectArgs:
    return SubjectArgs(kind="User", name=f"{USER_PREFIX}{person.name}", api_group=RBAC_GROUP)
