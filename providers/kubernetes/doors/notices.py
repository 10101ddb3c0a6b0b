"""Where the worker sends notices: what it is told, the secrets it holds for that, and the ways that are open to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pulumi

from components.airlock import Mail, Notices, Webhook
from providers.kubernetes.doors.walls import Peer, people, ways_to

_PASSWORD: Final = "mail-password"  # noqa: S105 # a file's name
_MAIL_AUTHORITY: Final = "mail-ca"
_SIGNING: Final = "webhook-secret"
_WEBHOOK_AUTHORITY: Final = "webhook-ca"


def settings(notices: Notices, secrets: str, link: str) -> dict[str, Any]:
    """Return what the worker's settings say; `secrets` is the folder of its secrets, `link` the portal. Pure."""
    found: dict[str, Any] = {}
    if notices.mail:
        found["mail"] = {**_mail(notices.mail, secrets), "link": link}
    if notices.webhook:
        found["webhook"] = _webhook(notices.webhook, secrets)
    return found


def held(notices: Notices) -> dict[str, pulumi.Input[str]]:
    """Return the worker's secrets for notices, by file.

    Raises:
        Unbuildable: a file that holds one cannot be read, or is open to others.
    """
    found: dict[str, pulumi.Input[str]] = {}
    if mail := notices.mail:
        found |= {_PASSWORD: mail.password.read()} if mail.password else {}
        found |= {_MAIL_AUTHORITY: mail.authority} if mail.authority else {}
    if webhook := notices.webhook:
        found[_SIGNING] = webhook.secret.read()
        found |= {_WEBHOOK_AUTHORITY: webhook.authority} if webhook.authority else {}
    return found


def ways(notices: Notices) -> Sequence[tuple[Peer, int]]:
    """Return where the worker must get out to, each with its port."""
    found: list[tuple[Peer, int]] = []
    if mail := notices.mail:
        found += [(peer, mail.port) for peer in people(mail.networks)]
    if webhook := notices.webhook:
        found += ways_to(webhook.address, webhook.networks)
    return found


def _mail(mail: Mail, secrets: str) -> dict[str, Any]:
    return {
        "host": mail.server,
        "port": mail.port,
        "sender": mail.sender,
        "encryption": mail.encryption,
        "user": mail.user,
        **({"password_file": f"{secrets}/{_PASSWORD}"} if mail.password else {}),
        **({"ca_file": f"{secrets}/{_MAIL_AUTHORITY}"} if mail.authority else {}),
    }


def _webhook(webhook: Webhook, secrets: str) -> dict[str, Any]:
    return {
        "address": webhook.address,
        "secret_file": f"{secrets}/{_SIGNING}",
        **({"ca_file": f"{secrets}/{_WEBHOOK_AUTHORITY}"} if webhook.authority else {}),
    }
