"""What the API server refuses in a project's namespace, whoever asks: policies in CEL, no extra controller.

These are the second of two independent barriers. Pod Security, role bindings and quotas are the first; each
rule below holds when they are gone (tested with the first one removed).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_kubernetes.admissionregistration.v1 import (
    AuditAnnotationArgs,
    MatchResourcesArgs,
    NamedRuleWithOperationsArgs,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
    ValidatingAdmissionPolicyBindingSpecArgs,
    ValidatingAdmissionPolicySpecArgs,
    ValidationArgs,
    VariableArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, LabelSelectorRequirementArgs

from components.contract import Spec
from providers.kubernetes import names
from providers.kubernetes.doors.told import WORKLOAD_AUDIENCE
from providers.kubernetes.objects import meta

DIGEST: Final = "@sha256:[a-f0-9]{64}$"


@dataclass(frozen=True)
class Rule:
    """A CEL sentence that must hold, and what to tell whoever breaks it."""

    expression: str
    message: str


@dataclass(frozen=True)
class Policy:
    """Rules over one kind of request. `resources` maps an API group to resources; `operations` are admission's."""

    name: str
    resources: Mapping[str, Sequence[str]]
    rules: Sequence[Rule]
    operations: Sequence[str] = ("CREATE", "UPDATE")
    variables: Mapping[str, str] | None = None
    api_versions: Sequence[str] = ("v1",)
    records: Mapping[str, str] | None = None
    """What the API server's audit log keeps of each request: a CEL text by key."""


# The three kinds of container have the same fields and types of their own: hence dyn.
_CONTAINERS: Final = " + ".join(
    f"(has(object.spec.{each}) ? object.spec.{each}.map(c, dyn(c)) : [])"
    for each in ("containers", "initContainers", "ephemeralContainers")
)
_VOLUMES: Final = "has(object.spec.volumes) ? object.spec.volumes : []"
_CLAIMS: Final = (
    "variables.volumes.filter(v, has(v.persistentVolumeClaim))"
    ".map(v, v.persistentVolumeClaim.claimName).join(',')"
)
_LOADER: Final = "has(object.spec.serviceAccountName) && object.spec.serviceAccountName == 'loader'"
_PROJECTED: Final = (
    "has(s.configMap) || has(s.downwardAPI) || (has(s.serviceAccountToken)"
    " && has(s.serviceAccountToken.audience)"
    f" && s.serviceAccountToken.audience == '{WORKLOAD_AUDIENCE}')"
)
"""A token that says which project asks, and that no service but the inside door takes."""
_PODS: Final = {"": ("pods", "pods/ephemeralcontainers")}


def images(registries: Sequence[str]) -> Policy:
    """Return the policy that admits only images of approved registries, named by digest."""
    hosts = "|".join(host.replace(".", "[.]") for host in registries)
    return Policy(
        "images",
        _PODS,
        [
            Rule(
                f"variables.containers.all(c, c.image.matches('^({hosts})/.+{DIGEST}'))",
                f"images come from {', '.join(registries)} and are named by digest (@sha256:...)",
            )
        ],
        variables={"containers": _CONTAINERS},
    )


def privilege() -> Policy:
    """Return the policy that refuses privilege on its own, with Pod Security's labels gone or weakened."""
    flags = "!has(object.spec.{0}) || object.spec.{0} == false"
    return Policy(
        "privilege",
        _PODS,
        [
            *(
                Rule(flags.format(flag), f"{flag} is not allowed")
                for flag in ("hostNetwork", "hostPID", "hostIPC")
            ),
            Rule(
                "variables.containers.all(c, has(c.securityContext)"
                " && (!has(c.securityContext.privileged) || !c.securityContext.privileged)"
                " && has(c.securityContext.allowPrivilegeEscalation)"
                " && !c.securityContext.allowPrivilegeEscalation)",
                "containers run without privilege and cannot gain any",
            ),
            Rule(
                "variables.containers.all(c, !has(c.ports) || c.ports.all(p, !has(p.hostPort) || p.hostPort == 0))",
                "host ports are not allowed",
            ),
            Rule(
                "has(object.spec.automountServiceAccountToken) && !object.spec.automountServiceAccountToken",
                "set automountServiceAccountToken: false; a workspace holds no cluster credentials",
            ),
        ],
        variables={"containers": _CONTAINERS},
    )


def volumes() -> Policy:
    """Return the policy on volumes: inputs read-only for all but the loader, no host path, no secret, no token
    but the one that the inside door alone takes."""
    return Policy(
        "volumes",
        _PODS,
        [
            Rule(
                "variables.volumes.all(v, has(v.persistentVolumeClaim) || has(v.emptyDir) || has(v.configMap)"
                f" || has(v.downwardAPI) || (has(v.projected) && v.projected.sources.all(s, {_PROJECTED})))",
                "volumes are claims, empty directories, configuration, the downward API or the airlock's own token",
            ),
            Rule(
                "variables.loader || variables.volumes.all(v, !has(v.persistentVolumeClaim)"
                " || v.persistentVolumeClaim.claimName != 'inputs'"
                " || (has(v.persistentVolumeClaim.readOnly) && v.persistentVolumeClaim.readOnly))",
                "inputs are mounted with readOnly: true; the loader alone writes them",
            ),
            Rule(
                "object.spec.containers.all(c, (!has(c.envFrom) || c.envFrom.all(e, !has(e.secretRef)))"
                " && (!has(c.env) || c.env.all(e, !has(e.valueFrom) || !has(e.valueFrom.secretKeyRef))))",
                "secrets are not given to workspaces",
            ),
        ],
        variables={"volumes": _VOLUMES, "loader": _LOADER},
        records={"claims": _CLAIMS},
    )


