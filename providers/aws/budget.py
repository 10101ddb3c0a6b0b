"""What a project may spend, and what stops when it is spent."""

from __future__ import annotations

from typing import Final

from pulumi_aws import budgets, iam

from components.errors import Unbuildable
from components.workspace import Budget, Workspace
from providers.aws import endpoint_policies, policies
from providers.aws.names import Place
from providers.aws.statements import Statement, document
from providers.aws.target import AwsTarget

WARNINGS: Final = (50.0, 80.0, 100.0)
"""Percentages of the budget at which people are told."""


def dollars(budget: Budget, rates: dict[str, float]) -> float:
    """Return a budget in US dollars, the only currency that AWS keeps budgets in.

    Raises:
        Unbuildable: the target has no rate for the budget's currency.
    """
    if budget.currency == "USD":
        return budget.amount
    if budget.currency not in rates:
        raise Unbuildable(
            "target.rates",
            f"no rate from {budget.currency} to US dollars, in which AWS keeps budgets",
            f"Add one, for example 'rates: {{{budget.currency}: 1.25}}'.",
        )
    return budget.amount * rates[budget.currency]


def build(home: Workspace[AwsTarget], place: Place, launcher: iam.Role) -> None:
    """Register the budget and the action that, once it is spent, takes the right to start machines and jobs."""
    budget = budgets.Budget(
        home.spec.scope,
        name=place.general("budget"),
        budget_type="COST",
        limit_amount=f"{dollars(home.spec.budget, home.target.rates):.2f}",
        limit_unit="USD",
        # Over the project's whole life: every other unit starts again from nothing.
        time_unit="CUSTOM",
        time_period_start=f"{home.target.spend_from:%Y-%m-%d}_00:00",
        time_period_end="2087-06-15_00:00",
        cost_filters=[
            budgets.BudgetCostFilterArgs(name="TagKeyValue", values=[f"user:tre-project${place.tag}"])
        ],
        notifications=[_warning(home, threshold) for threshold in WARNINGS],
        opts=home.child(),
    )
    stop = iam.Policy(
        f"{home.spec.scope}-stop",
        name=place.general("stop"),
        path="/tre/",
        policy=endpoint_policies.stop_computing(),
        opts=home.child(),
    )
    budgets.BudgetAction(
        home.spec.scope,
        budget_name=budget.name,
        action_type="APPLY_IAM_POLICY",
        approval_model="AUTOMATIC",
        notification_type="ACTUAL",
        action_threshold=budgets.BudgetActionActionThresholdArgs(
            action_threshold_type="PERCENTAGE", action_threshold_value=100
        ),
        definition=budgets.BudgetActionDefinitionArgs(
            iam_action_definition=budgets.BudgetActionDefinitionIamActionDefinitionArgs(
                policy_arn=stop.arn, roles=[launcher.name]
            )
        ),
        execution_role_arn=_hand(home, place, stop).arn,
        subscribers=[
            budgets.BudgetActionSubscriberArgs(subscription_type="EMAIL", address=each)
            for each in home.target.contacts
        ],
        opts=home.child(),
    )


def _warning(home: Workspace[AwsTarget], threshold: float) -> budgets.BudgetNotificationArgs:
    return budgets.BudgetNotificationArgs(
        comparison_operator="GREATER_THAN",
        notification_type="ACTUAL",
        threshold=threshold,
        threshold_type="PERCENTAGE",
        subscriber_email_addresses=list(home.target.contacts),
    )


def _hand(home: Workspace[AwsTarget], place: Place, stop: iam.Policy) -> iam.Role:
    """Register the role by which AWS acts: it may attach that one policy to that one role."""
    name = f"{home.spec.scope}-budget"
    role = iam.Role(
        name,
        name=place.role("budget"),
        path="/tre/",
        assume_role_policy=policies.trust("budgets.amazonaws.com", place),
        opts=home.child(),
    )
    only = place.role_arn("batch")
    iam.RolePolicy(
        name,
        name="stop",
        role=role.name,
        policy=stop.arn.apply(
            lambda arn: document(
                Statement(
                    "AttachTheStop",
                    "Allow",
                    ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
                    [only],
                    None,
                    {"ArnEquals": {"iam:PolicyARN": arn}},
                )
            )
        ),
        opts=home.child(),
    )
    return role
