"""Rules and rights are read as Azure reads them."""

from __future__ import annotations

from typing import Any

import pytest

from components.contract import Record
from providers.azure import roles
from providers.azure.evidence import reading as r


def rule(
    priority: int, access: str, to: str = "*", port: str = "*", direction: str = "Outbound"
) -> dict[str, Any]:
    return {
        "priority": priority,
        "access": access,
        "direction": direction,
        "protocol": "*",
        "sourceAddressPrefix": "*",
        "destinationAddressPrefix": to,
        "destinationPortRange": port,
    }


def through(*rules: dict[str, Any], to: str = "10.0.0.4", port: int = 443) -> bool:
    return r.lets_through(
        Record(r.RULES, "x", {"securityRules": list(rules)}), "Outbound", "10.0.0.5", to, port
    )


def test_the_lowest_priority_number_decides() -> None:
    assert through(rule(200, "Deny"), rule(100, "Allow"))
    assert not through(rule(200, "Allow"), rule(100, "Deny"))


def test_without_a_rule_azures_own_let_through() -> None:
    assert through()
    assert through(rule(100, "Deny", direction="Inbound"))


@pytest.mark.parametrize(
    ("to", "address", "matches"),
    [
        ("10.0.0.0/24", "10.0.0.9", True),
        ("10.0.0.0/24", "10.0.1.9", False),
        ("Internet", "8.8.8.8", True),
        ("Internet", "10.0.0.9", False),
        ("AzureCloud", "8.8.8.8", False),
    ],
)
def test_prefixes_and_tags(to: str, address: str, matches: bool) -> None:
    assert through(rule(100, "Deny", to), to=address) is not matches


@pytest.mark.parametrize(
    ("ports", "port", "matches"), [("443", 443, True), ("443", 80, False), ("80-90", 85, True)]
)
def test_ports(ports: str, port: int, matches: bool) -> None:
    assert through(rule(100, "Deny", port=ports), port=port) is not matches


def assignment(role: str, scope: str) -> Record:
    return Record(r.ASSIGNMENT, "x", {"roleDefinitionId": role, "scope": scope, "principalId": "who"})


def test_rights_come_down_from_above_and_not_from_beside() -> None:
    records = [assignment(f"/x/{roles.BLOB_READER}", "a.id")]
    assert r.holders(records, "a.id/blobServices/default/containers/inputs")
    assert not r.holders(records, "a.identical")


def test_a_role_that_is_not_known_gives_everything() -> None:
    assert r.rights_of(assignment("/x/owner", "a"), []) == r.EVERYTHING


def test_a_role_of_our_own_gives_what_it_says() -> None:
    own = Record(r.DEFINITION, "sender", {"permissions": [{"dataActions": list(roles.SEND), "actions": []}]})
    assert r.rights_of(assignment("sender.id", "a"), [own]) == {"add", "write"}
    wide = Record(r.DEFINITION, "sender", {"permissions": [{"dataActions": ["*"], "actions": []}]})
    assert r.rights_of(assignment("sender.id", "a"), [wide]) == r.EVERYTHING
