"""The connection to one account and region, and the tags by which costs are told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pulumi
import pulumi_aws as aws

from components.contract import Spec
from providers.aws.names import tag
from providers.aws.target import AwsTarget


def connection(target: AwsTarget) -> pulumi.ProviderResource:
    """Return the provider that deploys to the target's account and region, and to no other."""
    return aws.Provider(
        f"aws-{target.account}-{target.region}",
        region=target.region,
        # Credentials of the wrong account must fail before anything is made there.
        allowed_account_ids=[target.account],
    )


def tags(spec: Spec) -> Mapping[str, str]:
    """Return the tags of everything that a project is made of."""
    return {"tre-site": spec.site, "tre-project": tag(spec.site, spec.scope), "tre-tier": str(spec.tier)}


def tagging(spec: Spec, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """Return the options of a component whose children all carry the project's tags.

    By a transformation, because a connection serves many projects and one forgotten tag is money that no budget
    counts.
    """
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(transformations=[_tagged(tags(spec))]))


def _tagged(wanted: Mapping[str, str]) -> pulumi.ResourceTransformation:
    def transform(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        props = dict(args.props)
        if isinstance(getattr(type(args.resource), "tags", None), property):
            own = cast("Mapping[str, str]", props.get("tags") or {})
            props["tags"] = {**wanted, **own}
        return pulumi.ResourceTransformationResult(props, args.opts)

    return transform
