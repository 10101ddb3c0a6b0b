"""Buckets with everything that guards them. What guards data is held as the data is: a bucket that outlives its
policy or its public access block would be kept and left open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pulumi
from pulumi_aws import s3

from components.contract import Component
from components.data_store import DataStoreOutputs, DataStoreSpec
from providers.aws import policies
from providers.aws.names import Place
from providers.aws.target import AwsTarget

Store = Component[DataStoreSpec, AwsTarget, DataStoreOutputs]
Options = Callable[[], pulumi.ResourceOptions]

ARCHIVE: Final = "archive/"
"""Where a project's closing copies what is kept, so that an object's age there counts from the project's end."""


class DataBuckets:
    """Adds the buckets of a project's data, all under its own key."""

    def __init__(self, store: Store, place: Place, key: pulumi.Output[str]) -> None:
        self.store, self.place, self.key = store, place, key

    def add(self, part: str) -> s3.Bucket:
        """Register the bucket of one part of the data and its guards."""
        spec, name = self.store.spec, f"{self.store.spec.scope}-{part}"
        bucket = s3.Bucket(
            name,
            bucket=self.place.bucket(part),
            object_lock_enabled=part == "inputs",
            # Only a confirmed erasure empties a bucket in order to remove it.
            force_destroy=spec.erase,
            opts=self.store.held(),
        )
        guard(name, bucket, self.key, self.store.held)
        s3.BucketPolicy(
            name, bucket=bucket.id, policy=self.key.apply(self._policy(part)), opts=self.store.held()
        )
        self._retention(name, bucket)
        if part == "inputs":
            lock(name, bucket, "GOVERNANCE", spec.retention_days, self.store.held)
        return bucket

    def _policy(self, part: str) -> Callable[[str], str]:
        return lambda key: policies.data_bucket(self.place, part, key, erase=self.store.spec.erase)

    def _retention(self, name: str, bucket: s3.Bucket) -> None:
        days = self.store.spec.retention_days
        rule = s3.BucketLifecycleConfigurationRuleArgs
        s3.BucketLifecycleConfiguration(
            name,
            bucket=bucket.id,
            rules=[
                rule(
                    id="closed",
                    status="Enabled",
                    filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=ARCHIVE),
                    expiration=s3.BucketLifecycleConfigurationRuleExpirationArgs(days=days),
                ),
                rule(
                    id="superseded",
                    status="Enabled",
                    filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    noncurrent_version_expiration=s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                        noncurrent_days=days
                    ),
                ),
                rule(
                    id="unfinished",
                    status="Enabled",
                    filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    abort_incomplete_multipart_upload=s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                        days_after_initiation=7
                    ),
                ),
            ],
            opts=self.store.held(),
        )


class RecordsBucket:
    """The bucket of the record of accesses, which nobody can change or delete before its time."""

    def __init__(self, store: Store, place: Place, key: pulumi.Output[str], options: Options) -> None:
        name = f"{store.spec.scope}-records"
        self.bucket = s3.Bucket(
            name, bucket=place.bucket("records"), object_lock_enabled=True, opts=options()
        )
        guard(name, self.bucket, key, options)
        lock(name, self.bucket, "COMPLIANCE", max(365, store.spec.retention_days), options)
        self.policy = s3.BucketPolicy(
            name,
            bucket=self.bucket.id,
            policy=key.apply(lambda arn: policies.records_bucket(place, arn)),
            opts=options(),
        )


def guard(name: str, bucket: s3.Bucket, key: pulumi.Output[str], options: Options) -> None:
    """Register what every bucket has: nothing public, no access lists, versions, and one key."""
    s3.BucketPublicAccessBlock(
        name,
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=options(),
    )
    s3.BucketOwnershipControls(
        name,
        bucket=bucket.id,
        rule=s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
        opts=options(),
    )
    s3.BucketVersioning(
        name,
        bucket=bucket.id,
        versioning_configuration=s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
        opts=options(),
    )
    _encryption(name, bucket, key, options)


def _encryption(name: str, bucket: s3.Bucket, key: pulumi.Output[str], options: Options) -> None:
    default = s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
        sse_algorithm="aws:kms", kms_master_key_id=key
    )
    s3.BucketServerSideEncryptionConfiguration(
        name,
        bucket=bucket.id,
        rules=[
            s3.BucketServerSideEncryptionConfigurationRuleArgs(
                apply_server_side_encryption_by_default=default, bucket_key_enabled=True
            )
        ],
        opts=options(),
    )


def lock(name: str, bucket: s3.Bucket, mode: str, days: int, options: Options) -> None:
    """Register how long no version of an object can be deleted."""
    s3.BucketObjectLockConfiguration(
        name,
        bucket=bucket.id,
        rule=s3.BucketObjectLockConfigurationRuleArgs(
            default_retention=s3.BucketObjectLockConfigurationRuleDefaultRetentionArgs(mode=mode, days=days)
        ),
        opts=options(),
    )