def services() -> Policy:
    """Return the policy that keeps services inside the cluster."""
    return Policy(
        "services",
        {"": ("services",)},
        [
            Rule(
                "!has(object.spec.type) || object.spec.type == 'ClusterIP'",
                "services are of type ClusterIP: nothing of a project is published outside the cluster",
            ),
            Rule(
                "!has(object.spec.externalIPs) || object.spec.externalIPs.size() == 0",
                "external addresses are not allowed",
            ),
        ],
    )


def routes() -> Policy:
    """Return the policy that refuses every object that would publish a project."""
    return Policy(
        "routes",
        {"networking.k8s.io": ("ingresses",), "gateway.networking.k8s.io": ("*",)},
        [Rule("false", "a project is not published: ingresses and routes are refused")],
        api_versions=("*",),
    )


def claims(site: str) -> Policy:
    """Return the policy that keeps each claim on its own project's storage class."""
    return Policy(
        "claims",
        {"": ("persistentvolumeclaims",)},
        [
            Rule(
                "has(object.spec.storageClassName) && object.spec.storageClassName =="
                f" 'tre-{site}--' + namespaceObject.metadata.labels['{names.LABEL}/project']",
                "claims use the project's own storage class",
            )
        ],
        operations=("CREATE",),
    )


def pod_labels() -> Policy:
    """Return the policy that keeps pods labelled as their namespace's: network policies select on labels."""
    label = f"{names.LABEL}/project"
    return Policy(
        "labels",
        {"": ("pods",)},
        [
            Rule(
                f"has(object.metadata.labels) && '{label}' in object.metadata.labels"
                f" && object.metadata.labels['{label}'] == namespaceObject.metadata.labels['{label}']",
                f"pods carry the label {label} of their namespace",
            )
        ],
    )


def no_sessions(site: str) -> Policy:
    """Return the policy that refuses shells and forwarded ports, a copy-out channel, even to administrators.

    Only the break-glass group passes, and the audit log has the request.
    """
    group = names.group(site, "site", "break-glass")
    return Policy(
        "sessions",
        {"": ("pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy")},
        [
            Rule(
                f"'{group}' in request.userInfo.groups",
                f"shells and forwarded ports into a project are refused (group {group} may, on record)",
            )
        ],
        operations=("CONNECT",),
    )


def all_policies(site: str, registries: Sequence[str]) -> list[Policy]:
    """Return every policy of a site."""
    return [
        images(registries),
        privilege(),
        volumes(),
        services(),
        routes(),
        claims(site),
        pod_labels(),
        no_sessions(site),
    ]


def register(spec: Spec, policy: Policy, opts: pulumi.ResourceOptions) -> None:
    """Register a policy and its binding over all the site's project namespaces. It fails closed."""
    name = names.guard(spec.site, policy.name)
    made = ValidatingAdmissionPolicy(
        f"policy-{policy.name}",
        metadata=meta(spec, name),
        spec=ValidatingAdmissionPolicySpecArgs(
            failure_policy="Fail",
            match_constraints=MatchResourcesArgs(
                resource_rules=[
                    NamedRuleWithOperationsArgs(
                        api_groups=[group],
                        api_versions=list(policy.api_versions),
                        operations=list(policy.operations),
                        resources=list(resources),
                    )
                    for group, resources in policy.resources.items()
                ]
            ),
            variables=[
                VariableArgs(name=name, expression=text) for name, text in (policy.variables or {}).items()
            ],
            audit_annotations=[
                AuditAnnotationArgs(key=key, value_expression=text)
                for key, text in (policy.records or {}).items()
            ],
            validations=[
                ValidationArgs(expression=rule.expression, message=rule.message) for rule in policy.rules
            ],
        ),
        opts=opts,
    )
    ValidatingAdmissionPolicyBinding(
        f"binding-{policy.name}",
        metadata=meta(spec, name),
        spec=ValidatingAdmissionPolicyBindingSpecArgs(
            policy_name=made.metadata.name,
            validation_actions=["Deny", "Audit"],
            match_resources=MatchResourcesArgs(namespace_selector=_projects_of(spec.site)),
        ),
        opts=opts,
    )


def _projects_of(site: str) -> LabelSelectorArgs:
    return LabelSelectorArgs(
        match_labels={f"{names.LABEL}/site": site},
        match_expressions=[
            LabelSelectorRequirementArgs(key=f"{names.LABEL}/project", operator="NotIn", values=["site"])
        ],
    )
