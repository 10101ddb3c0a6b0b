"""The processes of the airlock that run the portal's image: each with its own settings, secrets and mounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pulumi
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pulumi_kubernetes.batch.v1 import Job, JobSpecArgs
from pulumi_kubernetes.core.v1 import ConfigMap

from components.airlock import AirlockSpec
from components.contract import Component
from components.identity import EMBEDDED
from providers.kubernetes import names
from providers.kubernetes import reader as reader_script
from providers.kubernetes.doors import notices, pods, telemetry, told
from providers.kubernetes.doors.certified import AUTHORITY, Certified, stamp
from providers.kubernetes.doors.database import Database
from providers.kubernetes.doors.pods import PORTAL_USER, Container, Mount, Service
from providers.kubernetes.doors.seal import Seal
from providers.kubernetes.objects import meta
from providers.kubernetes.target import KubernetesTarget

_DOORS: Final = 2
_WORKERS: Final = 2
READER: Final = Path(reader_script.__file__).read_text()


@dataclass(frozen=True)
class Programs:
    """The processes of one site's airlock."""

    component: Component[AirlockSpec, KubernetesTarget, Any]
    place: str
    site: pulumi.Output[told.Site]
    seal: Seal
    certified: Certified
    database: Database

    def door(self, role: str, hosts: Sequence[str], after: Sequence[pulumi.Resource]) -> None:
        """Run one door."""
        settings = self._settings(role)
        secrets = {"database": self.database.password(role), **self._of_door(role)}
        held = self.certified.hold(role, secrets)
        tls = self.certified.serve(role, hosts)
        mounts = [*self._mounts(role), *self._areas(role), pods.secret(f"{role}-tls", "/tls")]
        if role == "inside":
            mounts.append(pods.token(told.API))
        host = f"{hosts[0]}:{told.PORT}" if role == "inside" else self._published()
        container = self._portal(role, [role], mounts, drains=True, port=told.PORT, asked=host)
        marks = {f"{names.LABEL}/door": role}
        told_all = stamp(settings.data, secrets, hosts)
        service = Service(role, PORTAL_USER, [container], _DOORS, marks, told_all)
        pods.deploy(self.component, service, self.place, [*after, settings, held, tls])

    def worker(self, after: Sequence[pulumi.Resource]) -> None:
        """Run what happens by itself. It alone sees every area, and holds the key that signs the record."""
        settings = self._settings("worker")
        secrets = {
            "database": self.database.password("worker"),
            "signing-key": self.seal.seed("signing key").apply(_signing_key),
            **notices.held(self.component.spec.notices),
        }
        held = self.certified.hold("worker", secrets)
        mounts = [*self._mounts("worker"), *self._areas("worker")]
        container = self._portal("worker", ["worker"], mounts, memory="1Gi")
        service = Service("worker", PORTAL_USER, [container], _WORKERS, stamp=stamp(settings.data, secrets))
        pods.deploy(self.component, service, self.place, [*after, settings, held])

    def migrate(self, after: Sequence[pulumi.Resource]) -> Job:
        """Bring the database to the version of this image, before anything of this image uses it."""
        settings = self._settings("migrate")
        held = self.certified.hold("migrate", {"database": self.database.password("owner")})
        account = pods.account(self.component, "migrate", self.place, after)
        container = self._portal("migrate", ["migrate"], self._mounts("migrate"))
        service = Service("migrate", PORTAL_USER, [container])
        version = self.component.spec.image.rpartition(":")[2][:12]
        return Job(
            "migrate",
            metadata=meta(self.component.spec, f"migrate-{version}", self.place),
            spec=JobSpecArgs(
                backoff_limit=10,
                active_deadline_seconds=600,
                template=pods.template(self.component.spec, service, restart="OnFailure"),
            ),
            opts=self.component.child(depends_on=[*after, account, settings, held]),
        )

    def registrar(self, listed: pulumi.Input[str], after: Sequence[pulumi.Resource]) -> None:
        """Run the registrar and, beside it, the reader: one has the secrets, the other the API server's ear."""
        spec, target = self.component.spec, self.component.target
        text = self.site.apply(lambda site: told.registrar(site, ready=target.embedded))
        settings = self._configured("registrar", text)
        secrets = {"database": self.database.password("registrar"), **self._of_access("registrar", "people")}
        held = self.certified.hold("registrar", secrets)
        script = ConfigMap(
            "reader-script",
            metadata=meta(spec, "reader", self.place),
            data={"reader.py": READER},
            opts=self.component.child(depends_on=after),
        )
        listing = pods.scratch("listing", "/listing", "16Mi")
        reader = Container(
            "reader",
            spec.image,
            [listing, pods.token(told.API), pods.config("reader", "/reader")],
            command=["python3", "/reader/reader.py"],
            args=["$(LISTED)", "/listing/scopes.json"],
            environment={"LISTED": listed},
            cpu="200m",
            memory="128Mi",
        )
        keeper = Container(
            "registrar",
            spec.image,
            [*self._mounts("registrar"), Mount(listing.volume, "listing", "/listing")],
            command=["python3", "-m", "portal.registrar"],
            environment={"TRE_REGISTRAR_SETTINGS": "/settings/settings.json"},
            cpu="500m",
            memory="256Mi",
        )
        service = Service(
            "registrar",
            PORTAL_USER,
            [reader, keeper],
            stamp=stamp(settings.data, secrets, READER),
            replaced_first=True,
        )
        pods.deploy(self.component, service, self.place, [*after, settings, held, script])

    def _published(self) -> str:
        from providers.kubernetes.doors import sign_in

        return sign_in.portal(self.component.target).removeprefix("https://")

    def _of_door(self, role: str) -> Mapping[str, pulumi.Input[str]]:
        if role == "inside":
            return {}
        told_of = telemetry.held(self.component.spec.telemetry)
        return {"cookie-key": self.seal.secret("cookie key"), **self._of_client(), **told_of}

    def _of_client(self) -> Mapping[str, pulumi.Input[str]]:
        """Return what the airlock's client at the issuer holds."""
        own = self.component.spec.sign_in
        if own.issuer == EMBEDDED:
            return self._of_access("portal")
        secret = {"client": own.client_secret.read()} if own.client_secret else {}
        return secret | ({"sign-in-ca": own.authority} if own.authority else {})

    def _of_access(self, client: str, *more: str) -> Mapping[str, pulumi.Input[str]]:
        """Return what a client of the site's own sign-in service holds; nothing where there is none."""
        if self.component.spec.sign_in.issuer != EMBEDDED:
            return {}
        wanted = {"client": client, "sign-in-ca": "authority", **{each: each for each in more}}
        return {file: self.site.apply(lambda site, key=key: site.access[key]) for file, key in wanted.items()}

    def _settings(self, role: str) -> ConfigMap:
        return self._configured(role, self.site.apply(lambda site: told.settings(site, role)))

    def _configured(self, role: str, text: pulumi.Output[str]) -> ConfigMap:
        # No secret stands in it: those are files of their own.
        return ConfigMap(
            f"{role}-settings",
            metadata=meta(self.component.spec, f"{role}-settings", self.place),
            data={"settings.json": pulumi.Output.unsecret(text)},
            opts=self.component.child(),
        )

    def _mounts(self, role: str) -> list[Mount]:
        return [
            pods.config(f"{role}-settings", "/settings"),
            pods.secret(role, told.SECRETS),
            pods.config(AUTHORITY, "/authority"),
            pods.scratch("tmp", "/tmp", "2Gi"),  # noqa: S108 # a volume of the pod's own
        ]

    def _areas(self, role: str) -> list[Mount]:
        return [
            pods.claim(area.replace("_", "-"), f"/areas/{area}", read_only=read_only)
            for area, read_only in told.MOUNTED[role].items()
        ]

    def _portal(
        self,
        name: str,
        args: Sequence[str],
        mounts: Sequence[Mount],
        *,
        memory: str = "512Mi",
        drains: bool = False,
        port: int = 0,
        asked: str = "",
    ) -> Container:
        return Container(
            name,
            self.component.spec.image,
            mounts,
            args=args,
            port=port,
            environment={"TRE_PORTAL_SETTINGS": "/settings/settings.json"},
            ready=pods.ask("/readyz", port, asked) if port else None,
            memory=memory,
            drains=drains,
        )


def _signing_key(seed: bytes) -> str:
    """Return the key that signs the record (Ed25519, PKCS #8)."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
