"""What a tier or a target asks for changes what is registered, and what cannot be built is refused."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from components.contract import of_type
from components.errors import Unbuildable
from components.workspace import Budget, Quota, Size
from providers.aws.evidence import reading as r
from providers.aws.sizing import machines
from providers.aws.target import AwsTarget
from tests.conformance.samples import sample
from tests.conformance.targets import TARGETS
from tests.unit.providers.declared import broken, declared, one
from tre.engine.record import record
from tre.errors import InvalidInput
from tre.program import Part, project_program

TARGET = TARGETS["aws"]
OPEN = {"destinations": ("data.example.org", "api.example.org"), "tier": 1, "clipboard": "both"}
ROOM = Quota(cpu=8, memory_gib=32, storage_gib=200, machines=4)


def target(**changes: Any) -> AwsTarget:
    assert isinstance(TARGET, AwsTarget)
    return TARGET.model_copy(update=changes)


def test_named_destinations_pass_a_firewall_and_every_promise_holds() -> None:
    records = declared("aws", workspace=OPEN)
    listed = one(records, r.token("networkfirewall", "RuleGroup")).inputs["ruleGroup"]["rulesSource"]
    assert listed["rulesSourceList"]["targets"] == ["data.example.org", "api.example.org"]
    assert broken("aws", records) == set()


def test_with_destinations_every_subnet_stands_on_the_one_access_list() -> None:
    """The default list is emptied: a subnet left on it would reach nothing at all."""
    records = declared("aws", workspace=OPEN)
    listed = one(records, r.ACCESS_LIST).inputs["subnetIds"]
    assert sorted(listed) == sorted(f"{each.name}.id" for each in of_type(records, r.SUBNET))
    tabled = [each.inputs["subnetId"] for each in of_type(records, r.ASSOCIATION)]
    assert sorted(tabled) == sorted(listed)


def test_a_firewall_that_lists_another_name_breaks_its_promise() -> None:
    records = declared("aws", workspace=OPEN)
    rules = one(records, r.token("networkfirewall", "RuleGroup"))
    listed = {"generatedRulesType": "ALLOWLIST", "targets": ["elsewhere.example.org"]}
    rules.inputs["ruleGroup"]["rulesSource"]["rulesSourceList"] = listed
    assert broken("aws", records) == {"workspace/no-route-to-internet"}


def test_destinations_are_refused_above_tier_one() -> None:
    with pytest.raises(Unbuildable, match="tier 2 has no network out"):
        declared("aws", workspace={"destinations": ("data.example.org",), "tier": 2})


@pytest.mark.parametrize("name", ["*.example.org", "https://example.org/", "localhost"])
def test_a_destination_is_the_name_of_one_host(name: str) -> None:
    with pytest.raises(Unbuildable, match=r"for example 'data\.example\.org'"):
        declared("aws", workspace={"destinations": (name,), "tier": 0})


def test_a_key_in_hardware_comes_from_the_targets_key_store_and_does_not_rotate_itself() -> None:
    store = "cks-0123456789abcdef0"
    records = declared("aws", target=target(key_store=store), data_store={"hardware_key": True})
    key = one(records, r.KEY, "-data").inputs
    assert (key["customKeyStoreId"], key["enableKeyRotation"]) == (store, False)
    assert "customKeyStoreId" not in one(records, r.KEY, "-records").inputs
    assert broken("aws", records) == set()


def test_a_key_in_hardware_needs_a_key_store() -> None:
    with pytest.raises(Unbuildable, match="cks-0123456789abcdef0"):
        declared("aws", data_store={"hardware_key": True})


def test_what_cannot_be_built_is_reported_as_wrong_input_with_its_remedy() -> None:
    made = sample()
    asked = made.data_store.model_copy(update={"hardware_key": True})
    part = Part(
        site="demo",
        stack="demo-heart",
        project="heart",
        target_name="aws",
        target=TARGET,
        tier=3,
        specs={"data_store": asked, "workspace": made.workspace, "identity": made.identity},
    )
    with pytest.raises(InvalidInput) as refused:
        record(project_program(part, {}))
    assert [each.where for each in refused.value.problems] == ["target.key_store"]


def test_an_erasure_lifts_protection_of_data_and_keeps_the_record() -> None:
    records = declared("aws", data_store={"erase": True})
    data, account = one(records, r.BUCKET, "-working"), one(records, r.BUCKET, "-records")
    assert (data.protect, data.retain, data.inputs["forceDestroy"]) == (False, False, True)
    assert account.retain and "forceDestroy" not in account.inputs
    assert one(records, r.TRAIL).retain and one(records, r.KEY, "-records").retain
    assert broken("aws", records) == {"data_store/kept-on-destroy"}


def test_a_sandboxed_job_takes_a_whole_machine_that_can_hold_an_enclave() -> None:
    records = declared("aws", workspace={"sandboxed": True, "quota": ROOM})
    needs = json.loads(one(records, r.JOB).inputs["containerProperties"])["resourceRequirements"]
    assert {"type": "VCPU", "value": "4"} in needs
    assert one(records, r.TEMPLATE).inputs["enclaveOptions"] == {"enabled": True}
    assert broken("aws", records) == set()


@pytest.mark.parametrize("clipboard", ["none", "paste-in", "both"])
def test_the_clipboard_follows_the_spec(clipboard: str) -> None:
    records = declared("aws", workspace={"clipboard": clipboard})
    said = one(records, r.DESKTOP).inputs
    assert said["copyAllowed"] == ("Enabled" if clipboard == "both" else "Disabled")
    assert said["pasteAllowed"] == ("Disabled" if clipboard == "none" else "Enabled")
    assert broken("aws", records) == set()


def test_without_a_desktop_every_promise_still_holds() -> None:
    records = declared("aws", target=target(desktop="none"))
    assert of_type(records, r.DESKTOP) == []
    assert broken("aws", records) == set()


def test_the_account_wide_bar_is_switched_on_only_when_asked() -> None:
    bar = r.token("ec2", "VpcBlockPublicAccessOptions")
    assert of_type(declared("aws"), bar) == []
    asked = declared("aws", target=target(block_internet_account_wide=True))
    assert one(asked, bar).inputs["internetGatewayBlockMode"] == "block-bidirectional"


def test_a_budget_without_a_rate_is_refused() -> None:
    with pytest.raises(Unbuildable, match="no rate from EUR"):
        declared("aws", workspace={"budget": Budget(amount=10, currency="EUR")})


def test_a_budget_is_kept_in_dollars_from_the_sites_first_day() -> None:
    records = declared("aws", target=target(rates={"GBP": 1.5}, spend_from=datetime.date(2026, 4, 1)))
    said = one(records, r.BUDGET).inputs
    assert (said["limitAmount"], said["limitUnit"], said["timePeriodStart"]) == (
        "1500.00",
        "USD",
        "2026-04-01_00:00",
    )


@pytest.mark.parametrize(
    "image", ["registry.example.org/workspace:latest", f"elsewhere.example.org/workspace@sha256:{'a' * 64}"]
)
def test_an_image_by_tag_or_from_elsewhere_is_refused(image: str) -> None:
    with pytest.raises(Unbuildable):
        declared("aws", workspace={"image": image})


@pytest.mark.parametrize(
    ("size", "quota", "machine", "cores"),
    [
        (Size(cpu=1, memory_gib=2), Quota(cpu=2, memory_gib=4), "c7i.large", 2),
        (Size(cpu=2, memory_gib=8), Quota(cpu=8, memory_gib=32), "m7i.large", 8),
        (Size(cpu=2, memory_gib=16), Quota(cpu=4, memory_gib=32), "r7i.large", 4),
        (Size(cpu=6, memory_gib=8), Quota(cpu=20, memory_gib=64), "c7i.2xlarge", 16),
        (Size(cpu=4, memory_gib=16, gpu=1), Quota(cpu=4, memory_gib=16), "g6.xlarge", 4),
        (Size(cpu=1, memory_gib=2), Quota(cpu=64, memory_gib=128, machines=3), "c7i.large", 6),
    ],
)
def test_machines_fill_the_quota_and_never_more(size: Size, quota: Quota, machine: str, cores: int) -> None:
    spec = sample().workspace.model_copy(update={"size": size, "quota": quota})
    fit = machines(spec)
    assert (fit.type, fit.most_cores) == (machine, cores)


def test_a_quota_too_small_for_one_machine_is_refused() -> None:
    with pytest.raises(Unbuildable, match="Raise the quota"):
        declared("aws", workspace={"size": Size(cpu=16, memory_gib=64)})
    with pytest.raises(Unbuildable, match="Allow 80 GiB or more"):
        declared("aws", workspace={"quota": Quota(cpu=8, memory_gib=16, storage_gib=20)})


def test_everything_that_can_carry_a_tag_carries_the_projects() -> None:
    untagged = [
        each.name
        for each in declared("aws")
        if "tags" in each.inputs and each.inputs["tags"].get("tre-project") != "demo/heart"
    ]
    assert untagged == []
