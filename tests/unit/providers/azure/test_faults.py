"""Each planted fault breaks the promise that it is for, and no other but those that share its cause."""

from __future__ import annotations

from tests.unit.providers.declared import collateral, declared, superfluous

SHARED: dict[tuple[str, str], set[str]] = {
    # Whoever may do anything with an account may do it with every area, and with its settings.
    ("data_store/inputs-read-only", "machines may do anything with the account"): {
        "workspace/no-path-to-control-plane",
        "workspace/egress-only-through-airlock",
    },
    ("data_store/inputs-read-only", "inputs can be changed"): {"data_store/retention-enforced"},
    # A shared key passes by rights, by doors, and by names in the record.
    ("data_store/inputs-read-only", "a key opens everything"): {
        "data_store/reachable-only-from-project",
        "data_store/access-recorded",
    },
    ("data_store/reachable-only-from-project", "a key opens everything"): {
        "data_store/inputs-read-only",
        "data_store/access-recorded",
    },
    ("data_store/access-recorded", "accesses without a name"): {
        "data_store/inputs-read-only",
        "data_store/reachable-only-from-project",
    },
    # Data under no key or a foreign key has no key of its own, and outlives that key's end.
    ("data_store/encrypted-at-rest", "copies under the platform's key"): {
        "data_store/key-per-project",
        "data_store/deletion-certified",
    },
    ("data_store/key-per-project", "another project's key"): {"data_store/deletion-certified"},
    ("data_store/key-per-project", "copies under another key"): {"data_store/deletion-certified"},
    ("data_store/deletion-certified", "data under a key that stays"): {"data_store/key-per-project"},
    # The certificate of an erasure is the record of it.
    ("data_store/access-recorded", "uses of the key are left out"): {"data_store/deletion-certified"},
    ("data_store/access-recorded", "the record can be deleted"): {"data_store/deletion-certified"},
    ("data_store/deletion-certified", "the end of the key is not written"): {"data_store/access-recorded"},
    # The same rules keep the internet, other networks and Azure's control interface away.
    ("workspace/no-route-to-internet", "a rule that lets out"): {
        "workspace/no-path-to-control-plane",
        "workspace/egress-only-through-airlock",
    },
    ("workspace/no-route-to-internet", "rules that refuse nothing"): {
        "workspace/no-path-to-control-plane",
        "workspace/no-path-to-other-projects",
        "workspace/no-copy-out",
    },
    ("workspace/no-path-to-other-projects", "a rule that lets to another network"): {
        "workspace/egress-only-through-airlock"
    },
    ("workspace/no-path-to-control-plane", "a rule that lets to the control interface"): {
        "workspace/egress-only-through-airlock"
    },
    ("workspace/no-path-to-control-plane", "rights of control"): {"workspace/no-path-to-other-projects"},
    ("workspace/egress-only-through-airlock", "copies to any network"): {
        "data_store/reachable-only-from-project"
    },
}


def test_a_fault_breaks_nothing_that_does_not_share_its_cause() -> None:
    assert collateral("azure", declared("azure")) == SHARED


def test_every_kind_of_citation_is_needed() -> None:
    assert superfluous("azure", declared("azure")) == []
