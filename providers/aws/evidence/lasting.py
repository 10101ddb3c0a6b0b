"""How the data store shows that data, and the record of what was done with it, last as long as they should."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.contract import Proof, Record
from components.proof import all_of, at_least, every, none, per, some
from providers.aws.evidence import data
from providers.aws.evidence import reading as r
from providers.aws.evidence.reading import answers, part
from providers.aws.names import Place


def recoverable(here: Place) -> Proof:
    saved = {here.bucket_arn("inputs"), here.bucket_arn("working")}
    return all_of(
        per("versions are kept", r.BUCKET, r.VERSIONING, "bucket", holds=data.versions, where=part(*r.DATA)),
        some(
            "inputs and working area are copied",
            r.SELECTION,
            holds=lambda each: saved <= set(each.inputs.get("resources", [])),
        ),
        some(
            "copies are made by a schedule and kept for days",
            r.PLAN,
            holds=lambda each: all(
                rule.get("schedule") and rule["lifecycle"]["deleteAfter"] >= 7
                for rule in each.inputs["rules"]
            ),
        ),
        every(
            "copies cannot be deleted early",
            r.VAULT_LOCK,
            holds=lambda each: each.inputs.get("minRetentionDays", 0) >= 1,
        ),
    )


_HOLDING: Final = (
    r.BUCKET,
    r.BUCKET_POLICY,
    r.ENCRYPTION,
    r.PUBLIC_ACCESS,
    r.OWNERSHIP,
    r.VERSIONING,
    r.LOCK,
    r.KEY,
    r.VAULT,
    r.TRAIL,
)
"""What holds data, and what guards it: a bucket kept without its policy would be kept open."""

KEPT = all_of(
    every(
        "data and what guards it are protected and kept",
        *_HOLDING,
        holds=lambda each: each.protect and each.retain,
    ),
    none(
        "no bucket or vault empties itself",
        r.BUCKET,
        r.VAULT,
        where=lambda each: each.inputs.get("forceDestroy") is True,
    ),
    at_least("a bucket for each part of the data", r.BUCKET, len(r.DATA)),
)


def _selectors(record: Record, category: str) -> list[list[Mapping[str, Any]]]:
    selectors = [each["fieldSelectors"] for each in record.inputs.get("advancedEventSelectors", [])]
    return [
        fields
        for fields in selectors
        if any(field["field"] == "eventCategory" and category in field.get("equals", []) for field in fields)
    ]


def records_accesses(here: Place) -> Proof:
    wanted = {f"{here.bucket_arn(area)}/" for area in r.DATA}

    def all_seen(record: Record) -> bool:
        seen: set[str] = set()
        for fields in _selectors(record, "Data"):
            # A filter on reads or writes, or on event names, would leave something out.
            if {field["field"] for field in fields} == {"eventCategory", "resources.type", "resources.ARN"}:
                seen |= {start for field in fields for start in field.get("startsWiths", [])}
        return wanted <= seen

    return all_of(
        some("every access to data is recorded", r.TRAIL, holds=lambda each: _runs(each) and all_seen(each)),
        _LASTING,
    )


def _runs(record: Record) -> bool:
    return record.inputs.get("enableLogging") is True and record.inputs.get("enableLogFileValidation") is True


_LASTING = all_of(
    every("the record shows tampering", r.TRAIL, holds=_runs),
    per(
        "nobody can delete the record before its time",
        r.BUCKET,
        r.LOCK,
        "bucket",
        holds=data.complies,
        where=part("records"),
    ),
)


def retains(asked: Mapping[str, Any]) -> Proof:
    days = asked["retention_days"]

    def acts(record: Record) -> bool:
        rules = [each for each in record.inputs.get("rules", []) if each["status"] == "Enabled"]
        closed = [each for each in rules if each.get("expiration", {}).get("days") == days]
        superseded = [
            each
            for each in rules
            if each.get("noncurrentVersionExpiration", {}).get("noncurrentDays") == days
        ]
        return bool(closed and superseded)

    def lasts(record: Record) -> bool:
        return data.locks(record) and record.inputs["rule"]["defaultRetention"]["days"] == days

    return all_of(
        per(
            f"what is kept after closing ends after {days:g} days",
            r.BUCKET,
            r.LIFECYCLE,
            "bucket",
            holds=acts,
            where=part(*r.DATA),
        ),
        per(f"inputs last {days:g} days", r.BUCKET, r.LOCK, "bucket", holds=lasts, where=part("inputs")),
    )


def certified(here: Place) -> Proof:
    ends = "kms:ScheduleKeyDeletion"
    return all_of(
        per(
            "all data is under one key, so that its end is the data's",
            r.BUCKET,
            r.ENCRYPTION,
            "bucket",
            holds=data.under_data_key,
            where=part(*r.DATA),
        ),
        every(
            "copies end with the same key",
            r.VAULT,
            holds=lambda each: data.is_data_key(each.inputs.get("kmsKeyArn", "")),
        ),
        every(
            "the key can end, in one region, after a wait",
            r.KEY,
            where=part("data"),
            holds=lambda each: (
                7 <= each.inputs.get("deletionWindowInDays", 0) <= 30 and not each.inputs.get("multiRegion")
            ),
        ),
        answers(
            "nobody of the project can end it",
            r.KEY,
            lambda each: r.grants_none(
                each, *(data.key_user(here, who, ends) for who in ("analyst", "loader"))
            ),
            where=part("data"),
        ),
        some(
            "its end is recorded, signed",
            r.TRAIL,
            holds=lambda each: (
                _runs(each) and any(len(fields) == 1 for fields in _selectors(each, "Management"))
            ),
        ),
        per(
            "the record is under another key, and stays",
            r.BUCKET,
            r.ENCRYPTION,
            "bucket",
            holds=lambda each: (
                bool(data.default_key(each)) and not data.default_key(each).endswith("-data.arn")
            ),
            where=part("records"),
        ),
        per(
            "nobody can delete the record",
            r.BUCKET,
            r.LOCK,
            "bucket",
            holds=data.complies,
            where=part("records"),
        ),
    )
