"""The inside door: a person's session and the workspace's own token, and neither without the other."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwk

from portal.database.opening import Database
from portal.domain.errors import NotSignedIn, TooMany, Unavailable
from portal.domain.people import Door, Grant, Person, Role
from portal.sign_in.files import write_secret
from portal.sign_in.inside import WorkspaceSignIn
from portal.sign_in.opening import inside
from portal.sign_in.passes import Passes
from portal.sign_in.sessions import Sessions
from portal.sign_in.settings import InsideSettings, SecretSettings, SessionSettings, WorkloadSettings
from portal.sign_in.workload import make_workload_secret
from portal.sign_in.workload_tokens import TokenWorkloads
from tests.portal.conftest import MovableClock
from tests.portal.sign_in.asks import ask
from tests.portal.sign_in.issuer import AUDIENCE, WORKLOADS, Issuer, new_key, unsigned

run = asyncio.run
CLAIM = ("cluster.example", "namespace")
ROBIN = Person(
    "s-1", "robin", grants=frozenset({Grant("heart", Role.DATA_ANALYST), Grant("lung", Role.DATA_ANALYST)})
)


@pytest.fixture
def workloads(issuer: Issuer) -> WorkloadSettings:
    """Give the settings of a cluster whose issuer this is."""
    return WorkloadSettings(
        issuer=issuer.url,
        audience=WORKLOADS,
        jwks_url=f"{issuer.url}/keys",
        namespace_claim=CLAIM,
        namespace_pattern=r"demo-project-(?P<project>[a-z][a-z0-9-]*)",
    )


class Cluster:
    """An inside door, with passes from the outside one."""

    def __init__(
        self, settings: InsideSettings, database: Database, clock: MovableClock, issuer: Issuer
    ) -> None:
        self.issuer, self.database, self.clock = issuer, database, clock
        self.door = inside(settings, SessionSettings(), database, clock)
        self.passes = Passes(database, SessionSettings(), clock)

    def token(self, project: str = "heart", **claims: Any) -> str:
        """Return a workspace's token."""
        named = {"namespace": f"demo-project-{project}", "pod": {"name": "workspace-0"}}
        return self.issuer.token({"aud": [WORKLOADS], CLAIM[0]: named, "amr": None, **claims})

    def spend(self, project: str = "heart", workload: str = "") -> str:
        """Make a pass and spend it, and return the session's token."""
        text = run(self.passes.make(ROBIN, project))
        return run(self.door.spend(ask(workload=workload or self.token(project)), text)).token


@pytest.fixture
def cluster(
    workloads: WorkloadSettings, small_database: Database, clock: MovableClock, issuer: Issuer
) -> Cluster:
    """Give an inside door in a cluster."""
    return Cluster(workloads, small_database, clock, issuer)


def test_a_pass_and_a_workspace_let_a_person_into_their_project(cluster: Cluster) -> None:
    session = cluster.spend()
    person = run(cluster.door.person(ask(bearer=session, workload=cluster.token())))
    assert (person.subject, person.door, person.bound_to) == ("s-1", Door.INSIDE, "heart")
    assert person.projects() == {"heart"}


def test_neither_token_is_enough(cluster: Cluster) -> None:
    session, workload = cluster.spend(), cluster.token()
    for asked in (
        ask(),
        ask(bearer=session),
        ask(workload=workload),
        ask(bearer=workload, workload=workload),
        ask(bearer=session, workload=session),
        ask(cookies={"__Host-tre": session, "tre": session}, workload=workload),
        ask(bearer=session, workload=workload, headers=(("tre-workload", workload),)),
    ):
        with pytest.raises(NotSignedIn):
            run(cluster.door.person(asked))


def test_a_stolen_session_is_worth_nothing_in_another_project(cluster: Cluster) -> None:
    session = cluster.spend("heart")
    with pytest.raises(NotSignedIn):
        run(cluster.door.person(ask(bearer=session, workload=cluster.token("lung"))))


