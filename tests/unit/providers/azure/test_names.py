"""Names stay within Azure's rules, apart from each other, and the same."""

from __future__ import annotations

import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from providers.azure import names

SITES = st.from_regex(r"[a-z][a-z0-9-]{0,14}[a-z0-9]", fullmatch=True)
PROJECTS = st.from_regex(r"[a-z][a-z0-9-]{0,18}[a-z0-9]", fullmatch=True)
PARTS = st.sampled_from(("data", "records"))
SUBSCRIPTIONS = st.uuids().map(str)
LONGEST = ("s" * 16, "p" * 20)


@given(SITES, PROJECTS, PARTS, SUBSCRIPTIONS)
def test_storage_accounts_and_vaults_are_legal(site: str, project: str, part: str, subscription: str) -> None:
    assert re.fullmatch(r"[a-z0-9]{3,24}", names.account(site, project, part, subscription))
    assert re.fullmatch(
        r"[a-z](?!.*--)[a-z0-9-]{1,22}[a-z0-9]", names.vault(site, project, part, subscription)
    )


@given(SITES, PROJECTS)
def test_other_names_are_legal(site: str, project: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", names.general(site, project, "workspace"))
    assert re.fullmatch(r"[a-z0-9][a-z0-9_.]{0,78}[a-z0-9]", names.gallery(site, project))
    assert re.fullmatch(r"[a-z][a-z0-9]{0,8}", names.machine(site, project))
    assert re.fullmatch(
        r"(?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*/)*[a-z0-9]+(?:[._-]+[a-z0-9]+)*", names.repository(site, project)
    )


@given(SITES, PROJECTS, SITES, PROJECTS, SUBSCRIPTIONS)
def test_two_projects_never_share_a_name(a: str, b: str, c: str, d: str, subscription: str) -> None:
    same = (a, b) == (c, d)
    assert (names.account(a, b, "data", subscription) == names.account(c, d, "data", subscription)) == same
    assert (names.vault(a, b, "data", subscription) == names.vault(c, d, "data", subscription)) == same
    assert (names.general(a, b, "data") == names.general(c, d, "data")) == same


def test_the_longest_names_keep_their_parts_apart() -> None:
    here = "00000000-0000-4000-8000-000000000000"
    assert names.account(*LONGEST, "data", here) != names.account(*LONGEST, "records", here)
    assert names.account(*LONGEST, "data", here) != names.account(*LONGEST, "data", here.replace("8", "9"))


def test_words_that_join_alike_stay_apart() -> None:
    assert names.general("a-b", "cc", "data") != names.general("a", "b-cc", "data")
    assert names.gallery("a-b", "cc") != names.gallery("a", "b-cc")


def test_identifiers_are_guids_that_stay() -> None:
    assert (
        names.identifier("demo", "heart")
        == names.identifier("demo", "heart")
        != names.identifier("demo", "lung")
    )
    assert uuid.UUID(names.identifier("demo", "heart"))


def test_names_stay_what_they_are() -> None:
    """A changed name is a new, empty account beside the old one."""
    here = "00000000-0000-4000-8000-000000000000"
    assert names.account("demo", "heart", "data", here) == "dademoheart1e06e87d0559"
    assert names.vault("demo", "heart", "data", here) == "kvdemoheart1e06e87d0559"
