"""A real mail server on this machine (aiosmtpd), which keeps what it takes."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.certified import Certified
from tests.ports import free_port

USER, PASSWORD = "airlock", "correct horse"


@dataclass
class PostOffice:
    """The server's letters by mailbox, and what it answers for whom it takes none."""

    port: int
    boxes: dict[str, list[EmailMessage]] = field(default_factory=dict[str, list[EmailMessage]])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    encrypted: list[bool] = field(default_factory=list[bool])

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take an addressee, or not."""
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Put a letter into its mailboxes."""
        content = cast("bytes", envelope.content)
        for address in envelope.rcpt_tos:
            letter = message_from_bytes(content, policy=policy.default)
            self.boxes.setdefault(address, []).append(letter)
        assert server.transport
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 OK"


@contextlib.contextmanager
def open_office(
    certified: Certified, encryption: str = "starttls", address: str = "127.0.0.1", port: int = 0
) -> Generator[PostOffice]:
    """Run a mail server that takes mail from `USER` alone, or with encryption `none` from anybody."""
    context = certified.serving()
    ways: dict[str, dict[str, Any]] = {
        "starttls": {"tls_context": context, "require_starttls": True},
        "tls": {"ssl_context": context, "auth_require_tls": False},  # it counts STARTTLS alone as encrypted
        "none": {},
    }
    office = PostOffice(port or free_port())
    controller = Controller(
        office,
        hostname=address,
        port=office.port,
        auth_required=encryption != "none",
        authenticator=_known,
        **ways[encryption],
    )
    controller.start()
    try:
        yield office
    finally:
        controller.stop()


def _known(server: SMTP, session: Session, envelope: Envelope, mechanism: str, told: Any) -> AuthResult:
    right = isinstance(told, LoginPassword) and told == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)
