"""A resource plugin for tests: each resource is one file, and does what its inputs ask it to do.

`python -m tests.engine.toy FOLDER` serves it. Inputs of `toy:index:Thing`: `value` (any text), `sleep` (seconds that
creating takes), `fail` (words that creating fails with). Creating the same thing twice is an error, as in most clouds.
A thing beside which a file `.NAME.stuck` lies cannot be deleted.
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent import futures
from pathlib import Path
from typing import Any, cast

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc


def _plain(struct: Any) -> dict[str, Any]:
    return {key: struct[key] for key in struct}


def _struct(values: dict[str, Any]) -> Any:
    made = struct_pb2.Struct()
    made.update(values)
    return made


class Toy(provider_pb2_grpc.ResourceProviderServicer):
    """Serves the one resource type."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def Handshake(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "not served")

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse()

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="1.0.0")

    def Check(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:
        same = request.old_inputs == request.news
        kind = provider_pb2.DiffResponse.DIFF_NONE if same else provider_pb2.DiffResponse.DIFF_SOME
        return provider_pb2.DiffResponse(changes=kind, diffs=[] if same else ["value"])

    def Create(self, request: Any, context: Any) -> Any:
        inputs = _plain(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        file = self._folder / request.urn.rpartition("::")[2]
        (self._folder / f".{file.name}.begun").touch()
        time.sleep(float(inputs.get("sleep", 0)))
        if inputs.get("fail"):
            context.abort(grpc.StatusCode.UNKNOWN, str(inputs["fail"]))
        file.write_text(json.dumps(inputs))
        return provider_pb2.CreateResponse(id=file.name, properties=request.properties)

    def Read(self, request: Any, context: Any) -> Any:
        file = self._folder / request.id
        if not file.exists():
            return provider_pb2.ReadResponse()
        held = _struct(json.loads(file.read_text()))
        return provider_pb2.ReadResponse(id=request.id, properties=held, inputs=held)

    def Update(self, request: Any, context: Any) -> Any:
        if not request.preview and "fail" in request.news:
            context.abort(grpc.StatusCode.UNKNOWN, str(request.news["fail"]))
        (self._folder / request.id).write_text(json.dumps(_plain(request.news)))
        return provider_pb2.UpdateResponse(properties=request.news)

    def Delete(self, request: Any, context: Any) -> Any:
        if (self._folder / f".{request.id}.stuck").exists():
            context.abort(grpc.StatusCode.UNKNOWN, "it is stuck")
        (self._folder / request.id).unlink(missing_ok=True)
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


def serve(folder: Path) -> None:
    """Serve until ended, after printing the port alone on a line."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Toy(folder), cast(Any, server))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201
    parent = os.getppid()
    while os.getppid() == parent:  # Ends with the test that started it, however that ends.
        time.sleep(0.2)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
