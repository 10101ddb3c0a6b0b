"""Where the API server is and how to sign in to it, from a kubeconfig as kubectl reads it."""

import base64
import json
import os
import ssl
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import yaml

from providers.kubernetes.plugin.errors import PluginError
from providers.kubernetes.plugin.values import Object

_COMMAND_SECONDS = 60
"""How long a credential command may take; some ask a person to sign in."""
_RENEW_BEFORE = 60
"""Seconds before its expiry at which a token is renewed."""


class Settings(PluginError):
    """The kubeconfig cannot be used."""


@dataclass
class Endpoint:
    """One API server and the credentials for it."""

    server: str
    ssl_context: ssl.SSLContext | None
    namespace: str
    host_name: str | None
    token: "Token"


@dataclass
class Token:
    """The bearer token of a kubeconfig user: fixed, in a file, or from a command; empty where there is none."""

    fixed: str = ""
    file: str = ""
    command: Object | None = None
    _current: str = ""
    _expires: float = 0.0

    def current(self) -> str:
        """The token to send now. Raises Settings when the command or the file fails."""
        if self.file:
            return Path(self.file).read_text(encoding="utf-8").strip()
        if self.command is None:
            return self.fixed
        if not self._current or time.time() > self._expires - _RENEW_BEFORE:
            self._run(self.command)
        return self._current

    def _run(self, command: Object) -> None:
        environment = {**os.environ, **{item["name"]: item["value"] for item in command.get("env") or ()}}
        version = command.get("apiVersion", "client.authentication.k8s.io/v1")
        request = {"kind": "ExecCredential", "apiVersion": version, "spec": {"interactive": False}}
        environment["KUBERNETES_EXEC_INFO"] = json.dumps(request)
        arguments = [str(command["command"]), *[str(item) for item in command.get("args") or ()]]
        try:
            done = subprocess.run(
                arguments,
                env=environment,
                capture_output=True,
                timeout=_COMMAND_SECONDS,
                check=True,
                text=True,
            )
            status = json.loads(done.stdout)["status"]
        except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
            raise Settings(f"The kubeconfig's credential command failed: {arguments[0]}: {error}") from error
        self._current = str(status.get("token") or "")
        self._expires = _timestamp(status.get("expirationTimestamp"))


def _timestamp(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else float("inf")


@dataclass(frozen=True)
class Source:
    """Which kubeconfig to use: its text, and the context chosen in it (empty for its current one)."""

    text: str
    context: str = ""
    cluster: str = ""
    folder: str = field(default=".", compare=False)


def located(setting: str, environment: Mapping[str, str], context: str = "", cluster: str = "") -> Source:
    """The kubeconfig that `setting` names or holds, else $KUBECONFIG, else ~/.kube/config.

    Raises Settings when there is none.
    """
    if _is_contents(setting):
        return Source(setting, context, cluster)
    candidates = [setting] if setting else environment.get("KUBECONFIG", "").split(os.pathsep)
    if candidates == [""]:
        candidates = [str(Path("~/.kube/config"))]
    for name in candidates:
        path = Path(name).expanduser()
        if name and path.is_file():
            return Source(path.read_text(encoding="utf-8"), context, cluster, str(path.parent))
    raise Settings(
        f"No kubeconfig at {', '.join(candidates)}. Set the provider's kubeconfig, or the variable KUBECONFIG, "
        "to the file of the cluster to deploy to."
    )


def _is_contents(setting: str) -> bool:
    return "\n" in setting or setting.lstrip().startswith("{") or "clusters:" in setting


def server_of(setting: str, context: str = "", cluster: str = "") -> str | None:
    """The API server's address in a kubeconfig, or None where it cannot be told."""
    try:
        return endpoint(located(setting, os.environ, context, cluster), load_credentials=False).server
    except (Settings, OSError):
        return None


def endpoint(source: Source, *, load_credentials: bool = True) -> Endpoint:
    """The API server and the credentials in a kubeconfig.

    Raises Settings when the text is no kubeconfig, or names a context, cluster or user that it does not hold.
    """
    config = _parsed(source.text)
    chosen = source.context or str(config.get("current-context") or "")
    context = _named(config, "contexts", "context", chosen) if chosen else {}
    cluster = _named(config, "clusters", "cluster", source.cluster or str(context.get("cluster", "")))
    user = _named(config, "users", "user", str(context["user"])) if context.get("user") else {}
    server = str(cluster.get("server", "")).rstrip("/")
    if not server:
        raise Settings("The kubeconfig's cluster has no server address.")
    return Endpoint(
        server=server,
        ssl_context=_ssl_context(cluster, user, source.folder)
        if load_credentials and server[:5] == "https"
        else None,
        namespace=str(context.get("namespace") or ""),
        host_name=cluster.get("tls-server-name"),
        token=Token(str(user.get("token") or ""), str(user.get("tokenFile") or ""), user.get("exec")),
    )


def _parsed(text: str) -> Object:
    try:
        # The C parser is ten times faster, and a kubeconfig may hold dozens of clusters.
        config: Any = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.YAMLError as error:
        raise Settings(f"The kubeconfig is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(config, dict) or "clusters" not in config:
        raise Settings("The kubeconfig holds no clusters: give the path of a kubeconfig, or its contents.")
    return cast(Object, config)


def _named(config: Object, plural: str, singular: str, name: str) -> Object:
    entries: list[Object] = config.get(plural) or []
    for entry in entries:
        if entry.get("name") == name:
            return entry.get(singular) or {}
    known = ", ".join(sorted(str(entry.get("name")) for entry in entries)) or "none"
    raise Settings(f'The kubeconfig has no {singular} "{name}". It has: {known}.')


def _ssl_context(cluster: Object, user: Object, folder: str) -> ssl.SSLContext:
    authority = _material(cluster, "certificate-authority", folder)
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _material(user, "client-certificate", folder), _material(user, "client-key", folder)
    if certificate and key:
        _load_certificate(context, certificate, key)
    return context


def _material(entry: Object, name: str, folder: str) -> bytes:
    if entry.get(f"{name}-data"):
        return base64.b64decode(str(entry[f"{name}-data"]))
    if entry.get(name):
        path = Path(folder, str(entry[name]))
        try:
            return path.read_bytes()
        except OSError as error:
            raise Settings(f"The kubeconfig names {path}, which cannot be read: {error.strerror}") from error
    return b""


def _load_certificate(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    # Python's TLS reads a client certificate from a file only: mode 0600, removed as soon as it is read.
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate + b"\n" + key)
        file.flush()
        try:
            context.load_cert_chain(file.name)
        except (ssl.SSLError, OSError) as error:
            raise Settings(f"The kubeconfig's client certificate cannot be used: {error}") from error
