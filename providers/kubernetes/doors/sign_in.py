"""The site's own sign-in service: Keycloak with its database, in a namespace of its own.

It has no administrator: the realm is imported when it first starts, and a client of the realm, the registrar,
keeps people and groups in it and can do nothing else.
"""

from __future__ import annotations

from typing import Any, Final

import pulumi

from components.contract import Component
from components.identity import IdentitySpec
from providers.kubernetes import names
from providers.kubernetes.doors import pods, published, realm
from providers.kubernetes.doors.certified import Certified, stamp
from providers.kubernetes.doors.database import NAME as DATABASE
from providers.kubernetes.doors.database import PORT as DATABASE_PORT
from providers.kubernetes.doors.database import Database
from providers.kubernetes.doors.pods import Container, Service
from providers.kubernetes.doors.seal import Seal
from providers.kubernetes.doors.volumes import Volumes
from providers.kubernetes.doors.walls import Walls, here, people, there
from providers.kubernetes.target import KubernetesTarget

NAME: Final = "sign-in"
USER: Final = 10020
PORT: Final = 8443
_HEALTH: Final = 9000
PEOPLE: Final = "people"
"""Purpose of the key from which each new person's first password and second factor follow."""


def address(target: KubernetesTarget) -> str:
    """Return the sign-in service's address for browsers."""
    return f"https://{published.host(target)}:{target.services.sign_in_port}"


def issuer(site: str, target: KubernetesTarget) -> str:
    """Return the issuer as its tokens name it."""
    return f"{address(target)}/realms/{realm.name(site)}"


def portal(target: KubernetesTarget) -> str:
    """Return the outside door's address for browsers."""
    return f"https://{published.host(target)}:{target.services.outside_port}"


class SignInService:
    """Keycloak of one site, and what the airlock needs to use it."""

    def __init__(
        self,
        component: Component[IdentitySpec, KubernetesTarget, Any],
        place: str,
        walls: Walls,
        after: pulumi.Resource,
    ) -> None:
        self._component, self._place, self._walls, self._after = component, place, walls, after
        self._seal = Seal(component, "identity")
        self._certified = Certified(component, self._seal, "identity", place, after)

    @property
    def _inside(self) -> str:
        return f"{NAME}.{self._place}.svc.cluster.local"

    def access(self) -> pulumi.Output[dict[str, str]]:
        """Return what the airlock is told: where the realm is, whom to trust, and its two clients' secrets."""
        base = f"https://{self._inside}:{self._component.target.services.sign_in_port}"
        found = pulumi.Output.all(
            base=base,
            realm=realm.name(self._component.spec.site),
            authority=self._certified.certificate,
            portal=self._seal.secret(realm.PORTAL),
            registrar=self._seal.secret(realm.REGISTRAR),
            people=self._seal.secret(PEOPLE),
        )
        return pulumi.Output.secret(found)

    def run(self) -> None:
        """Start the service and its database."""
        spec, target = self._component.spec, self._component.target
        services = target.services
        database = Database(
            component=self._component,
            place=self._place,
            name="keycloak",
            image=published.image(target, spec.database_image, services.database_image, "database_image"),
            roles=(),
            seal=self._seal,
            certified=self._certified,
            volumes=Volumes(self._component, "identity", self._place, self._after),
            walls=self._walls,
            after=self._after,
        )
        server = database.run([NAME])
        told = self._realm()
        held = self._certified.hold(NAME, {"database": database.password("owner"), "realm.json": told})
        tls = self._certified.serve(NAME, [self._inside, published.host(target)])
        airlock = names.site_namespace(spec.site, "airlock")
        self._walls.let_in(
            NAME,
            PORT,
            *people(spec.sign_in.networks),
            there(airlock, "outside"),
            there(airlock, "registrar"),
        )
        self._walls.let_out(NAME, (here(DATABASE), DATABASE_PORT))
        published.publish(self._component, NAME, self._place, PORT, services.sign_in_port, self._after)
        service = Service(
            NAME, USER, [self._container(database.host)], stamp=stamp(told), replaced_first=True
        )
        pods.deploy(self._component, service, self._place, [self._after, server, held, tls])

    def _realm(self) -> pulumi.Output[str]:
        spec, address = self._component.spec, portal(self._component.target)
        clients = {each: self._seal.secret(each) for each in (realm.PORTAL, realm.REGISTRAR)}
        return pulumi.Output.all(**clients).apply(
            lambda secrets: realm.document(spec.site, spec.site, address, secrets)
        )

    def _container(self, database: str) -> Container:
        spec, target = self._component.spec, self._component.target
        proven = "sslmode=verify-full&sslrootcert=/tls/ca.crt"
        return Container(
            NAME,
            published.image(target, spec.service_image, target.services.sign_in_image, "sign_in_image"),
            [
                pods.secret(NAME, "/secrets", "database"),
                pods.secret(f"{NAME}-tls", "/tls"),
                pods.scratch("data", "/opt/keycloak/data"),
                _realm_file(),
                pods.scratch("tmp", "/tmp"),  # noqa: S108 # a volume of the pod's own
            ],
            port=PORT,
            environment={
                "KC_DB_URL": f"jdbc:postgresql://{database}/keycloak?{proven}",
                "KC_DB_USERNAME": "owner",
                "KC_HOSTNAME": address(target),
                # Browsers come by the public address, the doors by the cluster's own; both name one issuer.
                "KC_HOSTNAME_BACKCHANNEL_DYNAMIC": "true",
                "KC_HTTP_ENABLED": "false",
                "KC_HTTPS_CERTIFICATE_FILE": "/tls/tls.crt",
                "KC_HTTPS_CERTIFICATE_KEY_FILE": "/tls/tls.key",
                "KC_HTTPS_PROTOCOLS": "TLSv1.3",
                "KC_CACHE": "local",
                "KC_LOG_CONSOLE_OUTPUT": "json",
            },
            ready=pods.ask("/health/ready", _HEALTH, failures=5),
            cpu="2",
            promised="250m",
            memory="1536Mi",
        )


def _realm_file() -> pods.Mount:
    """Return the realm as a file where Keycloak looks for what to import. A second volume of the same Secret."""
    found = pods.secret(NAME, "/opt/keycloak/data/import", "realm.json")
    found.volume.name = "realm"
    return pods.Mount(found.volume, "realm", found.path)
