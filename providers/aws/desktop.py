"""A desktop in the browser: pixels out, nothing else. What is shown runs as a job on the project's machines."""

from __future__ import annotations

from typing import Final

from pulumi_aws import ec2, workspacesweb

from components.workspace import Workspace
from providers.aws.network import Network, allow
from providers.aws.target import AwsTarget

PORT: Final = 8443
"""TCP port at which a desktop job listens on its machine."""


def build(home: Workspace[AwsTarget], network: Network) -> None:
    """Register the portal, its place in the network, and what people may do with the clipboard in it."""
    scope = home.spec.scope
    group = ec2.SecurityGroup(
        f"{scope}-desktop",
        vpc_id=network.vpc.id,
        description=f"desktop of {home.spec.site}/{scope}",
        opts=home.child(),
    )
    allow(home, "desktop", group, network.machines, PORT)
    portal = workspacesweb.Portal(
        scope,
        display_name=f"{home.spec.site} {scope}",
        customer_managed_key=home.data.key,
        max_concurrent_sessions=home.spec.count,
        opts=home.child(),
    )
    _settings(home, portal)
    _network(home, network, group, portal)


def _settings(home: Workspace[AwsTarget], portal: workspacesweb.Portal) -> None:
    scope, clipboard = home.spec.scope, home.spec.clipboard
    settings = workspacesweb.UserSettings(
        scope,
        copy_allowed=_said(clipboard == "both"),
        paste_allowed=_said(clipboard in ("both", "paste-in")),
        download_allowed=_said(False),
        print_allowed=_said(False),
        upload_allowed=_said(False),
        idle_disconnect_timeout_in_minutes=30,
        opts=home.child(),
    )
    workspacesweb.UserSettingsAssociation(
        scope, portal_arn=portal.portal_arn, user_settings_arn=settings.user_settings_arn, opts=home.child()
    )


def _said(allowed: bool) -> str:
    return "Enabled" if allowed else "Disabled"


def _network(
    home: Workspace[AwsTarget], network: Network, group: ec2.SecurityGroup, portal: workspacesweb.Portal
) -> None:
    scope = home.spec.scope
    settings = workspacesweb.NetworkSettings(
        scope,
        vpc_id=network.vpc.id,
        subnet_ids=[each.id for each in network.subnets],
        security_group_ids=[group.id],
        opts=home.child(),
    )
    workspacesweb.NetworkSettingsAssociation(
        scope,
        portal_arn=portal.portal_arn,
        network_settings_arn=settings.network_settings_arn,
        opts=home.child(),
    )
