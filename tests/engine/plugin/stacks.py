"""Stacks for tests: inline programs, driven by the real engine through the plugin."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi import automation

from tre.engine.channels import keep_apart

Program = Callable[[], None]
_PROJECT = "plugin-tests"


def _nothing() -> None:
    return


@dataclass
class Stack:
    """One stack with its own state folder; `program` may be changed between operations."""

    stack: automation.Stack
    folder: Path

    def attach(self, port: int, kubeconfig: Path) -> None:
        """From now on use the plugin at `port`."""
        workspace = self.stack.workspace
        workspace.env_vars = {**workspace.env_vars, **attached(port, kubeconfig)}

    def run(self, program: Program) -> "Stack":
        """The same stack with another program."""
        self.stack.workspace.program = program
        return self

    def up(self, **options: Any) -> Mapping[str, int]:
        """Deploy: how many resources had which operation."""
        result = self.stack.up(on_output=_ignore, **options)
        return _counts(result.summary.resource_changes)

    def preview(self, **options: Any) -> Mapping[str, int]:
        """Preview: how many resources would have which operation."""
        result = self.stack.preview(on_output=_ignore, **options)
        return {str(getattr(key, "value", key)): count for key, count in result.change_summary.items()}

    def refresh(self, **options: Any) -> Mapping[str, int]:
        """Refresh: how many resources had which operation."""
        result = self.stack.refresh(on_output=_ignore, **options)
        return _counts(result.summary.resource_changes)

    def destroy(self, **options: Any) -> None:
        """Destroy everything in the stack."""
        self.stack.destroy(on_output=_ignore, **options)

    def resources(self) -> dict[str, dict[str, Any]]:
        """The recorded resources by the name that the program gave them."""
        deployment: dict[str, Any] = dict(self.stack.export_stack().deployment or {})
        found: list[dict[str, Any]] = deployment.get("resources") or []
        return {resource["urn"].rpartition("::")[2]: resource for resource in found}

    def pending(self) -> list[Any]:
        """The operations that the state records as begun and not ended."""
        deployment: dict[str, Any] = dict(self.stack.export_stack().deployment or {})
        return list(deployment.get("pending_operations") or ())

    def state_text(self) -> str:
        """The state file as it lies on disk."""
        return "".join(path.read_text() for path in self.folder.rglob("*.json"))


def _ignore(_: str) -> None:
    return


def _counts(changes: Mapping[Any, int] | None) -> dict[str, int]:
    return {str(getattr(key, "value", key)): count for key, count in (changes or {}).items()}


def new_stack(name: str, folder: Path, environment: Mapping[str, str], program: Program = _nothing) -> Stack:
    """A new stack whose state lies in `folder`."""
    keep_apart()
    settings = automation.LocalWorkspaceOptions(
        env_vars={
            "PULUMI_BACKEND_URL": f"file://{folder}",
            "PULUMI_CONFIG_PASSPHRASE": "tests",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **environment,
        },
        project_settings=automation.ProjectSettings(name=_PROJECT, runtime="python"),
    )
    stack = automation.create_stack(name, project_name=_PROJECT, program=program, opts=settings)
    return Stack(stack, folder)


def attached(port: int, kubeconfig: Path) -> dict[str, str]:
    """The environment of an engine that uses the plugin at `port`."""
    return {"PULUMI_DEBUG_PROVIDERS": f"kubernetes:{port}", "KUBECONFIG": str(kubeconfig)}


def shown(value: Any) -> str:
    """A value as one line, for failed assertions."""
    return json.dumps(value, default=str)
