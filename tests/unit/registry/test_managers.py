"""The record that every write keeps: sets of fields, and who has them after any mixture of writes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.api.kinds import HORIZONTALPODAUTOSCALERS, NODES, Resource
from common.api.meta import Object
from common.errors import Conflict, Invalid
from console.registry import fieldsets
from console.registry.admission import (
    ApplyRequest,
    admit_create,
    admit_update,
    conform,
    decode_applied,
    server_side_apply,
)
from console.registry.fieldsets import Fields
from console.registry.intents import Untyped
from console.registry.managers import managers_of, parse
from console.registry.row import Context, Row

from .builders import DEPLOYMENTS, DUAL, NOW, PODS, SERVICES, Objects, container, deployment, named, pod, row

_STEPS = st.sampled_from(["f:a", "f:b", 'k:{"n":1}', "v:1"])
_PATHS = st.sets(st.lists(_STEPS, min_size=1, max_size=4).map(tuple), max_size=8)


def made_of(found: set[tuple[str, ...]]) -> Fields:
    return fieldsets.of_paths(found)


def is_canonical(node: Fields, *, root: bool = True) -> bool:
    alone = len(node) == 1 and "." in node
    return not alone and not (root and "." in node) and all(
        is_canonical(below, root=False) for step, below in node.items() if step != "."
    )  # fmt: skip


@given(_PATHS, _PATHS)
def test_sets_behave_as_sets(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> None:
    first, second = made_of(one), made_of(other)
    for found, expected in (
        (fieldsets.union(first, second), one | other),
        (fieldsets.difference(first, second), one - other),
        (fieldsets.intersection(first, second), one & other),
        (
            fieldsets.without(first, second),
            {path for path in one if not any(path[:depth] in other for depth in range(1, 5))},
        ),
    ):
        assert set(fieldsets.paths(found)) == expected
        assert is_canonical(found)
    assert fieldsets.contains(first, second) == (other <= one)
    assert all(fieldsets.has_path(first, path) == (path in one) for path in one | other)
    assert fieldsets.parse(first) == first


@pytest.mark.parametrize(
    "document",
    [
        [], 1, {"x": {}}, {"f:a": 1}, {"k:{": {}}, {"k:1": {}}, {"v:": {}}, {"i:x": {}}, {".": {}},
        {"f:a": {".": {"f:b": {}}}},
    ],
)  # fmt: skip
def test_what_is_no_set_is_not_taken_for_one(document: object) -> None:
    assert fieldsets.parse(document) is None


def test_a_set_can_be_nested_too_deep() -> None:
    document: Object = {}
    for _ in range(300):
        document = {"f:a": document}
    assert fieldsets.parse(document) is None


ENTRY = {
    "manager": "m", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {}},
    "time": "2026-01-01T00:00:00Z",
}  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"operation": "Replace"}, {"apiVersion": ""}, {"fieldsType": "FieldsV2"}, {"fieldsV1": [1]}, {"time": "now"},
        {"manager": 1},
    ],
)  # fmt: skip
def test_entries_that_are_none_are_not_taken(wrong: Object) -> None:
    assert parse([ENTRY]) is not None
    assert parse([{**ENTRY, **wrong}]) is None


class World:
    """One object and who writes it, through the same functions as the API server."""

    def __init__(self, resource: Resource = DEPLOYMENTS) -> None:
        self.row: Row = row(resource)
        self.obj: Object | None = None
        self.now = NOW

    def context(self, manager: str, api_version: str = "") -> Context:
        self.now += timedelta(seconds=1)
        return Context(self.now, Objects(), DUAL, manager=manager, api_version=api_version)

    def create(self, obj: Object, manager: str = "maker") -> None:
        self.obj = admit_create(self.row, conform(self.row, obj, "Strict")[0], self.context(manager))

    def apply(
        self, config: Object, manager: str, *, force: bool = False, subresource: str = "", view: Row | None = None
    ) -> Object:
        where, view = self.context(manager), view or self.row
        intent = {"apiVersion": view.resource.api_version, "kind": view.resource.kind, **config}
        config, _ = decode_applied(view, orjson.dumps(intent), "Strict")
        wanted = server_side_apply(view, self.obj, config, ApplyRequest(manager, subresource, force), self.now)
        if self.obj is None:
            self.obj = admit_create(self.row, wanted, where, applied=True)
        else:
            self.obj = admit_update(self.row, wanted, self.obj, where, subresource, applied=True)
        return self.obj

    def update(self, manager: str, subresource: str = "", api_version: str = "", **changes: Any) -> Object:
        assert self.obj is not None
        where = self.context(manager, api_version)
        self.obj = admit_update(self.row, {**self.obj, **changes}, self.obj, where, subresource)
        return self.obj

    def owners(self) -> dict[tuple[str, str, str], set[str]]:
        assert self.obj is not None
        return {
            (item.name, item.operation, item.subresource): set(map(fieldsets.shown, fieldsets.paths(item.fields)))
            for item in managers_of(self.obj)
        }


def test_a_struct_goes_with_its_last_field_whatever_nobody_owns_in_it() -> None:
    world = World()
    world.create(deployment())
    world.apply(named("web", spec={"strategy": {"rollingUpdate": {"maxSurge": 3}}}), "me", force=True)
    assert world.obj is not None
    assert world.obj["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == 3
    world.apply(named("web", spec={"minReadySeconds": 1}), "me")
    assert world.obj["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}


def test_an_element_stays_while_somebody_else_owns_a_field_of_it() -> None:
    world = World()
    world.apply(deployment(), "me")
    world.apply(containers_of(name="extra", image="e:1", stdin=True), "one")
    world.apply(containers_of(name="extra", image="e:1", workingDir="/w"), "two")
    world.apply(named("web"), "one")
    assert world.obj is not None
    extra = world.obj["spec"]["template"]["spec"]["containers"][1]
    assert (extra["image"], extra["workingDir"], extra.get("stdin")) == ("e:1", "/w", None)
    world.apply(named("web"), "two")
    assert [item["name"] for item in world.obj["spec"]["template"]["spec"]["containers"]] == ["main"]


def containers_of(**container: object) -> Object:
    return named("web", spec={"template": {"spec": {"containers": [container]}}})


def test_an_empty_intent_gives_everything_up() -> None:
    world = World()
    world.create(deployment())
    world.apply(named("web", spec={"minReadySeconds": 4}), "me")
    assert world.owners()["me", "Apply", ""] == {".spec.minReadySeconds"}
    found = world.apply(named("web"), "me")
    assert "minReadySeconds" not in found["spec"]
    assert ("me", "Apply", "") not in world.owners()


def test_keys_that_are_left_out_have_their_defaults_in_the_record() -> None:
    world = World(SERVICES)
    world.apply(named("web", spec={"ports": [{"name": "a", "port": 80}]}), "me")
    assert '.spec.ports[port=80,protocol="TCP"]' in world.owners()["me", "Apply", ""]
    world.apply(named("web", spec={"ports": [{"name": "b", "port": 80, "protocol": "UDP"}]}), "other")
    assert world.obj is not None
    assert [item["protocol"] for item in world.obj["spec"]["ports"]] == ["TCP", "UDP"]


def test_an_atomic_list_has_one_owner() -> None:
    world = World()
    world.apply(deployment() | {"metadata": {"name": "web", "namespace": "default"}}, "me")
    tolerations = [{"key": "a", "operator": "Exists"}]
    world.apply(named("web", spec={"template": {"spec": {"tolerations": tolerations}}}), "one")
    with pytest.raises(Conflict, match=r'conflict with "one": \.spec\.template\.spec\.tolerations$'):
        world.apply(named("web", spec={"template": {"spec": {"tolerations": []}}}), "two")


def test_finalizers_are_a_set() -> None:
    world = World()
    world.apply({**deployment(), "metadata": {"name": "web", "namespace": "default", "finalizers": ["a.b/1"]}}, "me")
    world.apply({"metadata": {"name": "web", "namespace": "default", "finalizers": ["a.b/2"]}}, "other")
    assert world.obj is not None
    assert world.obj["metadata"]["finalizers"] == ["a.b/1", "a.b/2"]
    assert world.owners()["other", "Apply", ""] == {'.metadata.finalizers[="a.b/2"]'}
    world.apply(deployment(), "me")
    assert world.obj["metadata"]["finalizers"] == ["a.b/2"]


def test_the_status_is_owned_through_its_subresource_and_told_so() -> None:
    world = World()
    world.create(deployment())
    world.apply(
        {"metadata": {"name": "web", "namespace": "default"}, "status": {"replicas": 1}}, "one", subresource="status"
    )
    assert world.owners()["one", "Apply", "status"] == {".status.replicas"}
    with pytest.raises(Conflict) as caught:
        world.apply(named("web", status={"replicas": 2}), "two", subresource="status")
    whom = '"one" with subresource "status"'
    assert caught.value.message == f"Apply failed with 1 conflict: conflict with {whom}: .status.replicas"


def test_what_a_subresource_does_not_take_is_not_owned_through_it() -> None:
    world = World(PODS)
    world.create(pod())
    config = named("p", spec={"activeDeadlineSeconds": 5, "ephemeralContainers": [container(name="debug")]})
    config["metadata"]["labels"] = {"a": "b"}
    world.apply(config, "me", subresource="ephemeralcontainers")
    owned = world.owners()["me", "Apply", "ephemeralcontainers"]
    assert owned
    assert [path for path in owned if not path.startswith(".spec.ephemeralContainers[")] == []


def test_conflicts_through_scale_are_told_in_the_version_of_scale() -> None:
    world = World()
    world.create(deployment(replicas=2), "maker")
    with pytest.raises(Conflict, match=r'conflict with "maker" using autoscaling/v1: \.spec\.replicas'):
        world.apply(named("web", spec={"replicas": 3}), "scaler", subresource="scale")


def test_each_manager_owns_in_the_version_in_which_it_wrote() -> None:
    world = World(HORIZONTALPODAUTOSCALERS)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    (older,) = [view for view in world.row.views() if view.resource.version == "v1"]
    spec = {"scaleTargetRef": target, "maxReplicas": 4, "targetCPUUtilizationPercentage": 70}
    world.apply(named("web", spec=spec), "old", view=older)
    assert ".spec.targetCPUUtilizationPercentage" in world.owners()["old", "Apply", ""]
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
    }
    with pytest.raises(Conflict, match=r'conflict with "old": \.spec\.targetCPUUtilizationPercentage'):
        world.apply(named("web", spec={"metrics": [metric]}), "new")
    world.apply(named("web", spec={"metrics": [metric]}), "new", force=True)
    assert world.owners()["new", "Apply", ""] == {".spec.metrics"}
    assert ".spec.targetCPUUtilizationPercentage" not in world.owners()["old", "Apply", ""]
    spec["maxReplicas"] = 6
    del spec["targetCPUUtilizationPercentage"]
    found = world.apply(named("web", spec=spec), "old", view=older)
    assert (found["spec"]["maxReplicas"], found["spec"]["metrics"]) == (6, [metric])


def test_writers_of_one_name_in_two_versions_are_two() -> None:
    world = World(HORIZONTALPODAUTOSCALERS)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    world.create(named("web", spec={"scaleTargetRef": target, "maxReplicas": 4}))
    assert world.obj is not None
    world.update("editor", api_version="autoscaling/v1", spec={**world.obj["spec"], "maxReplicas": 5})
    world.update("editor", spec={**world.obj["spec"], "minReplicas": 2})
    assert [item.api_version for item in managers_of(world.obj) if item.name == "editor"] == [
        "autoscaling/v1", "autoscaling/v2",
    ]  # fmt: skip


def test_an_unchanged_apply_keeps_its_time_and_a_changed_one_does_not() -> None:
    world = World()
    first = world.apply(deployment(replicas=2), "me")
    assert world.apply(deployment(replicas=2), "me") == first
    changed = world.apply(deployment(replicas=3), "me")
    assert changed["metadata"]["managedFields"][0]["time"] > first["metadata"]["managedFields"][0]["time"]


CONTAINERS = ".spec.template.spec.containers"
GO_NUMBER = "&value.valueUnstructured{Value:5000}"
NO_KEYS = (
    'associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default '
    "values for any key fields)"
)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"replicas": "3"}, ".spec.replicas: expected numeric (int or float), got string"),
        ({"paused": 1}, ".spec.paused: expected boolean, got &{1}"),
        ({"template": []}, ".spec.template: expected map, got &{[]}"),
        (
            {"template": {"spec": {"containers": {"a": 1}}}},
            f"{CONTAINERS}: expected list, got &{{map[a:1]}}",
        ),
        (
            {"template": {"spec": {"containers": [container(env=[{"name": "A", "value": 5000}])]}}},
            f'{CONTAINERS}[name="main"].env[name="A"].value: expected string, got {GO_NUMBER}',
        ),
        (
            {"template": {"spec": {"containers": [{"image": "x"}]}}},
            f"{CONTAINERS}: element 0: {NO_KEYS}",
        ),
        (
            {"template": {"spec": {"containers": [container(), container()]}}},
            f'{CONTAINERS}: duplicate entries for key [name="main"]',
        ),
        ({"bogus": 1}, ".spec.bogus: field not declared in schema"),
    ],
)  # fmt: skip
def test_an_intent_that_does_not_fit_is_refused_in_the_words_of_structured_merge(spec: Object, words: str) -> None:
    with pytest.raises(Untyped) as caught:
        World().apply(named("web", spec=spec), "me")
    what = "failed to create typed patch object (default/web; apps/v1, Kind=Deployment)"
    assert caught.value.message == f"{what}: {words}"
    assert (caught.value.code, "reason" in caught.value.to_status()) == (500, False)


# Any mixture of applies and updates of a few labels, data and containers.
_NAMES = st.sampled_from(["a", "b", "c"])
_WORDS = st.sampled_from(["1", "2"])
_LABELS = st.dictionaries(_NAMES, _WORDS, max_size=3)
_CONTAINERS = st.dictionaries(
    _NAMES, st.fixed_dictionaries({"image": _WORDS}, optional={"workingDir": _WORDS}), max_size=3
)
_WRITES = st.lists(
    st.tuples(st.sampled_from(["apply", "force", "update"]), st.sampled_from(["x", "y", "z"]), _LABELS, _CONTAINERS),
    min_size=1,
    max_size=6,
)


def config_of(labels: Object, containers: Object) -> Object:
    found: Object = {"metadata": {"name": "web", "namespace": "default", "labels": labels}}
    if not labels:
        del found["metadata"]["labels"]
    if containers:
        items = [{"name": name, **fields} for name, fields in containers.items()]
        found["spec"] = {"template": {"spec": {"containers": items}}}
    return found


def changed_by_update(obj: Object, labels: Object, containers: Object) -> Object:
    """What an ordinary writer makes of it: these labels alone, and the first container's image."""
    spec = obj["spec"]["template"]["spec"]
    images = [fields["image"] for fields in containers.values()] or ["1"]
    first = {**spec["containers"][0], "image": images[0]}
    template = {**obj["spec"]["template"], "spec": {**spec, "containers": [first, *spec["containers"][1:]]}}
    return {"metadata": {**obj["metadata"], "labels": labels}, "spec": {**obj["spec"], "template": template}}


