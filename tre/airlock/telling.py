"""What is told to people: whatever came from a door is cleaned of what a terminal would obey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tre import console
from tre.airlock.door import clean

_ENDED: Final = frozenset({"blocked", "rejected", "cancelled", "expired", "failed", "revoked"})
_KIB: Final = 1024


def line(found: Mapping[str, Any]) -> str:
    """Return one line about a request."""
    state = console.paint(f"{found['state'].replace('_', ' '):17}", _colour(found["state"]))
    who = clean(found["requester_name"])
    return f"  {found['id']}  {state}  {found['project']:14} {who:16} {clean(found['title'])}"


def _colour(state: str) -> str:
    return "green" if state == "released" else "red" if state in _ENDED else "yellow"


def request(detail: Mapping[str, Any]) -> None:
    """Tell everything about a request."""
    found = detail["request"]
    console.say(line(found))
    for name, value in (
        ("purpose", found["purpose"]),
        ("reason", found["reason"]),
        ("manifest", found["manifest_sha256"]),
        ("approvals", f"{detail['approvals_had']} of {detail['approvals_needed']}"),
        ("you may", ", ".join(detail["allowed"])),
    ):
        if value:
            console.say(f"    {name:10} {clean(value)}")
    for each in detail["files"]:
        missing = "" if each["complete"] else "  (not whole yet)"
        console.say(f"    {size(each['size']):>10}  {clean(each['path'])}  {each['sha256'][:16]}{missing}")
    for each in detail["verdicts"]:
        colour = "green" if each["outcome"] == "clean" else "red" if each["blocks"] else "yellow"
        console.say(
            f"    {console.paint(each['outcome'], colour)}  {each['check']}: {clean(each['summary'])}"
        )
    for each in detail["decisions"]:
        said = f"{each['outcome']}: {clean(each['reason'])}"
        console.say(f"    {each['at'][:19]}  {clean(each['person_name'])}  {said}")


def size(number: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < _KIB:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= _KIB
    return f"{number:.1f} TiB"


def progress(path: str, there: int, whole: int) -> None:
    """Tell how much of a file is there."""
    share = 100 if not whole else there * 100 // whole
    console.say(f"  {share:3} %  {size(there):>10} of {size(whole):>10}  {clean(path)}")
