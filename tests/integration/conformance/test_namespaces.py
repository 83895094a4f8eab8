"""Namespaces: changed, finalized, emptied and gone."""

from __future__ import annotations

import pytest

from .plane import STRATEGIC, Plane, until

NAMESPACES = "/api/v1/namespaces"
POD = {"metadata": {"name": "test-pod"}, "spec": {"containers": [{"name": "nginx", "image": "pause:1"}]}}


def _gone(plane: Plane, path: str) -> None:
    until(lambda: plane.ask("GET", path).code == 404, f"{path} being gone")


def test_it_is_patched_and_updated(plane: Plane, space: str) -> None:
    plane.patch(space, {"metadata": {"labels": {"testLabel": "testValue"}}}, STRATEGIC)
    found = plane.get(space)
    assert found["metadata"]["labels"]["testLabel"] == "testValue"
    assert found["metadata"]["labels"]["kubernetes.io/metadata.name"] == found["metadata"]["name"]
    found["metadata"]["labels"]["updated"] = "yes"
    assert plane.update(space, found)["metadata"]["labels"]["updated"] == "yes"


def test_its_status_is_written_apart(plane: Plane, space: str) -> None:
    status = plane.get(f"{space}/status")
    assert status["status"]["phase"] == "Active"
    condition = {"type": "StatusPatch", "status": "True", "reason": "E2E", "message": "Set by a test"}
    patch = {"metadata": {"annotations": {"patched": "true"}}, "status": {"conditions": [condition]}}
    patched = plane.patch(f"{space}/status", patch)
    assert patched["status"]["conditions"][0]["type"] == "StatusPatch"
    assert patched["status"]["phase"] == "Active"
    patched["status"]["conditions"].append({**condition, "type": "StatusUpdate"})
    updated = plane.update(f"{space}/status", patched)
    assert [item["type"] for item in updated["status"]["conditions"]] == ["StatusPatch", "StatusUpdate"]


def test_a_finalizer_of_the_spec_comes_and_goes_by_finalize(plane: Plane, space: str) -> None:
    found = plane.get(space)
    assert found["spec"]["finalizers"] == ["kubernetes"]
    found["spec"]["finalizers"].append("e2e.example.com/fakeFinalizer")
    assert "e2e.example.com/fakeFinalizer" in plane.update(f"{space}/finalize", found)["spec"]["finalizers"]
    found = plane.get(space)
    assert found["spec"]["finalizers"] == ["kubernetes", "e2e.example.com/fakeFinalizer"]
    found["spec"]["finalizers"] = ["kubernetes"]
    assert plane.update(f"{space}/finalize", found)["spec"]["finalizers"] == ["kubernetes"]


@pytest.mark.parametrize(
    ("plural", "obj"),
    [
        ("pods", POD),
        ("services", {"metadata": {"name": "test-service"}, "spec": {"ports": [{"port": 80, "targetPort": 80}]}}),
    ],
)
def test_its_end_is_the_end_of_all_in_it(plane: Plane, plural: str, obj: dict[str, object]) -> None:
    path = f"{NAMESPACES}/nsdeletetest-{plural}"
    namespace = {"metadata": {"name": f"nsdeletetest-{plural}"}}
    plane.create(NAMESPACES, namespace)
    until(lambda: plane.exists(f"{path}/serviceaccounts/default"), "the default ServiceAccount")
    plane.create(f"{path}/{plural}", obj)
    plane.delete(path)
    _gone(plane, path)
    plane.create(NAMESPACES, namespace)
    assert plane.get(f"{path}/{plural}")["items"] == []
    plane.delete(path)
    _gone(plane, path)


def test_nothing_is_made_in_one_that_ends(plane: Plane, space: str) -> None:
    held = {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
    plane.create(f"{space}/configmaps", held)
    plane.delete(space)
    name = space.rpartition("/")[2]
    status = plane.create(f"{space}/secrets", {"metadata": {"name": "late"}}, 403)
    assert status["reason"] == "Forbidden"
    assert status["message"] == (
        f'secrets "late" is forbidden: unable to create new content in namespace {name} because it is being terminated'
    )
    assert status["details"]["causes"] == [
        {
            "reason": "NamespaceTerminating",
            "message": f"namespace {name} is being terminated",
            "field": "metadata.namespace",
        }
    ]
    plane.patch(f"{space}/configmaps/held", {"metadata": {"finalizers": None}})


def _conditions(plane: Plane, space: str) -> dict[str, dict[str, str]]:
    return {item["type"]: item for item in plane.get(space)["status"].get("conditions") or ()}


def test_its_conditions_say_what_it_waits_for(plane: Plane, space: str) -> None:
    held = {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
    plane.create(f"{space}/configmaps", held)
    plane.delete(space)
    until(lambda: "NamespaceFinalizersRemaining" in _conditions(plane, space), "the conditions")
    until(lambda: _conditions(plane, space)["NamespaceContentRemaining"]["status"] == "True", "what remains")
    said = {kind: (c["status"], c["reason"], c["message"]) for kind, c in _conditions(plane, space).items()}
    assert said == {
        "NamespaceDeletionDiscoveryFailure": (
            "False", "ResourcesDiscovered", "All resources successfully discovered"),
        "NamespaceDeletionGroupVersionParsingFailure": (
            "False", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
        "NamespaceDeletionContentFailure": (
            "False", "ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
        "NamespaceContentRemaining": (
            "True", "SomeResourcesRemain", "Some resources are remaining: configmaps. has 1 resource instances"),
        "NamespaceFinalizersRemaining": (
            "True", "SomeFinalizersRemain",
            "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"),
    }  # fmt: skip
    plane.patch(f"{space}/configmaps/held", {"metadata": {"finalizers": None}})
    _gone(plane, space)


def test_pods_go_before_all_else(plane: Plane, space: str) -> None:
    plane.create(f"{space}/configmaps", {"metadata": {"name": "needed"}})
    pod = {**POD, "metadata": {"name": "test-pod", "finalizers": ["example.com/hold"]}}
    plane.create(f"{space}/pods", pod)
    plane.delete(space)
    until(lambda: "NamespaceDeletionContentFailure" in _conditions(plane, space), "the conditions")
    assert plane.get(f"{space}/pods/test-pod")["metadata"]["deletionTimestamp"]
    assert "deletionTimestamp" not in plane.get(f"{space}/configmaps/needed")["metadata"]
    said = _conditions(plane, space)["NamespaceContentRemaining"]["message"]
    assert said == "Some resources are remaining: pods. has 1 resource instances"
    plane.patch(f"{space}/pods/test-pod", {"metadata": {"finalizers": None}})
    _gone(plane, space)


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_some_stay_for_ever(plane: Plane, name: str) -> None:
    status = plane.delete(f"{NAMESPACES}/{name}", 403)
    assert status["message"] == f'namespaces "{name}" is forbidden: this namespace may not be deleted'
    assert status["reason"] == "Forbidden"
