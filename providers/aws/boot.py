"""What a machine does before it takes work: mount the data, and close what its jobs could reach on itself."""

from __future__ import annotations

from typing import Final

from providers.aws.names import Place

METADATA_RULE: Final = "iptables -I OUTPUT -d 169.254.169.254 -m owner ! --uid-owner 0 -j REJECT"
"""Batch jobs share their machine's network, so the hop limit alone does not keep them from the metadata service."""

NO_PRIVILEGE: Final = "ECS_DISABLE_PRIVILEGED=true"
"""The agent refuses privileged containers, whatever a job definition says."""

NO_NEW_PRIVILEGES: Final = '"no-new-privileges": true'

_SCRIPT: Final = """\
#!/bin/bash
set -euo pipefail
# A machine that is not closed must not take work.
trap 'shutdown --poweroff now' ERR
{metadata}
ip6tables -I OUTPUT -d fd00:ec2::254 -m owner ! --uid-owner 0 -j REJECT
mkdir -p /etc/docker /etc/ecs /data/inputs /data/working /data/outbox
cat > /etc/docker/daemon.json <<'END'
{{{no_new}, "icc": false, "live-restore": true}}
END
cat >> /etc/ecs/ecs.config <<'END'
{no_privilege}
ECS_ENABLE_TASK_IAM_ROLE=false
ECS_AWSVPC_BLOCK_IMDS=true
ECS_AVAILABLE_LOGGING_DRIVERS=["journald"]
END
mount-s3 {inputs} /data/inputs --read-only --allow-other
mount-s3 {working} /data/working --allow-other --allow-delete --allow-overwrite --uid 1000 --gid 1000
mount-s3 {outbox} /data/outbox --allow-other --uid 1000 --gid 1000
"""

_MESSAGE: Final = """\
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="==TRE=="

--==TRE==
Content-Type: text/x-shellscript; charset="us-ascii"

{script}
--==TRE==--
"""


def user_data(place: Place) -> str:
    """Return the machines' user data: a message of several parts, since Batch adds parts of its own."""
    script = _SCRIPT.format(
        metadata=METADATA_RULE,
        no_new=NO_NEW_PRIVILEGES,
        no_privilege=NO_PRIVILEGE,
        inputs=place.access_point("inputs"),
        working=place.access_point("working"),
        outbox=place.access_point("outbox"),
    )
    return _MESSAGE.format(script=script)
