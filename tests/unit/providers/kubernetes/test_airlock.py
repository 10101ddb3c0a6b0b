"""What the airlock registers, looked at closer than its proofs do."""

from __future__ import annotations

import functools
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from components.airlock import Mail, Notices, Telemetry, Webhook
from components.contract import Record, of_type
from components.identity import SignIn
from components.secret_file import SecretFile
from portal.registrar.__main__ import RegistrarSettings
from portal.registrar.listing import Listing
from portal.settings import RunAs, Settings
from portal.sign_in.settings import OidcSettings
from portal.store import Area, Mode
from providers.kubernetes.doors import notices, told
from providers.kubernetes.doors.walls import guard_rules
from providers.kubernetes.evidence import view
from providers.kubernetes.evidence.view import at, listed, mapped
from providers.kubernetes.identity import listed as listed_for_registrar
from tests.conformance.samples import sample
from tests.conformance.test_backends import recorded
from tre import paths

AIRLOCK = "tre-s-demo--airlock"
IDENTITY = "tre-s-demo--identity"
ACCESS = {
    "base": "https://sign-in.tre-s-demo--identity.svc.cluster.local:30444",
    "realm": "tre-demo",
    "authority": "certificate",
    "portal": "a",
    "registrar": "b",
    "people": "c",
}
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
SECRET_FILE = SecretFile(key="some.key", path="/nowhere")
OWN_ISSUER = SignIn(
    issuer="https://login.example.org:8443/staff",
    client="airlock",
    client_secret=SECRET_FILE,
    command_line_client="airlock-command-line",
    authority=CERTIFICATE,
    groups_claim=("realm_access", "roles"),
    second_factor=("otp", "gold"),
)
NOTICES = Notices(
    mail=Mail(
        server="smtp.example.org",
        port=465,
        sender="a@example.org",
        encryption="tls",
        user="airlock",
        password=SECRET_FILE,
        authority=CERTIFICATE,
        networks=("192.0.2.0/28", "198.51.100.0/28"),
    ),
    webhook=Webhook(address="https://hooks.example.org:8443/tre", secret=SECRET_FILE),
)
PROCESSES = ("inside", "outside", "worker")


@functools.cache
def records(issuer: str = "https://login.example.org") -> Sequence[Record]:
    return recorded("kubernetes", sample(issuer=issuer))


def _there(type_: str, place: str, issuer: str = "embedded") -> dict[str, Record]:
    found = of_type(records(issuer), type_)
    return {
        str(at(each.inputs, "metadata", "name")): each
        for each in found
        if at(each.inputs, "metadata", "namespace") == place
    }


def _site(access: Mapping[str, str]) -> told.Site:
    return told.Site(
        name="demo",
        title="Demonstration",
        database="database.tre-s-demo--airlock.svc.cluster.local",
        outside="https://192.0.2.1:30443",
        inside="https://inside.tre-s-demo--airlock.svc.cluster.local:8443",
        issuer="https://192.0.2.1:30444/realms/tre-demo",
        token_issuer="https://kubernetes.default.svc.cluster.local",
        scanner="tcp:scanner.tre-s-demo--airlock.svc.cluster.local:3310",
        access=access,
        sign_in=OWN_ISSUER,
        notices=NOTICES,
        telemetry=Telemetry(address="https://collector.example.org:4318", authority=CERTIFICATE),
    )


@pytest.mark.parametrize("access", [ACCESS, {}], ids=["own sign-in service", "the institution's issuer"])
@pytest.mark.parametrize("role", [*PROCESSES, "migrate"])
def test_the_portal_takes_the_settings_that_each_process_is_given(
    role: str, access: Mapping[str, str]
) -> None:
    settings = Settings.model_validate_json(told.settings(_site(access), role))
    user = "owner" if role == "migrate" else role
    assert settings.database.url.startswith(f"postgresql+psycopg://{user}@")
    assert (settings.signing_key_file is not None) == (role == "worker")


