"""What a tier or a target asks for changes what is registered, and what cannot be built is refused."""

from __future__ import annotations

from typing import Any

import pytest

from components.contract import of_type
from components.errors import Unbuildable
from components.workspace import Budget, Quota, Size
from providers.azure.evidence import reading as r
from providers.azure.sizing import machines
from tests.conformance.samples import sample
from tests.conformance.targets import TARGETS
from tests.unit.providers.declared import broken, declared, one

OPEN = {"destinations": ("data.example.org", "api.example.org"), "tier": 1}
ROOM = Quota(cpu=8, memory_gib=32, storage_gib=200, machines=4)
NAMES = r.token("network", "FirewallPolicyRuleCollectionGroup")


def test_named_destinations_pass_a_firewall_and_every_promise_holds() -> None:
    records = declared("azure", workspace=OPEN)
    rules = one(records, NAMES).inputs["ruleCollections"][0]["rules"]
    assert rules[0]["targetFqdns"] == ["data.example.org", "api.example.org"]
    assert one(records, r.TABLE).inputs["routes"][0]["nextHopType"] == "VirtualAppliance"
    assert broken("azure", records) == set()


def test_a_firewall_that_lists_another_name_breaks_its_promise() -> None:
    records = declared("azure", workspace=OPEN)
    one(records, NAMES).inputs["ruleCollections"][0]["rules"][0]["targetFqdns"] = ["elsewhere.example.org"]
    assert broken("azure", records) == {
        "workspace/no-route-to-internet",
        "workspace/no-path-to-control-plane",
    }


def test_destinations_are_refused_above_tier_one() -> None:
    with pytest.raises(Unbuildable, match="tier 2 has no network out"):
        declared("azure", workspace={"destinations": ("data.example.org",), "tier": 2})


def test_a_key_in_hardware_is_of_another_kind_in_another_vault() -> None:
    records = declared("azure", data_store={"hardware_key": True})
    assert one(records, r.KEY, "-data").inputs["properties"]["kty"] == "RSA-HSM"
    assert one(records, r.VAULT, "-data-vault").inputs["properties"]["sku"]["name"] == "premium"
    assert one(records, r.KEY, "-records").inputs["properties"]["kty"] == "RSA"
    assert broken("azure", records) == set()


def test_an_erasure_lifts_protection_of_data_and_keeps_the_record() -> None:
    records = declared("azure", data_store={"erase": True})
    data, account = one(records, r.ACCOUNT, "-data"), one(records, r.ACCOUNT, "-records")
    assert (data.protect, data.retain) == (False, False)
    assert account.retain and one(records, r.VAULT, "-records-vault").retain
    # Copies would otherwise outlive the confirmed erasure of what they are copies of.
    assert broken("azure", records) == {"data_store/kept-on-destroy", "data_store/recoverable"}


def test_the_records_policy_is_locked_only_when_asked() -> None:
    target = TARGETS["azure"]
    for asked, state in ((False, "Unlocked"), (True, "Locked")):
        records = declared("azure", target=target.model_copy(update={"records_locked": asked}))
        policy = one(records, r.ACCOUNT, "-records").inputs["immutableStorageWithVersioning"]
        assert policy["immutabilityPolicy"]["state"] == state
        assert broken("azure", records) == set()


def test_the_lock_is_lifted_before_anything_that_it_locks() -> None:
    records = declared("azure")
    lock = one(records, r.RESOURCE_LOCK)
    waits = {urn.rpartition("::")[2] for urn in lock.after}
    held = {each.name for each in records if each.component == "DataStore" and each is not lock}
    assert held <= waits


def test_a_sandboxed_workspace_is_a_confidential_machine_of_its_own() -> None:
    records = declared("azure", workspace={"sandboxed": True, "quota": ROOM})
    profile = one(records, r.MACHINES).inputs["virtualMachineProfile"]
    disk = profile["storageProfile"]["osDisk"]["managedDisk"]["securityProfile"]
    assert profile["securityProfile"]["securityType"] == "ConfidentialVM"
    assert disk["securityEncryptionType"] == "DiskWithVMGuestState"
    assert one(records, r.DISKS).inputs["encryptionType"] == "ConfidentialVmEncryptedWithCustomerKey"
    assert broken("azure", records) == set()


def test_a_budget_in_a_foreign_currency_is_refused() -> None:
    with pytest.raises(Unbuildable, match="Write the budget in GBP"):
        declared("azure", workspace={"budget": Budget(amount=10, currency="EUR")})


@pytest.mark.parametrize(
    "image", ["registry.example.org/workspace:latest", f"elsewhere.example.org/workspace@sha256:{'a' * 64}"]
)
def test_an_image_by_tag_or_from_elsewhere_is_refused(image: str) -> None:
    with pytest.raises(Unbuildable):
        declared("azure", workspace={"image": image})


@pytest.mark.parametrize(
    ("size", "quota", "count", "machine", "number"),
    [
        (Size(cpu=1, memory_gib=2), Quota(cpu=2, memory_gib=4), 3, "Standard_D2ls_v5", 1),
        (Size(cpu=2, memory_gib=8), Quota(cpu=8, memory_gib=32, storage_gib=100), 3, "Standard_D2s_v5", 3),
        (Size(cpu=2, memory_gib=16), Quota(cpu=4, memory_gib=32, storage_gib=100), 3, "Standard_E2s_v5", 2),
        (Size(cpu=6, memory_gib=8), Quota(cpu=20, memory_gib=64, storage_gib=100), 1, "Standard_D8ls_v5", 1),
        (
            Size(cpu=24, memory_gib=200, gpu=1),
            Quota(cpu=24, memory_gib=220),
            1,
            "Standard_NC24ads_A100_v4",
            1,
        ),
    ],
)
def test_machines_fit_the_quota(size: Size, quota: Quota, count: int, machine: str, number: int) -> None:
    spec = sample().workspace.model_copy(update={"size": size, "quota": quota, "count": count})
    fit = machines(spec)
    assert (fit.size, fit.count) == (machine, number)


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"size": Size(cpu=16, memory_gib=64)}, "Raise the quota"),
        ({"quota": Quota(cpu=2, memory_gib=4, storage_gib=10)}, "Allow 20 GiB or more"),
        ({"size": Size(cpu=200, memory_gib=64)}, "at most 96 cores"),
        ({"size": Size(cpu=1, memory_gib=1, gpu=3)}, "Ask for 1 or 2 devices"),
    ],
)
def test_what_no_machine_serves_is_refused_with_a_remedy(changes: dict[str, Any], remedy: str) -> None:
    with pytest.raises(Unbuildable, match=remedy):
        declared("azure", workspace=changes)


def test_nothing_carries_a_public_address_or_a_peering() -> None:
    kinds = [each.type for each in declared("azure")]
    assert not [
        each for each in kinds if each.endswith(("PublicIPAddress", "VirtualNetworkPeering", "NatGateway"))
    ]
    assert of_type(declared("azure"), r.token("network", "AzureFirewall")) == []