def test_a_session_of_the_outside_door_is_worth_nothing_inside(cluster: Cluster) -> None:
    outside = Sessions(cluster.database, SessionSettings(), cluster.clock, Door.OUTSIDE)
    token, _ = run(outside.begin(ROBIN))
    with pytest.raises(NotSignedIn):
        run(cluster.door.person(ask(bearer=token, workload=cluster.token())))


def test_a_pass_of_another_project_is_refused(cluster: Cluster) -> None:
    text = run(cluster.passes.make(ROBIN, "heart"))
    with pytest.raises(NotSignedIn):
        run(cluster.door.spend(ask(workload=cluster.token("lung")), text))
    with pytest.raises(NotSignedIn):
        run(cluster.door.spend(ask(), text))
    assert run(cluster.door.spend(ask(workload=cluster.token()), text)).person.bound_to == "heart"


def test_guessing_passes_from_one_project_does_not_lock_another(cluster: Cluster) -> None:
    for _ in range(20):
        with pytest.raises(NotSignedIn):
            run(cluster.door.spend(ask(workload=cluster.token("lung")), "A" * 20))
    with pytest.raises(TooMany):
        cluster.spend("lung")
    assert cluster.spend("heart")


def test_sign_out_ends_the_session_and_needs_the_workspace(cluster: Cluster) -> None:
    session = cluster.spend()
    with pytest.raises(NotSignedIn):
        run(cluster.door.sign_out(ask(bearer=session)))
    good = ask(bearer=session, workload=cluster.token())
    run(cluster.door.person(good))
    run(cluster.door.sign_out(good))
    with pytest.raises(NotSignedIn):
        run(cluster.door.person(good))


@pytest.mark.parametrize(
    ("claims", "where"),
    [
        ({"aud": AUDIENCE}, "aud"),
        ({"aud": ["https://cluster.example"]}, "aud"),
        ({"iss": "https://issuer.example.org"}, "iss"),
        ({"exp": 1}, "exp"),
        ({"exp": None}, "exp"),
        ({"nbf": 4000000000}, "nbf"),
        ({"sub": None}, "sub"),
        ({CLAIM[0]: None}, "namespace"),
        ({CLAIM[0]: "demo-project-heart"}, "namespace"),
        ({CLAIM[0]: {"namespace": ["demo-project-heart"]}}, "namespace"),
        ({CLAIM[0]: {"namespace": "demo-project-"}}, "namespace"),
        ({CLAIM[0]: {"namespace": "other-demo-project-heart"}}, "namespace"),
        ({CLAIM[0]: {"namespace": "demo-project-heart\n"}}, "namespace"),
        ({CLAIM[0]: {"namespace": "demo-system"}}, "namespace"),
    ],
    ids=str,
)
def test_a_workspace_token_that_says_something_wrong_is_refused(
    cluster: Cluster, claims: dict[str, Any], where: str
) -> None:
    with pytest.raises(NotSignedIn) as refusal:
        cluster.spend(workload=cluster.token(**claims))
    assert refusal.value.where == where


def test_a_forged_workspace_token_is_refused(cluster: Cluster, issuer: Issuer) -> None:
    with pytest.raises(NotSignedIn):
        cluster.spend(workload=unsigned({"iss": issuer.url, "aud": WORKLOADS}))
    cluster.spend()
    issuer.keys = [new_key("first")]
    with pytest.raises(NotSignedIn) as refusal:
        cluster.spend(workload=cluster.token())
    assert refusal.value.where == "signature"


