"""A small OpenID Connect issuer on this machine, real in every step, that lies where a test tells it to.

It keeps the rules of the code flow itself (each code once, PKCE, the client's secret), so that a client that forgets
one is found out. Keys are made at start.
"""

from __future__ import annotations

import base64
import collections
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwk, jwt

from portal.domain.clock import Clock

CLIENT = "airlock"
SECRET = "a made-up secret of the client"
AUDIENCE = "airlock-api"
WORKLOADS = "airlock-inside"
LIFE = 300


@dataclass
class Lies:
    """What the issuer says wrong. `claims` replace true ones (None takes one out), `header` the token's."""

    claims: dict[str, Any] = field(default_factory=dict[str, Any])
    header: dict[str, Any] = field(default_factory=dict[str, Any])
    description: dict[str, Any] = field(default_factory=dict[str, Any])
    answer: dict[str, str] = field(default_factory=dict[str, str])
    status: int = 0


class Issuer:
    """The issuer. `asked` counts its paths, `lies` is what a test changes, `url` is what it calls itself."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lies = Lies()
        self.asked: collections.Counter[str] = collections.Counter()
        self.authorised: list[dict[str, str]] = []
        self.keys = [new_key("first")]
        self.published: list[jwk.Key] | None = None
        self.codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/realm"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def rotate(self, name: str) -> None:
        """Sign with a new key from now on, and publish it first."""
        self.keys.insert(0, new_key(name))

    def token(self, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
        """Return a signed token with the usual claims and these; None takes one out."""
        now = int(self.clock().timestamp())
        usual = {"iss": self.url, "sub": "subject-1", "iat": now, "exp": now + LIFE, "amr": ["pwd", "otp"]}
        named: dict[str, Any] = {
            "alg": "ES256",
            "kid": self.keys[0].kid,
            **(header or {}),
            **self.lies.header,
        }
        said = {**usual, **claims, **self.lies.claims}
        return jwt.encode(
            {name: value for name, value in named.items() if value is not None},
            {name: value for name, value in said.items() if value is not None},
            self.keys[0],
            [str(named["alg"])],
        )

    def access_token(self, **claims: Any) -> str:
        """Return an access token for the portal's API."""
        return self.token({"aud": AUDIENCE, "azp": "command-line", **PERSON, **claims}, {"typ": "at+jwt"})

    def jwks(self) -> dict[str, Any]:
        """Return the public keys."""
        listed = self.published if self.published is not None else self.keys
        return {"keys": [{**key.as_dict(private=False), "use": "sig"} for key in listed]}

    def description(self) -> dict[str, Any]:
        """Return what the issuer says of itself."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize?tenant=1",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/logout",
            "authorization_response_iss_parameter_supported": True,
            **self.lies.description,
        }

    def authorize(self, query: Mapping[str, str]) -> str:
        """Take a browser that a client sends, and return where it is sent back to."""
        self.authorised.append(dict(query))
        code = secrets.token_urlsafe(16)
        self.codes[code] = dict(query)
        answer = {"code": code, "state": query["state"], "iss": self.url, **self.lies.answer}
        return f"{query['redirect_uri']}?{urlencode({k: v for k, v in answer.items() if v != ''})}"

    def exchange(self, form: Mapping[str, str], login: str) -> tuple[int, dict[str, Any]]:
        """Exchange a code for an ID token, once, with its verifier and the client's secret."""
        asked = self.codes.pop(form.get("code", ""), None)
        wanted = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked is None or login != wanted or form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        claims = {"aud": CLIENT, "nonce": asked["nonce"], **PERSON}
        return 200, {"id_token": self.token(claims), "access_token": "not used", "token_type": "Bearer"}


PERSON: Mapping[str, Any] = {
    "preferred_username": "robin",
    "name": "Robin Researcher",
    "email": "robin@example.org",
    "groups": ["tre:demo:heart:data-analyst", "tre:other:heart:auditor", "everybody"],
}
"""Who signs in: a data analyst of one project, whatever other sites call them."""


def new_key(name: str) -> jwk.ECKey:
    """Return a new key for signatures."""
    return jwk.ECKey.generate_key("P-256", {"kid": name, "alg": "ES256"})


def unsigned(claims: Mapping[str, Any]) -> str:
    """Return a token with `alg: none`."""
    return ".".join([_part({"alg": "none", "typ": "at+jwt"}), _part(claims), ""])


def confused(claims: Mapping[str, Any], public: bytes, kid: str) -> str:
    """Return a token signed by HS256 with the text of a public key as its shared secret."""
    signed = f"{_part({'alg': 'HS256', 'kid': kid, 'typ': 'at+jwt'})}.{_part(claims)}"
    return f"{signed}.{_encoded(hmac.digest(public, signed.encode(), 'sha256'))}"


def _part(value: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(value).encode())


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            issuer.asked[parts.path] += 1
            if issuer.lies.status:
                self._send(issuer.lies.status, {})
            elif parts.path == "/realm/.well-known/openid-configuration":
                self._send(200, issuer.description())
            elif parts.path == "/realm/keys":
                self._send(200, issuer.jwks())
            elif parts.path == "/realm/authorize":
                self.send_response(302)
                self.send_header("Location", issuer.authorize(dict(parse_qsl(parts.query))))
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._send(404, {})

        def do_POST(self) -> None:
            issuer.asked[self.path] += 1
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            if issuer.lies.status:
                self._send(issuer.lies.status, {})
            else:
                self._send(*issuer.exchange(form, self.headers.get("Authorization", "")))

        def _send(self, status: int, document: Mapping[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
