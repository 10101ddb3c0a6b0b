"""Physical names and resource ids, from site, project and part alone.

Every name ends in a hash of its three parts, because `a-b` + `c` and `a` + `b-c` read the same once joined. Names
that are shared by all of Azure also hash the subscription. Limits: "Naming rules for Azure resources".
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import Final

from providers.azure.target import AzureTarget

_DIGITS: Final = 8
_GLOBAL_DIGITS: Final = 12
"""Hexadecimal digits of the hash: 48 bits where the name is shared by all of Azure."""

_NAMESPACE: Final = uuid.UUID("7a0d1e3c-5b52-4f0a-9a39-6a5f4c1f2d10")
"""Of our own making: ids that Azure wants as GUIDs are derived under it, so that a second run finds the first's."""


def _digest(digits: int, *parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:digits]


def fitted(limit: int, site: str, project: str, part: str) -> str:
    """Return `site-project-part-hash` in at most `limit` characters of `[a-z0-9-]`, cut before the hash."""
    words = "-".join(word for word in (site, project, part) if word)[: limit - _DIGITS - 1]
    return f"{words.rstrip('-')}-{_digest(_DIGITS, site, project, part)}"


def account(site: str, project: str, part: str, subscription: str) -> str:
    """Return a storage account's name: 3 to 24 lower-case letters and digits, unique in all of Azure."""
    words = f"{part[:2]}{site}{project}".replace("-", "")[: 24 - _GLOBAL_DIGITS]
    return words + _digest(_GLOBAL_DIGITS, site, project, part, subscription)


def vault(site: str, project: str, part: str, subscription: str) -> str:
    """Return a key vault's name: 3 to 24 letters and digits from a letter, unique in all of Azure."""
    return "kv" + account(site, project, part, subscription)[2:]


def general(site: str, project: str, part: str) -> str:
    """Return the name of anything that takes 63 characters of letters, digits and hyphens."""
    return fitted(63, site, project, part)


def gallery(site: str, project: str) -> str:
    """Return a gallery's name: at most 80 characters, without hyphens."""
    return fitted(63, site, project, "gallery").replace("-", "_")


def machine(site: str, project: str) -> str:
    """Return what the machines' own names begin with: at most 9 letters and digits, as Azure adds six."""
    return "t" + _digest(_DIGITS, site, project, "machine")


def identifier(*parts: str) -> str:
    """Return a GUID that is the same for the same parts."""
    return str(uuid.uuid5(_NAMESPACE, "\0".join(parts)))


def repository(site: str, project: str) -> str:
    """Return the repository that holds the project's copy of its image."""
    return f"tre/{fitted(60, site, project, 'image')}"


@dataclass(frozen=True)
class Place:
    """One project (or `site`) in one subscription, and the names and ids of what is there."""

    site: str
    project: str
    subscription: str

    @classmethod
    def of(cls, target: AzureTarget, site: str, project: str) -> Place:
        """Return the place of a project at a target."""
        return cls(site, project, target.subscription)

    @property
    def scope(self) -> str:
        """The subscription, as ids name it."""
        return f"/subscriptions/{self.subscription}"

    def group(self, part: str) -> str:
        """Return a resource group's name: `data` is kept, `workspace` comes and goes."""
        return self.general(part)

    def group_id(self, part: str) -> str:
        """Return a resource group's id."""
        return f"{self.scope}/resourceGroups/{self.group(part)}"

    def account(self, part: str) -> str:
        """Return a storage account's name."""
        return account(self.site, self.project, part, self.subscription)

    def account_id(self, part: str) -> str:
        """Return a storage account's id."""
        return f"{self.group_id('data')}/providers/Microsoft.Storage/storageAccounts/{self.account(part)}"

    def container_id(self, area: str) -> str:
        """Return the id of the container that holds an area of the data."""
        return f"{self.account_id('data')}/blobServices/default/containers/{area}"

    def container_url(self, area: str) -> str:
        """Return that container's address."""
        return f"https://{self.account('data')}.blob.core.windows.net/{area}"

    def vault(self, part: str) -> str:
        """Return a key vault's name."""
        return vault(self.site, self.project, part, self.subscription)

    def identity_id(self, part: str) -> str:
        """Return the id of a managed identity of the data store."""
        kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
        return f"{self.group_id('data')}/providers/{kind}/{self.general(part)}"

    def backup_vault_id(self) -> str:
        """Return the backup vault's id."""
        kind = "Microsoft.DataProtection/backupVaults"
        return f"{self.group_id('data')}/providers/{kind}/{self.general('backup')}"

    def general(self, part: str) -> str:
        """Return the name of anything without a narrower rule."""
        return general(self.site, self.project, part)

    def role(self, guid: str) -> str:
        """Return a role definition's id in this subscription."""
        return f"{self.scope}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
