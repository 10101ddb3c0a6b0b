"""The sign-in service's tables come with its image: its first start makes none of them itself."""

from __future__ import annotations

import pytest

from tests.cluster.kubectl import Kubectl

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("site")]

PLACE = "tre-s-proof--identity"
COUNT = "SELECT count(*) FROM databasechangelog"


def test_a_first_start_finds_all_tables_and_makes_the_realm(kubectl: Kubectl) -> None:
    told = kubectl.run("-n", PLACE, "logs", "deployment/sign-in")
    assert "Realm 'tre-proof' imported" in told
    # Keycloak's words where it makes its tables itself, or brings older ones up to date.
    assert "Initializing database schema" not in told
    assert "Updating database" not in told
    command = ("psql", "--host=/run/postgresql", "--username=postgres", "--dbname=keycloak")
    known = kubectl.run(
        "-n", PLACE, "exec", "database-0", "--", *command, "--tuples-only", "--command", COUNT
    )
    assert int(known) > 100
