"""Server-side apply: who owns what, who may change it, and what goes when nobody wants it any more."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.api.kinds import CONFIGMAPS
from common.api.meta import Object
from common.errors import Conflict
from console.registry import fieldsets
from console.registry.admission import ApplyRequest, admit_create, admit_update, decode_applied, server_side_apply
from console.registry.managers import MAX_UPDATERS
from console.registry.row import Context

from .builders import DEPLOYMENTS, DUAL, NOW, Objects, changed, container, created, deployment, named, row

LATER = NOW + timedelta(minutes=1)


def apply(current: Object | None, config: Object, manager: str = "me", *, force: bool = False, at: Any = NOW) -> Object:
    """Apply and admit, as the API server does."""
    found = row(DEPLOYMENTS)
    body = orjson.dumps({"apiVersion": "apps/v1", "kind": "Deployment", **config})
    given, _ = decode_applied(found, body, "Strict")
    wanted = server_side_apply(found, current, given, ApplyRequest(manager, "", force), at)
    where = Context(at, Objects(), DUAL, manager=manager)
    if current is None:
        return admit_create(found, wanted, where, applied=True)
    return admit_update(found, wanted, current, where, applied=True)


def update(obj: Object, path: str, value: object, manager: str = "editor", subresource: str = "") -> Object:
    where = Context(LATER, Objects(), DUAL, manager=manager)
    return admit_update(row(DEPLOYMENTS), changed(obj, path, value), obj, where, subresource)


def context_of(manager: str) -> Context:
    return Context(NOW, Objects(), DUAL, manager=manager)


def owners(obj: Object) -> dict[tuple[str, str], set[str]]:
    return {
        (entry["manager"], entry["operation"]): {fieldsets.shown(path) for path in fieldsets.paths(entry["fieldsV1"])}
        for entry in obj["metadata"].get("managedFields", [])
    }


def part(**spec: object) -> Object:
    """An intent that names only some fields."""
    return named("web", spec=spec)


def test_an_empty_list_is_owned_but_no_part_of_the_object() -> None:
    """Else the next write of the whole object, which leaves it out, would roll out a new template."""
    whole = deployment(replicas=2)
    config = changed(changed(whole, "spec.template.spec.nodeSelector", {}), "spec.template.spec.tolerations", [])
    found = row(DEPLOYMENTS)

    def intend(current: Object | None, manager: str, at: Any = NOW) -> Object:
        where = Context(at, Objects(), DUAL, manager=manager)
        wanted = server_side_apply(found, current, config, ApplyRequest(manager), at)
        if current is None:
            return admit_create(found, wanted, where, applied=True)
        return admit_update(found, wanted, current, where, applied=True)

    made = intend(None, "me")
    assert made["spec"]["template"] == apply(None, whole)["spec"]["template"]
    assert {".spec.template.spec.nodeSelector", ".spec.template.spec.tolerations"} <= owners(made)["me", "Apply"]
    assert intend(made, "me", LATER) == made
    shared = intend(made, "you", LATER)  # no conflict: nothing changes
    assert shared["spec"] == made["spec"]
    assert owners(shared)["you", "Apply"] == owners(made)["me", "Apply"]


def test_the_first_apply_makes_the_object_and_owns_what_it_named() -> None:
    made = apply(None, deployment(replicas=2))
    assert owners(made) == {
        ("me", "Apply"): {
            ".spec.replicas",
            ".spec.selector",
            ".spec.template.metadata.labels.app",
            '.spec.template.spec.containers[name="main"]',
            '.spec.template.spec.containers[name="main"].name',
            '.spec.template.spec.containers[name="main"].image',
        }
    }
    assert made["metadata"]["managedFields"][0]["time"] == "2026-01-01T12:00:00Z"


def test_an_intent_of_nothing_is_recorded_nowhere() -> None:
    config: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bare", "namespace": "default"}}
    found = row(CONFIGMAPS)
    made = None
    for _ in range(2):
        wanted = server_side_apply(found, made, config, ApplyRequest("me"), NOW)
        if made is None:
            made = admit_create(found, wanted, context_of("me"), applied=True)
        else:
            made = admit_update(found, wanted, made, context_of("me"), applied=True)
        assert "managedFields" not in made["metadata"]


def test_applying_the_same_again_changes_nothing() -> None:
    made = apply(None, deployment(replicas=2))
    assert apply(made, deployment(replicas=2), at=LATER) == made


def test_a_field_that_is_no_longer_named_goes() -> None:
    made = apply(None, deployment(replicas=2, paused=True, minReadySeconds=5))
    again = apply(made, deployment(minReadySeconds=5), at=LATER)
    assert "paused" not in again["spec"]
    assert again["spec"]["replicas"] == 1  # back to the default
    assert again["spec"]["minReadySeconds"] == 5
    assert again["metadata"]["managedFields"][0]["time"] == "2026-01-01T12:01:00Z"


def test_what_others_own_too_stays() -> None:
    made = apply(None, deployment(paused=True))
    shared = apply(made, part(paused=True), "other")
    left = apply(shared, deployment())
    assert left["spec"]["paused"] is True
    assert owners(left)["other", "Apply"] == {".spec.paused"}


def test_another_value_is_a_conflict_that_names_owner_and_field() -> None:
    made = apply(None, deployment(replicas=2))
    with pytest.raises(Conflict) as caught:
        apply(made, part(replicas=3), "other")
    assert caught.value.message == 'Apply failed with 1 conflict: conflict with "me": .spec.replicas'
    assert [cause.to_json() for cause in caught.value.causes] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "me"', "field": ".spec.replicas"}
    ]


def test_several_conflicts_are_listed() -> None:
    made = apply(None, deployment(replicas=2, paused=True))
    with pytest.raises(Conflict) as caught:
        apply(made, part(replicas=3, paused=False), "other")
    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "me":\n- .spec.paused\n- .spec.replicas'
    )


def test_conflicts_with_several_managers_are_listed_manager_by_manager() -> None:
    made = apply(None, deployment(replicas=2, paused=True))
    scaled = update(made, "spec.replicas", 5)
    with pytest.raises(Conflict) as caught:
        apply(scaled, part(replicas=3, paused=False), "other")
    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "editor" using apps/v1:\n- .spec.replicas\n'
        'conflicts with "me":\n- .spec.paused'
    )


def test_force_takes_the_field() -> None:
    made = apply(None, deployment(replicas=2))
    taken = apply(made, part(replicas=3), "other", force=True)
    assert taken["spec"]["replicas"] == 3
    assert ".spec.replicas" not in owners(taken)["me", "Apply"]
    assert owners(taken)["other", "Apply"] == {".spec.replicas"}


def test_elements_of_a_list_have_owners_of_their_own() -> None:
    made = apply(None, deployment())
    sidecar = {"containers": [{"name": "sidecar", "image": "s:1"}]}
    both = apply(made, part(template={"spec": sidecar}), "mesh")
    assert [item["name"] for item in both["spec"]["template"]["spec"]["containers"]] == ["main", "sidecar"]
    upgraded = deployment()
    upgraded["spec"]["template"]["spec"]["containers"] = [container(image="app:2")]
    found = apply(both, upgraded)["spec"]["template"]["spec"]["containers"]
    assert [(item["name"], item["image"]) for item in found] == [("main", "app:2"), ("sidecar", "s:1")]
    without = apply(both, part(), "mesh")
    assert [item["name"] for item in without["spec"]["template"]["spec"]["containers"]] == ["main"]


def test_an_element_is_found_by_keys_that_are_defaults() -> None:
    ported = deployment()
    ported["spec"]["template"]["spec"]["containers"] = [container(ports=[{"containerPort": 80}])]
    made = apply(None, ported)
    assert apply(made, ported) == made


def test_labels_have_each_their_owner() -> None:
    made = apply(None, {**deployment(), "metadata": {"name": "web", "namespace": "default", "labels": {"a": "1"}}})
    other = {"metadata": {"name": "web", "namespace": "default", "labels": {"b": "2"}}}
    both = apply(made, other, "other")
    assert both["metadata"]["labels"] == {"a": "1", "b": "2"}
    left = apply(both, deployment())
    assert left["metadata"]["labels"] == {"b": "2"}
    assert "labels" not in apply(left, part(), "other")["metadata"]


def test_an_ordinary_write_takes_what_it_changes() -> None:
    made = apply(None, deployment(replicas=2))
    scaled = update(made, "spec.replicas", 5)
    assert owners(scaled)["editor", "Update"] == {".spec.replicas"}
    assert ".spec.replicas" not in owners(scaled)["me", "Apply"]
    with pytest.raises(Conflict, match=r'conflict with "editor" using apps/v1: \.spec\.replicas'):
        apply(scaled, deployment(replicas=2))
    assert apply(scaled, deployment())["spec"]["replicas"] == 5


def test_status_is_owned_through_its_subresource() -> None:
    made = apply(None, deployment())
    reported = update(made, "status.replicas", 1, "controller", "status")
    assert owners(reported)["controller", "Update"] == {".status.replicas"}
    entry = next(item for item in reported["metadata"]["managedFields"] if item["manager"] == "controller")
    assert entry["subresource"] == "status"


def unrecorded(obj: Object) -> Object:
    """The object after somebody ended its record."""
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key != "managedFields"}}


def test_whoever_makes_an_object_owns_what_it_has() -> None:
    labelled = deployment(replicas=2)
    labelled["metadata"]["labels"] = {"app": "web"}
    made = created(DEPLOYMENTS, labelled, context_of("kubectl-create"))
    (entry,) = made["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"], entry["apiVersion"]) == ("kubectl-create", "Update", "apps/v1")
    assert entry["fieldsV1"]["f:metadata"] == {"f:labels": {".": {}, "f:app": {}}}
    spec = entry["fieldsV1"]["f:spec"]
    assert spec["f:replicas"] == spec["f:selector"] == spec["f:progressDeadlineSeconds"] == {}  # defaults are its own
    assert "." in spec["f:template"]["f:spec"]["f:containers"]['k:{"name":"main"}']
    with pytest.raises(Conflict, match=r'conflict with "kubectl-create" using apps/v1: \.spec\.replicas'):
        apply(made, deployment(replicas=3))


def test_whoever_writes_again_keeps_what_it_owns() -> None:
    made = created(DEPLOYMENTS, deployment())
    again = update(update(made, "spec.replicas", 4, "editor"), "spec.replicas", 5, "editor")
    assert owners(again)["editor", "Update"] == {".spec.replicas"}


def test_the_oldest_of_many_updaters_are_merged() -> None:
    obj = created(DEPLOYMENTS, deployment())
    for number in range(MAX_UPDATERS + 4):
        obj = update(obj, f"metadata.labels.l{number:02}", "x", f"m{number:02}")
    entries = obj["metadata"]["managedFields"]
    assert len(entries) == MAX_UPDATERS
    ancient = next(entry for entry in entries if entry["manager"] == "ancient-changes")
    assert {"f:l00", "f:l01", "f:l02"} < set(ancient["fieldsV1"]["f:metadata"]["f:labels"])


def test_what_was_applied_from_the_client_is_no_conflict_for_kubectl() -> None:
    noted = json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", **deployment(replicas=2)})
    before = deployment(replicas=2)
    before["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": noted}
    made = created(DEPLOYMENTS, before, context_of("kubectl-client-side-apply"))
    with pytest.raises(Conflict):
        apply(made, deployment(replicas=3), "other")
    found = apply(made, deployment(replicas=3), "kubectl")
    assert found["spec"]["replicas"] == 3
    assert json.loads(found["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        **deployment(replicas=3),
    }
    noting = apply(made, {**deployment(), "metadata": {"name": "web", "annotations": {"a": "<&>"}}}, "kubectl")
    text = noting["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
    assert '"annotations":{"a":"\\u003c\\u0026\\u003e"}' in text  # as kubectl writes it, which compares the texts
    scaled = update(made, "spec.replicas", 5, "kubectl")
    assert apply(scaled, deployment(), "kubectl")["spec"]["replicas"] == 5


def test_the_note_of_a_new_object_is_what_was_applied() -> None:
    key = "kubectl.kubernetes.io/last-applied-configuration"
    config = changed(deployment(), "metadata.annotations", {key: "{}"})
    for manager in ("kubectl", "other"):
        noted = json.loads(apply(None, config, manager)["metadata"]["annotations"][key])
        assert noted.get("spec") == (config["spec"] if manager == "kubectl" else None)


def test_an_object_without_record_stays_without_until_it_is_applied() -> None:
    made = unrecorded(created(DEPLOYMENTS, deployment()))
    assert "managedFields" not in update(made, "spec.replicas", 4)["metadata"]


def test_what_was_there_before_the_first_apply_has_an_owner() -> None:
    made = unrecorded(created(DEPLOYMENTS, deployment(replicas=2)))
    with pytest.raises(Conflict, match=r'conflict with "before-first-apply" using apps/v1: \.spec\.replicas'):
        apply(made, deployment(replicas=3))
    same = apply(made, deployment(replicas=2))
    assert ".spec.replicas" in owners(same)["before-first-apply", "Update"] & owners(same)["me", "Apply"]


def test_what_kubectl_applied_before_there_was_a_record_is_its_own() -> None:
    noted = json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", **deployment(replicas=2, paused=True)})
    before = deployment(replicas=2, paused=True)
    before["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": noted}
    made = unrecorded(created(DEPLOYMENTS, before))
    found = apply(made, deployment(replicas=3), "kubectl")
    assert (found["spec"]["replicas"], found["spec"]["paused"]) == (3, True)
    assert ".spec.paused" in owners(found)["before-first-apply", "Update"]


def test_what_changed_since_kubectl_applied_it_is_a_conflict() -> None:
    noted = json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", **deployment(replicas=2)})
    before = deployment(replicas=2)
    before["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": noted}
    made = created(DEPLOYMENTS, before, context_of("kubectl-client-side-apply"))
    scaled = update(made, "spec.replicas", 5, "someone")
    with pytest.raises(Conflict, match=r'conflict with "someone" using apps/v1: \.spec\.replicas'):
        apply(scaled, deployment(replicas=3), "kubectl")


def test_one_empty_entry_ends_the_record_and_an_empty_list_does_not() -> None:
    made = apply(None, deployment())
    assert update(made, "metadata.managedFields", []) == made
    assert "managedFields" not in update(made, "metadata.managedFields", [{}])["metadata"]


def test_a_replace_without_record_keeps_it() -> None:
    made = apply(None, deployment())
    assert update(made, "metadata.managedFields", None) == made


_steps = st.sampled_from(["f:a", "f:b", "f:c", 'k:{"name":"x"}', "v:1"])
_sets = st.sets(st.lists(_steps, min_size=1, max_size=4).map(tuple), max_size=8)


@given(_sets)
def test_a_set_survives_its_encoding(fields: set[tuple[str, ...]]) -> None:
    assert set(fieldsets.paths(fieldsets.of_paths(fields))) == fields


_data = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.sampled_from(["1", "2"]), max_size=4)


@given(st.lists(st.tuples(st.sampled_from(["x", "y", "z"]), _data), min_size=1, max_size=8))
def test_what_is_there_is_what_somebody_wants(applied: list[tuple[str, dict[str, str]]]) -> None:
    """After any sequence of forced applies the data is exactly what its owners last asked for."""
    found = row(CONFIGMAPS)
    obj: Object | None = None
    wanted: dict[str, dict[str, str]] = {}
    for manager, data in applied:
        obj = server_side_apply(found, obj, named("c", data=data), ApplyRequest(manager, force=True), NOW)
        for other in wanted.values():
            for key in set(other) & set(data):
                if other[key] != data[key]:
                    del other[key]
        wanted[manager] = dict(data)
    assert obj is not None
    expected = {key: value for data in wanted.values() for key, value in data.items()}
    assert (obj.get("data") or {}) == expected
