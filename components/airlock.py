"""The only way in or out: one service with two doors, on storage, a database and an identity of its backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal

import pulumi

from components.contract import Component, Model, Promise, Spec, TargetT, promises
from components.identity import IdentityOutputs, SignIn
from components.secret_file import SecretFile

PROMISES = promises(
    "airlock",
    {
        "only-way-out": ("Data leaves the TRE through the airlock and nowhere else.", "3.1.05 3.1.12 3.3.04"),
        "only-way-in": ("Data enters the TRE through the airlock and nowhere else.", "3.1.04 3.1.12"),
        "another-person-decides": ("Whoever asks for a release never decides on it.", "3.1.06 3.1.07 3.3.05"),
        "bytes-bound-to-decision": ("The bytes released are the bytes that were decided on.", "3.3.04"),
        "scanned": ("Every file is scanned before a person opens it.", "3.1.20 3.3.08"),
        "recorded": (
            "Every request, decision and release stands in a record that shows tampering.",
            "3.3.09 2.5.03",
        ),
        "inside-cannot-release": ("Nothing inside a workspace can decide or release.", "3.1.06 3.3.04"),
        "outside-cannot-reach-workspace": ("The outside door has no path to any workspace.", "2.2.09 2.2.10"),
        "refusal-leaks-nothing": ("A refused request lets no byte out.", "3.3.04 3.1.12"),
        "stuck-requests-expire": ("A request that waits too long ends by itself, visibly.", "3.3.04 1.2.09"),
    },
)


class Receiver(Model):
    """A server of the institution's. `networks` (CIDR) say where it is; empty means anywhere.

    `authority` (PEM) vouches for it where no public authority does.
    """

    authority: str = ""
    networks: tuple[str, ...] = ()


class Mail(Receiver):
    """The mail server (SMTP) that takes the airlock's notices.

    `encryption` is `starttls` (RFC 3207), `tls` from the first byte (RFC 8314) or `none`.
    """

    server: str
    port: int
    sender: str
    encryption: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: SecretFile | None = None


class Webhook(Receiver):
    """The address (https) that takes the airlock's notices as JSON, signed with `secret`."""

    address: str
    secret: SecretFile


class Notices(Model):
    """Where the airlock says that a request moved. No notice holds content."""

    mail: Mail | None = None
    webhook: Webhook | None = None


class Telemetry(Receiver):
    """The address (OTLP over HTTP) that takes the outside door's traces and metrics."""

    address: str


class AirlockSpec(Spec):
    """`reviewers` is how many distinct people release an output; days are calendar days.

    `image` is the portal's image by digest; both doors run it. `database_image` and `scanner_image` are those of
    its database and of its malware scanner, where a backend runs them itself. `area_gib` is the size of each of
    the five areas that files pass through. `sign_in` says where staff come from and who knows them.
    """

    image: str
    sign_in: SignIn
    title: str = ""
    database_image: str = ""
    scanner_image: str = ""
    area_gib: int = 10
    notices: Notices = Notices()
    telemetry: Telemetry | None = None
    reviewers: int = 1
    review_days: int = 14
    pickup_days: int = 7
    record_retention_days: int = 3650


@dataclass(frozen=True)
class AirlockOutputs:
    """`inside` is the inside door's address for workspaces, `place` the isolated place it runs in (its
    namespace or network), `port` its TCP port, and `outside` the address that staff use. `authority` is the
    certificate (PEM) by which workspaces know the inside door; empty where a public authority vouches for it."""

    inside: pulumi.Input[str]
    place: pulumi.Input[str]
    port: pulumi.Input[int]
    outside: pulumi.Input[str]
    authority: pulumi.Input[str] = ""


class Airlock(Component[AirlockSpec, TargetT, AirlockOutputs], Generic[TargetT]):
    """One site's airlock: an inside door for workspaces and an outside door for staff.

    `identity` is what the site's identity gave: who the doors believe.
    """

    KIND: ClassVar = "Airlock"
    PROMISES: ClassVar[Mapping[str, Promise]] = PROMISES

    def __init__(
        self,
        spec: AirlockSpec,
        target: TargetT,
        identity: IdentityOutputs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        self.identity = identity
        super().__init__(spec, target, opts)
