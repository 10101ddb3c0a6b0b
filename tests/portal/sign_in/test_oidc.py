"""The way through an issuer: what fits lets in, and nothing else does."""

from __future__ import annotations

import asyncio
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.requests import Request

from portal.database.opening import Database
from portal.database.tables import SeenRow
from portal.domain.errors import NotSignedIn, Unavailable
from portal.domain.people import Grant, Role
from portal.sign_in.browser import Browser
from portal.sign_in.interface import SignedIn
from portal.sign_in.oidc import OidcSignIn
from portal.sign_in.settings import OidcSettings, SecondFactor, SessionSettings
from tests.portal.conftest import MovableClock
from tests.portal.sign_in.asks import ask, jar, through_issuer
from tests.portal.sign_in.conftest import PUBLIC
from tests.portal.sign_in.issuer import CLIENT, Issuer

run = asyncio.run


def sign_in(oidc: OidcSignIn, back: str = "/requests") -> SignedIn:
    """Sign in as a browser does."""
    return run(oidc.finish(through_issuer(run(oidc.begin(back)))))


def test_whoever_the_issuer_names_is_signed_in_with_this_sites_roles_alone(oidc: OidcSignIn) -> None:
    signed_in = sign_in(oidc)
    assert signed_in.person.name == "robin"
    assert signed_in.person.full_name == "Robin Researcher"
    assert signed_in.person.grants == {Grant("heart", Role.DATA_ANALYST)}
    assert signed_in.going.location == "/requests"
    assert run(oidc.person(ask(cookies=jar(*signed_in.going.cookies)))) == signed_in.person


def test_the_flow_asks_for_code_state_nonce_and_s256(oidc: OidcSignIn, issuer: Issuer) -> None:
    sign_in(oidc)
    (asked,) = issuer.authorised
    assert asked["tenant"] == "1"
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == f"{PUBLIC}/sign-in/return"
    assert asked["code_challenge_method"] == "S256"
    assert min(len(asked["state"]), len(asked["nonce"]), len(asked["code_challenge"])) >= 43


def test_no_two_flows_share_a_secret(oidc: OidcSignIn) -> None:
    one, two = run(oidc.begin("/")), run(oidc.begin("/"))
    asked = [parse_qs(urlsplit(each.location).query) for each in (one, two)]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]


def test_cookies_are_held_to_this_host_and_hidden_from_scripts(oidc: OidcSignIn) -> None:
    from starlette.responses import Response

    for cookie in (*run(oidc.begin("/")).cookies, *sign_in(oidc).going.cookies):
        answer = Response()
        cookie.put(answer)
        header = answer.headers["set-cookie"].lower()
        assert header.startswith("__host-tre")
        for wanted in ("; secure", "; httponly", "; samesite=lax", "; path=/"):
            assert wanted in header
        assert "domain=" not in header


def test_two_tabs_sign_in_side_by_side(oidc: OidcSignIn) -> None:
    first, second = run(oidc.begin("/one")), run(oidc.begin("/two"))
    both = jar(*first.cookies, *second.cookies)
    for going, back in ((first, "/one"), (second, "/two")):
        returned = through_issuer(going)
        assert run(oidc.finish(ask(returned.url.query, cookies=both))).going.location == back


def test_the_session_of_before_ends_with_a_new_sign_in(oidc: OidcSignIn) -> None:
    before = sign_in(oidc)
    returned = through_issuer(run(oidc.begin("/")))
    after = run(
        oidc.finish(ask(returned.url.query, cookies={**returned.cookies, **jar(*before.going.cookies)}))
    )
    assert after.token != before.token
    with pytest.raises(NotSignedIn):
        run(oidc.person(ask(cookies=jar(*before.going.cookies))))


def test_an_answer_is_taken_once(oidc: OidcSignIn) -> None:
    returned = through_issuer(run(oidc.begin("/")))
    run(oidc.finish(returned))
    with pytest.raises(NotSignedIn):
        run(oidc.finish(ask(returned.url.query, cookies=returned.cookies)))


def test_an_answer_in_another_browser_is_refused(oidc: OidcSignIn) -> None:
    victim, attacker = run(oidc.begin("/")), through_issuer(run(oidc.begin("/")))
    for cookies in ({}, jar(*victim.cookies)):
        with pytest.raises(NotSignedIn) as refusal:
            run(oidc.finish(ask(attacker.url.query, cookies=cookies)))
        assert refusal.value.where == "state"


def test_a_state_with_the_code_of_another_flow_is_refused(oidc: OidcSignIn) -> None:
    mine, other = through_issuer(run(oidc.begin("/"))), through_issuer(run(oidc.begin("/")))
    query = (
        f"code={other.query_params['code']}&state={mine.query_params['state']}&iss={mine.query_params['iss']}"
    )
    with pytest.raises(NotSignedIn) as refusal:
        run(oidc.finish(ask(query, cookies=mine.cookies)))
    assert refusal.value.where == "code"


