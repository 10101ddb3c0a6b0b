"""Reading kubeconfigs."""

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from providers.kubernetes.plugin.kubeconfig import Settings, Source, endpoint, located, server_of


def config(**user: Any) -> dict[str, Any]:
    return {
        "current-context": "one",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1/"}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u", "namespace": "n"}},
            {"name": "broken", "context": {"cluster": "none", "user": "u"}},
        ],
    }


def source(context: str = "", **user: Any) -> Source:
    return Source(yaml.safe_dump(config(**user)), context)


def test_the_current_context_is_used() -> None:
    found = endpoint(source(token="t"))
    assert found.server == "http://127.0.0.1:1"
    assert found.namespace == "n"
    assert found.token.current() == "t"


def test_another_context_can_be_chosen() -> None:
    with pytest.raises(Settings, match=r'no cluster "none"\. It has: c'):
        endpoint(source("broken"))
    with pytest.raises(Settings, match=r'no context "absent"\. It has: broken, one'):
        endpoint(source("absent"))


def test_a_token_in_a_file_is_read_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    token = endpoint(source(tokenFile=str(file))).token
    assert token.current() == "first"
    file.write_text("second\n")
    assert token.current() == "second"


def test_a_token_from_a_command_is_kept_until_it_expires() -> None:
    program = (
        "import json, os; print(json.dumps({'status': {'token': os.environ['NAME'], "
        "'expirationTimestamp': '2999-01-01T00:00:00Z'}}))"
    )
    command = {"command": sys.executable, "args": ["-c", program], "env": [{"name": "NAME", "value": "x"}]}
    token = endpoint(source(exec=command)).token
    assert token.current() == "x"
    assert token.current() == "x"


def test_a_failing_command_is_named() -> None:
    with pytest.raises(Settings, match="credential command failed: /nowhere/tool"):
        endpoint(source(exec={"command": "/nowhere/tool"})).token.current()


def test_contents_and_paths_are_told_apart(tmp_path: Path) -> None:
    text = yaml.safe_dump(config())
    file = tmp_path / "config"
    file.write_text(text)
    assert located(text, {}).text == text
    assert located(str(file), {}).text == text
    assert located("", {"KUBECONFIG": f"/absent:{file}"}).text == text


def test_the_server_is_told_where_it_can_be(tmp_path: Path) -> None:
    assert server_of(yaml.safe_dump(config())) == "http://127.0.0.1:1"
    assert server_of(str(tmp_path / "absent")) is None


@given(st.text())
def test_garbage_is_refused_in_words(text: str) -> None:
    with pytest.raises(Settings):
        endpoint(Source(text))
