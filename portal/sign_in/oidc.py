"""Sign-in by an OpenID Connect issuer: code flow with PKCE for browsers, access tokens for programs.

Nothing here lets anybody in while the issuer cannot be asked: no keys, no sign-in.
"""

from __future__ import annotations

import datetime
import hmac
from collections.abc import Mapping
from typing import Any, Final, Literal, cast
from urllib.parse import urlencode, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from starlette.requests import HTTPConnection

from portal.domain.clock import Clock
from portal.domain.errors import NotSignedIn, Unavailable
from portal.domain.people import Person, grants
from portal.sign_in import tokens
from portal.sign_in.asking import bearer, own_path
from portal.sign_in.browser import Browser
from portal.sign_in.fetching import Kept, Web, silent
from portal.sign_in.files import read_secret
from portal.sign_in.flow import Flow, FlowCookies
from portal.sign_in.interface import RETURN_PATH, Going, SignedIn
from portal.sign_in.settings import OidcSettings, SessionSettings, address, claim
from portal.sign_in.tokens import Keys, Rules, Token, refused, texts

_FRESH: Final = datetime.timedelta(hours=1)
_STALE: Final = datetime.timedelta(hours=12)
_OLDEST_ID_TOKEN: Final = 600
"""Seconds since an ID token was made: it is fetched the moment it is made, so an older one was kept by somebody."""
_LONGEST_TEXT: Final = 320
_ACCESS_TOKEN_TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})


