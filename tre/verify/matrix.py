"""The promise matrix, `docs/promises.md`: every promise, what it serves, and how each backend stands to it.

`python -m tre.verify.matrix` writes the page; a test holds that it is current.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

from components.backend import PROMISES, Backend
from components.contract import Promise
from tre import console, paths, registry
from tre.verify import satre

PAGE: Final = "docs/promises.md"
_TITLES: Final = {
    "identity": "Identity",
    "data_store": "Data store",
    "workspace": "Workspace",
    "airlock": "Airlock",
}
_INTRODUCTION: Final = f"""# Promises

<!-- Written by `python -m tre.verify.matrix`; do not edit. -->

What every TRE promises, the statements of SATRE {satre.VERSION} that each promise serves, and how each backend stands
to it:

- **evidence (n)**: the backend proves it from the resources that it registers, and the conformance suite has seen that
  proof fail under each of n planted faults and without the resources that it cites;
- **gap**: the backend declares that it cannot keep it; the reasons are below. `tre validate` refuses a site that
  requires it.

This is the depth *declared*. Whether a running TRE keeps a promise, and whether it held when somebody tried to break
it, stands in that TRE's own report: [read a verify report](how-to/read-a-verify-report.md).
"""


def page() -> str:
    """Return the page's text."""
    backends = {name: registry.backend(name) for name in registry.BACKENDS}
    lines = [_INTRODUCTION, *_components(backends), *_gaps(backends), *_statements()]
    return "\n".join(lines).rstrip() + "\n"


def _components(backends: Mapping[str, Backend]) -> Iterator[str]:
    for component, promises in groupby(PROMISES.values(), key=lambda each: each.component):
        yield f"## {_TITLES[component]}\n"
        yield f"| promise | what it says | SATRE | {' | '.join(backends)} |"
        yield f"|---|---|---|{'---|' * len(backends)}"
        for promise in promises:
            cells = [_cell(promise, backend) for backend in backends.values()]
            statements = ", ".join(promise.satre)
            yield f"| `{promise.name}` | {promise.sentence} | {statements} | {' | '.join(cells)} |"
        yield ""


def _cell(promise: Promise, backend: Backend) -> str:
    name = str(promise)
    if name in backend.gaps:
        return "gap"
    # The suite adds one fault of its own to each proof: everything that it cites is taken away.
    return f"evidence ({len(backend.evidence[name].faults) + 1})"


def _gaps(backends: Mapping[str, Backend]) -> Iterator[str]:
    yield "## Gaps and their reasons\n"
    for name, backend in backends.items():
        yield f"### {name}\n"
        reasons: dict[str, list[str]] = {}
        for promise in PROMISES:
            if promise in backend.gaps:
                reasons.setdefault(backend.gaps[promise], []).append(f"`{promise}`")
        for reason, promises in reasons.items():
            yield f"- {', '.join(promises)}: {reason.rstrip('.')}."
        yield "None.\n" if not reasons else ""


def _statements() -> Iterator[str]:
    served: dict[str, list[str]] = {}
    for name, promise in PROMISES.items():
        for statement in promise.satre:
            served.setdefault(statement, []).append(f"`{name}`")
    yield "## SATRE statements that promises serve\n"
    yield "| statement | importance | in our words | promises |"
    yield "|---|---|---|---|"
    for name, statement in satre.statements().items():
        if name in served:
            summary = statement.summary.replace("|", "\\|")
            yield f"| {name} | {statement.importance} | {summary} | {', '.join(served[name])} |"
    yield f"\n{_counted(len(served))}"


def _counted(served: int) -> str:
    machine, whole = satre.machine_count(), len(satre.statements())
    return (
        f"SATRE {satre.VERSION} has {whole} statements. A deployer has something to do for {machine} of them, the"
        f" others are purely organisational; promises serve {served}, and {machine - served} have none yet. A TRE is"
        " never called compliant for it: its report says how many statements were evidenced by machine."
    )


def write(root: Path) -> Path:
    """Write the page below a checkout's root and return its place."""
    file = root / PAGE
    file.write_text(page(), encoding="utf-8")
    return file


if __name__ == "__main__":
    console.say(f"Wrote {write(paths.checkout())}.")
