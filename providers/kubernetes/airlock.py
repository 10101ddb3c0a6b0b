"""The airlock on Kubernetes: two doors, a worker, a database and a scanner, and the walls around each of them.

Which door sees which area is decided by what is mounted, read-only or at all; which door may write what in the
database by its role there; who reaches whom by policies. None of the three relies on the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pulumi
from pulumi_kubernetes.core.v1 import Namespace, Service, ServicePortArgs, ServiceSpecArgs
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgs, Role, RoleBinding, RoleRefArgs, SubjectArgs

from components.airlock import Airlock, AirlockOutputs
from components.identity import EMBEDDED
from providers.kubernetes import admission, names
from providers.kubernetes.doors import notices, pods, published, telemetry, told
from providers.kubernetes.doors import sign_in as sign_in_service
from providers.kubernetes.doors.certified import Certified
from providers.kubernetes.doors.database import NAME as DATABASE
from providers.kubernetes.doors.database import PORT as DATABASE_PORT
from providers.kubernetes.doors.database import Database
from providers.kubernetes.doors.pods import Container, Mount
from providers.kubernetes.doors.programs import Programs
from providers.kubernetes.doors.seal import Seal
from providers.kubernetes.doors.volumes import Volumes
from providers.kubernetes.doors.walls import Walls, here, people, projects_of, there, ways_to
from providers.kubernetes.objects import meta, pod_security
from providers.kubernetes.target import KubernetesTarget

INSIDE_PORT: Final = told.PORT
INSIDE: Final = {f"{names.LABEL}/door": "inside"}
RBAC_GROUP: Final = "rbac.authorization.k8s.io"
SCANNER: Final = "scanner"
SCANNER_USER: Final = 10040
SCANNER_PORT: Final = 3310
_DATABASE_ROLES: Final = ("inside", "outside", "worker", "registrar", "auditor")
_CLIENTS: Final = ("inside", "outside", "worker", "registrar", "migrate")


class KubernetesAirlock(Airlock[KubernetesTarget]):
    """The airlock of one site, in a namespace of its own."""

    def build(self) -> AirlockOutputs:
        self._place = names.site_namespace(self.spec.site, "airlock")
        self._inside = f"inside.{self._place}.svc.cluster.local"
        namespace = Namespace(
            "airlock-namespace",
            metadata=meta(self.spec, self._place, extra=pod_security(self.target.pod_security_version)),
            # Held, because deleting a namespace deletes the claims in it.
            opts=self.held(),
        )
        for policy in admission.all_policies(self.spec.site, self.target.registries):
            admission.register(self.spec, policy, self.child())
        walls = Walls(self, self._place, namespace)
        self._open(walls)
        seal = Seal(self, "airlock")
        certified = Certified(self, seal, "airlock", self._place, namespace)
        self._run(walls, seal, certified, namespace)
        return AirlockOutputs(
            inside=pulumi.Output.from_input(f"https://{self._inside}:{INSIDE_PORT}"),
            place=namespace.metadata.name,
            port=pulumi.Output.from_input(INSIDE_PORT),
            outside=pulumi.Output.from_input(sign_in_service.portal(self.target)),
            authority=certified.certificate,
        )

    def _open(self, walls: Walls) -> None:
        """Say who may speak to whom; all else is denied."""
        identity = names.site_namespace(self.spec.site, "identity")
        database, issuer = (here(DATABASE), DATABASE_PORT), self._issuer_peer(identity)
        walls.let_in("inside", INSIDE_PORT, projects_of(self.spec), labels=INSIDE)
        walls.let_in("outside", told.PORT, *people(self.spec.sign_in.networks))
        walls.let_in(SCANNER, SCANNER_PORT, here("worker"))
        walls.let_out("inside", database)
        walls.let_out("outside", database, issuer, *telemetry.ways(self.spec.telemetry))
        walls.let_out("worker", database, (here(SCANNER), SCANNER_PORT), *notices.ways(self.spec.notices))
        walls.let_out("registrar", database, *([issuer] if self._embedded else []))
        walls.let_out("migrate", database)
        walls.let_out_to_api_server("inside")
        walls.let_out_to_api_server("registrar")
        walls.guard(but=INSIDE)

    @property
    def _embedded(self) -> bool:
        return self.spec.sign_in.issuer == EMBEDDED

    def _issuer_peer(self, identity: str) -> tuple[Any, int]:
        if self._embedded:
            return there(identity, sign_in_service.NAME), sign_in_service.PORT
        (way,) = ways_to(self.spec.sign_in.issuer, ())
        return way

    def _run(self, walls: Walls, seal: Seal, certified: Certified, namespace: Namespace) -> None:
        services = self.target.services
        volumes = Volumes(self, "airlock", self._place, namespace)
        database = Database(
            component=self,
            place=self._place,
            name="airlock",
            image=published.image(
                self.target, self.spec.database_image, services.database_image, "database_image"
            ),
            roles=_DATABASE_ROLES,
            seal=seal,
            certified=certified,
            volumes=volumes,
            walls=walls,
            after=namespace,
        )
        server = database.run(_CLIENTS)
        areas = [
            volumes.claim(area.replace("_", "-"), self.spec.area_gib, pods.PORTAL_USER) for area in told.AREAS
        ]
        self._scan(volumes, namespace)
        programs = Programs(self, self._place, self._site(database), seal, certified, database)
        migrated = programs.migrate([namespace, server])
        for role in ("inside", "outside"):
            programs.door(role, self._names(role), [namespace, migrated, *areas])
        programs.worker([namespace, migrated, *areas])
        programs.registrar(self.identity.place, [namespace, migrated])
        self._let_registrar_read(namespace)
        self._publish(namespace)

    def _site(self, database: Database) -> pulumi.Output[told.Site]:
        spec, target = self.spec, self.target
        scanner = f"tcp:{SCANNER}.{self._place}.svc.cluster.local:{SCANNER_PORT}"
        found = pulumi.Output.all(access=self.identity.access, issuer=self.identity.issuer)
        return found.apply(
            lambda both: told.Site(
                name=spec.site,
                title=spec.title,
                database=database.host,
                outside=sign_in_service.portal(target),
                inside=f"https://{self._inside}:{INSIDE_PORT}",
                issuer=both["issuer"],
                token_issuer=target.services.token_issuer,
                scanner=scanner,
                access=both["access"],
                sign_in=spec.sign_in,
                notices=spec.notices,
                telemetry=spec.telemetry,
            )
        )

    def _names(self, role: str) -> Sequence[str]:
        own = f"{role}.{self._place}.svc.cluster.local"
        return [own] if role == "inside" else [own, published.host(self.target)]

    def _publish(self, namespace: Namespace) -> None:
        """Give the doors their addresses: the inside door's in the cluster, the outside door's for people."""
        Service(
            "airlock-inside",
            metadata=meta(self.spec, "inside", self._place, annotations={"pulumi.com/skipAwait": "true"}),
            spec=ServiceSpecArgs(
                type="ClusterIP",
                selector={pods.SERVICE: "inside"},
                ports=[ServicePortArgs(port=INSIDE_PORT, name="https")],
            ),
            opts=self.child(depends_on=[namespace]),
        )
        outside = self.target.services.outside_port
        published.publish(self, "outside", self._place, told.PORT, outside, namespace)

    def _scan(self, volumes: Volumes, namespace: Namespace) -> None:
        image = published.image(
            self.target, self.spec.scanner_image, self.target.services.scanner_image, "scanner_image"
        )
        signatures = volumes.claim("signatures", 1, SCANNER_USER)
        Service(
            "airlock-scanner",
            metadata=meta(self.spec, SCANNER, self._place, annotations={"pulumi.com/skipAwait": "true"}),
            spec=ServiceSpecArgs(
                type="ClusterIP",
                selector={pods.SERVICE: SCANNER},
                ports=[ServicePortArgs(port=SCANNER_PORT, name="clamd")],
            ),
            opts=self.child(depends_on=[namespace]),
        )
        mounts: list[Mount] = [
            pods.claim("signatures", "/signatures", read_only=False),
            pods.scratch("tmp", "/tmp", "4Gi"),  # noqa: S108 # a volume of the pod's own
        ]
        container = Container(
            SCANNER,
            image,
            mounts,
            command=["start"],
            port=SCANNER_PORT,
            ready=pods.connect(SCANNER_PORT),
            cpu="1",
            # Real signatures fill more than a gigabyte.
            memory="3Gi",
        )
        pods.deploy(
            self, pods.Service(SCANNER, SCANNER_USER, [container]), self._place, [namespace, signatures]
        )

    def _let_registrar_read(self, namespace: Namespace) -> None:
        """Let the registrar's reader read the list of scopes in the identity's namespace: the airlock's one right."""
        made = Role(
            "registrar",
            metadata=meta(self.spec, "registrar", self.identity.place),
            rules=[PolicyRuleArgs(api_groups=[""], resources=["configmaps"], verbs=["get", "list"])],
            opts=self.child(),
        )
        RoleBinding(
            "registrar",
            metadata=meta(self.spec, "registrar", self.identity.place),
            role_ref=RoleRefArgs(api_group=RBAC_GROUP, kind="Role", name=made.metadata.name),
            subjects=[SubjectArgs(kind="ServiceAccount", name="registrar", namespace=self._place)],
            opts=self.child(depends_on=[namespace]),
        )
