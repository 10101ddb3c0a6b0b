"""A database of the site's own: Postgres by TLS and password, a nightly backup that is restored to prove it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_kubernetes.apps.v1 import StatefulSet, StatefulSetSpecArgs
from pulumi_kubernetes.batch.v1 import CronJob, CronJobSpecArgs, JobSpecArgs, JobTemplateSpecArgs
from pulumi_kubernetes.core.v1 import Service as ClusterService
from pulumi_kubernetes.core.v1 import ServicePortArgs, ServiceSpecArgs

from components.contract import Component
from providers.kubernetes.doors import pods
from providers.kubernetes.doors.certified import Certified, stamp
from providers.kubernetes.doors.pods import Container, Mount, Service
from providers.kubernetes.doors.seal import Seal
from providers.kubernetes.doors.volumes import Volumes
from providers.kubernetes.doors.walls import Walls, here, of
from providers.kubernetes.objects import meta
from providers.kubernetes.target import KubernetesTarget

USER: Final = 10010
PORT: Final = 5432
NAME: Final = "database"
BACKUP: Final = "backup"
RESTORE: Final = "restore"
_KEPT: Final = 14
_DATA_GIB: Final = 10
_BACKUP_GIB: Final = 20


@dataclass(frozen=True)
class Database:
    """One database in a namespace. `roles` may sign in beside `owner`, who owns it, and `backup`, who reads it."""

    component: Component[Any, KubernetesTarget, Any]
    place: str
    name: str
    image: str
    roles: Sequence[str]
    seal: Seal
    certified: Certified
    volumes: Volumes
    walls: Walls
    after: pulumi.Resource

    @property
    def host(self) -> str:
        """Return the name under which its clients ask it."""
        return f"{NAME}.{self.place}.svc.cluster.local"

    def password(self, role: str) -> pulumi.Output[str]:
        """Return the password of a role."""
        return self.seal.secret(f"{self.name} database {role}")

    def run(self, clients: Sequence[str]) -> StatefulSet:
        """Start it, for these services."""
        spec = self.component.spec
        passwords = {role: self.password(role) for role in ("owner", "backup", *self.roles)}
        held = self.certified.hold("database-roles", passwords)
        tls = self.certified.serve(NAME, [self.host, f"{NAME}.{self.place}.svc", NAME])
        data = self.volumes.claim("database", _DATA_GIB, USER)
        ClusterService(
            NAME,
            metadata=meta(spec, NAME, self.place, annotations={"pulumi.com/skipAwait": "true"}),
            spec=ServiceSpecArgs(
                type="ClusterIP",
                selector=of(NAME).match_labels,
                ports=[ServicePortArgs(port=PORT, name="postgres")],
            ),
            opts=self.component.child(depends_on=[self.after]),
        )
        self.walls.let_in(NAME, PORT, here(*clients, BACKUP, RESTORE))
        for each in (BACKUP, RESTORE):
            self.walls.let_out(each, (here(NAME), PORT))
        service = Service(NAME, USER, [self._server()], stamp=stamp(passwords, tls.metadata.name))
        account = pods.account(self.component, NAME, self.place, [self.after])
        made = StatefulSet(
            NAME,
            metadata=meta(spec, NAME, self.place),
            spec=StatefulSetSpecArgs(
                replicas=1,
                service_name=NAME,
                selector=of(NAME),
                template=pods.template(spec, service),
            ),
            opts=self.component.child(depends_on=[self.after, account, data, held, tls]),
        )
        self._back_up(made)
        return made

    def _server(self) -> Container:
        return Container(
            NAME,
            self.image,
            [
                pods.claim("database", "/data", read_only=False),
                pods.secret("database-roles", "/secrets"),
                pods.secret("database-tls", "/tls"),
                pods.scratch("run", "/run/postgresql", "16Mi", memory=True),
                pods.scratch("memory", "/dev/shm", memory=True),  # noqa: S108 # a volume, for Postgres alone
                pods.scratch("tmp", "/tmp"),  # noqa: S108 # a volume of the pod's own
            ],
            command=["start"],
            port=PORT,
            environment={"DATABASE": self.name},
            # Not before it listens to the network: while it prepares itself it has a socket alone.
            ready=pods.connect(PORT),
            cpu="2",
            promised="100m",
            memory="1Gi",
        )

    def _back_up(self, server: StatefulSet) -> None:
        """Take a backup each night. A restore waits, suspended, for an operator who makes a job from it."""
        kept = self.volumes.claim("backups", _BACKUP_GIB, USER)
        for name, hour, told in (
            (BACKUP, 2, {"KEEP": str(_KEPT)}),
            (RESTORE, 3, dict[str, str]()),
        ):
            account = pods.account(self.component, name, self.place, [self.after])
            service = Service(name, USER, [self._tool(name, told)])
            CronJob(
                name,
                metadata=meta(self.component.spec, name, self.place),
                spec=CronJobSpecArgs(
                    schedule=f"15 {hour} * * *",
                    suspend=name == RESTORE,
                    concurrency_policy="Forbid",
                    successful_jobs_history_limit=1,
                    failed_jobs_history_limit=3,
                    job_template=JobTemplateSpecArgs(
                        spec=JobSpecArgs(
                            active_deadline_seconds=3600,
                            backoff_limit=2 if name == BACKUP else 0,
                            template=pods.template(self.component.spec, service, restart="Never"),
                        )
                    ),
                ),
                opts=self.component.child(depends_on=[server, account, kept]),
            )

    def _tool(self, name: str, told: Mapping[str, str]) -> Container:
        mounts: list[Mount] = [
            pods.claim("backups", "/backups", read_only=False),
            pods.secret("database-roles", "/secrets", "owner" if name == RESTORE else "backup"),
            pods.secret("database-tls", "/tls", "ca.crt"),
            pods.scratch("tmp", "/tmp", "10Gi"),  # noqa: S108 # a volume of the pod's own
        ]
        environment = {"PGHOST": self.host, "DATABASE": self.name, **told}
        return Container(name, self.image, mounts, command=[name], environment=environment)
