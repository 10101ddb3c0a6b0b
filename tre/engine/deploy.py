"""Brings a site and its projects up, or takes them down: the site's own part first, the projects side by side."""

from __future__ import annotations

import contextlib
import datetime
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tre import registry
from tre.console import paint, say
from tre.engine import ledger, recovery, state
from tre.engine.failures import Failure
from tre.engine.ledger import Deployed
from tre.engine.session import Session
from tre.engine.stack import Outcome, Stack
from tre.engine.work import Work, by_target
from tre.errors import InvalidInput, Problem, Refused, TreError
from tre.plan import Plan
from tre.program import Settled, project_part, require_components, site_part, target_of, targets_of

if TYPE_CHECKING:
    from tre.model.load import LoadedSite

_TELL_AFTER: Final = 2.0
"""Seconds between two lines about one component of one stack."""
GATED_TIER: Final = 1
"""Above this tier a target that fails a check is refused; up to it, the operator is warned."""


def works(
    loaded: LoadedSite, deployed: Mapping[str, Deployed], only: Collection[str] = (), *, offline: bool = False
) -> list[Work]:
    """Return the work on a site: its own parts first, then its projects (those in `only`, or all).

    Raises:
        InvalidInput: `only` names a project that the site does not have.
    """
    if unknown := sorted(set(only) - set(loaded.projects)):
        known = ", ".join(loaded.projects) or "none"
        raise InvalidInput(
            *(Problem(f"project {name}", "is not in this site", f"It has: {known}.") for name in unknown)
        )
    settled = Settled(offline=offline)
    sites = {
        target: Work(part, deployed.get(part.stack), today=settled.today)
        for target in targets_of(loaded)
        for part in [site_part(loaded, target, settled)]
    }
    projects = [_project(loaded, name, sites, deployed, settled) for name in loaded.projects]
    for each in reversed(projects):
        if each.beside:
            each.beside.example = each
    return [*sites.values(), *(each for each in projects if not only or each.part.project in only)]


def _project(
    loaded: LoadedSite,
    name: str,
    sites: Mapping[str, Work],
    deployed: Mapping[str, Deployed],
    settled: Settled,
) -> Work:
    part = project_part(loaded, name, settled)
    return Work(part, deployed.get(part.stack), sites[target_of(loaded, name)], today=settled.today)


