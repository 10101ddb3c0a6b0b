"""Which engine a call comes from."""

from pathlib import Path

import pytest
import yaml

from providers.kubernetes.plugin.errors import Refused
from providers.kubernetes.plugin.kubeconfig import Settings
from providers.kubernetes.plugin.sessions import Configuration, Sessions


def kubeconfig(server: str) -> str:
    return yaml.safe_dump(
        {
            "current-context": "one",
            "clusters": [{"name": "one", "cluster": {"server": server}}],
            "contexts": [{"name": "one", "context": {"cluster": "one"}}],
        }
    )


FIRST, SECOND = (
    Configuration(kubeconfig("http://127.0.0.1:1")),
    Configuration(kubeconfig("http://127.0.0.1:2")),
)


def server(sessions: Sessions, peer: str) -> str:
    return sessions.cluster(sessions.session(peer)).client.server


def test_each_connection_has_its_own_cluster() -> None:
    sessions = Sessions({})
    sessions.configure("a", FIRST)
    sessions.configure("b", SECOND)
    assert server(sessions, "a") == "http://127.0.0.1:1"
    assert server(sessions, "b") == "http://127.0.0.1:2"


def test_engines_of_one_cluster_share_its_client() -> None:
    sessions = Sessions({})
    sessions.configure("a", FIRST)
    sessions.configure("b", FIRST)
    assert sessions.cluster(sessions.session("a")) is sessions.cluster(sessions.session("b"))


def test_an_unknown_connection_is_served_only_where_there_is_one_cluster() -> None:
    sessions = Sessions({})
    with pytest.raises(Refused):
        sessions.session("lost")
    sessions.configure("a", FIRST)
    assert server(sessions, "lost") == "http://127.0.0.1:1"
    sessions.configure("b", SECOND)
    with pytest.raises(Refused, match="serves several clusters"):
        sessions.session("lost")


def test_a_cancelled_engine_does_not_cancel_another() -> None:
    sessions = Sessions({})
    for peer in ("a", "b"):
        sessions.configure(peer, FIRST)
    sessions.cancel("a")
    assert sessions.session("a").cancelled.is_set()
    assert not sessions.session("b").cancelled.is_set()


def test_a_reused_address_starts_afresh() -> None:
    sessions = Sessions({})
    sessions.configure("a", FIRST)
    sessions.cancel("a")
    sessions.attach("a", "engine:1")
    with pytest.raises(Refused):
        sessions.session("a")
    sessions.configure("a", SECOND)
    assert not sessions.session("a").cancelled.is_set()
    assert server(sessions, "a") == "http://127.0.0.1:2"
    assert sessions.session("a").engine == "engine:1"


def test_the_environment_names_a_kubeconfig(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(FIRST.kubeconfig)
    sessions = Sessions({"KUBECONFIG": str(file)})
    sessions.configure("a", Configuration())
    assert server(sessions, "a") == "http://127.0.0.1:1"


def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    with pytest.raises(Settings, match="none-here"):
        Sessions({}).configure("a", Configuration(str(tmp_path / "none-here")))