def test_what_a_token_proved_is_kept_for_a_minute_and_never_beyond_its_end(
    workloads: WorkloadSettings, clock: MovableClock, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.sign_in import tokens

    known = TokenWorkloads(workloads, clock)
    claims = {"aud": WORKLOADS, CLAIM[0]: {"namespace": "demo-project-heart"}}
    checks: list[str] = []
    verify = tokens.verify

    async def counted(text: str, *rest: Any) -> tokens.Token:
        checks.append(text)
        return await verify(text, *rest)

    monkeypatch.setattr(tokens, "verify", counted)
    token = issuer.token(claims)
    for _ in range(5):
        assert run(known.project(token)) == "heart"
    assert len(checks) == 1
    clock.move(seconds=60)
    assert run(known.project(token)) == "heart"
    assert len(checks) == 2
    short = issuer.token({**claims, "exp": int(clock().timestamp()) + 10})
    assert run(known.project(short)) == "heart"
    clock.move(seconds=70)
    with pytest.raises(NotSignedIn):
        run(known.project(short))


def test_the_clusters_issuer_down_lets_nobody_in(cluster: Cluster, issuer: Issuer) -> None:
    issuer.lies.status = 500
    with pytest.raises(Unavailable):
        cluster.spend()


def test_keys_may_come_from_a_file_that_changes(
    workloads: WorkloadSettings,
    small_database: Database,
    clock: MovableClock,
    issuer: Issuer,
    tmp_path: Path,
) -> None:
    path = tmp_path / "keys.json"
    settings = workloads.model_copy(update={"jwks_url": "", "jwks_file": path})
    cluster = Cluster(settings, small_database, clock, issuer)
    with pytest.raises(Unavailable):
        cluster.spend()
    clock.move(seconds=3)
    path.write_text(json.dumps(issuer.jwks()))
    assert cluster.spend()
    clock.move(seconds=31)
    issuer.rotate("second")
    path.write_text(json.dumps(issuer.jwks()))
    assert cluster.spend()
    assert issuer.asked.total() == 0


@pytest.mark.parametrize("text", ["", "[]", "{", '{"keys": {}}', '{"keys": [7, {"kty": "EC"}]}'], ids=ascii)
def test_a_file_without_keys_lets_nobody_in(
    workloads: WorkloadSettings,
    small_database: Database,
    clock: MovableClock,
    issuer: Issuer,
    tmp_path: Path,
    text: str,
) -> None:
    (tmp_path / "keys.json").write_text(text)
    settings = workloads.model_copy(update={"jwks_url": "", "jwks_file": tmp_path / "keys.json"})
    with pytest.raises(Unavailable):
        Cluster(settings, small_database, clock, issuer).spend()


def test_private_keys_published_by_mistake_are_not_used(cluster: Cluster, issuer: Issuer) -> None:
    leaked = new_key("first")

    class Leaking(jwk.ECKey):
        def as_dict(self, private: bool | None = False, **params: Any) -> Any:
            return leaked.as_dict(private=True)

    issuer.published = [Leaking(leaked.raw_value, leaked.raw_value)]
    with pytest.raises(Unavailable):
        cluster.spend()


def test_on_a_laptop_a_secret_names_the_project(
    small_database: Database, clock: MovableClock, tmp_path: Path
) -> None:
    files = {"heart": tmp_path / "heart", "lung": tmp_path / "lung"}
    for path in files.values():
        make_workload_secret(path)
    tokens = {project: path.read_text() for project, path in files.items()}
    make_workload_secret(files["heart"])
    assert files["heart"].read_text() == tokens["heart"] != tokens["lung"]
    door = inside(SecretSettings(files=files), SessionSettings(), small_database, clock)
    passes = Passes(small_database, SessionSettings(), clock)
    text = run(passes.make(ROBIN, "heart"))
    for wrong in (tokens["lung"], "x", tokens["heart"] + "x"):
        with pytest.raises(NotSignedIn):
            run(door.spend(ask(workload=wrong), text))
    session = run(door.spend(ask(workload=tokens["heart"]), text)).token
    assert run(door.person(ask(bearer=session, workload=tokens["heart"]))).bound_to == "heart"
    with pytest.raises(NotSignedIn):
        run(door.person(ask(bearer=session, workload=tokens["lung"])))


@pytest.mark.parametrize("mode", [0o644, 0o640], ids=oct)
def test_a_laptops_secret_that_others_can_read_is_refused(
    small_database: Database, clock: MovableClock, tmp_path: Path, mode: int
) -> None:
    write_secret(tmp_path / "heart", b"a secret")
    (tmp_path / "heart").chmod(mode)
    with pytest.raises(Unavailable):
        inside(SecretSettings(files={"heart": tmp_path / "heart"}), SessionSettings(), small_database, clock)


def test_the_door_is_the_one_of_the_settings(cluster: Cluster) -> None:
    assert isinstance(cluster.door, WorkspaceSignIn)
    run(cluster.door.close())
