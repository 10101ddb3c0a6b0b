"""`tre cluster`: a real single-node Kubernetes on this machine, for those who have no cluster at hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, cast

import click

from tre import console, registry
from tre.cli.consent import consent

if TYPE_CHECKING:
    from pathlib import Path

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
YES = click.option("--yes", is_flag=True, help="Do not ask.")


class _Info(Protocol):
    running: bool
    ready: bool
    kubeconfig: Path
    api: str

    def document(self) -> dict[str, object]: ...
    def lines(self) -> list[str]: ...


class _Cluster(Protocol):
    def up(self, report: Callable[[str], None]) -> _Info: ...
    def status(self) -> _Info: ...
    def down(self) -> bool: ...
    def reset(self) -> None: ...
    def build_images(self, report: Callable[[str], None]) -> dict[str, str]: ...


def _cluster() -> _Cluster:
    return cast("_Cluster", registry.local_cluster())


@click.group(name="cluster")
def command() -> None:
    """Run a Kubernetes cluster of its own on this machine (root on Linux)."""


@command.command()
@AS_JSON
def up(as_json: bool) -> None:
    """Start the cluster, building what is missing; at once when it runs already."""
    began = time.monotonic()
    info = _cluster().up(lambda stage: console.say(f"  {time.monotonic() - began:5.1f} s  {stage}"))
    console.say(f"The cluster is ready. Use it with: export KUBECONFIG={info.kubeconfig}")
    if as_json:
        console.emit("cluster", info.document())


@command.command()
@AS_JSON
def status(as_json: bool) -> None:
    """Show what runs, what was restarted, and where things are."""
    info = _cluster().status()
    if as_json:
        console.emit("cluster", info.document())
        return
    for line in info.lines():
        console.say(line)


@command.command()
@AS_JSON
@YES
def down(as_json: bool, yes: bool) -> None:
    """End the cluster; what is in it and in its volumes is kept."""
    del yes  # nothing is lost, so nothing is asked; the option is there as on every command
    ended = _cluster().down()
    console.say(
        "The cluster is down; `tre cluster up` brings it back." if ended else "No cluster was running."
    )
    if as_json:
        console.emit("cluster-down", {"ended": ended})


@command.command()
@AS_JSON
@YES
def reset(as_json: bool, yes: bool) -> None:
    """End the cluster and erase it: objects, keys, the data in its volumes, logs."""
    question = "Erase the local cluster and all the data in its volumes? This cannot be undone."
    consent(question, yes, where="tre cluster reset")
    _cluster().reset()
    console.say("The cluster and its data are erased.")
    if as_json:
        console.emit("cluster-reset", {"erased": True})


@command.command()
@AS_JSON
def images(as_json: bool) -> None:
    """Build the container images that the cluster and the workspaces use."""
    built = _cluster().build_images(console.say)
    for name, reference in built.items():
        console.say(f"  {name:10} {reference}")
    if as_json:
        console.emit("images", {"images": built})
