"""LimitRanges and PriorityClasses: what pods get from them, and what of them may change."""

from __future__ import annotations

from typing import Any

from .plane import JSON_PATCH, MERGE, STRATEGIC, Plane

CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
LIMITS = {
    "limits": [
        {
            "type": "Container",
            "min": {"cpu": "50m", "memory": "100Mi", "ephemeral-storage": "100Gi"},
            "max": {"cpu": "500m", "memory": "500Mi", "ephemeral-storage": "500Gi"},
            "default": {"cpu": "500m", "memory": "500Mi", "ephemeral-storage": "500Gi"},
            "defaultRequest": {"cpu": "100m", "memory": "200Mi", "ephemeral-storage": "200Gi"},
        }
    ]
}


def _pod(name: str, requests: Any = None, limits: Any = None) -> Any:
    resources = {"requests": requests or {}, "limits": limits or {}}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "pause", "image": "pause:1", "resources": resources}]},
    }


def _resources(pod: Any) -> Any:
    return pod["spec"]["containers"][0]["resources"]


def test_pods_get_what_the_range_says(plane: Plane, space: str) -> None:
    path, pods = f"{space}/limitranges", f"{space}/pods"
    watch = plane.watch(path, labelSelector="name=limit-range")
    plane.create(path, {"metadata": {"name": "limit-range", "labels": {"name": "limit-range"}}, "spec": LIMITS})
    assert watch.next()[0] == "ADDED"
    assert plane.get(f"{path}/limit-range")["spec"] == LIMITS
    whole = {"requests": LIMITS["limits"][0]["defaultRequest"], "limits": LIMITS["limits"][0]["default"]}
    assert _resources(plane.create(pods, _pod("pod-no-resources"))) == whole
    asked = {"cpu": "300m", "memory": "150Mi", "ephemeral-storage": "150Gi"}
    given = _resources(plane.create(pods, _pod("pod-partial", asked, {"cpu": "300m"})))
    assert given == {"requests": asked, "limits": {"cpu": "300m", "memory": "500Mi", "ephemeral-storage": "500Gi"}}
    status = plane.create(pods, _pod("small", {"cpu": "10m", "memory": "50Mi", "ephemeral-storage": "50Gi"}), 403)
    assert "minimum cpu usage per Container is 50m, but request is 10m" in status["message"]
    status = plane.create(pods, _pod("big", limits={"cpu": "600m", "memory": "600Mi"}), 403)
    assert "maximum cpu usage per Container is 500m, but limit is 600m" in status["message"]
    found = plane.get(f"{path}/limit-range")
    found["spec"]["limits"][0]["min"] = {"cpu": "9m", "memory": "9Mi", "ephemeral-storage": "9Gi"}
    plane.update(f"{path}/limit-range", found)
    plane.create(pods, _pod("small", {"cpu": "10m", "memory": "50Mi", "ephemeral-storage": "50Gi"}))
    plane.delete(f"{path}/limit-range")
    assert [kind for kind, _ in watch.take(2)] == ["MODIFIED", "DELETED"]
    plane.create(pods, _pod("big", {"cpu": "600m", "memory": "600Mi", "ephemeral-storage": "600Gi"}))
    watch.close()


def test_ranges_are_listed_and_deleted_by_label(plane: Plane, space: str) -> None:
    name = space.rpartition("/")[2]
    choice = f"e2e-limitrange={name}"
    other = f"/api/v1/namespaces/{name}-other"
    plane.create("/api/v1/namespaces", {"metadata": {"name": f"{name}-other"}})
    metadata = {"name": "limits", "labels": {"e2e-limitrange": name}}
    for home in (space, other):
        plane.create(f"{home}/limitranges", {"metadata": metadata, "spec": LIMITS})
    assert len(plane.get("/api/v1/limitranges", labelSelector=choice)["items"]) == 2
    patch = {
        "metadata": {"labels": {name: "patched"}},
        "spec": {"limits": [{"type": "Container", "min": {"cpu": "2m"}}]},
    }
    patched = plane.patch(f"{space}/limitranges/limits", patch, STRATEGIC)
    assert patched["metadata"]["labels"][name] == "patched"
    assert patched["spec"]["limits"][0]["min"]["cpu"] == "2m"
    plane.delete(f"{space}/limitranges", labelSelector=f"{name}=patched")
    (left,) = plane.get("/api/v1/limitranges", labelSelector=choice)["items"]
    assert left["metadata"]["namespace"] == f"{name}-other"
    plane.delete(other)


def test_a_priority_class_changes_in_words_alone(plane: Plane, space: str) -> None:
    value, name = 1_000_000, f"p1-{space.rpartition('/')[2]}"
    path = f"{CLASSES}/{name}"
    plane.create(CLASSES, {"metadata": {"name": name}, "value": value})
    assert name in [item["metadata"]["name"] for item in plane.get(CLASSES)["items"]]
    found = plane.get(path)
    found["description"] = "updated"
    assert plane.update(path, found)["description"] == "updated"
    found = plane.get(path)
    found["value"] = value * 10
    status = plane.update(path, found, 422)
    assert "value: Forbidden: may not be changed in an update." in status["message"]
    assert plane.patch(path, {"description": "patched"}, STRATEGIC)["description"] == "patched"
    assert plane.patch(path, {"value": 5}, MERGE, 422)["reason"] == "Invalid"
    assert plane.patch(path, [{"op": "replace", "path": "/value", "value": 5}], JSON_PATCH, 422)["reason"] == "Invalid"
    assert plane.get(path)["value"] == value
    plane.delete(path)