def test_an_institutions_own_issuer_is_asked_as_the_site_says() -> None:
    told_all = Settings.model_validate_json(told.settings(_site({}), "outside")).sign_in
    outside = told_all.outside
    assert isinstance(outside, OidcSettings)
    assert (outside.client_id, told_all.device_client_id) == ("airlock", "airlock-command-line")
    assert outside.accepted_clients == {"airlock", "airlock-command-line"}
    assert outside.groups_claim == ("realm_access", "roles")
    assert outside.second_factor.required
    assert outside.second_factor.acr == outside.second_factor.amr == {"otp", "gold"}
    assert outside.client_secret_file
    assert outside.ca_file


@pytest.mark.parametrize("role", PROCESSES)
def test_the_worker_alone_is_told_where_notices_go(role: str) -> None:
    settings = Settings.model_validate_json(told.settings(_site(ACCESS), role))
    assert (settings.mail is not None) == (settings.webhook is not None) == (role == "worker")
    if mail := settings.mail:
        assert (mail.host, mail.port, mail.encryption, mail.user) == (
            "smtp.example.org",
            465,
            "tls",
            "airlock",
        )
        assert mail.link == "https://192.0.2.1:30443"
        assert mail.password_file
        assert mail.ca_file


@pytest.mark.parametrize("role", PROCESSES)
def test_the_outside_door_alone_is_told_of_a_collector(role: str) -> None:
    place = Settings.model_validate_json(told.settings(_site(ACCESS), role)).telemetry
    assert bool(place.endpoint) == bool(place.ca_file) == (role == "outside")


def test_the_worker_gets_out_to_where_notices_go_and_no_further() -> None:
    open_to = [(at(vars(peer), "ip_block").cidr, port) for peer, port in notices.ways(NOTICES)]
    assert open_to == [("192.0.2.0/28", 465), ("198.51.100.0/28", 465), ("0.0.0.0/0", 8443)]
    assert notices.ways(Notices()) == []


@pytest.mark.parametrize("role", PROCESSES)
def test_each_process_sees_the_areas_that_the_portal_would_use_and_no_other(role: str) -> None:
    places = Settings.model_validate_json(told.settings(_site(ACCESS), role)).places(RunAs(role))
    assert {str(area) for area in places} == set(told.MOUNTED[role])
    for area, place in places.items():
        assert told.MOUNTED[role][str(area)] == (place.mode is Mode.READ), area


def test_every_area_of_the_portal_has_a_volume() -> None:
    assert set(told.AREAS) == {str(area) for area in Area}
    claims = _there(view.CLAIM, AIRLOCK)
    assert {area.replace("_", "-") for area in told.AREAS} <= claims.keys()
    assert all(each.protect and each.retain for each in claims.values())


@pytest.mark.parametrize("role", PROCESSES)
def test_volumes_are_mounted_as_the_settings_say(role: str) -> None:
    pod = mapped(_there(view.DEPLOYMENT, AIRLOCK)[role].inputs, "spec", "template", "spec")
    claims = {
        str(at(volume, "persistentVolumeClaim", "claimName")): bool(
            at(volume, "persistentVolumeClaim", "readOnly")
        )
        for volume in listed(pod, "volumes")
        if at(volume, "persistentVolumeClaim")
    }
    assert claims == {area.replace("_", "-"): closed for area, closed in told.MOUNTED[role].items()}


@pytest.mark.parametrize("access", [ACCESS, {}], ids=["own sign-in service", "the institution's issuer"])
def test_the_registrar_takes_its_settings(access: Mapping[str, str]) -> None:
    settings = RegistrarSettings.model_validate_json(told.registrar(_site(access), ready=False))
    assert (settings.realm is not None) == bool(access)
    assert settings.database.url.startswith("postgresql+psycopg://registrar@")


def test_the_registrar_reads_what_stacks_list() -> None:
    made = sample()
    listing = Listing.model_validate(
        {"scopes": [listed_for_registrar(spec) for spec in (made.site_identity, made.identity)]}
    )
    assert listing.projects()["heart"].reviewers == 2
    assert listing.projects()["heart"].tier == 3
    groups = {group for scope in listing.scopes for person in scope.people for group in person.groups}
    assert {"tre:demo:heart:data-analyst", "tre:demo:site:operator"} <= groups