class Description(BaseModel):
    """What an issuer says of itself (OpenID Connect Discovery 1.0); the parts that are used."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str = ""
    authorization_response_iss_parameter_supported: bool = False

    @field_validator("authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint")
    @classmethod
    def _safe(cls, value: str) -> str:
        return address(value) if value else value


class Issuer:
    """One issuer: what it says of itself, its keys, and the exchange of a code for tokens."""

    def __init__(self, settings: OidcSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._web = Web(settings.ca_file)
        self._description = Kept(self._describe, clock, _FRESH, _STALE)
        self._keys = Keys(self._published, clock)

    async def description(self) -> Description:
        """Return what the issuer says of itself.

        Raises:
            Unavailable: it does not answer, or speaks for another issuer.
        """
        return await self._description.get()

    async def exchange(self, code: str, verifier: str, back: str) -> str:
        """Return the ID token for a code.

        Raises:
            NotSignedIn: the issuer refuses the code, or gives no ID token.
            Unavailable: it does not answer.
        """
        described = await self.description()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "client_id": self._settings.client_id,
            "code_verifier": verifier,
        }
        status, answer = await self._web.post(described.token_endpoint, form, self._login())
        token = answer.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise refused("code")
        return token

    async def verify(self, token: str, audience: str) -> Token:
        """Return a token of this issuer, made for an audience, whose owner showed a second factor where required.

        Raises:
            NotSignedIn: anything is amiss.
            Unavailable: the issuer's keys cannot be had.
        """
        settings = self._settings
        rules = Rules(settings.issuer, audience, frozenset(settings.algorithms), settings.leeway)
        found = await tokens.verify(token, self._keys, rules, self._clock())
        self._second_factor(found.claims)
        return found

    def _second_factor(self, claims: Mapping[str, Any]) -> None:
        wanted = self._settings.second_factor
        if not wanted.required:
            return
        if not (wanted.amr & texts(claims.get("amr")) or wanted.acr & texts(claims.get("acr"))):
            raise NotSignedIn(
                "this sign-in shows no second factor", "Set one up, then sign in again.", "second-factor"
            )

    def _login(self) -> tuple[str, str] | None:
        if self._settings.client_secret_file is None:
            return None
        return self._settings.client_id, read_secret(self._settings.client_secret_file).decode()

    async def _describe(self) -> Description:
        settings = self._settings
        where = settings.discovery or f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            described = Description.model_validate(await self._web.get(where))
        except ValidationError:
            raise silent("whoever signs people in does not describe itself as it should") from None
        if described.issuer != settings.issuer:
            raise silent("whoever signs people in speaks for another issuer")
        return described

    async def _published(self) -> Mapping[str, Any]:
        return await self._web.get((await self.description()).jwks_uri)


class OidcSignIn(Browser):
    """The outside door's sign-in by an issuer (`portal.sign_in.interface.IssuerSignIn`)."""

    def __init__(
        self, settings: OidcSettings, sessions: SessionSettings, browser: Browser.Parts, public: str
    ) -> None:
        super().__init__(sessions, browser)
        self._settings = settings
        self._issuer = Issuer(settings, browser.clock)
        self._flows = FlowCookies(read_secret(settings.cookie_key_file), sessions)
        self._public = address(public).rstrip("/")

    @property
    def kind(self) -> Literal["issuer"]:
        """Tell that `GET /sign-in` leaves for the issuer at once."""
        return "issuer"

    async def person(self, request: HTTPConnection) -> Person:
        """Return who asks: by access token where the request carries one, else by session cookie."""
        token = bearer(request)
        return await (self._of_cookie(request) if token is None else self._of_access_token(token))

    async def begin(self, back: str) -> Going:
        """Send the browser to the issuer, with state, nonce and PKCE (RFC 9700)."""
        described = await self._issuer.description()
        flow = Flow.new(own_path(back), self._clock())
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._public + RETURN_PATH,
            "scope": " ".join(self._settings.scopes),
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
        }
        if self._settings.second_factor.required and self._settings.second_factor.acr:
            asked["acr_values"] = " ".join(sorted(self._settings.second_factor.acr))
        if self._settings.prompt:
            asked["prompt"] = self._settings.prompt
        return Going(_with(described.authorization_endpoint, asked), (self._flows.keep(flow),))

    async def finish(self, request: HTTPConnection) -> SignedIn:
        """Take the browser back from the issuer: the answer must fit what this browser began."""
        answer = _answer(request)
        flow = self._flows.find(request, answer.get("state", ""), self._clock())
        await self._answered_by_issuer(answer)
        told = await self._issuer.exchange(answer["code"], flow.verifier, self._public + RETURN_PATH)
        token = await self._issuer.verify(told, self._settings.client_id)
        self._made_for_this(token, flow)
        ends = self._account_ends(token.claims)
        return await self._begin(request, self._person(token), flow.back, (self._flows.drop(flow),), ends)

    async def sign_out(self, request: HTTPConnection) -> Going:
        """End the session, then send the browser to the issuer to end its own, if that answers."""
        going = await super().sign_out(request)
        try:
            described = await self._issuer.description()
        except Unavailable:
            return going
        if not described.end_session_endpoint:
            return going
        asked = {
            "client_id": self._settings.client_id,
            "post_logout_redirect_uri": self._public + "/",
        }
        return Going(_with(described.end_session_endpoint, asked), going.cookies)

    async def _of_access_token(self, text: str) -> Person:
        token = await self._issuer.verify(text, self._settings.audience)
        if self._settings.typed_tokens and not _is_access_token(token):
            raise refused("typ")
        client = token.claims.get("azp", token.claims.get("client_id"))
        if self._settings.accepted_clients and client not in self._settings.accepted_clients:
            raise refused("azp")
        person = self._person(token)
        await self._noted(person, self._account_ends(token.claims))
        return person

    async def _answered_by_issuer(self, answer: Mapping[str, str]) -> None:
        described = await self._issuer.description()
        told = answer.get("iss")  # RFC 9207: an answer of another issuer is not taken for this one's
        missing = told is None and described.authorization_response_iss_parameter_supported
        if missing or (told is not None and told != self._settings.issuer):
            raise refused("iss")
        if "error" in answer or not answer.get("code"):
            # What the issuer wrote is not repeated: anybody can write it into an address.
            raise NotSignedIn("the sign-in was not finished", "Begin again.", "error")

    def _made_for_this(self, token: Token, flow: Flow) -> None:
        nonce = token.claims.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), flow.nonce.encode()):
            raise refused("nonce")
        party = token.claims.get("azp")
        several = len(texts(token.claims.get("aud"))) > 1
        if (several or party is not None) and party != self._settings.client_id:
            raise refused("azp")
        age = self._clock().timestamp() - float(token.claims["iat"])
        if age > _OLDEST_ID_TOKEN + self._settings.leeway:
            raise refused("iat")

    def _person(self, token: Token) -> Person:
        claims = token.claims
        return Person(
            subject=token.subject,
            name=_text(claims, "preferred_username") or _text(claims, "email") or token.subject,
            full_name=_text(claims, "name"),
            email=_text(claims, "email"),
            grants=grants(self._site, texts(claim(claims, self._settings.groups_claim))),
            signed_in=datetime.datetime.fromtimestamp(float(claims["iat"]), datetime.UTC),
        )

    def _account_ends(self, claims: Mapping[str, Any]) -> datetime.date | None:
        if not self._settings.expires_claim:
            return None
        told = claim(claims, self._settings.expires_claim)
        if told is None:
            return None
        try:
            day = datetime.date.fromisoformat(cast(str, told))
        except (TypeError, ValueError):
            raise refused("expires") from None
        if self._clock().date() > day:
            raise NotSignedIn("this account has ended", "Ask the project's manager.", "expires")
        return day


def _answer(request: HTTPConnection) -> dict[str, str]:
    found = request.query_params.multi_items()
    answer = dict(found)
    if len(answer) != len(found):
        raise refused("answer")
    return answer


def _is_access_token(token: Token) -> bool:
    kind = token.header.get("typ")
    named = isinstance(kind, str) and kind.lower() in _ACCESS_TOKEN_TYPES
    return named or token.claims.get("typ") == "Bearer"


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value[:_LONGEST_TEXT] if isinstance(value, str) else ""


def _with(endpoint: str, asked: Mapping[str, str]) -> str:
    parts = urlsplit(endpoint)
    query = "&".join(filter(None, (parts.query, urlencode(asked))))
    return urlunsplit(parts._replace(query=query))
