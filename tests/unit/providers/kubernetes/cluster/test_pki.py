"""Certificates: who signs whom, what they are for, and when they are made anew."""

from __future__ import annotations

import stat
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from providers.kubernetes.cluster import pki

LEAVES = pki.leaves("tre", "10.200.0.2", "10.96.0.1")


def certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_every_leaf_is_signed_by_its_own_authority_and_no_other(tmp_path: Path) -> None:
    pki.ensure(tmp_path, LEAVES)
    authorities = {name: certificate(tmp_path, f"{name}-ca") for name in ("cluster", "etcd")}
    for leaf in LEAVES:
        issued = certificate(tmp_path, leaf.name)
        issued.verify_directly_issued_by(authorities[leaf.authority])
        assert {name for name, ca in authorities.items() if ca.subject == issued.issuer} == {leaf.authority}


def test_the_api_server_s_certificate_serves_its_addresses(tmp_path: Path) -> None:
    pki.ensure(tmp_path, LEAVES)
    store = Store([certificate(tmp_path, "cluster-ca")])
    for name in ("kubernetes.default.svc.cluster.local", "localhost"):
        verifier = PolicyBuilder().store(store).build_server_verifier(x509.DNSName(name))
        assert verifier.verify(certificate(tmp_path, "apiserver"), [])


def test_a_client_s_certificate_is_for_clients_and_names_user_and_groups(tmp_path: Path) -> None:
    pki.ensure(tmp_path, LEAVES)
    administrator = certificate(tmp_path, "administrator")
    uses = administrator.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    values = [
        attribute.value for attribute in administrator.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    ]
    groups = administrator.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert values == ["tre:administrator"]
    assert [group.value for group in groups] == [pki.ADMINISTRATORS]


def test_only_the_bootstrap_is_beyond_the_reach_of_bindings() -> None:
    assert [leaf.name for leaf in LEAVES if "system:masters" in leaf.groups] == ["bootstrap"]


def test_everything_is_private(tmp_path: Path) -> None:
    pki.ensure(tmp_path / "pki", LEAVES)
    assert stat.S_IMODE((tmp_path / "pki").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "pki").iterdir()} == {0o600}


def test_nothing_is_made_twice(tmp_path: Path) -> None:
    pki.ensure(tmp_path, LEAVES)
    before = contents(tmp_path)
    pki.ensure(tmp_path, LEAVES)
    assert contents(tmp_path) == before


def test_new_addresses_need_new_certificates_for_servers_alone(tmp_path: Path) -> None:
    pki.ensure(tmp_path, LEAVES)
    before = contents(tmp_path)
    pki.ensure(tmp_path, pki.leaves("tre", "10.200.7.2", "10.96.0.1"))
    after = contents(tmp_path)
    changed = {name.split(".")[0] for name in after if after[name] != before[name]}
    assert changed == {"apiserver", "kubelet-server"}


def test_a_lost_authority_replaces_what_it_signed(tmp_path: Path) -> None:
    pki.ensure(tmp_path, LEAVES)
    (tmp_path / "etcd-ca.key").unlink()
    pki.ensure(tmp_path, LEAVES)
    certificate(tmp_path, "etcd").verify_directly_issued_by(certificate(tmp_path, "etcd-ca"))
