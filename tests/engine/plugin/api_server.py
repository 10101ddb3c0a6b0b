"""A real Kubernetes API server for tests: etcd, kube-apiserver and kube-controller-manager on loopback ports."""

import base64
import datetime
import ipaddress
import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import urllib3
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.ports import free_port

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager")
_START_SECONDS = 60


def missing_programs() -> list[str]:
    """Those of the needed programs that are not on PATH."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the tests' own."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls) -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("tests")
        builder = _builder(name, name, key).add_extension(x509.BasicConstraints(True, None), True)
        return cls(key, builder.sign(key, hashes.SHA256()))

    def issue(self, common_name: str, organisation: str = "") -> tuple[bytes, bytes]:
        """A certificate for 127.0.0.1 or for a client, and its key, both PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = _builder(_name(common_name, organisation), self.certificate.subject, key)
        certificate = builder.add_extension(names, False).sign(self.key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM), _pem(key)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def _name(common_name: str, organisation: str = "") -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organisation:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(attributes)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


@dataclass
class ApiServer:
    """A running API server; `kubeconfig` is the administrator's."""

    folder: Path
    port: int
    etcd_port: int
    authority: Authority
    processes: dict[str, "subprocess.Popen[bytes]"] = field(
        default_factory=dict[str, "subprocess.Popen[bytes]"]
    )

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start all parts and wait until the API server says that it is ready."""
        self.start_etcd()
        self.start_api_server()
        self._start(
            "kube-controller-manager", f"--kubeconfig={self.kubeconfig}", *self._controller_arguments()
        )

    def start_etcd(self) -> None:
        url, peers = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{free_port()}"
        self._start(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
        )

    def start_api_server(self) -> None:
        """Start the API server alone, for tests in which it goes away and comes back."""
        file = self.folder
        self._start(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--tls-cert-file={file / 'server.crt'}",
            f"--tls-private-key-file={file / 'server.key'}",
            f"--client-ca-file={file / 'ca.crt'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={file / 'accounts.key'}",
            f"--service-account-signing-key-file={file / 'accounts.key'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
        )
        self._wait_until_ready()

    def stop(self, name: str) -> None:
        """Kill one part."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop_all(self) -> None:
        """Kill all parts."""
        for name in list(self.processes):
            self.stop(name)

    def prepare(self) -> None:
        """Write certificates, keys and the administrator's kubeconfig."""
        certificate, key = self.authority.issue("kube-apiserver")
        _write(self.folder / "server.crt", certificate)
        _write(self.folder / "server.key", key)
        _write(self.folder / "ca.crt", self.authority.pem)
        _write(self.folder / "accounts.key", _pem(ec.generate_private_key(ec.SECP256R1())))
        _write(self.kubeconfig, self.kubeconfig_for("admin", "system:masters").encode())

    def kubeconfig_for(self, user: str, group: str = "") -> str:
        """A kubeconfig for a user of the given name and group."""
        certificate, key = self.authority.issue(user, group)
        cluster = {"server": self.address, "certificate-authority-data": _encoded(self.authority.pem)}
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "tests",
                "clusters": [{"name": "tests", "cluster": cluster}],
                "users": [
                    {
                        "name": user,
                        "user": {
                            "client-certificate-data": _encoded(certificate),
                            "client-key-data": _encoded(key),
                        },
                    }
                ],
                "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": user}}],
            }
        )

    def _controller_arguments(self) -> list[str]:
        return [
            f"--service-account-private-key-file={self.folder / 'accounts.key'}",
            f"--root-ca-file={self.folder / 'ca.crt'}",
            "--secure-port=0",
            "--leader-elect=false",
        ]

    def _start(self, name: str, *arguments: str) -> None:
        log: IO[bytes] = (self.folder / f"{name}.log").open("ab")
        with log:
            self.processes[name] = subprocess.Popen(
                [name, *arguments], stdout=log, stderr=log, cwd=self.folder
            )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        pool = urllib3.PoolManager(ca_certs=str(self.folder / "ca.crt"), retries=False)
        while time.monotonic() < deadline and self.processes["kube-apiserver"].poll() is None:
            try:
                if pool.request("GET", f"{self.address}/readyz", timeout=2).status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.1)
        raise RuntimeError((self.folder / "kube-apiserver.log").read_text()[-2000:])


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _write(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)


@contextmanager
def running(folder: Path) -> Generator[ApiServer]:
    """A running API server in `folder`, killed at the end."""
    server = ApiServer(folder, free_port(), free_port(), Authority.new())
    server.prepare()
    try:
        server.start()
        yield server
    finally:
        server.stop_all()
