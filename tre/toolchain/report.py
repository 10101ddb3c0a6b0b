"""What is there and what is missing, for `tre doctor` and `tre toolchain status`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tre.toolchain import finding, obtaining, packages, table
from tre.toolchain.table import Entry, Table


@dataclass(frozen=True)
class Line:
    """One tool or system package. `origin` is empty where it is missing, and then `remedy` says what to do."""

    name: str
    groups: Sequence[str]
    version: str = ""
    origin: str = ""
    path: str = ""
    note: str = ""
    remedy: str = ""

    @property
    def present(self) -> bool:
        """Whether it is there."""
        return bool(self.origin)

    def document(self) -> dict[str, object]:
        """Return the line as JSON-ready fields."""
        return {**self.__dict__, "groups": list(self.groups), "present": self.present}


def doctor_lines(known: Table | None = None) -> list[Line]:
    """Return one line for each tool of a group, and one for each system package that is missing."""
    known = known or table.load()
    tools = [_tool(known, entry) for entry in known.tools.values() if _groups(known, entry)]
    return tools + [
        Line(name, known.packages[name].groups, note="system package", remedy=packages.remedy([name]))
        for name in packages.missing(known, list(known.groups))
        if name in known.packages
    ]


def _groups(known: Table, entry: Entry) -> list[str]:
    return [name for name, tools in known.groups.items() if entry.name in tools]


def _tool(known: Table, entry: Entry) -> Line:
    groups = _groups(known, entry)
    found = finding.find(known, entry)
    note = finding.refused(entry)
    if not found:
        return Line(entry.name, groups, version=entry.version, note=note, remedy=obtaining.remedy(entry))
    tool = found[entry.programs[0]]
    return Line(entry.name, groups, tool.version, tool.origin, str(tool.path), note)
