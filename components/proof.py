"""Proofs put together from clauses, and further ways to plant a fault.

A clause is itself a proof: it says one thing of the registrations and cites what shows it. A promise held by two
independent means has a clause for each, so that losing either breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from components.contract import Fault, Proof, Record, Records, Verdict, broken, kept, of_type

Matches = Callable[[Record], bool]


_UNREADABLE: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading a registration raises that has not the form a proof expects."""


def _certainly(holds: Matches) -> Matches:
    """Return a predicate that a record which cannot be read does not satisfy: proofs fail closed."""

    def certain(record: Record) -> bool:
        try:
            return holds(record)
        except _UNREADABLE:
            return False

    return certain


def anything(_: Record) -> bool:
    """Match every record."""
    return True


def all_of(*clauses: Proof) -> Proof:
    """Return a proof that holds while every clause does, and cites what each of them cites."""

    def proof(records: Records) -> Verdict:
        verdicts = [_judged(clause, records) for clause in clauses]
        lost = [each for each in verdicts if not each.kept]
        if lost:
            return broken("; ".join(each.because for each in lost), _union(lost))
        return kept("; ".join(each.because for each in verdicts), _union(verdicts))

    return proof


def _judged(clause: Proof, records: Records) -> Verdict:
    try:
        return clause(records)
    except _UNREADABLE as error:
        return broken(f"a registration cannot be read ({type(error).__name__}: {error})")


def _union(verdicts: Sequence[Verdict]) -> list[Any]:
    cited: list[Any] = []
    for each in verdicts:
        cited += [record for record in each.cited if record not in cited]
    return cited


def every(because: str, *types: str, holds: Matches = anything, where: Matches = anything) -> Proof:
    """Hold while there are records of each of these types and all hold. `where` narrows which are meant."""

    def proof(records: Records) -> Verdict:
        found = [each for each in of_type(records, *types) if where(each)]
        lost = [each for each in found if not _certainly(holds)(each)]
        if lost:
            return broken(f"not {because}: {_names(lost)}", lost)
        if missing := set(types) - {each.type for each in found}:
            return broken(f"nothing shows that {because}: no {', '.join(sorted(missing))}", found)
        return kept(because, found)

    return proof


def some(because: str, *types: str, holds: Matches = anything) -> Proof:
    """Hold while at least one record of these types does; cite those that do."""
    return lambda records: kept(
        because, [each for each in of_type(records, *types) if _certainly(holds)(each)]
    )


def at_least(because: str, type_: str, number: int) -> Proof:
    """Hold while there are this many records of a type; cite them."""

    def proof(records: Records) -> Verdict:
        found = of_type(records, type_)
        return kept(because, found) if len(found) >= number else broken(f"not {because}", found)

    return proof


def each(because: str, *types: str, holds: Matches) -> Proof:
    """Hold while no record of these types fails to hold.

    There may be none of them, so that none of them is what keeps the promise: nothing is cited.
    """

    def proof(records: Records) -> Verdict:
        found = of_type(records, *types)
        lost = [record for record in found if not _certainly(holds)(record)]
        if lost:
            return broken(f"not {because}: {_names(lost)}", lost)
        return Verdict(True, because)

    return proof


def none(because: str, *types: str, where: Matches = anything) -> Proof:
    """Hold while no record of these types matches.

    An absence cites nothing, so a promise needs another clause beside it that shows something.
    """

    def proof(records: Records) -> Verdict:
        found = [
            each
            for each in of_type(records, *types)
            if not _certainly(lambda record: not where(record))(each)
        ]
        return broken(f"not {because}: {_names(found)}", found) if found else Verdict(True, because)

    return proof


def per(
    because: str, owner: str, setting: str, key: str, *, holds: Matches = anything, where: Matches = anything
) -> Proof:
    """Hold while each record of type `owner` has a setting that names it under `key`, and all such settings hold."""

    def proof(records: Records) -> Verdict:
        owners = [each for each in of_type(records, owner) if where(each)]
        settings = {each.name: _settings(records, setting, key, each) for each in owners}
        lost = [
            each
            for each in owners
            if not (settings[each.name] and all(map(_certainly(holds), settings[each.name])))
        ]
        if lost:
            return broken(f"not {because}: {_names(lost)}", lost)
        return kept(because, [*owners, *(each for found in settings.values() for each in found)])

    return proof


def _settings(records: Records, setting: str, key: str, owner: Record) -> list[Record]:
    return [
        each
        for each in of_type(records, setting)
        if each.inputs.get(key) in (f"{owner.name}.id", f"{owner.name}.name")
    ]


def _names(records: Sequence[Record]) -> str:
    return ", ".join(f"{each.type.rsplit(':', 1)[-1]} {each.name}" for each in records)


def without(matches: Matches) -> Fault:
    """Return a fault that removes the registrations which match."""
    return lambda records: [each for each in records if not matches(each)]


def edited(matches: Matches, edit: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Fault:
    """Return a fault that rewrites the inputs of the records which match."""

    def plant(records: Records) -> Records:
        return [
            Record(r.type, r.name, edit(r.inputs), r.component, r.protect, r.retain, r.urn)
            if matches(r)
            else r
            for r in records
        ]

    return plant


def unheld(matches: Matches) -> Fault:
    """Return a fault that leaves the matching records unprotected and deleted on destroy."""

    def plant(records: Records) -> Records:
        return [replace(each, protect=False, retain=False) if matches(each) else each for each in records]

    return plant


def of(type_: str, name: str = "") -> Matches:
    """Match records of a type whose name ends in `name`."""
    return lambda record: record.type == type_ and record.name.endswith(name)
