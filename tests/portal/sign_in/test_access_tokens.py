"""Access tokens for the API: replayed elsewhere, forged, expired or made for others, none opens the door."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any, cast

import pytest
from joserfc import jwk, jwt

from portal.database.opening import Database
from portal.database.tables import SeenRow, SessionRow
from portal.domain.errors import NotSignedIn, Unavailable
from portal.domain.people import Grant, Role
from portal.sign_in.browser import Browser
from portal.sign_in.oidc import OidcSignIn
from portal.sign_in.settings import OidcSettings, SessionSettings
from tests.portal.conftest import MovableClock
from tests.portal.sign_in.asks import ask, jar, through_issuer
from tests.portal.sign_in.conftest import PUBLIC
from tests.portal.sign_in.issuer import AUDIENCE, CLIENT, LIFE, Issuer, confused, new_key, unsigned

run = asyncio.run
KEYS = "/realm/keys"


def refusal(oidc: OidcSignIn, token: str) -> str:
    """Return what of a token the door finds fault with."""
    with pytest.raises(NotSignedIn) as caught:
        run(oidc.person(ask(bearer=token)))
    return caught.value.where


def with_changed(token: str, part: int, **changes: Any) -> str:
    """Return a token with other words in its header (0) or claims (1), under the old signature."""
    parts = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(parts[part] + "=="))
    parts[part] = base64.urlsafe_b64encode(json.dumps({**said, **changes}).encode()).rstrip(b"=").decode()
    return ".".join(parts)


def test_an_access_token_lets_in_whom_it_names(
    oidc: OidcSignIn, issuer: Issuer, small_database: Database
) -> None:
    person = run(oidc.person(ask(bearer=issuer.access_token())))
    assert (person.subject, person.name) == ("subject-1", "robin")
    assert person.grants == {Grant("heart", Role.DATA_ANALYST)}
    with small_database.reading() as session:
        assert session.get_one(SeenRow, "subject-1").name == "robin"
        assert session.query(SessionRow).count() == 0


@pytest.mark.parametrize(
    ("claims", "where"),
    [
        ({"aud": CLIENT}, "aud"),
        ({"aud": [CLIENT, "account"]}, "aud"),
        ({"aud": {AUDIENCE: 1}}, "aud"),
        ({"iss": "https://issuer.example.org"}, "iss"),
        ({"sub": None}, "sub"),
        ({"sub": 7}, "sub"),
        ({"exp": None}, "exp"),
        ({"iat": None}, "iat"),
        ({"nbf": 4000000000}, "nbf"),
        ({"nbf": "soon"}, "nbf"),
        ({"amr": ["pwd"]}, "second-factor"),
        ({"amr": None}, "second-factor"),
    ],
    ids=str,
)
def test_a_token_that_says_something_wrong_is_refused(
    oidc: OidcSignIn, issuer: Issuer, claims: dict[str, Any], where: str
) -> None:
    assert refusal(oidc, issuer.access_token(**claims)) == where


def test_a_token_among_whose_audiences_we_are_is_taken(oidc: OidcSignIn, issuer: Issuer) -> None:
    token = issuer.access_token(aud=["account", AUDIENCE])
    assert run(oidc.person(ask(bearer=token))).name == "robin"


def test_an_id_token_is_no_access_token(oidc: OidcSignIn, issuer: Issuer) -> None:
    assert refusal(oidc, issuer.token({"aud": CLIENT, "nonce": "n"})) == "aud"
    assert refusal(oidc, issuer.token({"aud": [CLIENT, AUDIENCE], "nonce": "n", "typ": "ID"})) == "typ"


@pytest.mark.parametrize(
    ("header", "claims"),
    [({"typ": "at+jwt"}, {}), ({"typ": "application/AT+JWT"}, {}), ({"typ": "JWT"}, {"typ": "Bearer"})],
    ids=["rfc-9068", "in-full", "by-claim"],
)
def test_each_way_of_saying_access_token_is_taken(
    oidc: OidcSignIn, issuer: Issuer, header: dict[str, str], claims: dict[str, str]
) -> None:
    assert (
        run(oidc.person(ask(bearer=issuer.token({"aud": AUDIENCE, **claims}, header)))).subject == "subject-1"
    )


def test_clocks_may_differ_by_a_minute_and_no_more(
    oidc: OidcSignIn, issuer: Issuer, clock: MovableClock
) -> None:
    token = issuer.access_token()
    clock.move(seconds=LIFE + 59)
    assert run(oidc.person(ask(bearer=token))).name == "robin"
    clock.move(seconds=1)
    assert refusal(oidc, token) == "exp"
    clock.move(seconds=-LIFE - 60 - 60)
    assert run(oidc.person(ask(bearer=token))).name == "robin"
    clock.move(seconds=-1)
    assert refusal(oidc, token) == "iat"


def test_a_token_without_a_signature_is_refused(oidc: OidcSignIn, issuer: Issuer) -> None:
    claims = json.loads(base64.urlsafe_b64decode(issuer.access_token().split(".")[1] + "=="))
    assert refusal(oidc, unsigned(claims)) == "alg"
    head, body, _ = issuer.access_token().split(".")
    assert refusal(oidc, f"{head}.{body}.") == "signature"


def test_a_public_key_is_not_taken_for_a_shared_secret(oidc: OidcSignIn, issuer: Issuer) -> None:
    claims = json.loads(base64.urlsafe_b64decode(issuer.access_token().split(".")[1] + "=="))
    key = issuer.keys[0]
    for text in (
        key.as_pem(private=False),
        key.as_der(private=False),
        json.dumps(issuer.jwks()["keys"][0]).encode(),
    ):
        assert refusal(oidc, confused(claims, text, "first")) == "alg"


@pytest.mark.parametrize("algorithm", ["RS256", "Ed25519", "EdDSA", "PS256"])
def test_an_allowed_algorithm_of_another_kind_of_key_is_refused(
    oidc: OidcSignIn, issuer: Issuer, algorithm: str
) -> None:
    assert refusal(oidc, with_changed(issuer.access_token(), 0, alg=algorithm)) == "signature"


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES512", "RS1", "", 7, None], ids=str)
def test_an_algorithm_that_is_not_allowed_is_refused_before_the_issuer_is_asked(
    oidc: OidcSignIn, issuer: Issuer, algorithm: Any
) -> None:
    assert refusal(oidc, with_changed(issuer.access_token(), 0, alg=algorithm)) == "alg"
    assert issuer.asked[KEYS] == 0


@pytest.mark.parametrize(("kind", "parameter", "algorithm"), [
    ("RSA", 2048, "RS256"), ("RSA", 2048, "PS256"), ("OKP", "Ed25519", "EdDSA"), ("OKP", "Ed25519", "Ed25519"),
], ids=["RS256", "PS256", "EdDSA", "Ed25519"])  # fmt: skip
def test_every_allowed_algorithm_works(
    oidc: OidcSignIn, issuer: Issuer, kind: Any, parameter: Any, algorithm: str
) -> None:
    issuer.keys = [cast(Any, jwk.generate_key(kind, parameter, {"kid": "other"}))]
    issuer.lies.header = {"alg": algorithm}
    assert run(oidc.person(ask(bearer=issuer.access_token()))).name == "robin"


def test_a_key_that_is_too_short_is_no_key(oidc: OidcSignIn, issuer: Issuer) -> None:
    short: Any = jwk.RSAKey.generate_key(1024, {"kid": "short"})
    issuer.keys = [short]
    issuer.published = [short, new_key("first")]
    issuer.lies.header = {"alg": "RS256"}
    assert refusal(oidc, issuer.access_token()) == "signature"


def test_words_changed_under_a_signature_are_refused(oidc: OidcSignIn, issuer: Issuer) -> None:
    token = issuer.access_token()
    assert refusal(oidc, with_changed(token, 1, sub="subject-2")) == "signature"
    assert refusal(oidc, with_changed(token, 0, typ="JWT")) == "signature"


def test_a_key_of_somebody_else_under_a_known_name_is_refused(oidc: OidcSignIn, issuer: Issuer) -> None:
    forged = issuer.keys[0]
    issuer.keys[0] = new_key("first")
    claims = json.loads(base64.urlsafe_b64decode(issuer.access_token().split(".")[1] + "=="))
    token = jwt.encode({"alg": "ES256", "kid": "first", "typ": "at+jwt"}, claims, forged)
    assert refusal(oidc, token) == "signature"


def test_a_key_that_a_token_brings_with_it_is_not_used(oidc: OidcSignIn, issuer: Issuer) -> None:
    own = new_key("own")
    claims = json.loads(base64.urlsafe_b64decode(issuer.access_token().split(".")[1] + "=="))
    for header in ({"kid": "own"}, {}, {"kid": "first"}):
        brought = {"alg": "ES256", "typ": "at+jwt", "jwk": dict(own.as_dict(private=False)), **header}
        assert refusal(oidc, jwt.encode(brought, claims, own)) == "signature"


@pytest.mark.parametrize(
    "token",
    ["x", "a.b", "a.b.c", "..", "é.é.é", "a.b.c.d.e", "A" * 20000, "e30.e30.e30"],
    ids=lambda t: t[:12],
)
def test_what_is_no_token_is_refused(oidc: OidcSignIn, token: str) -> None:
    with pytest.raises(NotSignedIn):
        run(oidc.person(ask(headers=(("authorization", f"Bearer {token}"),))))


@pytest.mark.parametrize(
    "headers",
    [("Basic eDp5",), ("Bearer",), ("Bearer ",), ("",), ("Bearer a.b.c", "Bearer a.b.c")],
    ids=["basic", "nothing", "space", "empty", "twice"],
)
def test_a_cookie_does_not_help_a_bad_header(oidc: OidcSignIn, headers: tuple[str, ...]) -> None:
    cookies = jar(*run(oidc.finish(through_issuer(run(oidc.begin("/"))))).going.cookies)
    assert run(oidc.person(ask(cookies=cookies))).name == "robin"
    sent = tuple(("authorization", header) for header in headers)
    with pytest.raises(NotSignedIn):
        run(oidc.person(ask(cookies=cookies, headers=sent)))


def test_a_good_token_sent_twice_is_refused(oidc: OidcSignIn, issuer: Issuer) -> None:
    header = ("authorization", f"Bearer {issuer.access_token()}")
    assert run(oidc.person(ask(headers=(header,)))).name == "robin"
    with pytest.raises(NotSignedIn):
        run(oidc.person(ask(headers=(header, header))))


def test_a_session_is_no_bearer_token_where_an_issuer_signs_people_in(oidc: OidcSignIn) -> None:
    signed_in = run(oidc.finish(through_issuer(run(oidc.begin("/")))))
    assert refusal(oidc, signed_in.token) == "form"


def test_an_access_token_is_no_session(oidc: OidcSignIn, issuer: Issuer) -> None:
    with pytest.raises(NotSignedIn):
        run(oidc.person(ask(cookies={"__Host-tre": issuer.access_token()})))


def test_keys_are_asked_for_once_and_again_after_ten_minutes(
    oidc: OidcSignIn, issuer: Issuer, clock: MovableClock
) -> None:
    for _ in range(3):
        run(oidc.person(ask(bearer=issuer.access_token())))
    assert issuer.asked[KEYS] == 1
    clock.move(minutes=10)
    run(oidc.person(ask(bearer=issuer.access_token())))
    assert issuer.asked[KEYS] == 2


def test_a_new_key_is_found_at_once_and_unknown_names_do_not_flood_the_issuer(
    oidc: OidcSignIn, issuer: Issuer, clock: MovableClock
) -> None:
    run(oidc.person(ask(bearer=issuer.access_token())))
    clock.move(seconds=31)
    issuer.rotate("second")
    assert run(oidc.person(ask(bearer=issuer.access_token()))).name == "robin"
    assert issuer.asked[KEYS] == 2
    issuer.lies.header = {"kid": "made-up"}
    for _ in range(5):
        assert refusal(oidc, issuer.access_token()) == "signature"
    assert issuer.asked[KEYS] == 2
    clock.move(seconds=31)
    assert refusal(oidc, issuer.access_token()) == "signature"
    assert issuer.asked[KEYS] == 3


def test_many_unknown_names_at_once_ask_the_issuer_once(
    oidc: OidcSignIn, issuer: Issuer, clock: MovableClock
) -> None:
    run(oidc.person(ask(bearer=issuer.access_token())))
    clock.move(seconds=31)
    issuer.rotate("second")
    token = issuer.access_token()

    async def all_at_once() -> list[str]:
        asked = (oidc.person(ask(bearer=token)) for _ in range(10))
        return [person.name for person in await asyncio.gather(*asked)]

    assert run(all_at_once()) == ["robin"] * 10
    assert issuer.asked[KEYS] == 2


def test_a_key_taken_back_is_no_longer_taken(oidc: OidcSignIn, issuer: Issuer, clock: MovableClock) -> None:
    old = issuer.keys[0]
    run(oidc.person(ask(bearer=issuer.access_token())))
    issuer.published = [new_key("second")]
    clock.move(minutes=11)
    assert issuer.keys[0] is old
    assert refusal(oidc, issuer.access_token()) == "signature"


def test_known_keys_are_used_for_an_hour_while_the_issuer_is_down(
    oidc: OidcSignIn, issuer: Issuer, clock: MovableClock
) -> None:
    run(oidc.person(ask(bearer=issuer.access_token())))
    issuer.lies.status = 503
    clock.move(minutes=59)
    assert run(oidc.person(ask(bearer=issuer.access_token()))).name == "robin"
    clock.move(minutes=2)
    with pytest.raises(Unavailable):
        run(oidc.person(ask(bearer=issuer.access_token())))


@pytest.mark.parametrize("published", [[], ["oct"]], ids=["none", "a-secret"])
def test_an_issuer_without_public_keys_is_unavailable(
    oidc: OidcSignIn, issuer: Issuer, published: list[str]
) -> None:
    token = issuer.access_token()
    issuer.published = [jwk.OctKey.generate_key(256, {"kid": "first"}) for _ in published]
    with pytest.raises(Unavailable):
        run(oidc.person(ask(bearer=token)))


@pytest.mark.parametrize(
    ("change", "good"),
    [
        ({"accepted_clients": frozenset({"another"})}, False),
        ({"accepted_clients": frozenset({"command-line"})}, True),
        ({"second_factor": None}, False),
    ],
    ids=["another-client", "our-client", "no-change"],
)
def test_sites_may_narrow_which_tokens_they_take(
    settings: OidcSettings,
    small_database: Database,
    clock: MovableClock,
    issuer: Issuer,
    change: dict[str, Any],
    good: bool,
) -> None:
    named = {name: value for name, value in change.items() if value is not None}
    parts = Browser.Parts(small_database, clock, "demo")
    oidc = OidcSignIn(settings.model_copy(update=named), SessionSettings(), parts, PUBLIC)
    token = issuer.access_token(amr=["otp"] if named else ["pwd"])
    if good:
        assert run(oidc.person(ask(bearer=token))).name == "robin"
    else:
        assert refusal(oidc, token) == ("azp" if named else "second-factor")
