"""A new engine at the address of one that is gone."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, cast

import grpc
import pytest
from pulumi.runtime.proto import resource_pb2, resource_pb2_grpc
from pulumi.runtime.settings import Settings

from tre.engine.channels import keep_apart


class _Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    def SupportsFeature(self, request: Any, context: Any) -> Any:
        return cast(Any, resource_pb2).SupportsFeatureResponse()


@contextmanager
def _engine(port: int) -> Generator[int]:
    server = cast(Any, grpc).server(ThreadPoolExecutor(2))
    cast(Any, resource_pb2_grpc).add_ResourceMonitorServicer_to_server(_Monitor(), server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield bound
    finally:
        server.stop(0).wait()


def _program(port: int) -> Any:
    """Return what a program asks its engine with; making it changes the settings of the context it is made in."""

    def made() -> Any:
        return cast(Any, Settings("tre", "stack", monitor=f"127.0.0.1:{port}")).monitor

    return copy_context().run(made)


def _asks(monitor: Any) -> None:
    monitor.SupportsFeature(cast(Any, resource_pb2).SupportsFeatureRequest(id="secrets"))


def test_an_engine_at_the_address_of_one_that_is_gone_is_reached() -> None:
    keep_apart()
    with _engine(0) as port:
        _asks(before := _program(port))
    for _ in range(2):  # The first finds the connection closed, the second finds nobody at the address.
        with pytest.raises(grpc.RpcError):
            _asks(before)
    with _engine(port):
        _asks(_program(port))


def test_keeping_apart_twice_is_keeping_apart_once() -> None:
    from pulumi.runtime import _grpc_settings

    keep_apart()
    before = list(vars(_grpc_settings)["_GRPC_CHANNEL_OPTIONS"])
    keep_apart()
    assert vars(_grpc_settings)["_GRPC_CHANNEL_OPTIONS"] == before
