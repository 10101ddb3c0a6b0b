"""What a machine does when it starts: close itself, mount the data, and run the one workspace it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

METADATA_RULE: Final = "iptables -I OUTPUT -d 169.254.169.254 -m owner ! --uid-owner 0 -j REJECT"
"""On the machine itself, the metadata service answers root alone."""

FORWARD_RULE: Final = "iptables -I DOCKER-USER -d 169.254.169.254 -j REJECT"
"""Nothing that comes out of a container reaches it."""

FABRIC_RULE: Final = "iptables -I DOCKER-USER -d 168.63.129.16 -p tcp -j REJECT"
"""Nor the platform's agent address, which also answers names (by UDP, which stays open)."""

CONFINEMENT: Final = (
    "--user 1000:1000 --read-only --tmpfs /tmp:size=512m --cap-drop ALL --security-opt no-new-privileges"
    " --pids-limit 4096 --log-driver journald"
)
"""How the workspace runs: as nobody, on a root it cannot write, its output in the machine's own journal."""

MOUNTS: Final = "-v /data/inputs:/data/inputs:ro -v /data/working:/data/working -v /data/outbox:/data/outbox"

_SCRIPT: Final = """\
#!/bin/bash
set -euo pipefail
# A machine that is not closed must not work.
trap 'shutdown --poweroff now' ERR
systemctl disable --now ssh || true
{metadata}
{forward}
{fabric}
token() {{
  curl -sf -H Metadata:true "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01\
&resource=https%3A%2F%2Fmanagement.azure.com%2F&msi_res_id={identity}" | jq -r .access_token
}}
curl -sf -X POST "https://{registry}/oauth2/exchange" --data-urlencode grant_type=access_token \
  --data-urlencode service={registry} --data-urlencode "access_token=$(token)" | jq -r .refresh_token \
  | docker login {registry} -u 00000000-0000-0000-0000-000000000000 --password-stdin
mount_area() {{
  mkdir -p "/data/$1"
  AZURE_STORAGE_ACCOUNT={account} AZURE_STORAGE_AUTH_TYPE=MSI AZURE_STORAGE_IDENTITY_RESOURCE_ID={identity} \
    AZURE_STORAGE_ACCOUNT_CONTAINER="$1" blobfuse2 mount "/data/$1" --tmp-path="/mnt/cache/$1" -o allow_other "${{@:2}}"
}}
mount_area inputs --read-only
mount_area working -o uid=1000,gid=1000
mount_area outbox -o uid=1000,gid=1000
systemd-run --unit=workspace -p RuntimeMaxSec={seconds} docker run --rm --name workspace {confinement} {mounts} {image}
"""


@dataclass(frozen=True)
class Boot:
    """What a machine is told: the identity it mounts with, the account, and the image by digest."""

    identity: str
    account: str
    image: str
    deadline_hours: int

    def script(self) -> str:
        """Return the script that the machine runs as root when it starts."""
        return _SCRIPT.format(
            metadata=METADATA_RULE,
            forward=FORWARD_RULE,
            fabric=FABRIC_RULE,
            identity=self.identity,
            registry=self.image.partition("/")[0],
            account=self.account,
            seconds=self.deadline_hours * 3600,
            confinement=CONFINEMENT,
            mounts=MOUNTS,
            image=self.image,
        )
