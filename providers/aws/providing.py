"""The connection to one account and region, with the tags that costs are told apart by."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components.contract import Spec
from providers.aws.names import Place
from providers.aws.target import AwsTarget


def connected(
    kind: str, spec: Spec, target: AwsTarget, opts: pulumi.ResourceOptions | None
) -> pulumi.ResourceOptions:
    """Return the options of a component whose children go to the target's account and region, and no other.

    A caller that brings a connection of its own keeps it.
    """
    if opts and (opts.provider or opts.providers):
        return opts
    return pulumi.ResourceOptions.merge(
        opts, pulumi.ResourceOptions(providers=[_connection(kind, spec, target)])
    )


def _connection(kind: str, spec: Spec, target: AwsTarget) -> aws.Provider:
    place = Place(target, spec.site, spec.scope)
    tags = {"tre-site": spec.site, "tre-project": place.tag, "tre-tier": str(spec.tier)}
    return aws.Provider(
        f"{spec.scope}-{kind}",
        region=target.region,
        # Credentials of the wrong account must fail before anything is made there.
        allowed_account_ids=[target.account],
        default_tags=aws.ProviderDefaultTagsArgs(tags=tags),
    )
