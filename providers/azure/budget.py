"""What a project may spend, and what stops when it is spent.

Azure's budgets only tell. What acts is a guard of a project's own: every hour it asks what the project has cost
since the site began, and when that is the budget, or cannot be had, it stops the machines.
"""

from __future__ import annotations

from typing import Any, Final

import pulumi
from pulumi_azure_native import compute, consumption, logic, managedidentity

from components.errors import Unbuildable
from components.workspace import Workspace, WorkspaceSpec
from providers.azure import roles
from providers.azure.names import Place
from providers.azure.network import Network
from providers.azure.target import AzureTarget

WARNINGS: Final = (50.0, 80.0, 100.0)
"""Percentages of the budget at which people are told."""

_API: Final = "https://management.azure.com"


def check(spec: WorkspaceSpec, target: AzureTarget) -> None:
    """Refuse a budget in a currency that the subscription is not billed in.

    Raises:
        Unbuildable: the currencies differ.
    """
    if spec.budget.currency != target.billing_currency:
        raise Unbuildable(
            "workspace.budget.currency",
            f"{spec.budget.currency} is not what the subscription is billed in ({target.billing_currency})",
            f"Write the budget in {target.billing_currency}, for example 'currency: {target.billing_currency}'.",
        )


def build(
    home: Workspace[AzureTarget], place: Place, inside: Network, machines: compute.VirtualMachineScaleSet
) -> None:
    """Register the budget that tells people and the guard that acts."""
    _budget(home, place)
    guard = managedidentity.UserAssignedIdentity(
        f"{home.spec.scope}-guard",
        resource_group_name=inside.group,
        resource_name_=place.general("guard"),
        location=home.target.region,
        opts=home.child(),
    )
    stopper = roles.stopper(f"{home.spec.scope}-stopper", place, home.child(depends_on=[machines]))
    stops = roles.give(
        place, f"{home.spec.scope}-guard-stops", guard.principal_id, stopper.id, machines.id, home.child()
    )
    reads = roles.give(
        place,
        f"{home.spec.scope}-guard-reads",
        guard.principal_id,
        place.role(roles.COST_READER),
        place.scope,
        home.child(),
    )
    logic.Workflow(
        f"{home.spec.scope}-guard",
        resource_group_name=inside.group,
        workflow_name=place.general("guard"),
        location=home.target.region,
        state="Enabled",
        identity=logic.ManagedServiceIdentityArgs(type="UserAssigned", user_assigned_identities=[guard.id]),
        definition=pulumi.Output.all(guard.id, machines.id).apply(
            lambda ids: definition(home.spec, home.target, place, ids[0], ids[1])
        ),
        opts=home.child(depends_on=[stops, reads]),
    )


def _budget(home: Workspace[AzureTarget], place: Place) -> None:
    consumption.Budget(
        home.spec.scope,
        scope=place.scope,
        budget_name=place.general("budget"),
        category="Cost",
        amount=home.spec.budget.amount,
        # The longest that Azure counts; the guard counts the whole life.
        time_grain="Annually",
        time_period=consumption.BudgetTimePeriodArgs(
            start_date=f"{home.target.spend_from:%Y-%m-01}T00:00:00Z"
        ),
        filter=consumption.BudgetFilterArgs(
            dimensions=consumption.BudgetComparisonExpressionArgs(
                name="ResourceGroupName", operator="In", values=groups(place)
            )
        ),
        notifications={
            f"at-{threshold:.0f}": consumption.NotificationArgs(
                enabled=True,
                operator="GreaterThanOrEqualTo",
                threshold=threshold,
                contact_emails=list(home.target.contacts),
            )
            for threshold in WARNINGS
        },
        opts=home.child(),
    )


def groups(place: Place) -> list[str]:
    """Return the resource groups whose costs are the project's."""
    return [place.group("data"), place.group("workspace")]


def definition(
    spec: WorkspaceSpec, target: AzureTarget, place: Place, guard: str, machines: str
) -> dict[str, Any]:
    """Return the guard's workflow, in Logic Apps' definition language.

    `stop` runs unless the cost was read and is below the budget: a question that fails stops the machines too.
    """
    identity = {"type": "ManagedServiceIdentity", "identity": guard, "audience": f"{_API}/"}
    total = "if(empty(body('cost')?['properties']?['rows']), 0, first(first(body('cost')?['properties']?['rows'])))"
    return {
        "$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
        "contentVersion": "1.0.0.0",
        "triggers": {"hourly": {"type": "Recurrence", "recurrence": {"frequency": "Hour", "interval": 1}}},
        "actions": {
            "cost": {
                "type": "Http",
                "runAfter": {},
                "inputs": {
                    "method": "POST",
                    "uri": f"{_API}{place.scope}/providers/Microsoft.CostManagement/query?api-version=2023-11-01",
                    "authentication": identity,
                    "body": _question(target, place),
                },
            },
            "below": {
                "type": "If",
                "runAfter": {"cost": ["Succeeded", "Failed", "TimedOut", "Skipped"]},
                "expression": {
                    "and": [
                        {"equals": ["@actions('cost')?['status']", "Succeeded"]},
                        {"less": [f"@{total}", spec.budget.amount]},
                    ]
                },
                "actions": {},
                "else": {
                    "actions": {
                        "stop": {
                            "type": "Http",
                            "inputs": {
                                "method": "POST",
                                "uri": f"{_API}{machines}/deallocate?api-version=2024-07-01",
                                "authentication": identity,
                            },
                        }
                    }
                },
            },
        },
    }


def _question(target: AzureTarget, place: Place) -> dict[str, Any]:
    dimension = {"dimensions": {"name": "ResourceGroupName", "operator": "In", "values": groups(place)}}
    return {
        "type": "ActualCost",
        "timeframe": "Custom",
        "timePeriod": {"from": f"{target.spend_from:%Y-%m-01}T00:00:00Z", "to": "@{utcNow()}"},
        "dataset": {
            "granularity": "None",
            "aggregation": {"total": {"name": "Cost", "function": "Sum"}},
            "filter": dimension,
        },
    }
