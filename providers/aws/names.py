"""Physical names and ARNs, from site, project and part alone.

Every name ends in a hash of its three parts, because `a-b` + `c` and `a` + `b-c` read the same once joined. Names
that are shared by all of AWS also hash the account and region.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from providers.aws.target import AwsTarget

_DIGITS: Final = 8
"""Hexadecimal digits of the hash: among 1,000 names two agree with a chance of about one in 8,600."""


def fitted(limit: int, site: str, project: str, part: str, *realm: str) -> str:
    """Return `site-project-part-hash` in at most `limit` characters of `[a-z0-9-]`, cut before the hash."""
    digest = hashlib.sha256("\0".join((site, project, part, *realm)).encode()).hexdigest()[:_DIGITS]
    words = "-".join(word for word in (site, project, part) if word)[: limit - _DIGITS - 1]
    return f"{words.rstrip('-')}-{digest}"


def bucket(site: str, project: str, part: str, account: str, region: str) -> str:
    """Return a bucket's name, unique in all of S3: 3 to 63 characters, never a reserved prefix or suffix."""
    return "tre-" + fitted(59, site, project, part, account, region)


def access_point(site: str, project: str, part: str) -> str:
    """Return an S3 access point's name: 3 to 50 characters, unique in the account and region."""
    return fitted(50, site, project, part)


def role(site: str, project: str, part: str) -> str:
    """Return an IAM role's or instance profile's name: at most 64 characters."""
    return fitted(64, site, project, part)


def vault(site: str, project: str) -> str:
    """Return a backup vault's name: 2 to 50 characters of letters, digits and hyphens."""
    return fitted(50, site, project, "backup")


def general(site: str, project: str, part: str) -> str:
    """Return the name of anything that takes 64 characters or more (a trail, a queue, a firewall, a budget)."""
    return fitted(64, site, project, part)


def repository(site: str, project: str, image: str) -> str:
    """Return the ECR repository that holds a project's copy of an image: 2 to 256 characters."""
    path = image.partition("@")[0].rpartition("/")[2].partition(":")[0].lower()
    return f"tre/{fitted(60, site, project, path[:20])}"


def log_group(site: str, project: str, part: str) -> str:
    """Return a log group's name. Key policies let the log service use the project's key below this prefix."""
    return f"/tre/{fitted(64, site, project, 'logs')}/{part}"


def tag(site: str, project: str) -> str:
    """Return the value of the tag `tre-project`, by which costs are told apart."""
    return f"{site}/{project}"


def partition(region: str) -> str:
    """Return the part of AWS that a region belongs to, as ARNs name it."""
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rsplit("-", 2)[0], "aws")


@dataclass(frozen=True)
class Place:
    """One project (or `site`) in one account and region, and the names and ARNs of what is there."""

    site: str
    project: str
    account: str
    region: str
    deployer: str = ""
    """The role that the deployer assumes; empty where only names are asked for."""

    @classmethod
    def of(cls, target: AwsTarget, site: str, project: str) -> Place:
        """Return the place of a project at a target."""
        return cls(site, project, target.account, target.region, target.deployer)

    @property
    def partition(self) -> str:
        return partition(self.region)

    @property
    def tag(self) -> str:
        """The value of the project's tag."""
        return tag(self.site, self.project)

    def arn(self, service: str, rest: str) -> str:
        """Return an ARN of this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{rest}"

    def bucket(self, part: str) -> str:
        """Return the name of the bucket that holds a part of the data."""
        return bucket(self.site, self.project, part, self.account, self.region)

    def bucket_arn(self, part: str) -> str:
        """Return that bucket's ARN."""
        return f"arn:{self.partition}:s3:::{self.bucket(part)}"

    def access_point(self, part: str) -> str:
        """Return the ARN of the access point that alone opens a part of the data."""
        return self.arn("s3", f"accesspoint/{access_point(self.site, self.project, part)}")

    def iam_arn(self, rest: str) -> str:
        """Return an ARN of IAM, which knows no region."""
        return f"arn:{self.partition}:iam::{self.account}:{rest}"

    def root_arn(self) -> str:
        """Return the ARN that stands for every principal of the account."""
        return self.iam_arn("root")

    def role(self, part: str) -> str:
        """Return a role's name."""
        return role(self.site, self.project, part)

    def role_arn(self, part: str) -> str:
        """Return a role's ARN. Roles of the TRE stand under one path, so that policies can name them all."""
        return self.iam_arn(f"role/tre/{self.role(part)}")

    def airlock_arn(self) -> str:
        """Return the role of the site's airlock, the one service outside the project that reads its outbox."""
        return self.iam_arn(f"role/tre/{role(self.site, '', 'airlock')}")

    def general(self, part: str) -> str:
        """Return the name of anything without a narrower rule."""
        return general(self.site, self.project, part)

    def trail_arn(self) -> str:
        """Return the ARN of the project's trail."""
        return self.arn("cloudtrail", f"trail/{self.general('trail')}")
