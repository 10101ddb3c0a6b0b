"""What holds for every test: one that names no depth beyond `unit` sends nothing beyond this machine."""

from __future__ import annotations

import pytest
from hypothesis import settings
from pytest_socket import socket_allow_hosts

# How long an example takes says nothing on a machine that does other things, too.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

_LOOPBACK = ["127.0.0.1", "::1", "localhost"]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Close the network to tests that drive no engine and no cluster; loopback and local sockets stay open."""
    if not any(item.iter_markers("engine")) and not any(item.iter_markers("cluster")):
        socket_allow_hosts(_LOOPBACK, allow_unix_socket=True)
