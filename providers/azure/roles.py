"""Rights: Azure's own roles by their ids, the two of ours, and who is given what."""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi_azure_native import authorization

from providers.azure.names import Place, identifier

# From "Azure built-in roles".
BLOB_READER: Final = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
BLOB_CONTRIBUTOR: Final = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
KEY_USER: Final = "e147488a-f6f5-4113-8e2d-b22465e65bf6"
"""Key Vault Crypto Service Encryption User: wraps and unwraps, reads no key."""
BACKUP_CONTRIBUTOR: Final = "e5e2a7ff-d759-4cd2-bb51-3152d37e2eb1"
COST_READER: Final = "72fafb9e-0641-4937-9268-a91bfd8191a3"
IMAGE_READER: Final = "b93aa761-3e63-49ed-ac28-beffa264f7ac"
"""Container Registry Repository Reader, which heeds conditions on the repository's name."""

BLOBS: Final = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
SEND: Final = (f"{BLOBS}/add/action", f"{BLOBS}/write")
"""Putting something into the outbox: no read, no list, no delete."""
STOP: Final = (
    "Microsoft.Compute/virtualMachineScaleSets/read",
    "Microsoft.Compute/virtualMachineScaleSets/deallocate/action",
)

_PULLS: Final = "Microsoft.ContainerRegistry/registries/repositories"


def give(
    place: Place,
    name: str,
    to: pulumi.Input[str],
    role: pulumi.Input[str],
    over: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
    *,
    condition: str | None = None,
) -> authorization.RoleAssignment:
    """Register that a managed identity (by its principal's id) has a role over a scope."""
    return authorization.RoleAssignment(
        name,
        # The name is part of the assignment's identity; left to chance, a second run would make a second one.
        role_assignment_name=identifier(place.subscription, place.site, place.project, name),
        principal_id=to,
        # Saves a look-up that fails while a new identity is still spreading through Entra.
        principal_type="ServicePrincipal",
        role_definition_id=role,
        scope=over,
        condition=condition,
        condition_version="2.0" if condition else None,
        opts=opts,
    )


def only_repository(repository: str) -> str:
    """Return the condition that a role over a registry holds for one repository of it."""
    actions = " AND ".join(f"!(ActionMatches{{'{_PULLS}/{kind}/read'}})" for kind in ("content", "metadata"))
    return f"(({actions}) OR (@Request[{_PULLS}:name] StringEqualsIgnoreCase '{repository}'))"


def sender(name: str, place: Place, opts: pulumi.ResourceOptions) -> authorization.RoleDefinition:
    """Register the role of those who may put into the outbox and never look into it."""
    return _role(name, place, "outbox sender", data_actions=SEND, opts=opts, over=place.group_id("data"))


def stopper(name: str, place: Place, opts: pulumi.ResourceOptions) -> authorization.RoleDefinition:
    """Register the role of what stops the machines: it sees them and stops them, and cannot start one."""
    return _role(name, place, "machine stopper", actions=STOP, opts=opts, over=place.group_id("workspace"))


def _role(
    name: str,
    place: Place,
    words: str,
    *,
    over: str,
    opts: pulumi.ResourceOptions,
    actions: tuple[str, ...] = (),
    data_actions: tuple[str, ...] = (),
) -> authorization.RoleDefinition:
    return authorization.RoleDefinition(
        name,
        role_definition_id=identifier(place.site, place.project, words),
        role_name=f"TRE {place.site}/{place.project} {words}",
        role_type="CustomRole",
        scope=over,
        assignable_scopes=[over],
        permissions=[authorization.PermissionArgs(actions=list(actions), data_actions=list(data_actions))],
        opts=opts,
    )
