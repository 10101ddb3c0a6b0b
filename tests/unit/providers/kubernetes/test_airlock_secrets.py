"""Secrets that follow from one, certificates that follow from secrets, and the realm that holds some of them."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from providers.kubernetes.doors import authority, realm
from providers.kubernetes.doors.seal import derive

ROOT = base64.b64encode(b"r" * 32).decode()
SECRETS = {realm.PORTAL: "p" * 64, realm.REGISTRAR: "q" * 64}


def _realm() -> dict[str, Any]:
    return json.loads(realm.document("demo", "Demonstration", "https://192.0.2.1:30443", SECRETS))


@given(st.text(), st.text())
def test_each_purpose_has_a_secret_of_its_own(one: str, other: str) -> None:
    assert (derive(ROOT, one) == derive(ROOT, other)) == (one == other)


def test_another_root_gives_other_secrets() -> None:
    assert derive(ROOT, "portal") != derive(base64.b64encode(b"s" * 32).decode(), "portal")


def test_certificates_follow_from_their_seeds_and_verify() -> None:
    made = authority.authority(b"a" * 32, "TRE demo")
    own = authority.service(b"a" * 32, b"b" * 32, "TRE demo", ["door.example.org", "192.0.2.1"], 2026)
    again = authority.service(b"a" * 32, b"b" * 32, "TRE demo", ["door.example.org", "192.0.2.1"], 2026)
    assert own == again
    certificate = x509.load_pem_x509_certificate(own.certificate.encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(made.certificate.encode()))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["door.example.org"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.1"]
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)


def test_a_new_year_renews_a_certificate() -> None:
    hosts = ["door.example.org"]
    one, other = (authority.service(b"a" * 32, b"b" * 32, "TRE", hosts, year) for year in (2026, 2027))
    assert one.certificate != other.certificate and one.key == other.key


def test_nobody_signs_in_by_password_alone() -> None:
    flows = {each["alias"]: each["authenticationExecutions"] for each in _realm()["authenticationFlows"]}
    steps = [step for step in flows["tre password and code"] if step["requirement"] == "REQUIRED"]
    assert [step["authenticator"] for step in steps] == ["auth-username-password-form", "auth-otp-form"]
    assert _realm()["browserFlow"] == "tre browser"
    assert [step["authenticator"] for step in flows["tre refused"]] == ["deny-access-authenticator"]
    ways = ("registrationFlow", "directGrantFlow", "resetCredentialsFlow", "firstBrokerLoginFlow")
    assert {_realm()[way] for way in ways} == {"tre refused"}


def test_clients_may_do_what_they_are_for_and_nothing_else() -> None:
    clients = {each["clientId"]: each for each in _realm()["clients"]}
    assert not any(
        each["directAccessGrantsEnabled"] or each["implicitFlowEnabled"] for each in clients.values()
    )
    assert [name for name, each in clients.items() if each["standardFlowEnabled"]] == [realm.PORTAL]
    assert [name for name, each in clients.items() if each["serviceAccountsEnabled"]] == [realm.REGISTRAR]
    assert [name for name, each in clients.items() if each["publicClient"]] == [realm.COMMAND_LINE]
    assert clients[realm.PORTAL]["redirectUris"] == ["https://192.0.2.1:30443/*"]


def test_guessing_locks_an_account() -> None:
    made = _realm()
    assert made["bruteForceProtected"] and made["failureFactor"] <= 5
    assert not made["otpPolicyCodeReusable"]
    assert made["accessTokenLifespan"] <= 300
    assert not made["registrationAllowed"] and made["sslRequired"] == "all"
