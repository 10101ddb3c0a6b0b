"""Makes HTML: the one Jinja environment, which escapes everything and stops at anything undefined."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from portal.pages import assets, marks, words

STATIC: Final = "/static"
_KIB: Final = 1024
_LARGEST: Final = 4
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_PLAIN: Final = 2000
ASSETS: Final = assets.load()
ASSETS_BY_NAME: Final = {asset.name: asset for asset in ASSETS.values()}


def page(template: str, context: Mapping[str, Any]) -> str:
    """Return a template's HTML."""
    return _ENVIRONMENT.get_template(template).render(context)


def size(number: int) -> str:
    """Return a number of bytes for people, in binary units."""
    shown, power = float(number), 0
    while shown >= _KIB and power < _LARGEST:
        shown, power = shown / _KIB, power + 1
    digits = f"{shown:.0f}" if power == 0 or shown >= 100 else f"{shown:.1f}".removesuffix(".0")
    return words.say(f"bytes.{power}", size=digits)


def span(seconds: float) -> str:
    """Return how long something lasts, in its largest unit."""
    if seconds < _MINUTE:
        return words.say("span.seconds")
    if seconds < _HOUR:
        return words.count("span.minutes", int(seconds // _MINUTE))
    if seconds < 2 * _DAY:
        return words.count("span.hours", int(seconds // _HOUR))
    return words.count("span.days", int(seconds // _DAY))


def when(moment: datetime.datetime) -> Markup:
    """Return a moment as a `time` element, in UTC."""
    utc = moment.astimezone(datetime.UTC)
    text = words.say("when", day=utc.day, month=_month(utc), year=utc.year, time=f"{utc:%H:%M}")
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(timespec="seconds"), text)


def day(date: datetime.date) -> Markup:
    """Return a day as a `time` element."""
    text = words.say("day", day=date.day, month=_month(date), year=date.year)
    return Markup('<time datetime="{}">{}</time>').format(date.isoformat(), text)


def _month(date: datetime.date) -> str:
    return words.say("months").split()[date.month - 1]


def cut(text: str, longest: int) -> str:
    """Return a text that is no longer than so many characters."""
    return text if len(text) <= longest else words.say("cut", text=text[: longest - 1])


def plain(value: object) -> str:
    """Return any JSON value as a short text."""
    text = (
        value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    )
    return cut(text, _PLAIN)


def decision_mark(outcome: str) -> Markup:
    """Return a decision's mark as HTML."""
    how = marks.of_decision(outcome)
    text = words.either(f"decision.{outcome}", outcome)
    return _MACROS.mark(how.tone, how.icon, escape(text))


def expiry(end: datetime.date, today: datetime.date) -> str:
    """Return how long is left until a day."""
    left = (end - today).days
    if left < 0:
        return words.say("people.over")
    return words.count("people.left", left) if left else words.say("people.today")


def _asset_address(name: str) -> str:
    return f"{STATIC}/{ASSETS[name].name}"


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("portal.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters: dict[str, Callable[..., Any]] = {
        "bytes": size,
        "span": span,
        "when": when,
        "day": day,
        "cut": cut,
        "plain": plain,
        "mark_of": marks.of_state,
        "outcome_mark": marks.of_outcome,
        "age_mark": _age_mark,
    }
    made.filters.update(filters)
    functions: dict[str, Any] = {
        "t": words.say,
        "n": words.count,
        "asset": _asset_address,
        "decision_mark": decision_mark,
        "check_name": _named("check"),
        "action_name": _named("action"),
        "state_name": _named("state"),
        "role_name": _named("role"),
    }
    made.globals.update(functions)
    return made


def _named(kind: str) -> Callable[[str], str]:
    return lambda name: words.either(f"{kind}.{name}", name)


def _age_mark(request: Any) -> marks.Mark:
    return marks.of_age(request.age_seconds)


_ENVIRONMENT: Final = _environment()
_MACROS: Final[Any] = _ENVIRONMENT.get_template("macros.html").module
