"""The recording engine: runs a program without engine, account or plugin, and keeps every registration.

It proves what is *declared*: which resources a program registers, with which inputs and options. It does not
prove that a backend accepts them. Pulumi's own mocks are not told `protect`, `retain_on_delete` or the parent,
hence a monitor of our own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, cast

import pulumi
from pulumi.runtime import mocks, rpc
from pulumi.runtime.stack import run_in_stack

from components.contract import Record

COMPONENT_PREFIX: Final = "tre:index:"
_COMPUTED: Final = (
    "arn",
    "name",
    "keyId",
    "keyUri",
    "keyUriWithVersion",
    "url",
    "fqdn",
    "principalId",
    "clientId",
    "endpoint",
    "vaultUri",
)
_OTHER_SHAPE: Final = ("userAssignedIdentities",)
"""Properties that go in as a list and come out as a map, so that echoing them would break an SDK's typing."""


class _Placeholders(mocks.Mocks):
    """Give each resource an id and the outputs that a backend would compute, as `<name>.<output>`."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        computed = {key: f"{args.name}.{key}" for key in _COMPUTED}
        return f"{args.name}.id", {**computed, **_echoed(cast(Any, args).inputs)}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise LookupError(f"{args.token} asks the backend a question, which an offline plan cannot")


def _echoed(value: Any) -> Any:
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value).items()
        return {key: _echoed(each) for key, each in fields if key not in _OTHER_SHAPE}
    if isinstance(value, list):
        return [_echoed(each) for each in cast("list[Any]", value)]
    return value


class _Recorder(mocks.MockMonitor):
    def __init__(self) -> None:
        super().__init__(_Placeholders())
        self.records: list[Record] = []
        self.exports: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:
        response = cast(Any, super()).RegisterResource(request)
        if request.type != "pulumi:pulumi:Stack":
            self.records.append(_record(request, response.urn))
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:
        if "::pulumi:pulumi:Stack::" in request.urn:
            self.exports.update(rpc.deserialize_properties(request.outputs))
        return cast(Any, super()).RegisterResourceOutputs(request)


def _record(request: Any, urn: str) -> Record:
    return Record(
        type=request.type,
        name=request.name,
        inputs=rpc.deserialize_properties(request.object),
        component=_component(request.parent),
        protect=bool(request.protect),
        retain=bool(request.retainOnDelete),
        urn=urn,
        after=tuple(request.dependencies),
    )


def _component(parent: str) -> str:
    types = parent.split("::")[2].split("$") if parent else []
    kinds = [each.removeprefix(COMPONENT_PREFIX) for each in types if each.startswith(COMPONENT_PREFIX)]
    return kinds[-1] if kinds else ""


@dataclass(frozen=True)
class Recording:
    """What a program registers, in order, and what it exports. Outputs that a backend computes are placeholders."""

    records: list[Record]
    exports: Mapping[str, Any] = field(default_factory=dict[str, Any])


def record(program: Callable[[], None], *, project: str = "tre", stack: str = "offline") -> list[Record]:
    """Run a Pulumi program under the recording engine and return its registrations in order.

    Raises whatever the program raises.
    """
    return recording(program, project=project, stack=stack).records


def recording(program: Callable[[], None], *, project: str = "tre", stack: str = "offline") -> Recording:
    """Run a Pulumi program under the recording engine and return its registrations and its exports.

    Raises whatever the program raises.
    """
    # A thread of its own has no event loop that anybody else relies on. Pulumi's settings are context variables,
    # and a new thread begins without any: recording disturbs no engine beside it.
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(asyncio.run, _recording(program, project, stack)).result()


async def _recording(program: Callable[[], None], project: str, stack: str) -> Recording:
    # The SDK's mocks set only some of its settings; the others, such as the set of outputs to wait for, would be
    # shared with whichever program runs beside this one, on another event loop, and both would wait for ever.
    pulumi.runtime.settings.Settings(project=project, stack=stack)
    recorder = _Recorder()
    mocks.set_mocks(recorder.mocks, project=project, stack=stack, preview=False, monitor=recorder)
    # The mocks bring a root of their own, already finished: a fresh one takes the program's exports.
    cast(Any, pulumi.runtime.settings).set_root_resource(None)
    cast(Any, pulumi.runtime.settings.SETTINGS).rpc_manager.clear()
    await run_in_stack(program)
    return Recording(recorder.records, recorder.exports)