@given(_WRITES)
@settings(deadline=None, max_examples=60)
def test_any_mixture_of_writes_keeps_the_record_true(writes: list[tuple[str, str, Object, Object]]) -> None:
    world = World()
    world.create(deployment())
    for way, manager, labels, containers in writes:
        before = world.obj
        if way == "update":
            assert world.obj is not None
            world.update(manager, **changed_by_update(world.obj, labels, containers))
        else:
            config = config_of(labels, containers)
            try:
                world.apply(config, manager, force=way == "force")
            except (Conflict, Invalid):
                # Invalid: what the others still own of a container may lack its image.
                assert world.obj is before
                continue
            again = world.obj
            assert world.apply(config, manager) == again  # applying is idempotent, and never a conflict with oneself
            owned = world.owners().get((manager, "Apply", ""), set())
            assert {f".metadata.labels.{name}" for name in labels} <= owned
            assert {f'.spec.template.spec.containers[name="{name}"].image' for name in containers} <= owned
            assert_has(world.obj, labels, containers)
        assert_record_is_of(world.obj)


def assert_has(obj: Object | None, labels: Object, containers: Object) -> None:
    assert obj is not None
    assert labels.items() <= (obj["metadata"].get("labels") or {}).items()
    found = {item["name"]: item for item in obj["spec"]["template"]["spec"]["containers"]}
    assert all(fields.items() <= found[name].items() for name, fields in containers.items())


