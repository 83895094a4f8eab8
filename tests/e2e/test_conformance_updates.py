"""Files in running pods follow their objects: changed, made later, removed; and many of them at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.bench import SECONDS, Bench, config_map, container, opened, pod, secret
from tests.e2e.cluster import Cluster

KINDS = ("configmap", "secret", "p-configmap", "p-secret")
FATES = ("made", "changed", "removed")
MANY, MANY_PODS = 50, 5


def _source(kind: str, name: str) -> dict[str, Any]:
    """An optional volume of the object of that name."""
    key = "configMap" if kind.endswith("configmap") else "secret"
    if kind.startswith("p-"):
        return {"projected": {"sources": [{key: {"name": name, "optional": True}}]}}
    return {key: {"name" if key == "configMap" else "secretName": name, "optional": True}}


def _object(kind: str, fate: str, value: str) -> dict[str, Any]:
    make = config_map if kind.endswith("configmap") else secret
    return make(f"{kind}-{fate}", {"data": value})


def _watcher() -> dict[str, Any]:
    volumes = [{"name": f"{kind}-{fate}", **_source(kind, f"{kind}-{fate}")} for kind in KINDS for fate in FATES]
    fields = [{"path": name, "fieldRef": {"fieldPath": f"metadata.{name}"}} for name in ("labels", "annotations")]
    volumes += [
        {"name": "downward", "downwardAPI": {"items": fields}},
        {"name": "p-downward", "projected": {"sources": [{"downwardAPI": {"items": fields}}]}},
    ]
    mounts = [{"name": volume["name"], "mountPath": f"/v/{volume['name']}"} for volume in volumes]
    metadata = {"labels": {"key1": "value1"}, "annotations": {"builder": "bar"}}
    return pod("watcher", container("sleep 1000", volumeMounts=mounts), metadata=metadata, volumes=volumes)


def _crowd() -> Iterator[dict[str, Any]]:
    names = [f"many-{number}" for number in range(MANY)]
    volumes = [
        {"name": name, "configMap": {"name": name, "items": [{"key": "data", "path": "data"}]}} for name in names
    ]
    mounts = [{"name": name, "mountPath": f"/v/{name}"} for name in names]
    for name in names:
        yield config_map(name, {"data": name})
    for number in range(MANY_PODS):
        yield pod(f"crowd-{number}", container("cat /v/*/data", volumeMounts=mounts), volumes=volumes)


@pytest.fixture(scope="module")
def bench(shared_cluster: Cluster) -> Iterator[Bench]:
    with opened(shared_cluster, "conformance-updates") as bench:
        bench.start(*(_object(kind, fate, "value-1") for kind in KINDS for fate in FATES if fate != "made"))
        bench.start(_watcher(), *_crowd())
        bench.running("watcher")
        yield bench


def _read(bench: Bench, path: str) -> str:
    return bench.exec("watcher", "cat", f"/v/{path}", check=False)


def _wait_for(bench: Bench, path: str, content: str) -> None:
    bench.cluster.wait(lambda: content in _read(bench, path), f"{path} to have {content!r}", SECONDS,
                       lambda: _read(bench, path))  # fmt: skip


def test_optional_objects_come_change_and_go_in_running_pods(bench: Bench) -> None:
    for kind in KINDS:
        assert "No such file" in _read(bench, f"{kind}-made/data")
        assert _read(bench, f"{kind}-changed/data") == "value-1"
        assert _read(bench, f"{kind}-removed/data") == "value-1"
    bench.start(*(_object(kind, "made", "value-2") for kind in KINDS))
    bench.start(*(_object(kind, "changed", "value-3") for kind in KINDS))
    for kind in KINDS:
        bench.cluster.kubectl("delete", kind.removeprefix("p-"), f"{kind}-removed", "-n", bench.space)
    for kind in KINDS:
        _wait_for(bench, f"{kind}-made/data", "value-2")
        _wait_for(bench, f"{kind}-changed/data", "value-3")
        _wait_for(bench, f"{kind}-removed/data", "No such file")


def test_labels_and_annotations_follow_in_running_pods(bench: Bench) -> None:
    for volume in ("downward", "p-downward"):
        assert _read(bench, f"{volume}/labels") == 'key1="value1"'
        assert 'builder="bar"' in _read(bench, f"{volume}/annotations")
    change = {"metadata": {"labels": {"key3": "value3"}, "annotations": {"builder": "foo"}}}
    bench.cluster.kubectl("patch", "pod", "watcher", "-n", bench.space, "-p", json.dumps(change))
    for volume in ("downward", "p-downward"):
        _wait_for(bench, f"{volume}/labels", 'key1="value1"\nkey3="value3"')
        _wait_for(bench, f"{volume}/annotations", 'builder="foo"')


def test_fifty_volumes_in_each_of_five_pods(bench: Bench) -> None:
    for number in range(MANY_PODS):
        assert bench.ended(f"crowd-{number}")["status"]["phase"] == "Succeeded"
        assert bench.log(f"crowd-{number}") == "".join(sorted(f"many-{index}" for index in range(MANY)))
