"""One sign-in on its way to the issuer and back, tied to the browser by a signed cookie."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.requests import HTTPConnection

from portal.domain.errors import NotSignedIn
from portal.sign_in.interface import Cookie
from portal.sign_in.settings import SessionSettings

LASTS: Final = datetime.timedelta(minutes=10)
_SHORTEST_KEY: Final = 32


@dataclass(frozen=True)
class Flow:
    """What the browser keeps while it is at the issuer: only with it does the answer fit."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    back: str
    began: float

    @classmethod
    def new(cls, back: str, now: datetime.datetime) -> Flow:
        """Return a new flow with three random texts of 256 bits and more."""
        state, nonce, verifier = (secrets.token_urlsafe(length) for length in (32, 32, 48))
        return cls(state, nonce, verifier, back, now.timestamp())

    @property
    def challenge(self) -> str:
        """Return what the issuer is told of the verifier (RFC 7636, S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class FlowCookies:
    """Keeps flows in cookies, one for each, so that two tabs can sign in side by side."""

    def __init__(self, key: bytes, settings: SessionSettings) -> None:
        if len(key) < _SHORTEST_KEY:
            raise ValueError(f"the key for cookies has fewer than {_SHORTEST_KEY} bytes")
        self._settings = settings
        self._signer = URLSafeSerializer(
            key,
            salt="tre-sign-in-flow",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )

    def keep(self, flow: Flow) -> Cookie:
        """Return the cookie that keeps a flow."""
        value = str(self._signer.dumps(asdict(flow)))
        return Cookie(self._name(flow.state), value, int(LASTS.total_seconds()), self._settings.secure)

    def drop(self, flow: Flow) -> Cookie:
        """Return the cookie that ends a flow."""
        return Cookie(self._name(flow.state), "", 0, self._settings.secure)

    def find(self, request: HTTPConnection, state: str, now: datetime.datetime) -> Flow:
        """Return the flow that this browser began with this state.

        Raises:
            NotSignedIn: another browser began it, nobody did, or it took longer than ten minutes.
        """
        try:
            kept: Any = self._signer.loads(request.cookies.get(self._name(state), ""))
            flow = Flow(**kept)
        except (BadSignature, TypeError, ValueError):
            raise lost() from None
        young = 0 <= now.timestamp() - flow.began < LASTS.total_seconds()
        if not young or not hmac.compare_digest(flow.state.encode(), state.encode()):
            raise lost()
        return flow

    def _name(self, state: str) -> str:
        return f"{self._settings.cookie_name}-{hashlib.sha256(state.encode()).hexdigest()[:16]}"


def lost() -> NotSignedIn:
    """Return the refusal of an answer that fits no sign-in begun in this browser."""
    return NotSignedIn(
        "this sign-in was not begun in this browser, or took too long", "Begin again.", "state"
    )
