"""A site on a cluster "of one's own", at an institution that has an issuer, a mail server and a web hook of its own.

The cluster is the local one, but named by its kubeconfig like any other: nothing embedded is used. Issuer, mail
server and hook run on the machine, which to the cluster is an address outside.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from components.backend import Entrance, FirstSignIn
from providers.kubernetes.cluster import ClusterInfo
from providers.kubernetes.cluster.network import POD_RANGE
from tests.certified import Certified
from tests.cluster.institution import issuer
from tests.cluster.institution.hook import Hook, open_hook
from tests.cluster.institution.issuer import Member, open_issuer
from tests.cluster.kubectl import Kubectl
from tests.post_office import PASSWORD, USER, PostOffice, open_office
from tre import cli

POST: Final = "post.institution.svc.cluster.local"
OUTSIDE: Final = 30743
_ISSUER, _MAIL, _HOOK = 18443, 12525, 19443
_HOOK_SECRET: Final = "between the hook and the airlock"
MEMBERS: Final = (
    Member("sasha", ["tre:campus:birds:data-steward"]),
    Member("casey", ["tre:campus:birds:output-checker", "staff"]),
    Member("noah", ["staff", "tre:elsewhere:birds:output-checker"]),
)

_SITE: Final = """\
config:
  tre:site:
    version: 1
    name: campus
    title: A TRE at an institution
    tier: 2
    targets:
      own: {own}
    identity:
      issuer: {issuer}
      client: {client}
      client_secret_file: secrets/client
      command_line_client: {command_line}
      groups_claim: {claim}
      second_factor: [{second_factor}]
      longest_access_days: 3700
      authority: |
{authority}
    defaults:
      image: {workspace}
      size: {{cpu: 0.2, memory_gib: 0.2}}
      quota: {{cpu: 2, memory_gib: 4, storage_gib: 4, machines: 10}}
      storage: {{inputs_gib: 1, working_gib: 1, outbox_gib: 1}}
    airlock:
      image: {portal}
      telemetry:
        address: https://{machine}:{hook}
        networks: [{machine}/32]
        authority: |
{authority}
      notices:
        mail:
          server: {post}
          port: {mail}
          sender: airlock@tre.example.org
          user: {user}
          password_file: secrets/mail
          networks: [{machine}/32]
          authority: |
{authority}
        webhook:
          address: https://{machine}:{hook}/notices
          secret_file: secrets/hook
          networks: [{machine}/32]
          authority: |
{authority}
    contacts: {{operator: o@example.org, information_governance: g@example.org, security: s@example.org}}
    people:
      - {{name: olive, email: olive@example.org, roles: [operator], expires: 2035-12-31}}
"""
_PROJECT: Final = """\
config:
  tre:project:
    version: 1
    site: campus
    name: birds
    title: Birds
    approval: {reference: P-2, expires: 2035-12-31}
    people:
      - {name: ann, email: ann@example.org, roles: [data-analyst]}
      - {name: sasha, email: sasha@university.example.org, roles: [data-steward]}
      - {name: casey, email: casey@university.example.org, roles: [output-checker]}
    data_sets:
      - {name: birds, classification: pseudonymised, source: {airlock: true}}
    budget: {amount: 10, currency: GBP}
"""


@dataclass(frozen=True)
class Campus:
    """The deployed site: the folder of its files, how people come in, and where its notices arrive."""

    folder: Path
    entrance: Entrance
    office: PostOffice
    hook: Hook


@pytest.fixture(scope="package")
def campus(
    cluster: ClusterInfo, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Campus]:
    """Run the institution and deploy the site; take both down at the end."""
    folder = tmp_path_factory.mktemp("campus")
    node = node_of(cluster)
    machine = node.removesuffix(".2") + ".1"
    certified = Certified.made(folder, [machine, POST])
    portal = f"https://{node}:{OUTSIDE}"
    with contextlib.ExitStack() as open_now:
        address = open_now.enter_context(open_issuer(folder, certified, _ISSUER, portal, MEMBERS))
        office = open_now.enter_context(open_office(certified, address=machine, port=_MAIL))
        hook = open_now.enter_context(open_hook(certified, machine, _HOOK, _HOOK_SECRET))
        open_now.enter_context(_reached(kubectl, machine, node))
        _write(folder, cluster, machine, address, certified)
        open_now.callback(erase, "campus", folder)
        assert cli.execute(["up", "campus", "--yes", "--folder", str(folder)]) == 0
        yield Campus(folder, _entrance(kubectl, portal, certified), office, hook)


def node_of(cluster: ClusterInfo) -> str:
    """Return the node's address, under which people come in."""
    return str(urlsplit(cluster.api).hostname)


