"""The two ways that a notice goes: to an address of the web, and to people's mailboxes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import smtplib
import ssl
from collections.abc import Generator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Final, Literal

from portal.domain.errors import Unavailable
from portal.worker.leasing import LOG
from portal.worker.parts import Notice

_WAIT: Final = 10.0
"""Seconds that a mail server or a webhook may take."""
_FOR_NOW: Final = range(400, 500)
"""SMTP answers that mean: try again later (RFC 5321, 4.2.1)."""


@dataclass(frozen=True)
class Webhook:
    """Posts notices as JSON. `Tre-Signature` is the HMAC-SHA-256 of the body, `Tre-Notice` names it for repeats.

    `authority` is a file of certificates that vouch for the address; without, the public authorities do.
    """

    url: str
    secret: bytes = field(repr=False)
    authority: Path | None = None

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
            async with httpx.AsyncClient(
                timeout=_WAIT, follow_redirects=False, trust_env=False, verify=_trusting(self.authority)
            ) as client:
                (await client.post(self.url, content=body, headers=headers)).raise_for_status()
        except httpx.HTTPError as error:
            raise Unavailable("the webhook does not answer", "It is tried again.") from error


@dataclass(frozen=True)
class Mail:
    """Sends notices by SMTP; `link` is the portal's address, to which a mail points.

    `encryption` is STARTTLS (RFC 3207), TLS from the first byte (RFC 8314), or none. Whoever cannot be written to
    holds up nobody else: one whom the server turns down for good is left out, and the log says so.
    """

    host: str
    port: int
    sender: str
    link: str
    encryption: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    authority: Path | None = None

    async def send(self, notice: Notice) -> None:
        """Send a mail to each person whom the notice concerns; none sees the others."""
        if notice.addresses:
            await asyncio.to_thread(self._send, notice)

    def _send(self, notice: Notice) -> None:
        try:
            with self._server() as server:
                later = [each for each in notice.addresses if not self._sent(server, notice, each)]
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable("the mail server does not take the notice", "It is tried again.") from error
        if later:
            raise Unavailable("the mail server takes no mail for some people now", "It is tried again.")

    @contextlib.contextmanager
    def _server(self) -> Generator[smtplib.SMTP]:
        with self._reached() as server:
            if self.encryption == "starttls":
                server.starttls(context=_trusting(self.authority))
            if self.user:
                server.login(self.user, self.password)
            yield server

    def _reached(self) -> smtplib.SMTP:
        if self.encryption == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=_WAIT, context=_trusting(self.authority))
        return smtplib.SMTP(self.host, self.port, timeout=_WAIT)

    def _sent(self, server: smtplib.SMTP, notice: Notice, address: str) -> bool:
        """Send one mail; tell whether it is settled, sent or turned down for good."""
        try:
            server.send_message(self._message(notice, address))
        except smtplib.SMTPRecipientsRefused as error:
            code, _ = error.recipients[address]
            if code in _FOR_NOW:
                return False
            LOG.warning("mail turned down", extra={"notice": notice.id, "code": code})
        except (smtplib.SMTPNotSupportedError, ValueError):
            # A letter that this server does not know in an address, or an address that is none.
            LOG.warning("mail not possible", extra={"notice": notice.id, "code": "address"})
        return True

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


def _trusting(authority: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority) if authority else None)
