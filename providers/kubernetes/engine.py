"""What Pulumi's engine needs to deploy to a cluster: a provider for the target, and a plugin that serves it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from typing import Final

import pulumi
import pulumi_kubernetes

from providers.kubernetes.live.connection import kubeconfig_of
from providers.kubernetes.target import KubernetesTarget
from tre import toolchain
from tre.errors import TreError, failure

OFFICIAL: Final = "pulumi-resource-kubernetes"


def provider(target: KubernetesTarget) -> pulumi.ProviderResource:
    """Return the provider of a target's cluster. It holds the kubeconfig's path, never its contents."""
    return pulumi_kubernetes.Provider(
        "cluster",
        kubeconfig=kubeconfig_of(target),
        context=target.context or None,
        enable_server_side_apply=True,
    )


@contextlib.contextmanager
def environment(target: KubernetesTarget) -> Generator[Mapping[str, str]]:
    """Give the engine a plugin: the official one where it can be had, else our own, for as long as it lasts.

    Our own is one process for all stacks, so that a hundred of them do not start it a hundred times.
    """
    del target
    official = _official()
    if official:
        yield {"PATH": f"{official}{os.pathsep}{os.environ.get('PATH', '')}"}
        return
    with _served() as port:
        yield {"PULUMI_DEBUG_PROVIDERS": f"kubernetes:{port}"}


def _official() -> str:
    try:
        found = toolchain.ensure(OFFICIAL, build=False)
    except TreError:
        return ""
    return str(found[OFFICIAL].path.parent)


@contextlib.contextmanager
def _served() -> Generator[str]:
    command = [sys.executable, "-m", "providers.kubernetes.plugin", "--with-parent"]
    # A session of its own keeps a keyboard's interrupt from it: the engine decides what to finish first.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        port = process.stdout.readline().strip() if process.stdout else ""
        if not port.isdigit():
            raise failure(
                "resource plugin", "did not start", "Run `python -m providers.kubernetes.plugin` to see why."
            )
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)