class Progress:
    """Tells how far each component of each stack is, a line now and then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[tuple[str, str], float] = {}

    def of(self, work: Work, expected: Mapping[str, int]) -> Callable[[str, int], None]:
        """Return a listener for one stack, given how many resources each component has."""

        def step(component: str, done: int) -> None:
            total = expected.get(component, 0)
            if self._due((work.stack, component), done == total):
                count = f"{done} of {total}" if total >= done else str(done)
                say(f"  {work.stack}  {component}: {count}")

        return step

    def _due(self, key: tuple[str, str], complete: bool) -> bool:
        now = time.monotonic()
        with self._lock:
            due = complete or now - self._told.setdefault(key, now) > _TELL_AFTER
            if due:
                self._told[key] = now
        return due


def changed(todo: Iterable[Work], *, refresh: bool = False) -> list[Work]:
    """Return the work whose last good deployment is not what is asked for now; all of it for a refresh."""
    return [each for each in todo if refresh or not each.unchanged]


def preview(session: Session, todo: Sequence[Work], *, refresh: bool = False) -> None:
    """Ask the engine what would change in each stack, side by side, and keep it in the work.

    A stack that the state does not know, or that holds nothing, needs no engine: all of its resources would be created.
    """
    known: list[Work] = []
    for each in todo:
        if session.holds(each.stack):
            known.append(each)
        else:
            each.preview = _all_new(each)

    def ask(work: Work) -> None:
        work.preview = attempt(
            work.stack, lambda: session.stack(work.stack).preview(work.program(), refresh=refresh)
        )

    session.prepare(by_target(known))
    session.side_by_side(ask, known, lambda work: None)


def _all_new(work: Work) -> Outcome:
    return Outcome(work.stack, counts={"create": len(work.recorded.records)}, outputs=work.recorded.exports)


def plan(
    loaded: LoadedSite, todo: Sequence[Work], touched: Collection[str], *, offline: bool = False
) -> Plan:
    """Return the plan of some work; stacks that are not in `touched` are unchanged."""
    parts = tuple(each.planned(each.stack not in touched) for each in todo)
    return Plan(loaded.site.name, parts, offline)


@contextlib.contextmanager
def gate(todo: Sequence[Work], tell: Callable[[str], None]) -> Generator[Callable[[], None]]:
    """Check the targets while something else is done, and give what says how that went.

    Nothing may be deployed before it was called. It raises `Refused` if a check fails above tier 1, or a backend
    does not build every component.
    """
    with ThreadPoolExecutor(1, "gate") as beside:
        checked = beside.submit(_checked, todo, tell)
        yield checked.result


def _checked(todo: Sequence[Work], tell: Callable[[str], None]) -> None:
    problems: list[Problem] = []
    for name, target in by_target(todo).items():
        backend = registry.backend(target.backend)
        require_components(backend)
        tier = max(each.part.tier for each in todo if each.part.target_name == name)
        checks = backend.live(target).doctor(tier) if backend.live else ()
        failed = [
            Problem(f"target {name}: {what}", found, remedy) for what, ok, found, remedy in checks if not ok
        ]
        if tier > GATED_TIER:
            problems += failed
        else:
            for each in failed:
                tell(f"{each} (tolerated at tier {tier})")
    if problems:
        raise Refused(
            *problems, summary="The target does not keep what this site's tier needs. Nothing was deployed."
        )


def up(session: Session, todo: Sequence[Work], *, refresh: bool = False) -> None:
    """Deploy each part and keep in the work how it ended: site parts first, then projects, some at once.

    A project whose site's part failed is left alone; one that fails does not stop those beside it.
    """
    session.prepare(by_target(todo))
    _judge(each for each in todo if refresh or not each.unchanged)
    progress = Progress()

    def deploy(work: Work) -> None:
        began = time.monotonic()
        _deploy(session, work, progress, refresh)
        work.seconds = time.monotonic() - began
        _tell(work)

    for some in _in_turn(todo):
        session.side_by_side(deploy, some, _leave)


def _judge(todo: Iterable[Work]) -> None:
    """Record what will be registered, and judge it, before any engine runs: it costs milliseconds, but of all."""
    for each in todo:
        _ = each.declared


def _in_turn(todo: Sequence[Work]) -> list[list[Work]]:
    return [
        [each for each in todo if each.beside is None],
        [each for each in todo if each.beside is not None],
    ]


def _leave(work: Work) -> None:
    work.ended = "left"


def _deploy(session: Session, work: Work, progress: Progress, refresh: bool) -> None:
    if work.beside and work.beside.ended in ("failed", "left"):
        work.ended = "left"
        return
    if work.unchanged and not refresh:
        work.ended = "unchanged"
        return
    expected = work.declared.resources
    ledger.forget(session.folder, work.stack)
    listener = progress.of(work, expected)
    stack = session.stack(work.stack)
    work.result = _run(session, stack, lambda: stack.up(work.program(), refresh=refresh, on_step=listener))
    work.ended = "failed" if work.result.failed else "deployed"
    mark = state.mark_now(session.settings, work.stack)
    if work.ended == "deployed" and mark:
        ledger.remember(session.folder, _entry(work, work.result, mark))


def _tell(work: Work) -> None:
    if work.ended == "deployed":
        say(f"  {paint('✓', 'green')} {work.stack} ({work.seconds:.1f} s)")
    elif work.ended == "failed":
        say(f"  {paint('✗', 'red')} {work.stack} failed after {work.seconds:.1f} s")


def _run(session: Session, stack: Stack, run: Callable[[], Outcome]) -> Outcome:
    return attempt(stack.name, lambda: recovery.unlocked(session, stack.name, run))


def attempt(stack: str, run: Callable[[], Outcome]) -> Outcome:
    """Return what a run did; one that the deployer itself could not start has failed like any other."""
    try:
        return run()
    except TreError as error:
        found = tuple(Failure(stack, "", each.where, each.what, "", each.remedy) for each in error.problems)
        return Outcome(stack, failed=found)


def remember(session: Session, done: Iterable[Work]) -> None:
    """Write down the good deployments whose state is not in local files: those were written down one by one."""
    fresh = [each for each in done if each.ended == "deployed"]
    if session.settings.local_state or not fresh:
        return
    marks = state.marks(session.settings, session.command)
    for work in fresh:
        if work.result and work.stack in marks:
            ledger.remember(session.folder, _entry(work, work.result, marks[work.stack]))


def _entry(work: Work, result: Outcome, mark: str) -> Deployed:
    return Deployed(
        stack=work.stack,
        project=work.part.project,
        target=work.part.target_name,
        fingerprint=work.fingerprint,
        mark=mark,
        when=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        resources=sum(n for operation, n in result.counts.items() if operation != "delete"),
        outputs=dict(result.outputs),
        promises=dict(work.declared.promises),
    )


def lift(session: Session, todo: Sequence[Work]) -> Sequence[Outcome]:
    """Lift the protection of what holds data, after an erasure was confirmed.

    Nothing else is deployed: what has changed in the files since must not be made only to be erased.
    """

    def unprotect(work: Work) -> Outcome:
        stack = session.stack(work.stack)
        held = [str(each["urn"]) for each in _resources(session, stack) if each.get("protect")]
        if not held:
            return Outcome(work.stack)
        ledger.forget(session.folder, work.stack)
        return _run(session, stack, lambda: _unprotected(stack, work, held))

    def leave(work: Work) -> Outcome:
        return Outcome(
            work.stack, failed=(Failure(work.stack, "", "", "was not reached before the stop", "", ""),)
        )

    return session.side_by_side(unprotect, todo, leave)


def _unprotected(stack: Stack, work: Work, held: Sequence[str]) -> Outcome:
    """Lift the protection in the state where that is all; else deploy the same resources, their erasure confirmed."""
    goes_with = registry.backend(work.part.target.backend).goes_with
    return stack.unprotect(goes_with) if goes_with else stack.up(work.program(erase=True), only=held)


def _resources(session: Session, stack: Stack) -> Sequence[Mapping[str, Any]]:
    if session.settings.local_state:
        return state.resources(session.settings, stack.name)
    return stack.exported().get("resources") or []


@dataclass
class Removal:
    """One stack on its way down. `ended` is `destroyed`, `kept` (something that holds data stays), `failed` or
    `left` (not tried). `computes` are the types of resources that run programs."""

    stack: str
    project: str
    computes: frozenset[str] = frozenset()
    result: Outcome | None = None
    ended: str = ""
    seconds: float = 0

    def document(self) -> dict[str, object]:
        """Return how the removal ended as JSON-ready fields."""
        failed = [each.document() for each in self.result.failed] if self.result else []
        return {
            "stack": self.stack,
            "project": self.project,
            "ended": self.ended,
            "seconds": self.seconds,
            "counts": dict(self.result.counts) if self.result else {},
            "failed": failed,
        }


def down(session: Session, removals: Sequence[Removal], *, keep: bool = True) -> None:
    """Take stacks down: projects side by side, then the site's own, unless a project stays or fails.

    What computes in the site's own part goes beside the projects: it would only keep up with their going. With `keep`,
    resources that hold data stay where they are and in the stack's state.
    """

    def remove(removal: Removal) -> None:
        began = time.monotonic()
        ledger.forget(session.folder, removal.stack)
        stack = session.stack(removal.stack)
        removal.result = _run(session, stack, lambda: stack.destroy(keep_protected=keep))
        removal.seconds = time.monotonic() - began
        removal.ended = _removed(session, stack, removal.result)

    def halt(removal: Removal) -> None:
        # What fails here is tried again, and told, when the whole stack goes.
        stack = session.stack(removal.stack)
        running = [
            str(each["urn"]) for each in _resources(session, stack) if each["type"] in removal.computes
        ]
        if running:
            ledger.forget(session.folder, removal.stack)
            _run(session, stack, lambda: stack.destroy(keep_protected=keep, only=running))

    def leave(removal: Removal) -> None:
        removal.ended = "left"

    projects = [each for each in removals if each.project]
    begin = [each for each in removals if not each.project and each.computes]
    session.side_by_side(
        lambda each: remove(each) if each.project else halt(each), [*begin, *projects], leave
    )
    failed = any(each.ended in ("failed", "left") for each in projects)
    session.side_by_side(leave if failed else remove, [each for each in removals if not each.project], leave)


def _removed(session: Session, stack: Stack, result: Outcome) -> str:
    if result.failed:
        return "failed"
    return "kept" if _resources(session, stack) else "destroyed"