def own_target(cluster: ClusterInfo, outside: int, sign_in: int) -> str:
    """Return the local cluster as a target like any other: by its kubeconfig, every image by its digest."""
    images = cluster.images
    services = {
        "host": node_of(cluster),
        "outside_port": outside,
        "sign_in_port": sign_in,
        "sign_in_image": images["keycloak"],
        "database_image": images["postgres"],
        "scanner_image": images["scanner"],
    }
    return json.dumps(
        {
            "backend": "kubernetes",
            "kubeconfig": str(cluster.kubeconfig),
            "probe_image": images["workspace"],
            "services": services,
        }
    )


def _write(folder: Path, cluster: ClusterInfo, machine: str, address: str, certified: Certified) -> None:
    secrets = {"client": issuer.CLIENT_SECRET, "mail": PASSWORD, "hook": _HOOK_SECRET}
    (folder / "secrets").mkdir()
    for name, secret in secrets.items():
        (folder / "secrets" / name).touch(0o600)
        (folder / "secrets" / name).write_text(secret + "\n")
    told: dict[str, Any] = {
        **cluster.images,
        "own": own_target(cluster, OUTSIDE, OUTSIDE + 1),
        "machine": machine,
        "issuer": address,
        "client": issuer.CLIENT,
        "command_line": issuer.COMMAND_LINE,
        "claim": ".".join(issuer.CLAIM),
        "second_factor": issuer.SECOND_FACTOR,
        "authority": _indented(certified.authority.read_text()),
        "post": POST,
        "mail": _MAIL,
        "hook": _HOOK,
        "user": USER,
    }
    (folder / "Pulumi.campus.yaml").write_text(_SITE.format(**told))
    (folder / "Pulumi.campus-birds.yaml").write_text(_PROJECT)


def _indented(text: str) -> str:
    return "\n".join(f"            {line}" for line in text.splitlines())


def erase(site: str, folder: Path) -> None:
    """Take a site down with its data."""
    confirmed = ["--erase-data", "--confirm-erase", site, "--folder", str(folder)]
    assert cli.execute(["destroy", site, "--yes", *confirmed]) == 0


def _entrance(kubectl: Kubectl, portal: str, certified: Certified) -> Entrance:
    place = ("-n", "tre-s-campus--airlock")
    door: str = kubectl.get("configmap", "authority", *place)["data"]["ca.crt"]
    people = {each.name: FirstSignIn(issuer.PASSWORD, issuer.code_secret()) for each in MEMBERS}
    return Entrance(portal, (door, certified.authority.read_text()), people)


@contextlib.contextmanager
def _reached(kubectl: Kubectl, machine: str, node: str) -> Generator[None]:
    """Let the machine answer pods, which the cluster leaves without a way back, and name its mail server for them.

    Who may ask it is for the policies alone to say. The route goes with the cluster's link.
    """
    _ip("route", "replace", POD_RANGE, "via", node)
    name, namespace = POST.split(".")[:2]
    metadata = {"name": name, "namespace": namespace}
    kubectl.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"ports": [{"port": _MAIL}], "clusterIP": "None"},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "ports": [{"port": _MAIL}],
            "endpoints": [{"addresses": [machine]}],
        },
    )
    yield
    kubectl.run("delete", "namespace", namespace, "--wait=false")
    _ip("route", "delete", POD_RANGE, "via", node)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
