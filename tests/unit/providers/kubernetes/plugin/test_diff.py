"""What counts as a change, and which changes replace."""

from typing import Any

import pytest

from providers.kubernetes.plugin.diff import Change, How, changes, must_delete_first, quantity, spelt
from providers.kubernetes.plugin.naming import AUTONAMED, Kind
from providers.kubernetes.plugin.values import UNKNOWN, Object, Secret

CONFIG_MAP = Kind("v1", "ConfigMap")


def replaced(kind: Kind, old: Object, new: Object) -> bool:
    found = changes(kind, old, new)
    assert found
    return any(change.replaces for change in found)


def at(path: str, value: Any) -> Object:
    result: Any = value
    for key in reversed(path.split(".")):
        result = [result] if key == "0" else {key: result}
    return result


def test_equal_inputs_have_no_changes() -> None:
    inputs = {"metadata": {"name": "one"}, "data": {"a": "b"}}
    assert changes(CONFIG_MAP, inputs, inputs) == []


def test_every_change_is_told_with_its_path() -> None:
    old: Object = {"data": {"gone": "1", "same": "1", "other": "1"}}
    new: Object = {"data": {"new": "1", "same": "1", "other": "2"}}
    assert changes(CONFIG_MAP, old, new) == [
        Change(("data", "gone"), How.REMOVED, False),
        Change(("data", "new"), How.ADDED, False),
        Change(("data", "other"), How.CHANGED, False),
    ]


def test_lists_are_compared_in_place() -> None:
    found = changes(Kind("a/v1", "B"), {"l": [1, {"a": 1}, 3]}, {"l": [1, {"a": 2}, 3, 4]})
    assert [(spelt(change.path), change.how) for change in found] == [
        ("l[1].a", How.CHANGED),
        ("l[3]", How.ADDED),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"apiVersion": "core/v1"}, {"apiVersion": "v1"}),
        ({"metadata": {"name": "a", "namespace": "default"}}, {"metadata": {"name": "a"}}),
        ({"data": Secret({"a": "b"})}, {"data": {"a": "b"}}),
        ({"spec": {"hard": {"cpu": "1000m"}}}, {"spec": {"hard": {"cpu": 1}}}),
        (
            {"spec": {"resources": {"requests": {"storage": "1Gi"}}}},
            {"spec": {"resources": {"requests": {"storage": "1024Mi"}}}},
        ),
        ({"data": {"a": None}}, {"data": {}}),
    ],
)
def test_other_spellings_are_no_change(old: Object, new: Object) -> None:
    assert changes(CONFIG_MAP, old, new) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"data": {"a": "1000m"}}, {"data": {"a": "1"}}),
        ({"spec": {"podSelector": {}}}, {"spec": {}}),
        ({"data": {"a": "b"}}, {"data": {"a": UNKNOWN}}),
        ({"flag": True}, {"flag": 1}),
    ],
)
def test_other_meanings_are_changes(old: Object, new: Object) -> None:
    assert len(changes(CONFIG_MAP, old, new)) == 1


@pytest.mark.parametrize(
    ("api_version", "kind", "path"),
    [
        ("v1", "ConfigMap", "metadata.name"),
        ("v1", "ConfigMap", "metadata.namespace"),
        ("batch/v1", "Job", "spec.template.spec.containers.0.image"),
        ("batch/v1", "Job", "spec.selector.matchLabels.app"),
        ("v1", "PersistentVolumeClaim", "spec.storageClassName"),
        ("v1", "PersistentVolumeClaim", "spec.accessModes.0"),
        ("v1", "Pod", "spec.containers.0.command"),
        ("apps/v1", "StatefulSet", "spec.serviceName"),
        ("apps/v1", "StatefulSet", "spec.volumeClaimTemplates.0.spec"),
        ("apps/v1", "Deployment", "spec.selector.matchLabels.app"),
        ("storage.k8s.io/v1", "StorageClass", "parameters.type"),
        ("storage.k8s.io/v1", "StorageClass", "provisioner"),
        ("storage.k8s.io/v1", "StorageClass", "reclaimPolicy"),
        ("v1", "Secret", "type"),
        ("v1", "Service", "spec.clusterIP"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", "roleRef.name"),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "roleRef"),
    ],
)
def test_a_fixed_field_replaces(api_version: str, kind: str, path: str) -> None:
    assert replaced(Kind(api_version, kind), at(path, "old"), at(path, "new"))


@pytest.mark.parametrize(
    ("api_version", "kind", "path"),
    [
        ("v1", "ConfigMap", "data.a"),
        ("v1", "ConfigMap", "metadata.labels.a"),
        ("batch/v1", "Job", "spec.parallelism"),
        ("v1", "PersistentVolumeClaim", "spec.resources.requests.storage"),
        ("v1", "Pod", "spec.containers.0.image"),
        ("apps/v1", "StatefulSet", "spec.template.spec.containers.0.image"),
        ("apps/v1", "StatefulSet", "spec.replicas"),
        ("apps/v1", "Deployment", "spec.template.metadata.labels.app"),
        ("storage.k8s.io/v1", "StorageClass", "allowVolumeExpansion"),
        ("v1", "Secret", "stringData.a"),
        ("v1", "Service", "spec.ports.0.port"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", "subjects.0.name"),
        ("networking.k8s.io/v1", "NetworkPolicy", "spec.podSelector.matchLabels.a"),
        ("example.org/v1", "Secret", "type"),
    ],
)
def test_another_field_does_not(api_version: str, kind: str, path: str) -> None:
    assert not replaced(Kind(api_version, kind), at(path, "old"), at(path, "new"))


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_sealed_contents_replace(kind: str) -> None:
    old, new = {"immutable": True, "data": {"a": "b"}}, {"immutable": True, "data": {"a": "c"}}
    assert replaced(Kind("v1", kind), old, new)
    assert not replaced(Kind("v1", kind), {"data": {"a": "b"}}, new)


def test_a_patch_is_replaced_only_for_another_object() -> None:
    service = Kind("v1", "Service")
    old: Object = {"metadata": {"name": "a"}, "spec": {"clusterIP": "None"}}
    new: Object = {"metadata": {"name": "a"}, "spec": {"clusterIP": ""}}
    assert not any(change.replaces for change in changes(service, old, new, patch=True))


def test_the_same_fixed_name_is_deleted_first() -> None:
    old: Object = {"metadata": {"name": "a", "namespace": "n"}}
    assert must_delete_first(old, old)
    assert not must_delete_first(old, {"metadata": {"name": "b", "namespace": "n"}})
    assert not must_delete_first(old, {"metadata": {"name": "a", "namespace": "m"}})
    automatic: Object = {"metadata": {"name": "a", "annotations": {AUTONAMED: "true"}}}
    assert not must_delete_first(automatic, automatic)


@pytest.mark.parametrize(
    ("text", "other"),
    [("500m", "0.5"), ("1Ki", "1024"), ("1e3", "1k"), ("2Gi", "2048Mi"), ("0", 0), ("100", 100)],
)
def test_quantities_are_amounts(text: object, other: object) -> None:
    assert quantity(text) == quantity(other)
    assert quantity(text) is not None


@pytest.mark.parametrize("text", ["", "many", "1.2.3", "Ki"])
def test_other_texts_are_no_quantities(text: str) -> None:
    assert quantity(text) is None


def test_paths_are_spelt_as_the_engine_spells_them() -> None:
    assert spelt(("metadata", "labels", "a.b/c")) == 'metadata.labels["a.b/c"]'
    assert spelt(("spec", "ports", 0, "port")) == "spec.ports[0].port"
    assert spelt(("a.b",)) == '["a.b"]'
