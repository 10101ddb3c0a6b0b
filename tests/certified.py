"""Certificates of an authority of an institution's own, which no public one vouches for."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from providers.kubernetes.doors import authority

_NAME: Final = "The institution"
_SEED: Final = b"institution"


@dataclass(frozen=True)
class Certified:
    """Files of one service's certificate and key, and of the authority behind it."""

    host: str
    authority: Path
    certificate: Path
    key: Path

    @classmethod
    def made(cls, folder: Path, hosts: Sequence[str]) -> Certified:
        """Certify a service that is asked under these names and addresses, the first before all."""
        made = authority.service(_SEED, b"service", _NAME, hosts, datetime.date.today().year)
        files = {
            "authority.pem": authority.authority(_SEED, _NAME).certificate,
            "tls.crt": made.certificate,
            "tls.key": made.key,
        }
        for name, text in files.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        return cls(hosts[0], *(folder / name for name in files))

    def serving(self) -> ssl.SSLContext:
        """Return what a server of these names shows."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def trusting(self) -> ssl.SSLContext:
        """Return what a caller trusts who knows the authority."""
        return ssl.create_default_context(cafile=str(self.authority))
