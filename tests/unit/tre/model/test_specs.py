"""What components are told of a site and its projects."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from components.airlock import AirlockSpec
from components.contract import Spec
from tests.unit.tre.model.samples import PROJECT, SITE, TODAY, changed, lay_out
from tre.model import specs
from tre.model.load import LoadedSite, load_site

DIGEST = "registry.example.org/tre/workspace@sha256:" + "a" * 64


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedSite:
    project = changed(
        PROJECT, ("roles: [data-analyst]", "roles: [data-analyst]\n        expires: 2027-01-31")
    )
    return load_site(lay_out(tmp_path, SITE, project), "demo", today=TODAY)


def test_a_site_has_identity_and_airlock(loaded: LoadedSite) -> None:
    told = specs.for_site(loaded, today=TODAY)
    assert list(told) == ["identity", "airlock"]
    assert {(each.site, each.scope, each.tier) for each in told.values()} == {("demo", "site", 3)}
    airlock = told["airlock"]
    assert isinstance(airlock, AirlockSpec)
    assert (airlock.reviewers, airlock.sign_in.issuer) == (2, "embedded")


def test_a_project_has_its_own_tier_in_every_spec(loaded: LoadedSite) -> None:
    told = specs.for_project(loaded, "heart", today=TODAY)
    assert list(told) == ["data_store", "identity", "workspace"]
    assert {(each.site, each.scope, each.tier) for each in told.values()} == {("demo", "heart", 2)}


def test_people_end_with_their_term_or_the_approval(loaded: LoadedSite) -> None:
    identity = specs.project_identity(loaded.site, loaded.projects["heart"], today=TODAY)
    assert {each.name: each.expires for each in identity.people} == {
        "ada": datetime.date(2027, 1, 31),
        "carol": datetime.date(2028, 6, 30),
    }
    assert identity.expires == datetime.date(2028, 6, 30)
    assert identity.sign_in.networks == ("192.0.2.0/24",)


def test_whoever_has_left_is_left_out(loaded: LoadedSite) -> None:
    project = loaded.projects["heart"]
    last = specs.project_identity(loaded.site, project, today=datetime.date(2027, 1, 31))
    after = specs.project_identity(loaded.site, project, today=datetime.date(2027, 2, 1))
    assert [each.name for each in last.people] == ["ada", "carol"]
    assert [each.name for each in after.people] == ["carol"]
    assert specs.site_identity(loaded.site, today=datetime.date(2029, 1, 1)).people == ()


def test_data_is_encrypted_as_the_tier_asks(loaded: LoadedSite) -> None:
    store = specs.data_store(loaded.site, loaded.projects["heart"])
    assert (store.encrypted, store.own_key, store.hardware_key) == (True, True, False)
    assert [(each.name, each.source.kind) for each in store.data_sets] == [("patients", "airlock")]
    assert (store.inputs_gib, store.working_gib, store.outbox_gib, store.retention_days) == (1, 5, 1, 365)
    assert not store.erase
    assert specs.data_store(loaded.site, loaded.projects["heart"], erase=True).erase


def test_a_workspace_takes_what_its_tier_sets(loaded: LoadedSite) -> None:
    built = specs.workspace(loaded.site, loaded.projects["heart"], embedded_image=DIGEST)
    assert (built.image, built.image_registries) == (DIGEST, ("registry.example.org",))
    assert (built.clipboard, built.packages, built.sandboxed) == ("paste-in", "mirror", False)
    assert (built.budget.amount, built.budget.currency) == (100, "GBP")
    assert (built.size.cpu, built.quota.cpu, built.deadline_hours) == (1, 2, 24)


def test_embedded_stands_for_the_images_that_were_built(loaded: LoadedSite) -> None:
    images = specs.Images(workspace=DIGEST, portal=DIGEST.replace("workspace", "portal"))
    assert (
        specs.for_project(loaded, "heart", today=TODAY, images=images)["workspace"].model_dump()["image"]
        == DIGEST
    )
    assert "portal@" in specs.for_site(loaded, today=TODAY, images=images)["airlock"].model_dump()["image"]
    assert specs.workspace(loaded.site, loaded.projects["heart"]).image == "embedded"


def test_specs_do_not_change_from_day_to_day(loaded: LoadedSite) -> None:
    later = TODAY + datetime.timedelta(days=30)
    assert specs.for_project(loaded, "heart", today=TODAY) == specs.for_project(loaded, "heart", today=later)


NOTIFIED = (
    SITE
    + """\
    airlock:
      notices:
        mail: {server: smtp.example.org, sender: a@example.org, user: me, password_file: secrets/mail}
        webhook: {address: "https://hooks.example.org/", secret_file: ~/hook}
"""
)


def test_secrets_are_named_from_the_sites_folder_and_never_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = lay_out(tmp_path, NOTIFIED)
    (folder / "secrets").mkdir()
    (folder / "secrets" / "mail").write_text("hidden-away")
    airlock = specs.for_site(load_site(folder, "demo", today=TODAY), today=TODAY)["airlock"]
    assert isinstance(airlock, AirlockSpec)
    assert airlock.notices.mail
    assert airlock.notices.webhook
    assert airlock.notices.mail.password
    assert airlock.notices.mail.password.path == str(folder / "secrets" / "mail")
    assert airlock.notices.webhook.secret.path == str(tmp_path / "home" / "hook")
    assert "hidden-away" not in airlock.model_dump_json() + repr(airlock)


def test_another_secret_in_the_same_file_is_another_deployment(tmp_path: Path) -> None:
    folder = lay_out(tmp_path, NOTIFIED)
    (folder / "secrets").mkdir()
    told: list[Spec] = []
    for secret in ("one", "one more"):
        (folder / "secrets" / "mail").write_text(secret)
        told.append(specs.for_site(load_site(folder, "demo", today=TODAY), today=TODAY)["airlock"])
    assert told[0] != told[1]
