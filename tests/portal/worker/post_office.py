"""A real mail server on this machine (aiosmtpd), which keeps what it takes, and a certificate of its own."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
from collections.abc import Generator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from providers.kubernetes.doors import authority

USER, PASSWORD = "airlock", "correct horse"
HOST = "localhost"


@dataclass
class PostOffice:
    """The server's letters by mailbox, and what it answers for whom it takes none."""

    port: int = 0
    authority: Path = Path()
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
def open_office(folder: Path, encryption: str = "starttls") -> Generator[PostOffice]:
    """Run a mail server that takes mail from `USER` alone, under a certificate for `HOST`."""
    office = PostOffice(authority=folder / "authority.pem")
    context = _certified(folder, office.authority)
    ways: dict[str, dict[str, Any]] = {
        "starttls": {"tls_context": context, "require_starttls": True},
        "tls": {"ssl_context": context, "auth_require_tls": False},  # it counts STARTTLS alone as encrypted
        "none": {},
    }
    controller = Controller(
        office,
        hostname="127.0.0.1",
        port=_free(),
        auth_required=encryption != "none",
        authenticator=_known,
        **ways[encryption],
    )
    controller.start()
    office.port = controller.port
    try:
        yield office
    finally:
        controller.stop()


def _free() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def _known(server: SMTP, session: Session, envelope: Envelope, mechanism: str, told: Any) -> AuthResult:
    right = isinstance(told, LoginPassword) and told == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


def _certified(folder: Path, known: Path) -> ssl.SSLContext:
    seed, own = b"a" * 32, "The post office"
    made = authority.service(seed, b"b" * 32, own, [HOST], datetime.date.today().year)
    known.write_text(authority.authority(seed, own).certificate)
    (folder / "tls.crt").write_text(made.certificate)
    (folder / "tls.key").write_text(made.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context
