"""The cluster's own certificates: two authorities, and a leaf for each pair of parts that talk.

There is no static token and no shared administrator certificate: the kubeconfig holds a client certificate whose
group `tre:administrators` is bound to `cluster-admin` by a binding that can be removed. Keys are ECDSA P-256.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tre import paths

ADMINISTRATORS: Final = "tre:administrators"
SERVICE_DOMAIN: Final = "cluster.local"
_AUTHORITY_LIFE: Final = datetime.timedelta(days=3650)
_LEAF_LIFE: Final = datetime.timedelta(days=365)
_RENEW_BEFORE: Final = datetime.timedelta(days=30)


@dataclass(frozen=True)
class Leaf:
    """One certificate: its file name, who it speaks for, the authority that signs it, the names it serves."""

    name: str
    user: str
    groups: Sequence[str] = ()
    authority: str = "cluster"
    serves: Sequence[str] = field(default_factory=tuple[str, ...])


def leaves(node_name: str, node_address: str, service_address: str) -> Sequence[Leaf]:
    """Return every leaf certificate that a cluster with these addresses needs."""
    service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    local = ["localhost", "127.0.0.1"]
    api = [*service, f"{service[-1]}.{SERVICE_DOMAIN}", service_address, node_address, *local]
    return [
        Leaf("apiserver", "kube-apiserver", serves=api),
        Leaf(
            "kubelet-server", f"system:node:{node_name}", ["system:nodes"], serves=[node_name, node_address]
        ),
        Leaf("kubelet", f"system:node:{node_name}", ["system:nodes"]),
        Leaf("apiserver-to-kubelet", "tre:apiserver"),
        Leaf("controller-manager", "system:kube-controller-manager"),
        Leaf("scheduler", "system:kube-scheduler"),
        Leaf("cilium", "tre:cilium"),
        Leaf("cilium-operator", "tre:cilium-operator"),
        Leaf("volumes", "tre:volumes"),
        # Grants the first rights, before any binding exists. It never leaves the state folder.
        Leaf("bootstrap", "tre:bootstrap", ["system:masters"]),
        Leaf("administrator", "tre:administrator", [ADMINISTRATORS]),
        Leaf("etcd", "etcd", authority="etcd", serves=local),
        Leaf("apiserver-to-etcd", "kube-apiserver", authority="etcd"),
    ]


def ensure(folder: Path, wanted: Sequence[Leaf]) -> None:
    """Make what is missing, about to expire, or made for other addresses; leave the rest as it is."""
    paths.private_folder(folder)
    for authority in sorted({leaf.authority for leaf in wanted}):
        _ensure_authority(folder, authority)
    for leaf in wanted:
        if not _still_good(folder, leaf):
            _issue(folder, leaf)
    if not (folder / "service-accounts.pub").exists():
        _make_service_account_keys(folder)


def _make_service_account_keys(folder: Path) -> None:
    key = _new_key()
    _write_key(folder / "service-accounts.key", key)
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    paths.write_private(
        folder / "service-accounts.pub", key.public_key().public_bytes(encoding, form).decode()
    )


def _ensure_authority(folder: Path, name: str) -> None:
    certificate = folder / f"{name}-ca.crt"
    if certificate.exists() and (folder / f"{name}-ca.key").exists():
        return
    key = _new_key()
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"tre {name} authority {os.urandom(4).hex()}")]
    )
    usage = _usage(sign_certificates=True)
    builder = (
        _builder(subject, subject, key.public_key(), _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    _write_key(folder / f"{name}-ca.key", key)
    _write_certificate(certificate, builder.sign(key, hashes.SHA256()))


def _still_good(folder: Path, leaf: Leaf) -> bool:
    files = folder / f"{leaf.name}.crt", folder / f"{leaf.name}.key"
    if not all(file.exists() for file in files):
        return False
    found = x509.load_pem_x509_certificate(files[0].read_bytes())
    authority, _ = _load_authority(folder, leaf.authority)
    fresh = found.not_valid_after_utc - _now() > _RENEW_BEFORE
    return fresh and found.issuer == authority.subject and _serves(found) == sorted(leaf.serves)


def _serves(certificate: x509.Certificate) -> Sequence[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = names.get_values_for_type(x509.IPAddress)
    return sorted([*names.get_values_for_type(x509.DNSName), *map(str, addresses)])


def _issue(folder: Path, leaf: Leaf) -> None:
    authority, authority_key = _load_authority(folder, leaf.authority)
    key = _new_key()
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in leaf.groups]
    subject = x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, leaf.user)])
    purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if leaf.serves else [])]
    builder = (
        _builder(subject, authority.subject, key.public_key(), _LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
    )
    if leaf.serves:
        names = x509.SubjectAlternativeName([_general_name(name) for name in leaf.serves])
        builder = builder.add_extension(names, critical=False)
    _write_key(folder / f"{leaf.name}.key", key)
    _write_certificate(folder / f"{leaf.name}.crt", builder.sign(authority_key, hashes.SHA256()))


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: datetime.timedelta
) -> x509.CertificateBuilder:
    start = _now() - datetime.timedelta(minutes=5)  # clocks of a laptop that slept may step back a little
    return (
        x509.CertificateBuilder()
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + life)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _load_authority(folder: Path, name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate = x509.load_pem_x509_certificate((folder / f"{name}-ca.crt").read_bytes())
    key = serialization.load_pem_private_key((folder / f"{name}-ca.key").read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{name}-ca.key is not the elliptic-curve key that was written")
    return certificate, key


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey) -> None:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    paths.write_private(file, key.private_bytes(encoding, form, serialization.NoEncryption()).decode())


def _write_certificate(file: Path, certificate: x509.Certificate) -> None:
    paths.write_private(file, certificate.public_bytes(serialization.Encoding.PEM).decode())


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
