"""Sends what waits in the outbox, by mail or webhook: at least once, in any order, never with content.

A notice says that a request of a project moved, and where. What is in it, its title included, is seen in the portal.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import smtplib
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.database.tables import NoticeRow, SeenRow
from portal.domain.errors import AirlockError, Unavailable
from portal.domain.people import Role
from portal.service.projects import roles_in
from portal.worker.leasing import LOG
from portal.worker.parts import Notice, WorkerParts

_AT_ONCE: Final = 50
_WAIT: Final = 10.0
"""Seconds that a mail server or a webhook may take."""
_DECIDERS: Final = frozenset({Role.OUTPUT_CHECKER.value, Role.INFORMATION_ASSET_OWNER.value})
_OPERATORS: Final = frozenset({Role.OPERATOR.value})
_FOR_DECIDERS: Final = frozenset({"in_review"})
_FOR_OPERATORS: Final = frozenset({"failed", "swapped"})
_FOR_REQUESTER: Final = frozenset(
    {"blocked", "changes_requested", "released", "rejected", "expired", "failed", "revoked"}
)


async def send(parts: WorkerParts) -> bool:
    """Send what is due; tell whether there was anything."""
    due = (
        await asyncio.to_thread(parts.database.write, lambda session: _take(parts, session))
        if (await asyncio.to_thread(_any, parts))
        else []
    )
    for notice in due:
        await _send(parts, notice)
    return bool(due)


def _any(parts: WorkerParts) -> bool:
    with parts.database.reading() as session:
        query = select(NoticeRow.id).where(NoticeRow.try_at <= parts.clock()).limit(1)
        return session.scalar(query) is not None


def _take(parts: WorkerParts, session: Session) -> list[Notice]:
    """Take due notices, each put off first: whoever dies now has only delayed them."""
    rows = list(
        session.scalars(
            select(NoticeRow)
            .where(NoticeRow.try_at <= parts.clock())
            .order_by(NoticeRow.try_at)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
    )
    seen = list(session.scalars(select(SeenRow))) if rows and parts.senders else []
    for row in rows:
        row.attempts += 1
        again = parts.senders and row.attempts < parts.patience.attempts
        row.try_at = parts.clock() + parts.patience.pause(row.attempts) if again else None
    return [
        Notice(row.id, row.kind, {key: str(value) for key, value in row.document.items()}, _whom(row, seen))
        for row in rows
    ]


def _whom(row: NoticeRow, seen: Iterable[SeenRow]) -> tuple[str, ...]:
    """Return the addresses of those whom a notice concerns."""
    project, requester = str(row.document["project"]), str(row.document["requester"])
    wanted = _DECIDERS if row.kind in _FOR_DECIDERS else frozenset[str]()
    wanted |= _OPERATORS if row.kind in _FOR_OPERATORS else frozenset[str]()
    return tuple(
        sorted(
            {
                person.email
                for person in seen
                if person.email
                and (
                    (person.subject == requester and row.kind in _FOR_REQUESTER)
                    or (person.subject != requester and roles_in(person.grants, project) & wanted)
                )
            }
        )
    )


async def _send(parts: WorkerParts, notice: Notice) -> None:
    try:
        for sender in parts.senders:
            await sender.send(notice)
    except AirlockError as error:
        LOG.warning("notice not sent", extra={"notice": notice.id, "code": error.code})
        return
    if parts.senders:
        await asyncio.to_thread(parts.database.write, lambda session: _sent(parts, session, notice))


def _sent(parts: WorkerParts, session: Session, notice: Notice) -> None:
    row = session.get_one(NoticeRow, notice.id)
    row.sent_at, row.try_at = parts.clock(), None


@dataclass(frozen=True)
class Webhook:
    """Posts notices as JSON. `Tre-Signature` is the HMAC-SHA-256 of the body, `Tre-Notice` names it for repeats."""

    url: str
    secret: bytes = field(repr=False)

    async def send(self, notice: Notice) -> None:
        """Post a notice; any answer but 2xx is a failure, and none is followed elsewhere."""
        import httpx  # here, as it takes a tenth of a second that only sites with a webhook need

        body = json.dumps(notice.document, sort_keys=True).encode()
        headers = {
            "Content-Type": "application/json",
            "Tre-Notice": notice.id,
            "Tre-Signature": "sha256=" + hmac.new(self.secret, body, hashlib.sha256).hexdigest(),
        }
        try:
            async with httpx.AsyncClient(timeout=_WAIT, follow_redirects=False, trust_env=False) as client:
                (await client.post(self.url, content=body, headers=headers)).raise_for_status()
        except httpx.HTTPError as error:
            raise Unavailable("the webhook does not answer", "It is tried again.") from error


@dataclass(frozen=True)
class Mail:
    """Sends notices by SMTP; `link` is the portal's address, to which a mail points."""

    host: str
    port: int
    sender: str
    link: str
    starttls: bool = True
    user: str = ""
    password: str = field(default="", repr=False)

    async def send(self, notice: Notice) -> None:
        """Send a mail to each person whom the notice concerns; none sees the others."""
        if notice.addresses:
            await asyncio.to_thread(self._send, notice)

    def _send(self, notice: Notice) -> None:
        try:
            with smtplib.SMTP(self.host, self.port, timeout=_WAIT) as server:
                if self.starttls:
                    server.starttls(context=ssl.create_default_context())
                if self.user:
                    server.login(self.user, self.password)
                for address in notice.addresses:
                    server.send_message(self._message(notice, address))
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable("the mail server does not take the notice", "It is tried again.") from error

    def _message(self, notice: Notice, address: str) -> EmailMessage:
        about = notice.document
        state = about["state"].replace("_", " ")
        message = EmailMessage()
        message["From"], message["To"] = self.sender, address
        message["Subject"] = f"Airlock: a request of {about['project']} is {state}"
        message["Message-ID"] = f"<{notice.id}@tre-airlock>"
        message.set_content(
            f"A request of the project {about['project']} is now {state}.\n\n"
            f"{self.link.rstrip('/')}/requests/{about['request']}\n"
        )
        return message