@pytest.mark.parametrize("place", [AIRLOCK, IDENTITY])
def test_pods_of_the_site_run_under_the_restricted_standard(place: str) -> None:
    programs = {**_there(view.DEPLOYMENT, place), **_there(view.STATEFUL_SET, place)}
    assert programs
    for name, record in programs.items():
        pod = mapped(record.inputs, "spec", "template", "spec")
        assert at(pod, "automountServiceAccountToken") is False, name
        assert at(pod, "securityContext", "runAsNonRoot") is True, name
        for container in listed(pod, "containers"):
            assert at(container, "securityContext", "readOnlyRootFilesystem") is True, name
            assert at(container, "securityContext", "allowPrivilegeEscalation") is False, name


@pytest.mark.parametrize("name", ["inside", "outside"])
def test_doors_are_replaced_without_a_gap(name: str) -> None:
    spec = mapped(_there(view.DEPLOYMENT, AIRLOCK)[name].inputs, "spec")
    assert at(spec, "replicas") == 2
    assert at(spec, "strategy", "rollingUpdate", "maxUnavailable") == 0
    container = listed(spec, "template", "spec", "containers")[0]
    assert at(container, "lifecycle", "preStop", "sleep", "seconds") >= 5
    assert at(container, "readinessProbe", "httpGet", "path") == "/readyz"
    assert name in _there("kubernetes:policy/v1:PodDisruptionBudget", AIRLOCK)


def test_the_reader_alone_of_the_registrar_s_pod_holds_the_clusters_token() -> None:
    pod = mapped(_there(view.DEPLOYMENT, AIRLOCK)["registrar"].inputs, "spec", "template", "spec")
    mounts = {
        str(at(each, "name")): {str(at(mount, "name")) for mount in listed(each, "volumeMounts")}
        for each in listed(pod, "containers")
    }
    assert "token" in mounts["reader"] and "token" not in mounts["registrar"]
    assert "registrar" in mounts["registrar"] and "registrar" not in mounts["reader"]


def test_no_settings_hold_a_secret() -> None:
    secrets = {
        str(value)
        for record in of_type(records("embedded"), view.SECRET)
        for value in mapped(record.inputs, "stringData", "value").values()
        if len(str(value)) >= 32 and "BEGIN CERTIFICATE" not in str(value)
    }
    others = [
        each for each in records("embedded") if each.type != view.SECRET and not each.type.startswith("tre:")
    ]
    text = json.dumps([dict(each.inputs) for each in others], default=str)
    assert secrets
    assert not [value for value in secrets if value in text]


def test_the_sign_in_service_runs_only_where_the_issuer_is_our_own() -> None:
    assert "sign-in" in _there(view.DEPLOYMENT, IDENTITY)
    assert _there(view.DEPLOYMENT, IDENTITY, "https://login.example.org") == {}


def test_the_guard_spares_the_inside_door_alone() -> None:
    rules = guard_rules(AIRLOCK, {"tre/door": "inside"})
    spared = rules["endpointSelector"]["matchExpressions"]
    assert spared == [{"key": "k8s:tre/door", "operator": "NotIn", "values": ["inside"]}]
    assert rules["ingressDeny"] and rules["egressDeny"]


def test_the_image_installs_what_the_portal_asks_for() -> None:
    project = tomllib.loads((paths.checkout() / "pyproject.toml").read_text())["project"]
    wanted = {_bare(each) for each in project["optional-dependencies"]["portal"]}
    file = paths.checkout() / "images" / "portal" / "requirements.in"
    named = {_bare(line) for line in file.read_text().splitlines() if line and not line.startswith("#")}
    assert wanted <= named
    assert named - wanted <= {_bare(each) for each in project["dependencies"]}


def test_the_image_s_lock_is_of_the_versions_that_tests_run_with() -> None:
    ours, all_ = (
        _pins(paths.checkout() / each) for each in ("images/portal/requirements.lock", "requirements.lock")
    )
    assert ours
    assert ours.items() <= all_.items()


def _bare(requirement: str) -> str:
    return re.split(r"[\[<>=!~;\s]", requirement.strip(), maxsplit=1)[0].lower()


def _pins(file: Any) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*])?==([^ \\]+)", file.read_text(), re.MULTILINE))
