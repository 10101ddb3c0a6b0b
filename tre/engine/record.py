"""The recording engine: runs a program without engine, account or plugin, and keeps every registration.

It proves what is *declared*: which resources a program registers, with which inputs and options. It does not
prove that a backend accepts them. Pulumi's own mocks are not told `protect`, `retain_on_delete` or the parent,
hence a monitor of our own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import pulumi
from pulumi.runtime import mocks, rpc
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await  # pyright: ignore[reportPrivateUsage] # the SDK's only way

from components.contract import Record

COMPONENT_PREFIX: Final = "tre:index:"
_COMPUTED: Final = ("arn", "name", "keyId", "url", "fqdn", "principalId", "clientId", "endpoint", "vaultUri")


class _Placeholders(mocks.Mocks):
    """Give each resource an id and the outputs that a backend would compute, as `<name>.<output>`."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        computed = {key: f"{args.name}.{key}" for key in _COMPUTED}
        return f"{args.name}.id", {**computed, **cast('dict[str, Any]', args.inputs)}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise LookupError(f"{args.token} asks the backend a question, which an offline plan cannot")


class _Recorder(mocks.MockMonitor):
    def __init__(self) -> None:
        super().__init__(_Placeholders())
        self.records: list[Record] = []

    def RegisterResource(self, request: Any) -> Any:
        response = cast(Any, super()).RegisterResource(request)
        if request.type != "pulumi:pulumi:Stack":
            self.records.append(_record(request, response.urn))
        return response


def _record(request: Any, urn: str) -> Record:
    return Record(
        type=request.type,
        name=request.name,
        inputs=rpc.deserialize_properties(request.object),
        component=_component(request.parent),
        protect=bool(request.protect),
        retain=bool(request.retainOnDelete),
        urn=urn,
    )


def _component(parent: str) -> str:
    types = parent.split("::")[2].split("$") if parent else []
    kinds = [each.removeprefix(COMPONENT_PREFIX) for each in types if each.startswith(COMPONENT_PREFIX)]
    return kinds[-1] if kinds else ""


def record(program: Callable[[], None], *, project: str = "tre", stack: str = "offline") -> list[Record]:
    """Run a Pulumi program under the recording engine and return its registrations in order.

    Raises whatever the program raises.
    """
    recorder = _Recorder()
    mocks.set_mocks(recorder.mocks, project=project, stack=stack, preview=False, monitor=recorder)
    cast(Any, pulumi.runtime.settings.SETTINGS).rpc_manager.clear()
    _sync_await(run_pulumi_func(program))
    return recorder.records
