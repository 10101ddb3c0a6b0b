"""What counts as drift: the recorded inputs, brought up to date."""

import base64
import copy
from typing import Any

from providers.kubernetes.plugin.drift import adopted, refreshed, structure
from providers.kubernetes.plugin.values import Object

INPUTS: Object = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "deny", "labels": {"tier": "2"}},
    "spec": {"podSelector": {}, "egress": [{"ports": [{"port": 53}]}], "policyTypes": ["Egress"]},
}
FIELDS: Object = {
    "f:metadata": {"f:labels": {"f:tier": {}}},
    "f:spec": {"f:podSelector": {}, "f:egress": {}, "f:policyTypes": {}},
}


def live(inputs: Object = INPUTS, fields: Object | None = None) -> Object:
    """The object as the server reports it, with its own additions."""
    result = copy.deepcopy(inputs)
    result["metadata"]["uid"] = "1"
    result["metadata"]["managedFields"] = [
        {"manager": "pulumi", "operation": "Apply", "fieldsV1": FIELDS if fields is None else fields}
    ]
    return result


def with_defaults() -> Object:
    result = live()
    result["spec"]["egress"][0]["ports"][0]["protocol"] = "TCP"
    return result


def changed(**spec: Any) -> Object:
    result = with_defaults()
    result["spec"].update(spec)
    return result


def test_what_the_server_adds_is_no_drift() -> None:
    assert refreshed(INPUTS, with_defaults(), with_defaults()) == INPUTS


def test_an_emptied_or_narrowed_selector_is_drift() -> None:
    narrowed = changed(podSelector={"matchLabels": {"app": "none"}})
    result = refreshed(INPUTS, with_defaults(), narrowed)
    assert result["spec"]["podSelector"] == {"matchLabels": {"app": "none"}}


def test_a_selector_with_another_label_is_drift() -> None:
    inputs, recorded = copy.deepcopy(INPUTS), with_defaults()
    inputs["spec"]["podSelector"] = recorded["spec"]["podSelector"] = {"matchLabels": {"app": "desk"}}
    wanted = {"matchLabels": {"app": "desk", "also": "this"}}
    assert refreshed(inputs, recorded, changed(podSelector=wanted))["spec"]["podSelector"] == wanted


def test_a_rule_added_to_a_whole_list_is_drift() -> None:
    rules: list[Object] = [*with_defaults()["spec"]["egress"], {}]
    assert refreshed(INPUTS, with_defaults(), changed(egress=rules))["spec"]["egress"] == rules


def test_a_removed_field_is_drift() -> None:
    without = with_defaults()
    del without["spec"]["egress"]
    assert "egress" not in refreshed(INPUTS, with_defaults(), without)["spec"]


def test_keys_of_others_are_no_drift() -> None:
    more = with_defaults()
    more["metadata"]["labels"]["theirs"] = "yes"
    assert refreshed(INPUTS, with_defaults(), more) == INPUTS


def test_a_changed_label_is_drift() -> None:
    other = with_defaults()
    other["metadata"]["labels"]["tier"] = "0"
    assert refreshed(INPUTS, with_defaults(), other)["metadata"]["labels"] == {"tier": "0"}


def test_a_field_that_the_server_dropped_at_once_is_no_drift() -> None:
    inputs: Object = {**INPUTS, "spec": {**INPUTS["spec"], "odd": "x"}}
    assert refreshed(inputs, with_defaults(), with_defaults()) == inputs


def test_without_a_record_of_managers_lists_are_whole() -> None:
    recorded, now = with_defaults(), changed(egress=[])
    for each in (recorded, now):
        del each["metadata"]["managedFields"]
    assert structure(now) is None
    assert refreshed(INPUTS, recorded, now)["spec"]["egress"] == []
    assert refreshed(INPUTS, recorded, recorded) == INPUTS


DESK: Object = {
    "metadata": {"name": "desk"},
    "spec": {"containers": [{"name": "desk", "image": "a", "ports": [{"containerPort": 80}]}]},
}
PORT = 'k:{"containerPort":80,"protocol":"TCP"}'
DESK_FIELDS: Object = {
    "f:spec": {
        "f:containers": {'k:{"name":"desk"}': {"f:image": {}, "f:ports": {PORT: {"f:containerPort": {}}}}}
    }
}


def desk(image: str = "a", *others: Object) -> Object:
    result = live(DESK, DESK_FIELDS)
    container = result["spec"]["containers"][0]
    container.update(image=image, imagePullPolicy="Always")
    container["ports"][0]["protocol"] = "TCP"
    result["spec"]["containers"] = [*others, container]
    return result


def test_an_element_with_a_key_is_found_wherever_it_stands() -> None:
    sidecar: Object = {"name": "sidecar", "image": "z"}
    assert refreshed(DESK, desk(), desk("a", sidecar)) == DESK


def test_a_change_inside_an_element_with_a_key_is_drift() -> None:
    result = refreshed(DESK, desk(), desk("b", {"name": "sidecar", "image": "z"}))
    assert result["spec"]["containers"] == [{"name": "desk", "image": "b", "ports": [{"containerPort": 80}]}]


def test_a_missing_element_is_drift() -> None:
    gone = desk()
    gone["spec"]["containers"] = [{"name": "sidecar", "image": "z"}]
    assert refreshed(DESK, desk(), gone)["spec"]["containers"] == []


def test_written_secrets_are_followed_into_data() -> None:
    inputs: Object = {"kind": "Secret", "stringData": {"a": "one", "b": "two", "c": "three"}}

    def data(**values: str) -> Object:
        return {"data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}}

    recorded = data(a="one", b="two", c="three")
    result = refreshed(inputs, recorded, data(a="one", b="other"))
    assert result["stringData"] == {"a": "one", "b": "other"}


def test_an_adopted_object_has_no_server_fields() -> None:
    found = {**live(), "status": {"phase": "Active"}}
    assert adopted(found) == INPUTS