def assert_record_is_of(obj: Object | None) -> None:
    """Nobody owns what is not there, and each label and image has an owner."""
    assert obj is not None
    owned: Fields = {}
    for item in managers_of(obj):
        assert is_canonical(item.fields)
        for path in fieldsets.paths(item.fields):
            assert is_there(obj, path), (item.name, fieldsets.shown(path))
        owned = fieldsets.union(owned, item.fields)
    for name in obj["metadata"].get("labels") or {}:
        assert fieldsets.has_path(owned, ("f:metadata", "f:labels", f"f:{name}"))
    for item in obj["spec"]["template"]["spec"]["containers"]:
        step = f'k:{{"name":"{item["name"]}"}}'
        assert fieldsets.has_path(owned, ("f:spec", "f:template", "f:spec", "f:containers", step, "f:image"))


def is_there(value: Any, path: tuple[str, ...]) -> bool:
    for step in path:
        mark, _, rest = step.partition(":")
        if mark == "f":
            if not isinstance(value, dict) or rest not in value:
                return False
            value = value[rest]
        else:
            name = rest.removeprefix('{"name":"').removesuffix('"}')
            found = [item for item in value if isinstance(item, dict) and item.get("name") == name]
            if not found:
                return False
            value = found[0]
    return True


@given(_LABELS, _CONTAINERS, _LABELS, _CONTAINERS)
@settings(deadline=None, max_examples=40)
def test_what_one_takes_back_leaves_what_others_made(
    labels: Object, containers: Object, others: Object, theirs: Object
) -> None:
    world = World()
    world.create(deployment())
    world.apply(config_of(others, theirs), "other", force=True)
    before = world.obj
    assert before is not None
    try:
        world.apply(config_of(labels, containers), "me")
    except Conflict:
        return
    after = world.apply(config_of({}, {}), "me")
    assert after["metadata"].get("labels") == before["metadata"].get("labels")
    # Whoever applied last said in which order the elements come that others have too.
    assert by_name(after) == by_name(before)
    assert ("me", "Apply", "") not in world.owners()


def by_name(obj: Object) -> list[Object]:
    containers: list[Object] = obj["spec"]["template"]["spec"]["containers"]
    return sorted(containers, key=lambda item: str(item["name"]))


def test_who_reports_a_status_owns_the_metadata_that_comes_with_it() -> None:
    world = World(NODES)
    world.create({"metadata": {"name": "n", "labels": {"a": "b"}}})
    assert world.obj is not None
    metadata = {**world.obj["metadata"], "annotations": {"a": "b"}}
    world.update("agent", "status", metadata=metadata, status={"conditions": [{"type": "Ready", "status": "True"}]})
    assert world.owners()["agent", "Update", "status"] >= {
        ".metadata.annotations.a",
        '.status.conditions[type="Ready"]',
    }


def test_equal_templates_have_equal_records() -> None:
    world, other = World(PODS), World(PODS)
    world.create(pod())
    other.create(pod())
    assert world.owners() == other.owners()
    assert '.spec.containers[name="main"].image' in world.owners()["maker", "Update", ""]
