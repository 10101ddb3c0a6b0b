"""What a policy document answers to a request, judged offline.

AWS offers no offline evaluation, and its simulator does not know bucket policies. This covers the operators that
our policies use, by the rules of the IAM reference ("Policy evaluation logic", "Condition operators"); any other
operator is refused, since guessing would make a proof of nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, cast

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """Who (an ARN or a service's host name) asks to do what with which resource, in which context."""

    principal: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict[str, str])

    def facts(self) -> dict[str, str]:
        """Return the context keys, with those that follow from the principal."""
        told = {"aws:PrincipalIsAWSService": "false" if self.principal.startswith("arn:") else "true"}
        if self.principal.startswith("arn:"):
            told |= {"aws:PrincipalArn": self.principal, "aws:PrincipalAccount": self.principal.split(":")[4]}
        return {**told, **self.context}


def parsed(text: object) -> Document:
    """Return a policy document from its JSON text; nothing at all reads as a document without statements."""
    return cast(Document, json.loads(text)) if isinstance(text, str) and text else {"Statement": []}


def denied(document: Document, request: Request) -> bool:
    """Return whether a statement denies the request outright."""
    return any(_applies(each, request) for each in document["Statement"] if each["Effect"] == "Deny")


def allowed(document: Document, request: Request) -> bool:
    """Return whether a statement allows the request and none denies it."""
    grants = any(_applies(each, request) for each in document["Statement"] if each["Effect"] == "Allow")
    return grants and not denied(document, request)


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    return (
        _principal_matches(statement.get("Principal", "*"), request.principal)
        and _any_matches(statement["Action"], request.action)
        and _any_matches(statement.get("Resource", "*"), request.resource)
        and all(
            _condition(operator, key, wanted, request.facts())
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _principal_matches(principal: Any, asking: str) -> bool:
    if principal == "*":
        return True
    named = [each for values in principal.values() for each in several(values)]
    # An account's root stands for every principal of that account.
    roots = [each.removesuffix("root") for each in named if each.endswith(":root")]
    return "*" in named or asking in named or any(_account(root) == _account(asking) for root in roots)


def _account(arn: str) -> str:
    return arn.split(":")[4] if arn.startswith("arn:") else arn


def several(value: Any) -> Sequence[str]:
    """Return a policy's value as a list: the grammar lets a single value stand alone."""
    return [value] if isinstance(value, str) else cast(Sequence[str], value)


def _any_matches(patterns: Any, value: str) -> bool:
    return any(_like(value, each) for each in several(patterns))


def _like(value: str, pattern: str) -> bool:
    # fnmatch reads brackets as sets and IAM does not.
    return fnmatchcase(value, pattern.replace("[", "[[]"))


_OPERATORS: Final[Mapping[str, tuple[Callable[[str, str], bool], bool]]] = {
    # operator: (comparison of the fact with a wanted value, whether it is negated)
    "StringEquals": (lambda fact, wanted: fact == wanted, False),
    "StringNotEquals": (lambda fact, wanted: fact == wanted, True),
    "StringLike": (_like, False),
    "ArnEquals": (_like, False),
    "ArnLike": (_like, False),
    "ArnNotEquals": (_like, True),
    "ArnNotLike": (_like, True),
    "Bool": (lambda fact, wanted: fact.lower() == wanted.lower(), False),
    "NumericLessThan": (lambda fact, wanted: float(fact) < float(wanted), False),
}


def _condition(operator: str, key: str, wanted: Any, facts: Mapping[str, str]) -> bool:
    if operator == "Null":
        return (key not in facts) == (wanted == "true")
    name = operator.removesuffix("IfExists")
    if name not in _OPERATORS:
        raise ValueError(f"{operator}: this operator is not evaluated here")
    compare, negated = _OPERATORS[name]
    if key not in facts:
        # A missing key fails a positive operator, and passes a negated one or any that ends in IfExists.
        return negated or operator.endswith("IfExists")
    values = [_filled(each, facts) for each in several(wanted)]
    return any(compare(facts[key], each) for each in values) != negated


def _filled(value: str, facts: Mapping[str, str]) -> str:
    """Return a value with a policy variable such as `${aws:SourceVpc}` replaced by its fact."""
    if value.startswith("${") and value.endswith("}"):
        return facts.get(value[2:-1], "")
    return value
