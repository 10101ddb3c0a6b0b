"""Names stay within AWS's rules, apart from each other, and the same."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from providers.aws import names

WORD = r"[a-z][a-z0-9-]{0,%d}[a-z0-9]"
SITES = st.from_regex(WORD % 14, fullmatch=True)
PROJECTS = st.from_regex(WORD % 18, fullmatch=True)
PARTS = st.sampled_from(("inputs", "working", "outbox", "records", "analyst", "machines", "job"))
ACCOUNTS = st.from_regex(r"\d{12}", fullmatch=True)
REGIONS = st.sampled_from(("eu-west-2", "ap-southeast-4", "us-gov-west-1"))
LONGEST = ("s" * 16, "p" * 20)


@given(SITES, PROJECTS, PARTS, ACCOUNTS, REGIONS)
def test_buckets_are_legal_and_unreserved(
    site: str, project: str, part: str, account: str, region: str
) -> None:
    name = names.bucket(site, project, part, account, region)
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", name)
    assert not name.startswith(("xn--", "sthree-", "amzn-s3-demo-"))
    assert not name.endswith(("-s3alias", "--ol-s3", "--x-s3", ".mrap"))


@given(SITES, PROJECTS, PARTS)
def test_access_points_roles_and_vaults_are_legal(site: str, project: str, part: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,48}[a-z0-9]", names.access_point(site, project, part))
    assert re.fullmatch(r"[\w+=,.@-]{1,64}", names.role(site, project, part))
    assert re.fullmatch(r"[a-zA-Z0-9-]{2,50}", names.vault(site, project))
    assert re.fullmatch(r"[a-z0-9-]{1,64}", names.general(site, project, part))


@given(SITES, PROJECTS, st.text(min_size=1, max_size=40))
def test_repositories_are_legal_for_any_image(site: str, project: str, word: str) -> None:
    path = re.sub(r"[^a-z0-9]", "", word.lower()) or "image"
    name = names.repository(site, project, f"registry.example.org/{path}@sha256:{'a' * 64}")
    assert re.fullmatch(r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-]+[a-z0-9]+)*", name)
    assert len(name) <= 256


@given(SITES, PROJECTS, SITES, PROJECTS, PARTS)
def test_two_projects_never_share_a_name(a: str, b: str, c: str, d: str, part: str) -> None:
    first, second = (names.role(a, b, part), names.role(c, d, part))
    assert (first == second) == ((a, b) == (c, d))


def test_words_that_join_alike_stay_apart() -> None:
    assert names.role("a-b", "cc", "job") != names.role("a", "b-cc", "job")


def test_buckets_of_two_accounts_stay_apart() -> None:
    here, there = (
        names.bucket("demo", "heart", "inputs", account, "eu-west-2") for account in ("1" * 12, "2" * 12)
    )
    assert here != there


def test_the_longest_names_keep_their_hash() -> None:
    parts = ("inputs", "working", "outbox")
    cut = {names.access_point(*LONGEST, part) for part in parts}
    assert len(cut) == 3
    assert all(len(name) <= 50 and re.search(r"-[0-9a-f]{8}$", name) for name in cut)


def test_names_stay_what_they_are() -> None:
    """A changed name is a new, empty bucket beside the old one."""
    assert (
        names.bucket("demo", "heart", "inputs", "123456789012", "eu-west-2")
        == "tre-demo-heart-inputs-98e1f368"
    )
    assert names.role("demo", "heart", "analyst") == "demo-heart-analyst-61c91b79"
    assert names.partition("us-gov-west-1") == "aws-us-gov"
