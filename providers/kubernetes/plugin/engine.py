"""Messages to the engines, which show them beside the resource they are about."""

import threading
from collections import OrderedDict
from typing import Protocol, cast

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

_SECONDS = 5
_KEPT = 256
"""Connections to engines; the longest unused are closed first."""


class _Log(Protocol):
    def __call__(self, request: engine_pb2.LogRequest, timeout: float) -> object: ...


class EngineLog:
    """Sends messages to engines by their addresses; a message that cannot be sent is dropped."""

    def __init__(self) -> None:
        self._channels: OrderedDict[str, grpc.Channel] = OrderedDict()
        self._lock = threading.Lock()

    def status(self, engine: str, urn: str, text: str) -> None:
        """Show `text` on the resource's line until the next one."""
        self._send(
            engine, engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text, urn=urn, ephemeral=True)
        )

    def warning(self, engine: str, urn: str, text: str) -> None:
        """Show `text` as a warning, and keep it."""
        self._send(engine, engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=text, urn=urn))

    def _send(self, engine: str, request: engine_pb2.LogRequest) -> None:
        if not engine:
            return
        try:
            self._stub(engine)(request, _SECONDS)
        except (grpc.RpcError, ValueError):  # the second where the channel was closed meanwhile
            return

    def _stub(self, engine: str) -> _Log:
        with self._lock:
            channel = self._channels.pop(engine, None) or grpc.insecure_channel(engine)
            self._channels[engine] = channel
            if len(self._channels) > _KEPT:
                self._channels.popitem(last=False)[1].close()
        stub = engine_pb2_grpc.EngineStub(channel)
        return cast(_Log, stub.Log)  # pyright: ignore[reportUnknownMemberType]  the stub omits a type argument
