"""One figure of the benchmarks' page."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """What was measured, the figure with its unit, the figure that was wanted, and whether it was met."""

    what: str
    measured: str
    wanted: str
    met: str

    def document(self) -> dict[str, str]:
        """Return JSON-ready fields."""
        return asdict(self)


def at_most(what: str, found: float, most: float, unit: str) -> Row:
    """Return the row of a figure that should be at most `most`."""
    digits = 2 if most < 10 else 0 if most >= 100 else 1
    return Row(
        what,
        f"{found:.{digits}f} {unit}".strip(),
        f"≤ {most:g} {unit}".strip(),
        "yes" if found <= most else "**no**",
    )


def at_least(what: str, found: float, least: float, unit: str) -> Row:
    """Return the row of a figure that should be at least `least`."""
    digits = 0 if least >= 100 else 2
    return Row(
        what,
        f"{found:.{digits}f} {unit}".strip(),
        f"≥ {least:g} {unit}".strip(),
        "yes" if found >= least else "**no**",
    )


def told(what: str, found: str) -> Row:
    """Return the row of a figure with no target."""
    return Row(what, found, "", "")
