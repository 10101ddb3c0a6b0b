"""An institution's own issuer: a Keycloak on the machine, outside the cluster, whose realm no deployer keeps.

Its clients, its claim of groups and its mark of a second factor are called otherwise than the TRE's own realm has them.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import time
import urllib.request
import zipfile
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from providers.kubernetes.cluster.ingredients import keycloak_archive
from providers.kubernetes.doors import realm
from tests.certified import Certified

REALM: Final = "staff"
CLIENT: Final = "airlock"
COMMAND_LINE: Final = "airlock-from-a-shell"
CLIENT_SECRET: Final = "the client's own secret"  # of a realm that lives as long as a test
CLAIM: Final = ("university", "groups")
SECOND_FACTOR: Final = "authenticator"
PASSWORD: Final = "correct horse battery"
CODE_SECRET: Final = "twentycharactersofit"
_PATIENCE: Final = 240.0


@dataclass(frozen=True)
class Member:
    """One person of the institution, with the groups that it gives them."""

    name: str
    groups: Sequence[str]


@contextlib.contextmanager
def open_issuer(
    folder: Path, certified: Certified, port: int, portal: str, members: Sequence[Member]
) -> Generator[str]:
    """Run the issuer until the block ends; give its address, under which its tokens name it too."""
    home = _unpacked(folder)
    (home / "data" / "import").mkdir(parents=True, exist_ok=True)
    (home / "data" / "import" / "realm.json").write_text(json.dumps(document(portal, members)))
    address = f"https://{certified.host}:{port}"
    settings = [
        *(
            "start-dev",
            "--import-realm",
            f"--https-port={port}",
            f"--hostname={address}",
            "--http-enabled=false",
        ),
        f"--https-certificate-file={certified.certificate}",
        f"--https-certificate-key-file={certified.key}",
    ]
    with (folder / "issuer.log").open("wb") as log:
        process = subprocess.Popen(
            [str(home / "bin" / "kc.sh"), *settings],
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "JAVA_OPTS_APPEND": "-Xmx512m"},
        )
    try:
        _await(f"{address}/realms/{REALM}", certified, process, folder / "issuer.log")
        yield f"{address}/realms/{REALM}"
    finally:
        # Its script keeps Java as a child.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()


def code_secret() -> str:
    """Return what everybody's authenticator knows, as an app wants it (base 32)."""
    return base64.b32encode(CODE_SECRET.encode()).decode().rstrip("=")


def _unpacked(folder: Path) -> Path:
    with zipfile.ZipFile(keycloak_archive(_quietly)) as packed:
        packed.extractall(folder)
    (home,) = folder.glob("keycloak-*")
    (home / "bin" / "kc.sh").chmod(0o755)
    return home


def _quietly(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _await(address: str, certified: Certified, process: subprocess.Popen[Any], log: Path) -> None:
    trust = certified.trusting()
    end = time.monotonic() + _PATIENCE
    while True:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=5, context=trust).read()
            return
        assert process.poll() is None and time.monotonic() < end, log.read_text()[-3000:]
        time.sleep(0.5)


def document(portal: str, members: Sequence[Member]) -> dict[str, Any]:
    """Return the institution's realm. Its flows are the TRE's own; nothing else that the TRE would look for is."""
    secrets = {realm.PORTAL: CLIENT_SECRET, realm.REGISTRAR: "of nobody"}
    made: dict[str, Any] = json.loads(realm.document("institution", "The institution", portal, secrets))
    names = {realm.PORTAL: CLIENT, realm.COMMAND_LINE: COMMAND_LINE}
    clients = [
        _client(each, names[each["clientId"]]) for each in made["clients"] if each["clientId"] in names
    ]
    groups = sorted({group for member in members for group in member.groups})
    return {
        **made,
        "realm": REALM,
        "clients": clients,
        "groups": [{"name": group} for group in groups],
        "users": [_user(each) for each in members],
        "authenticatorConfig": [_marked(each) for each in made["authenticatorConfig"]],
    }


def _client(client: Mapping[str, Any], name: str) -> dict[str, Any]:
    mappers = [_mapper(each) for each in client["protocolMappers"] if each["name"] != "expires"]
    return {**client, "clientId": name, "protocolMappers": mappers}


def _mapper(mapper: Mapping[str, Any]) -> dict[str, Any]:
    claims = {"claim.name": ".".join(CLAIM)} if mapper["name"] == "groups" else {}
    return {**mapper, "config": {**mapper["config"], **claims}}


def _marked(config: Mapping[str, Any]) -> dict[str, Any]:
    value = config["config"]["default.reference.value"]
    told = SECOND_FACTOR if value == realm.SECOND_FACTOR else value
    return {**config, "config": {**config["config"], "default.reference.value": told}}


def _user(member: Member) -> dict[str, Any]:
    how = {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1"}
    code = {
        "type": "otp",
        "secretData": json.dumps({"value": CODE_SECRET}),
        "credentialData": json.dumps(how),
    }
    return {
        "username": member.name,
        "enabled": True,
        "email": f"{member.name}@university.example.org",
        "firstName": member.name.title(),
        "lastName": "Of The Institution",
        "groups": [f"/{group}" for group in member.groups],
        "credentials": [{"type": "password", "value": PASSWORD}, code],
    }
