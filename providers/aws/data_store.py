"""A project's buckets, its key, its roles, its backups and the record of every access."""

from __future__ import annotations

from collections.abc import Callable

import pulumi
from pulumi_aws import backup, cloudtrail, iam, kms

from components.data_store import DataStore, DataStoreOutputs, DataStoreSpec
from components.errors import Unbuildable
from providers.aws import policies
from providers.aws.buckets import DataBuckets, RecordsBucket
from providers.aws.names import Place, vault
from providers.aws.providing import tagging
from providers.aws.target import AwsTarget


class AwsDataStore(DataStore[AwsTarget]):
    """Three buckets under the project's key, and a fourth under another for the record of what was done."""

    def __init__(
        self, spec: DataStoreSpec, target: AwsTarget, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        self.place = Place.of(target, spec.site, spec.scope)
        super().__init__(spec, target, tagging(spec, opts))

    def build(self) -> DataStoreOutputs:
        key = self._key()
        records_key = self._records_key()
        data = DataBuckets(self, self.place, key.arn)
        buckets = {part: data.add(part) for part in policies.PARTS}
        records = RecordsBucket(self, self.place, records_key.arn, self.kept_always)
        self._trail(records, records_key)
        self._roles(key)
        self._backups(key)
        return DataStoreOutputs(
            inputs=buckets["inputs"].id,
            working=buckets["working"].id,
            outbox=buckets["outbox"].id,
            key=key.arn,
        )

    def kept_always(self) -> pulumi.ResourceOptions:
        """Return the options of what outlives even an erasure: the record that it happened."""
        opts = self.held()
        opts.retain_on_delete = True
        return opts

    def _key(self) -> kms.Key:
        scope, store = self.spec.scope, self._key_store()
        key = kms.Key(
            f"{scope}-data",
            description=f"Data of {self.place.tag}",
            policy=policies.data_key(self.place),
            # Keys in a key store of one's own cannot rotate by themselves (KMS guide, "Rotate keys").
            enable_key_rotation=store is None,
            custom_key_store_id=store,
            # The shortest wait that KMS allows once an erasure was confirmed, the longest before.
            deletion_window_in_days=7 if self.spec.erase else 30,
            opts=self.held(),
        )
        name = f"alias/{self.place.general('data')}"
        kms.Alias(f"{scope}-data", name=name, target_key_id=key.id, opts=self.held())
        return key

    def _key_store(self) -> str | None:
        if not self.spec.hardware_key:
            return None
        if not self.target.key_store:
            raise Unbuildable(
                "target.key_store",
                f"project {self.spec.scope} asks for a key in hardware of its own and the target has no key store",
                "Name a custom key store on CloudHSM, for example 'cks-0123456789abcdef0'.",
            )
        return self.target.key_store

    def _records_key(self) -> kms.Key:
        # Never that of the data: erasing destroys the data's key, and the record of it must stay readable.
        return kms.Key(
            f"{self.spec.scope}-records",
            description=f"Records of {self.place.tag}",
            policy=policies.records_key(self.place),
            enable_key_rotation=True,
            deletion_window_in_days=30,
            opts=self.kept_always(),
        )

    def _trail(self, records: RecordsBucket, key: kms.Key) -> None:
        field = cloudtrail.TrailAdvancedEventSelectorFieldSelectorArgs
        objects = [f"{self.place.bucket_arn(part)}/" for part in policies.PARTS]
        cloudtrail.Trail(
            f"{self.spec.scope}-accesses",
            name=self.place.general("trail"),
            s3_bucket_name=records.bucket.id,
            kms_key_id=key.arn,
            enable_logging=True,
            enable_log_file_validation=True,
            advanced_event_selectors=[
                cloudtrail.TrailAdvancedEventSelectorArgs(
                    name="Every access to the project's objects",
                    field_selectors=[
                        field(field="eventCategory", equals=["Data"]),
                        field(field="resources.type", equals=["AWS::S3::Object"]),
                        field(field="resources.ARN", starts_withs=objects),
                    ],
                ),
                cloudtrail.TrailAdvancedEventSelectorArgs(
                    name="Every change of the platform, the end of a key among them",
                    field_selectors=[field(field="eventCategory", equals=["Management"])],
                ),
            ],
            # CloudTrail looks for the policy and the bucket when the trail is made.
            opts=_after(self.kept_always, records.policy),
        )

    def _roles(self, key: kms.Key) -> None:
        limit = iam.Policy(
            f"{self.spec.scope}-boundary",
            name=self.place.general("boundary"),
            path="/tre/",
            policy=policies.boundary(self.place),
            opts=self.child(),
        )
        self._role("analyst", "ec2.amazonaws.com", policies.analyst, key, limit)
        self._role("loader", "ecs-tasks.amazonaws.com", policies.loader, key, limit)

    def _role(
        self, part: str, service: str, rights: Callable[[Place, str], str], key: kms.Key, limit: iam.Policy
    ) -> None:
        role = iam.Role(
            f"{self.spec.scope}-{part}",
            name=self.place.role(part),
            path="/tre/",
            assume_role_policy=policies.trust(service, self.place),
            permissions_boundary=limit.arn,
            opts=self.child(),
        )
        iam.RolePolicy(
            f"{self.spec.scope}-{part}",
            name="data",
            role=role.name,
            policy=key.arn.apply(lambda arn: rights(self.place, arn)),
            opts=self.child(),
        )

    def _backups(self, key: kms.Key) -> None:
        scope, name = self.spec.scope, vault(self.spec.site, self.spec.scope)
        store = backup.Vault(
            f"{scope}-backup",
            name=name,
            kms_key_arn=key.arn,
            force_destroy=self.spec.erase,
            opts=self.held(),
        )
        # Governance, not compliance: compliance would outlast the confirmed erasure of the data.
        backup.VaultLockConfiguration(
            f"{scope}-backup", backup_vault_name=store.name, min_retention_days=7, opts=self.held()
        )
        plan = backup.Plan(
            f"{scope}-backup",
            name=self.place.general("backup"),
            rules=[
                backup.PlanRuleArgs(
                    rule_name="daily",
                    target_vault_name=store.name,
                    schedule="cron(0 2 * * ? *)",
                    lifecycle=backup.PlanRuleLifecycleArgs(delete_after=35),
                )
            ],
            opts=self.held(),
        )
        backup.Selection(
            f"{scope}-backup",
            name="data",
            plan_id=plan.id,
            iam_role_arn=self._backup_role().arn,
            resources=[self.place.bucket_arn("inputs"), self.place.bucket_arn("working")],
            opts=self.held(),
        )

    def _backup_role(self) -> iam.Role:
        scope = self.spec.scope
        role = iam.Role(
            f"{scope}-backup",
            name=self.place.role("backup"),
            path="/tre/",
            assume_role_policy=policies.trust("backup.amazonaws.com", self.place),
            opts=self.held(),
        )
        for verb in ("Backup", "Restore"):
            managed = f"arn:{self.place.partition}:iam::aws:policy/AWSBackupServiceRolePolicyForS3{verb}"
            iam.RolePolicyAttachment(
                f"{scope}-{verb.lower()}", role=role.name, policy_arn=managed, opts=self.held()
            )
        return role


def _after(
    options: Callable[[], pulumi.ResourceOptions], resource: pulumi.Resource
) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(options(), pulumi.ResourceOptions(depends_on=[resource]))
