"""Each planted fault breaks the promise that it is for, and no other but those that share its cause."""

from __future__ import annotations

from tests.unit.providers.declared import collateral, declared, superfluous

_KEYS = {"data_store/key-per-project", "data_store/deletion-certified"}

SHARED: dict[tuple[str, str], set[str]] = {
    # Data under no key or a foreign key has no key of its own, and outlives that key's end.
    ("data_store/encrypted-at-rest", "a bucket without encryption"): _KEYS,
    ("data_store/encrypted-at-rest", "a bucket under S3's own key"): _KEYS,
    ("data_store/encrypted-at-rest", "copies without a key"): _KEYS,
    ("data_store/key-per-project", "a bucket under the account's key"): {"data_store/deletion-certified"},
    ("data_store/key-per-project", "copies under the account's key"): {"data_store/deletion-certified"},
    ("data_store/deletion-certified", "data under a key that cannot end"): {"data_store/key-per-project"},
    ("data_store/deletion-certified", "analysts may end the key"): {"data_store/key-per-project"},
    # Locks and versions of inputs serve two promises each.
    ("data_store/inputs-read-only", "versions can be deleted"): {"data_store/retention-enforced"},
    ("data_store/inputs-read-only", "versions are not kept"): {"data_store/recoverable"},
    # The certificate of an erasure is the record of it.
    ("data_store/access-recorded", "the trail is off"): {"data_store/deletion-certified"},
    ("data_store/access-recorded", "the record can be changed unseen"): {"data_store/deletion-certified"},
    ("data_store/access-recorded", "the record can be deleted"): {"data_store/deletion-certified"},
    # A way to anywhere is a way past the airlock.
    ("workspace/no-route-to-internet", "an open group"): {"workspace/egress-only-through-airlock"},
    ("workspace/no-path-to-other-projects", "another project's group"): {
        "workspace/egress-only-through-airlock"
    },
    # A second network has no rules on its names.
    ("workspace/no-path-to-other-projects", "a second network"): {"workspace/inside-names-only"},
    # A door to sessions or logs is a door to AWS's control, and a way to carry data out.
    ("workspace/no-path-to-control-plane", "a door to sessions"): {"workspace/no-copy-out"},
    ("workspace/no-copy-out", "a door for logs"): {"workspace/no-path-to-control-plane"},
}


def test_a_fault_breaks_nothing_that_does_not_share_its_cause() -> None:
    assert collateral("aws", declared("aws")) == SHARED


def test_every_kind_of_citation_is_needed() -> None:
    assert superfluous("aws", declared("aws")) == []
