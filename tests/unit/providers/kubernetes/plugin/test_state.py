"""What the engine's state holds."""

from typing import Any

from providers.kubernetes.plugin import state
from providers.kubernetes.plugin.naming import Kind
from providers.kubernetes.plugin.values import UNKNOWN, Object, Secret, has_secret, plain

SECRET, SERVICE = Kind("v1", "Secret"), Kind("v1", "Service")


def recorded(inputs: Object, live: Object) -> Object:
    return state.recorded(SECRET, inputs, live, "pulumi")


def test_the_shape_is_the_official_plugin_s() -> None:
    inputs: Object = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}}
    found = state.recorded(Kind("v1", "ConfigMap"), inputs, {**inputs, "metadata": {"uid": "1"}}, "pulumi")
    assert found["__inputs"] == inputs
    assert found["__initialApiVersion"] == "v1"
    assert found["__fieldManager"] == "pulumi"
    assert state.live_of(found) == {**inputs, "metadata": {"uid": "1"}}


def test_the_contents_of_a_secret_are_secret_whatever_the_program_said() -> None:
    inputs: Object = {"kind": "Secret", "stringData": {"key": "word"}, "type": "Opaque"}
    live: Object = {"kind": "Secret", "data": {"key": "d29yZA=="}, "type": "Opaque", "metadata": {}}
    found = recorded(inputs, live)
    assert found["data"] == Secret({"key": "d29yZA=="})
    assert found["__inputs"]["stringData"] == Secret({"key": "word"})
    assert found["type"] == "Opaque"


def test_kubectl_s_copy_of_a_secret_is_secret() -> None:
    copy = "kubectl.kubernetes.io/last-applied-configuration"
    live: Object = {"kind": "Secret", "metadata": {"annotations": {copy: "{...}", "other": "x"}}}
    annotations = recorded({"kind": "Secret"}, live)["metadata"]["annotations"]
    assert annotations == {copy: Secret("{...}"), "other": "x"}


def test_marks_of_the_program_are_kept() -> None:
    inputs: Object = {"kind": "ConfigMap", "data": {"a": Secret("b")}}
    found = state.recorded(Kind("v1", "ConfigMap"), inputs, plain(inputs), "pulumi")
    assert found["data"] == {"a": Secret("b")}
    assert found["__inputs"]["data"] == {"a": Secret("b")}


def test_the_record_of_managers_is_left_out() -> None:
    live: Object = {"kind": "Secret", "metadata": {"name": "a", "managedFields": [{"manager": "x"}]}}
    assert recorded({"kind": "Secret"}, live)["metadata"] == {"name": "a"}


def test_a_preview_does_not_promise_what_a_dry_run_makes_up() -> None:
    inputs: Object = {"kind": "Service", "spec": {"ports": [{"port": 80}]}}
    dry_run: dict[str, Any] = {
        "kind": "Service",
        "metadata": {"name": "a", "uid": "made-up", "creationTimestamp": "now"},
        "spec": {"ports": [{"port": 80}], "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"]},
        "status": {"loadBalancer": {}},
    }
    found = state.foreseen(SERVICE, inputs, dry_run, "pulumi")
    assert found["metadata"]["uid"] == UNKNOWN
    assert found["spec"] == {"ports": [{"port": 80}], "clusterIP": UNKNOWN, "clusterIPs": UNKNOWN}
    assert found["status"] == UNKNOWN
    asked: Object = {"kind": "Service", "spec": {"clusterIP": "None"}}
    dry_run["spec"] = {"clusterIP": "None"}
    assert state.foreseen(SERVICE, asked, dry_run, "pulumi")["spec"] == {"clusterIP": "None"}


def test_old_inputs_fall_back_to_those_in_the_state() -> None:
    assert state.inputs_of({"__inputs": {"a": 1}}, {"b": 2}) == {"b": 2}
    assert state.inputs_of({"__inputs": {"a": 1}}, {}) == {"a": 1}
    assert state.inputs_of({}, {}) == {}


def test_other_kinds_are_not_secret() -> None:
    assert not has_secret(state.secret_inputs(Kind("v1", "ConfigMap"), {"data": {"a": "b"}}))
    assert state.manager_of({"__fieldManager": "pulumi-kubernetes-1a2b"}) == "pulumi-kubernetes-1a2b"
    assert state.manager_of({}) == "pulumi"
