"""Verifies signed tokens (JWT): signature, issuer, audience and times, with every algorithm refused but those named."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from joserfc import jwk, jws, jwt
from joserfc.errors import JoseError, SecurityWarning

from portal.domain.clock import Clock
from portal.domain.errors import NotSignedIn
from portal.sign_in.asking import LONGEST
from portal.sign_in.fetching import Kept, silent

warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)
"""RFC 9864 prefers the name Ed25519; issuers still write EdDSA for the same signature."""

_FRESH: Final = datetime.timedelta(minutes=10)
_STALE: Final = datetime.timedelta(hours=1)
_KINDS: Final = frozenset({"RSA", "EC", "OKP"})
_SMALLEST_RSA: Final = 2048


def refused(why: str) -> NotSignedIn:
    """Return the refusal of a token; `why` names the claim or part at fault, and nothing of its content."""
    return NotSignedIn("this token is not accepted", "Sign in again.", why)


@dataclass(frozen=True)
class Token:
    """A verified token: what it says of itself (header) and of its subject (claims)."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def subject(self) -> str:
        """Return whom the issuer means."""
        return cast(str, self.claims["sub"])

    @property
    def expires(self) -> datetime.datetime:
        """Return when it ends."""
        return datetime.datetime.fromtimestamp(float(self.claims["exp"]), datetime.UTC)


@dataclass(frozen=True)
class Rules:
    """What a token must say. `leeway`: seconds by which the issuer's clock may differ from ours."""

    issuer: str
    audience: str
    algorithms: frozenset[str]
    leeway: int


class Keys:
    """An issuer's public keys. An unknown key's name leads to one more question, at most every 30 seconds."""

    def __init__(self, ask: Callable[[], Awaitable[Mapping[str, Any]]], clock: Clock) -> None:
        async def asked() -> jwk.KeySet:
            return key_set(await ask())

        self._kept = Kept(asked, clock, _FRESH, _STALE)

    async def naming(self, kid: str | None) -> jwk.KeySet:
        """Return the issuer's keys, asked for again where none has this name."""
        keys = await self._kept.get()
        if kid is not None and all(key.kid != kid for key in keys):
            return await self._kept.renewed()
        return keys


def key_set(document: Mapping[str, Any]) -> jwk.KeySet:
    """Return the public keys for signatures in a JWK set (RFC 7517); secrets and keys too short are left out.

    Raises:
        Unavailable: it holds none, so that nothing could be verified.
    """
    listed: object = document.get("keys")
    entries = cast(list[Any], listed) if isinstance(listed, list) else []
    found = [key for entry in entries if (key := _key(entry)) is not None]
    if not found:
        raise silent("whoever signs people in publishes no keys")
    return jwk.KeySet(found)


def _key(entry: Any) -> jwk.Key | None:
    if not isinstance(entry, dict):
        return None
    data = cast(dict[str, Any], entry)
    if data.get("kty") not in _KINDS or data.get("use", "sig") != "sig" or "d" in data:
        return None
    try:
        key = jwk.import_key(data)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, jwk.RSAKey) and key.public_key.key_size < _SMALLEST_RSA:
        return None
    return key


async def verify(text: str, keys: Keys, rules: Rules, now: datetime.datetime) -> Token:
    """Return a token that the issuer signed for us, and that is valid now.

    Raises:
        NotSignedIn: anything is amiss; `where` names what.
        Unavailable: the issuer's keys cannot be had.
    """
    if len(text) > LONGEST:
        raise refused("length")
    # The algorithm is judged before the issuer is asked for anything.
    header = _header(text)
    if header.get("alg") not in rules.algorithms:
        raise refused("alg")
    kid: object = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise refused("kid")
    signed = _signed(text, await keys.naming(kid), rules)
    _check(signed.claims, rules, now.timestamp())
    return signed


def _registry(rules: Rules) -> jws.JWSRegistry:
    # Unknown headers are ignored as RFC 7515 wants; those under `crit` are still refused.
    return jws.JWSRegistry(algorithms=sorted(rules.algorithms), strict_check_header=False)


def _header(text: str) -> Mapping[str, Any]:
    registry = jws.JWSRegistry(strict_check_header=False)
    try:
        return jws.extract_compact(text.encode(), registry=registry).headers()
    except (JoseError, ValueError, TypeError):
        raise refused("form") from None


def _signed(text: str, keys: jwk.KeySet, rules: Rules) -> Token:
    try:
        found = jwt.decode(text, keys, sorted(rules.algorithms), _registry(rules))
    except (JoseError, ValueError, TypeError, AttributeError):
        raise refused("signature") from None
    return Token(found.header, found.claims)


def _check(claims: Mapping[str, Any], rules: Rules, now: float) -> None:
    if claims.get("iss") != rules.issuer:
        raise refused("iss")
    if rules.audience not in texts(claims.get("aud")):
        raise refused("aud")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise refused("sub")
    if now >= _moment(claims, "exp") + rules.leeway:
        raise refused("exp")
    if now < _moment(claims, "iat") - rules.leeway:
        raise refused("iat")
    if "nbf" in claims and now < _moment(claims, "nbf") - rules.leeway:
        raise refused("nbf")


def _moment(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    # Past year 9999 no moment can be told; NaN compares false with everything and so would never expire.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 253402300800:
        raise refused(name)
    return float(value)


def texts(value: Any) -> frozenset[str]:
    """Return a claim that is a text or a list of texts as a set; anything else in it is left out."""
    if isinstance(value, str):
        return frozenset({value})
    listed = cast(list[Any], value) if isinstance(value, list) else []
    return frozenset(each for each in listed if isinstance(each, str))
