"""Where the keeper runs, and the few rights it has: a place of the site's own, a role in each project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.batch.v1 import CronJob, CronJobSpecArgs, JobSpecArgs, JobTemplateSpecArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    Namespace,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ResourceRequirementsArgs,
    ServiceAccount,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicy, NetworkPolicySpecArgs
from pulumi_kubernetes.rbac.v1 import (
    ClusterRole,
    ClusterRoleBinding,
    PolicyRuleArgs,
    Role,
    RoleBinding,
    RoleRefArgs,
    SubjectArgs,
)

from components.contract import Component, Spec
from components.identity import IdentitySpec
from providers.kubernetes import names
from providers.kubernetes.objects import ANALYST_USER, confined, labels, meta, pod_security, pod_user
from providers.kubernetes.target import KubernetesTarget

KEEPER: Final = "keeper"
RBAC_GROUP: Final = "rbac.authorization.k8s.io"
_SCRIPT: Final = Path(__file__).with_name("keeper.py").read_text()

# What the keeper does in a project: look at pods and end them, keep its ledger, shut the door, end bindings.
_RIGHTS: Final = [
    PolicyRuleArgs(api_groups=[""], resources=["pods"], verbs=["list", "delete"]),
    PolicyRuleArgs(
        api_groups=[""],
        resources=["configmaps"],
        verbs=["get"],
        resource_names=["workspace", "terms", "spent"],
    ),
    # Server-side apply of an object that is not there yet asks for `create` as well, which no name can limit.
    PolicyRuleArgs(api_groups=[""], resources=["configmaps", "resourcequotas"], verbs=["create"]),
    PolicyRuleArgs(api_groups=[""], resources=["configmaps"], verbs=["patch"], resource_names=["spent"]),
    PolicyRuleArgs(
        api_groups=[""], resources=["resourcequotas"], verbs=["patch", "delete"], resource_names=["stopped"]
    ),
    PolicyRuleArgs(api_groups=[RBAC_GROUP], resources=["rolebindings"], verbs=["list", "delete"]),
]


def account(site: str) -> SubjectArgs:
    """Return the keeper of a site, as the subject of a binding."""
    return SubjectArgs(kind="ServiceAccount", name=KEEPER, namespace=names.site_namespace(site, KEEPER))


def let_in(component: Component[IdentitySpec, KubernetesTarget, Any]) -> None:
    """Give the site's keeper its rights in one project."""
    spec, place = component.spec, names.namespace(component.spec.site, component.spec.scope)
    made = Role(KEEPER, metadata=meta(spec, KEEPER, place), rules=_RIGHTS, opts=component.child())
    RoleBinding(
        KEEPER,
        metadata=meta(spec, KEEPER, place),
        role_ref=RoleRefArgs(api_group=RBAC_GROUP, kind="Role", name=made.metadata.name),
        subjects=[account(spec.site)],
        opts=component.child(),
    )
    ConfigMap(
        "terms",
        metadata=meta(spec, "terms", place),
        data={"terms.json": json.dumps({"ends": spec.expires.isoformat()})},
        opts=component.child(),
    )


def settle_in(component: Component[IdentitySpec, KubernetesTarget, Any], image: str) -> None:
    """Make the keeper's place and have it run every minute."""
    spec, target = component.spec, component.target
    place = names.site_namespace(spec.site, KEEPER)
    namespace = Namespace(
        "keeper-namespace",
        metadata=meta(spec, place, extra=pod_security(target.pod_security_version)),
        opts=component.child(),
    )
    inside = component.child(depends_on=[namespace])
    ServiceAccount(
        KEEPER, metadata=meta(spec, KEEPER, place), automount_service_account_token=False, opts=inside
    )
    ConfigMap("keeper-script", metadata=meta(spec, KEEPER, place), data={"keeper.py": _SCRIPT}, opts=inside)
    _see_namespaces(component)
    _walls(component, place, namespace)
    CronJob(
        KEEPER,
        metadata=meta(spec, KEEPER, place),
        spec=CronJobSpecArgs(
            schedule="* * * * *",
            concurrency_policy="Forbid",
            successful_jobs_history_limit=1,
            failed_jobs_history_limit=3,
            job_template=JobTemplateSpecArgs(
                spec=JobSpecArgs(
                    active_deadline_seconds=300,
                    backoff_limit=0,
                    template=PodTemplateSpecArgs(
                        metadata=ObjectMetaArgs(labels=labels(spec)), spec=_pod(spec, target, image)
                    ),
                )
            ),
        ),
        opts=inside,
    )


def _see_namespaces(component: Component[IdentitySpec, KubernetesTarget, Any]) -> None:
    spec = component.spec
    name = names.guard(spec.site, KEEPER)
    made = ClusterRole(
        KEEPER,
        metadata=meta(spec, name),
        rules=[PolicyRuleArgs(api_groups=[""], resources=["namespaces"], verbs=["list"])],
        opts=component.child(),
    )
    ClusterRoleBinding(
        KEEPER,
        metadata=meta(spec, name),
        role_ref=RoleRefArgs(api_group=RBAC_GROUP, kind="ClusterRole", name=made.metadata.name),
        subjects=[account(spec.site)],
        opts=component.child(),
    )


def _walls(
    component: Component[IdentitySpec, KubernetesTarget, Any], place: str, namespace: Namespace
) -> None:
    """Let nothing in; where the dialect can say so, let out to the API server alone."""
    cilium = component.target.network_policies == "cilium"
    NetworkPolicy(
        "keeper-default-deny",
        metadata=meta(component.spec, "default-deny", place),
        spec=NetworkPolicySpecArgs(
            pod_selector=LabelSelectorArgs(), policy_types=["Ingress", "Egress"] if cilium else ["Ingress"]
        ),
        opts=component.child(depends_on=[namespace]),
    )
    if cilium:
        CustomResource(
            "keeper-api-server",
            api_version="cilium.io/v2",
            kind="CiliumNetworkPolicy",
            metadata=meta(component.spec, "api-server", place),
            spec={"endpointSelector": {}, "egress": [{"toEntities": ["kube-apiserver"]}]},
            opts=component.child(depends_on=[namespace]),
        )


def _pod(spec: Spec, target: KubernetesTarget, image: str) -> PodSpecArgs:
    prices = json.dumps(target.prices.model_dump())
    return PodSpecArgs(
        service_account_name=KEEPER,
        automount_service_account_token=True,
        restart_policy="Never",
        security_context=pod_user(ANALYST_USER, own_volumes=False),
        containers=[
            ContainerArgs(
                name=KEEPER,
                image=image,
                image_pull_policy="IfNotPresent",
                command=["python3", "/keeper/keeper.py", spec.site, prices],
                security_context=confined(),
                resources=ResourceRequirementsArgs(
                    requests={"cpu": "10m", "memory": "32Mi"}, limits={"cpu": "500m", "memory": "128Mi"}
                ),
                volume_mounts=[VolumeMountArgs(name="script", mount_path="/keeper", read_only=True)],
            )
        ],
        volumes=[VolumeArgs(name="script", config_map=ConfigMapVolumeSourceArgs(name=KEEPER))],
    )
