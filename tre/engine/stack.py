"""One stack, driven through Pulumi's Automation API with one engine process per operation."""

from __future__ import annotations

import contextlib
import datetime
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pulumi
from pulumi import automation
from pulumi.automation.errors import CommandError, StackAlreadyExistsError

from tre import paths
from tre.engine import state
from tre.engine.command import Pulumi
from tre.engine.events import Change, Watcher
from tre.engine.failures import Failure, engine_words, failures, save
from tre.engine.settings import Settings, site_folder, stack_secrets
from tre.errors import TreError, failure

Program = Callable[[], None]
OnStep = Callable[[str, int], None]
GoesWith = Callable[[Sequence[Mapping[str, Any]]], Mapping[str, str]]
_ONE_CHECKPOINT: Final = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
"""State is written once, at the end. What is deleted twice was deleted: a removal that breaks off is repeated whole."""
_EPOCH: Final = datetime.datetime.fromtimestamp(0, datetime.UTC)


@dataclass(frozen=True)
class Outcome:
    """What a run of the engine did, or would do. `counts` maps operations (`create`, `same`, ...) to how many."""

    stack: str
    changes: tuple[Change, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    warnings: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    report: str = ""

    @property
    def pending(self) -> bool:
        """Tell whether the run changes, or would change, anything."""
        return any(n and operation != "same" for operation, n in self.counts.items())


class _Stack(automation.Stack):
    """A stack that is named to each command instead of being selected, and whose history is not read back."""

    def __init__(self, name: str, workspace: automation.LocalWorkspace) -> None:  # pyright: ignore[reportMissingSuperCall]
        self.name = name
        self.workspace = workspace

    def outputs(self) -> automation.OutputMap:
        return {}

    def info(self, show_secrets: bool = False) -> automation.UpdateSummary:
        return automation.UpdateSummary("update", _EPOCH, "", {}, {}, "succeeded")


class Stack:
    """One stack of a site. Operations return an `Outcome`; one that fails says why in it and raises nothing.

    A stack that the state does not know yet is made first.
    """

    def __init__(self, name: str, settings: Settings, pulumi_command: Pulumi, exists: bool) -> None:
        self.name = name
        self._settings = settings
        self._exists = exists
        self._workspace = automation.LocalWorkspace(
            work_dir=str(settings.work),
            pulumi_home=str(settings.home),
            env_vars=dict(settings.environment),
            pulumi_command=pulumi_command,
        )
        self._stack = _Stack(name, self._workspace)

    def preview(self, program: Program, *, refresh: bool = False, on_step: OnStep | None = None) -> Outcome:
        """Tell what `up` would do, changing nothing."""
        ask = functools.partial(self._stack.preview, program=guarded(program), refresh=refresh or None)
        return self._run(ask, on_step, again="plan")

    def up(
        self,
        program: Program,
        *,
        refresh: bool = False,
        only: Sequence[str] = (),
        on_step: OnStep | None = None,
    ) -> Outcome:
        """Make the program's resources so, or `only` those of the given URNs.

        One resource that fails does not stop those beside it.
        """
        ask = functools.partial(
            self._stack.up,
            program=guarded(program),
            refresh=refresh or None,
            target=list(only) or None,
            continue_on_error=True,
        )
        return self._run(ask, on_step)

    def refresh(self, *, on_step: OnStep | None = None) -> Outcome:
        """Read the real resources into the state, and forget creations that were never finished."""
        return self._run(functools.partial(self._stack.refresh, clear_pending_creates=True), on_step)

    def destroy(self, *, keep_protected: bool = True, only: Sequence[str] = ()) -> Outcome:
        """Remove the stack's resources; those that hold data stay, and stay in the state.

        With `only`, remove the resources of these URNs and what depends on them.
        """
        if not keep_protected:
            self._workspace.env_vars = {**self._workspace.env_vars, **_ONE_CHECKPOINT}
        ask = functools.partial(
            self._stack.destroy,
            exclude_protected=(keep_protected and not only) or None,
            target=list(only) or None,
            target_dependents=bool(only) or None,
            continue_on_error=True,
        )
        return self._run(ask, None, again="destroy")

    def unprotect(self, goes_with: GoesWith) -> Outcome:
        """Lift every protection in the stack's state, and note what goes with what. Nothing real changes.

        Raises:
            TreError: the state cannot be read or written.
        """

        def change(deployment: Mapping[str, Any]) -> Mapping[str, Any]:
            return state.unprotected(deployment, goes_with(state.resources_of(deployment)))

        if not state.rewrite(self._settings, self.name, change):
            try:
                kept = self._workspace.export_stack(self.name)
                changed = automation.Deployment(kept.version, dict(change(kept.deployment or {})))
                self._workspace.import_stack(self.name, changed)
            except CommandError as error:
                raise failure(self.name, f"its state cannot be changed: {engine_words(error)}") from error
        return Outcome(self.name)

    def unlock(self) -> None:
        """Take away the stack's locks, whoever holds them (`pulumi cancel`).

        Raises:
            TreError: the state cannot be reached, or keeps no such stack.
        """
        try:
            self._stack.cancel()
        except CommandError as error:
            raise failure(self.name, f"could not be unlocked: {engine_words(error)}") from error

    def exported(self) -> Mapping[str, Any]:
        """Return the stack's state, secrets still encrypted."""
        return self._workspace.export_stack(self.name).deployment or {}

    def _run(self, ask: Callable[..., object], on_step: OnStep | None, again: str = "up") -> Outcome:
        watcher = Watcher(on_step)
        try:
            self._create()
            ask(on_event=watcher, color="never", suppress_outputs=True, suppress_progress=True)
        except (CommandError, RuntimeError) as error:
            return self._failed(watcher, error, again)
        return self._outcome(watcher)

    def _outcome(self, watcher: Watcher) -> Outcome:
        return Outcome(
            stack=self.name,
            changes=tuple(watcher.changes),
            counts=dict(watcher.counts),
            outputs=watcher.outputs,
            warnings=tuple(each.words for each in watcher.complaints if each.severity == "warning"),
        )

    def _failed(self, watcher: Watcher, error: Exception, again: str) -> Outcome:
        resume = f"Mend it, then run `tre {again} {self._settings.site}`: it takes up where this stopped."
        found = failures(self.name, watcher, error, resume)
        report = save(site_folder(self._settings.site), found, error, watcher)
        return replace(self._outcome(watcher), failed=tuple(found), report=str(report))

    def _create(self) -> None:
        chosen = stack_secrets(self._settings.folder / f"Pulumi.{self.name}.yaml")
        self._write_secrets(chosen)
        if self._exists:
            return
        provider = chosen.get("secretsprovider") or ("passphrase" if self._passphrase else "default")
        arguments = ["stack", "init", self.name, "--no-select", "--secrets-provider", provider]
        command, settings = self._workspace.pulumi_command, self._settings
        with contextlib.suppress(StackAlreadyExistsError):
            command.run(arguments, str(settings.work), dict(settings.environment))
        self._exists = True

    @property
    def _passphrase(self) -> bool:
        return any(name.startswith("PULUMI_CONFIG_PASSPHRASE") for name in self._settings.environment)

    def _write_secrets(self, chosen: Mapping[str, str]) -> None:
        if chosen:
            file = self._settings.work / f"Pulumi.{self.name}.yaml"
            paths.write_private(file, "".join(f"{key}: {value}\n" for key, value in chosen.items()))


def guarded(program: Program) -> Program:
    """Return a program whose failures reach the engine as sentences, not as tracebacks."""

    def run() -> None:
        try:
            program()
        except TreError as error:
            raise pulumi.RunError(str(error)) from error
        except pulumi.RunError:
            raise
        except Exception as error:
            raise pulumi.RunError(f"the program failed: {error.__class__.__name__}: {error}") from error

    return run