def test_a_cookie_that_was_changed_is_refused(oidc: OidcSignIn) -> None:
    returned = through_issuer(run(oidc.begin("/")))
    ((name, value),) = returned.cookies.items()
    forged = ("B" if value[0] == "A" else "A") + value[1:]
    with pytest.raises(NotSignedIn):
        run(oidc.finish(ask(returned.url.query, cookies={name: forged})))


def test_a_flow_lasts_ten_minutes(oidc: OidcSignIn, clock: MovableClock) -> None:
    returned = through_issuer(run(oidc.begin("/")))
    clock.move(minutes=10)
    with pytest.raises(NotSignedIn) as refusal:
        run(oidc.finish(returned))
    assert refusal.value.where == "state"


@pytest.mark.parametrize(
    ("lie", "where"),
    [
        ({"nonce": None}, "nonce"),
        ({"nonce": "another"}, "nonce"),
        ({"aud": "another"}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": [CLIENT, "another"]}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"iss": "https://issuer.example.org"}, "iss"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"exp": None}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": "4000000000"}, "exp"),
        ({"exp": 10**30}, "exp"),
        ({"exp": 1}, "exp"),
        ({"iat": None}, "iat"),
        ({"iat": 1}, "iat"),
        ({"iat": 4000000000}, "iat"),
        ({"nbf": 4000000000}, "nbf"),
        ({"amr": None}, "second-factor"),
        ({"amr": ["pwd"]}, "second-factor"),
        ({"amr": "pwd mfa"}, "second-factor"),
        ({"acr": "2", "amr": []}, "second-factor"),
    ],
    ids=str,
)
def test_an_id_token_that_says_something_wrong_is_refused(
    oidc: OidcSignIn, issuer: Issuer, lie: dict[str, Any], where: str
) -> None:
    issuer.lies.claims = lie
    with pytest.raises(NotSignedIn) as refusal:
        sign_in(oidc)
    assert refusal.value.where == where


def test_the_right_party_among_several_audiences_is_taken(oidc: OidcSignIn, issuer: Issuer) -> None:
    issuer.lies.claims = {"aud": [CLIENT, "another"], "azp": CLIENT}
    assert sign_in(oidc).person.name == "robin"


@pytest.mark.parametrize(
    ("answer", "where"),
    [
        ({"iss": ""}, "iss"),
        ({"iss": "https://issuer.example.org"}, "iss"),
        ({"code": ""}, "error"),
        ({"error": "access_denied", "error_description": "<b>call this number</b>"}, "error"),
        ({"code": "made-up"}, "code"),
    ],
    ids=["no-issuer", "another-issuer", "no-code", "error", "made-up-code"],
)
def test_an_answer_that_says_something_wrong_is_refused(
    oidc: OidcSignIn, issuer: Issuer, answer: dict[str, str], where: str
) -> None:
    issuer.lies.answer = answer
    with pytest.raises(NotSignedIn) as refusal:
        sign_in(oidc)
    assert refusal.value.where == where
    assert "number" not in str(refusal.value.document())


def test_an_answer_with_a_name_twice_is_refused(oidc: OidcSignIn) -> None:
    returned = through_issuer(run(oidc.begin("/")))
    with pytest.raises(NotSignedIn) as refusal:
        run(oidc.finish(ask(f"{returned.url.query}&state=another", cookies=returned.cookies)))
    assert refusal.value.where == "answer"


@pytest.mark.parametrize(
    "back",
    [
        "https://elsewhere.example.org/",
        "//elsewhere.example.org/",
        "/\\elsewhere.example.org",
        "\\\\elsewhere.example.org",
        "/\t/elsewhere.example.org",
        "/a\r\nSet-Cookie: x=1",
        "javascript:alert(1)",
        "elsewhere",
        "",
        "/" + "a" * 2000,
        "/\u2028",
    ],
    ids=lambda back: ascii(back)[:30],
)
def test_a_browser_is_sent_back_to_paths_of_our_own_alone(oidc: OidcSignIn, back: str) -> None:
    assert sign_in(oidc, back).going.location == "/"


def test_a_path_of_our_own_is_kept_with_its_query(oidc: OidcSignIn) -> None:
    assert sign_in(oidc, "/requests?state=in_review#top").going.location == "/requests?state=in_review#top"


def test_an_issuer_that_does_not_answer_signs_nobody_in(oidc: OidcSignIn, issuer: Issuer) -> None:
    returned = through_issuer(run(oidc.begin("/")))
    token = issuer.access_token()
    issuer.stop()
    for attempt in (
        lambda: oidc.finish(returned),
        lambda: oidc.person(ask(bearer=token)),
    ):
        with pytest.raises(Unavailable):
            run(attempt())


def test_an_issuer_that_is_down_from_the_start_is_unavailable(oidc: OidcSignIn, issuer: Issuer) -> None:
    issuer.lies.status = 503
    with pytest.raises(Unavailable):
        run(oidc.begin("/"))


def test_an_issuer_that_is_down_is_not_asked_by_every_request(
    oidc: OidcSignIn, issuer: Issuer, clock: MovableClock
) -> None:
    issuer.lies.status = 503
    for _ in range(5):
        with pytest.raises(Unavailable):
            run(oidc.begin("/"))
    assert issuer.asked.total() == 1
    issuer.lies.status = 0
    clock.move(seconds=3)
    assert sign_in(oidc).person.name == "robin"


def test_a_code_refused_by_a_server_at_fault_may_be_tried_again(oidc: OidcSignIn, issuer: Issuer) -> None:
    returned = through_issuer(run(oidc.begin("/")))
    issuer.lies.status = 502
    with pytest.raises(Unavailable):
        run(oidc.finish(returned))
    issuer.lies.status = 0
    assert run(oidc.finish(ask(returned.url.query, cookies=returned.cookies))).person.name == "robin"


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "https://issuer.example.org"},
        {"token_endpoint": "http://issuer.example.org/token"},
        {"token_endpoint": None},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
    ids=["another-issuer", "plain-http", "no-token-endpoint", "keys-in-a-file", "script"],
)
def test_an_issuer_that_describes_itself_wrongly_is_not_used(
    oidc: OidcSignIn, issuer: Issuer, lie: dict[str, Any]
) -> None:
    issuer.lies.description = lie
    with pytest.raises(Unavailable):
        run(oidc.begin("/"))


