"""The secrets of the site's services: one is made, once, and every other is derived from it.

Pulumi keeps the first value of the one; the rest follow by HMAC (HKDF's expansion, RFC 5869), so that a deployment
that lost an object puts the same secret back, and nothing needs to be asked of the cluster.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Any, Final

import pulumi
from pulumi_kubernetes.core.v1 import Secret

from components.contract import Component
from providers.kubernetes import names
from providers.kubernetes.objects import meta

_BYTES: Final = 32


class Seal:
    """The root of one component's secrets. It stands in the keys' namespace, where no role of ours reaches."""

    def __init__(self, component: Component[Any, Any, Any], part: str) -> None:
        spec = component.spec
        encoded = base64.b64encode(secrets.token_bytes(_BYTES)).decode()
        self._made = Secret(
            f"{part}-root",
            metadata=meta(spec, f"root-{part}", names.site_namespace(spec.site, "keys")),
            immutable=True,
            data={"root": pulumi.Output.secret(encoded)},
            opts=component.held(ignore_changes=["data"]),
        )

    def seed(self, purpose: str) -> pulumi.Output[bytes]:
        """Return the 32 bytes of one purpose."""
        return pulumi.Output.secret(self._made.data).apply(lambda data: derive(data["root"], purpose))

    def secret(self, purpose: str) -> pulumi.Output[str]:
        """Return the secret of one purpose, as text."""
        return self.seed(purpose).apply(bytes.hex)


def derive(root: str, purpose: str) -> bytes:
    """Return the 32 bytes of one purpose from the root as its Secret holds it."""
    return hmac.new(base64.b64decode(root), purpose.encode(), hashlib.sha256).digest()
