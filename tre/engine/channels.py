"""Keeps the connections of one engine's program apart from those of every other engine.

gRPC shares what connects to one address among all channels of a process. A program whose engine is gone goes on
trying that engine's address for a while; a new engine that happens to listen there would be taken for unreachable
at once ("Resource monitor has terminated"). The more deployments have failed before in the process, the likelier it is.
"""

from __future__ import annotations

from typing import Any, Final, cast

from pulumi.runtime import _grpc_settings

_APART: Final = ("grpc.use_local_subchannel_pool", 1)


def keep_apart() -> None:
    """Let each channel that Pulumi's SDK opens from now on have its own connections. May be called again."""
    # The SDK offers no setting for it: its own list of options is the one place that all its channels read.
    options = cast("list[tuple[str, Any]]", vars(_grpc_settings)["_GRPC_CHANNEL_OPTIONS"])
    if _APART not in options:
        options.append(_APART)