def test_sign_out_ends_the_session_here_and_at_the_issuer(oidc: OidcSignIn, issuer: Issuer) -> None:
    cookies = jar(*sign_in(oidc).going.cookies)
    going = run(oidc.sign_out(ask(cookies=cookies)))
    assert going.location.startswith(f"{issuer.url}/logout?")
    assert parse_qs(urlsplit(going.location).query) == {
        "client_id": [CLIENT],
        "post_logout_redirect_uri": [f"{PUBLIC}/"],
    }
    assert [cookie.seconds for cookie in going.cookies] == [0]
    with pytest.raises(NotSignedIn):
        run(oidc.person(ask(cookies=cookies)))


def test_sign_out_needs_no_issuer(oidc: OidcSignIn, issuer: Issuer, clock: MovableClock) -> None:
    cookies = jar(*sign_in(oidc).going.cookies)
    issuer.lies.status = 503
    clock.move(hours=11)
    assert run(oidc.sign_out(ask(cookies=cookies))).location.startswith(issuer.url)  # still known
    clock.move(hours=2)
    assert run(oidc.sign_out(ask(cookies=cookies))).location == "/"


def test_forms_carry_what_only_this_session_knows(oidc: OidcSignIn) -> None:
    requests: list[Request] = [ask(cookies=jar(*sign_in(oidc).going.cookies)) for _ in range(2)]
    mine, other = (oidc.form_token(request) for request in requests)
    assert mine != other
    assert oidc.form_token_fits(requests[0], mine)
    assert not oidc.form_token_fits(requests[0], other)
    assert not oidc.form_token_fits(requests[0], "")
    assert not oidc.form_token_fits(ask(), "")


def test_an_acr_value_is_asked_for_and_taken(
    settings: OidcSettings, small_database: Database, clock: MovableClock, issuer: Issuer
) -> None:
    factor = SecondFactor(amr=frozenset(), acr=frozenset({"gold"}))
    settings = settings.model_copy(update={"second_factor": factor})
    oidc = OidcSignIn(settings, SessionSettings(), Browser.Parts(small_database, clock, "demo"), PUBLIC)
    with pytest.raises(NotSignedIn):
        sign_in(oidc)
    issuer.lies.claims = {"acr": "gold"}
    assert sign_in(oidc).person.name == "robin"
    assert issuer.authorised[-1]["acr_values"] == "gold"


@pytest.mark.parametrize("prompt", ["", "login"])
def test_both_factors_are_asked_for_anew_where_the_site_says_so(
    prompt: Literal["", "login"],
    settings: OidcSettings,
    small_database: Database,
    clock: MovableClock,
    issuer: Issuer,
) -> None:
    settings = settings.model_copy(update={"prompt": prompt})
    sign_in(OidcSignIn(settings, SessionSettings(), Browser.Parts(small_database, clock, "demo"), PUBLIC))
    assert issuer.authorised[-1].get("prompt", "") == prompt


def test_an_account_that_ended_is_not_let_in_and_the_day_is_noted(
    settings: OidcSettings, small_database: Database, clock: MovableClock, issuer: Issuer
) -> None:
    settings = settings.model_copy(update={"expires_claim": ("account", "ends")})
    oidc = OidcSignIn(settings, SessionSettings(), Browser.Parts(small_database, clock, "demo"), PUBLIC)
    issuer.lies.claims = {"account": {"ends": "2026-03-02"}}
    signed_in = sign_in(oidc)
    assert signed_in.expires_at.isoformat() == "2026-03-02T21:00:00+00:00"
    with small_database.reading() as session:
        assert str(session.get_one(SeenRow, "subject-1").expires) == "2026-03-02"
    clock.move(days=1)
    for ends in ("2026-03-02", "soon", 12):
        issuer.lies.claims = {"account": {"ends": ends}}
        with pytest.raises(NotSignedIn) as refusal:
            sign_in(oidc)
        assert refusal.value.where == "expires"
