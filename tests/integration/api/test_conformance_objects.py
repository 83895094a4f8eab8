"""Objects of nodes and storage from discovery to the last delete, as Kubernetes' conformance cases go through them."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from .conftest import Running

SPACE = "conformance"
VERBS = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
SECONDS = 60
Json = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A resource, where it is served, and what beside its metadata one of it has."""

    group: str
    version: str
    plural: str
    kind: str
    fields: Json
    namespaced: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"

    @property
    def collection(self) -> str:
        return f"{self.root}/namespaces/{SPACE}/{self.plural}" if self.namespaced else f"{self.root}/{self.plural}"

    def new(self, name: str, label: str) -> Json:
        metadata = {"name": name, "labels": {"conformance": label}}
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": metadata, **self.fields}


CONTAINER = {"name": "main", "image": "app:1"}
TEMPLATE = {"template": {"spec": {"containers": [CONTAINER]}}}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "none"}
DEVICES = {"devices": {"requests": [{"name": "one", "exactly": {"deviceClassName": "e2e.example"}}]}}
ATTACHMENT = {
    "spec": {"attacher": "e2e-test.storage.k8s.io", "nodeName": "n1", "source": {"persistentVolumeName": "pv-1"}}
}
VOLUME = {
    "spec": {
        "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "storageClassName": "none",
        "csi": {"driver": "e2e-driver.example", "volumeHandle": "e2e-conformance"},
        "persistentVolumeReclaimPolicy": "Retain",
    },
}  # fmt: skip
KINDS = {
    kind.plural: kind
    for kind in (
        Kind("", "v1", "configmaps", "ConfigMap", {"data": {"k": "v"}}, namespaced=True),
        Kind("", "v1", "secrets", "Secret", {"data": {"k": "dg=="}}, namespaced=True),
        Kind("", "v1", "podtemplates", "PodTemplate", TEMPLATE, namespaced=True),
        Kind("", "v1", "pods", "Pod", {"spec": {"containers": [CONTAINER]}}, namespaced=True),
        Kind("", "v1", "nodes", "Node", {}),
        Kind("", "v1", "persistentvolumes", "PersistentVolume", VOLUME),
        Kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", {"spec": CLAIM}, namespaced=True),
        Kind("coordination.k8s.io", "v1", "leases", "Lease", {"spec": {
            "holderIdentity": "holder", "leaseDurationSeconds": 30, "leaseTransitions": 0,
            "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:05.123456Z",
        }}, namespaced=True),
        Kind("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", {"handler": "runc"}),
        Kind("storage.k8s.io", "v1", "csidrivers", "CSIDriver", {"spec": {"volumeLifecycleModes": ["Ephemeral"]}}),
        Kind("storage.k8s.io", "v1", "csinodes", "CSINode", {"spec": {"drivers": []}}),
        Kind("storage.k8s.io", "v1", "csistoragecapacities", "CSIStorageCapacity", {
            "storageClassName": "example", "capacity": "5Gi", "nodeTopology": {"matchLabels": {"zone": "a"}},
        }, namespaced=True),
        Kind("storage.k8s.io", "v1", "storageclasses", "StorageClass", {"provisioner": "e2e-fake-provisioner"}),
        Kind("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment", ATTACHMENT),
        Kind("storage.k8s.io", "v1", "volumeattributesclasses", "VolumeAttributesClass", {
            "driverName": "e2e-fake.example", "parameters": {"iops": "100"},
        }),
        Kind("resource.k8s.io", "v1", "deviceclasses", "DeviceClass", {"spec": {
            "selectors": [{"cel": {"expression": 'device.driver == "e2e.example"'}}],
        }}),
        Kind("resource.k8s.io", "v1", "resourceclaims", "ResourceClaim", {"spec": DEVICES}, namespaced=True),
        Kind("resource.k8s.io", "v1", "resourceclaimtemplates", "ResourceClaimTemplate", {"spec": {"spec": DEVICES}},
             namespaced=True),
        Kind("resource.k8s.io", "v1", "resourceslices", "ResourceSlice", {"spec": {
            "driver": "e2e.example", "nodeName": "n1", "devices": [{"name": "one"}],
            "pool": {"name": "pool", "generation": 1, "resourceSliceCount": 1},
        }}),
    )
}  # fmt: skip


class Caller:
    """The API as JSON: what it answers, and with which code."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def call(
        self, method: str, path: str, body: Json | None = None, kind: str = "application/json"
    ) -> tuple[int, Json]:
        data = None if body is None else json.dumps(body)
        async with self.session.request(method, path, data=data, headers={"Content-Type": kind}) as answer:
            return answer.status, await answer.json()

    async def ask(
        self, method: str, path: str, body: Json | None = None, kind: str = "application/json", code: int = 200
    ) -> Json:
        found, answer = await self.call(method, path, body, kind)
        assert found == code, answer
        return answer

    async def gone(self, path: str) -> None:
        assert (await self.call("GET", path))[0] == 404


@pytest.fixture
async def caller(api: Running) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession("http://api", connector=aiohttp.UnixConnector(str(api.socket))) as session:
        caller = Caller(session)
        await caller.ask("POST", "/api/v1/namespaces", {"metadata": {"name": SPACE}}, code=201)
        account = {"metadata": {"name": "default"}}
        await caller.ask("POST", f"/api/v1/namespaces/{SPACE}/serviceaccounts", account, code=201)
        yield caller


async def _discovered(caller: Caller, kind: Kind) -> None:
    if kind.group:
        groups = {group["name"]: group for group in (await caller.ask("GET", "/apis"))["groups"]}
        assert kind.api_version in [item["groupVersion"] for item in groups[kind.group]["versions"]]
        group = await caller.ask("GET", f"/apis/{kind.group}")
        assert kind.api_version in [item["groupVersion"] for item in group["versions"]]
    found = {item["name"]: item for item in (await caller.ask("GET", kind.root))["resources"]}
    assert set(found[kind.plural]["verbs"]) == VERBS
    assert found[kind.plural]["namespaced"] == kind.namespaced


class Watch:
    """What is told of one object."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self, kind: str) -> Json:
        async with asyncio.timeout(SECONDS):
            while True:
                event = json.loads(await self._answer.content.readline())
                if event["type"] == kind:
                    return dict(event["object"])


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.plural)
async def test_objects_live_from_discovery_to_the_last_delete(caller: Caller, kind: Kind) -> None:
    await _discovered(caller, kind)
    selector = "labelSelector=conformance%3Dfirst"
    before = await caller.ask("GET", f"{kind.collection}?{selector}")
    revision = before["metadata"]["resourceVersion"]
    path = f"{kind.collection}/first"
    query = f"{kind.collection}?{selector}&watch=1&resourceVersion={revision}&timeoutSeconds={SECONDS}"
    async with caller.session.get(query) as answer:
        watch = Watch(answer)
        made = await caller.ask("POST", kind.collection, kind.new("first", "first"), code=201)
        assert (await watch.next("ADDED"))["metadata"]["uid"] == made["metadata"]["uid"]
        assert await caller.ask("GET", path) == made
        for place in {kind.collection, f"{kind.root}/{kind.plural}"}:
            listed = (await caller.ask("GET", f"{place}?{selector}"))["items"]
            assert [item["metadata"]["uid"] for item in listed] == [made["metadata"]["uid"]]
        for media in (MERGE, STRATEGIC):
            patch = {"metadata": {"labels": {"patched": media.split("-")[0].split("/")[1]}}}
            patched = await caller.ask("PATCH", path, patch, media)
            assert patched["metadata"]["labels"]["patched"] == patch["metadata"]["labels"]["patched"]
            assert (await watch.next("MODIFIED"))["metadata"]["labels"] == patched["metadata"]["labels"]
        patched["metadata"]["annotations"] = {"updated": "true"}
        updated = await caller.ask("PUT", path, patched)
        assert updated["metadata"]["annotations"]["updated"] == "true"
        assert (await watch.next("MODIFIED"))["metadata"]["annotations"]["updated"] == "true"
        stale, told = await caller.call("PUT", path, patched)
        assert (stale, told["reason"]) == (409, "Conflict")
        again, told = await caller.call("POST", kind.collection, kind.new("first", "first"))
        assert (again, told["reason"]) == (409, "AlreadyExists")
        await caller.ask("DELETE", path)
        await _without_protection(caller, path)
        await watch.next("DELETED")
    await caller.gone(path)
    await _collected(caller, kind)


async def _without_protection(caller: Caller, path: str) -> None:
    """What controllers do once nobody uses the object any more."""
    code, found = await caller.call("GET", path)
    if code == 200 and found["metadata"].get("finalizers"):
        await caller.call("PATCH", path, {"metadata": {"finalizers": None}}, MERGE)


async def _collected(caller: Caller, kind: Kind) -> None:
    for name, label in (("second", "some"), ("third", "some"), ("fourth", "other")):
        await caller.ask("POST", kind.collection, kind.new(name, label), code=201)
    await caller.ask("DELETE", f"{kind.collection}?labelSelector=conformance%3Dsome")
    for name in ("second", "third"):
        await _without_protection(caller, f"{kind.collection}/{name}")
        await caller.gone(f"{kind.collection}/{name}")
    left = await caller.ask("GET", f"{kind.collection}?labelSelector=conformance")
    assert [item["metadata"]["name"] for item in left["items"]] == ["fourth"]


def _condition(kind: str) -> Json:
    return {"type": kind, "status": "True", "reason": "E2E", "message": "Set by the test"}


STATUSES = {
    "persistentvolumes": ({"reason": "E2E patchStatus", "message": "StatusPatched"}, {"reason": "E2E updateStatus"}),
    "persistentvolumeclaims": (
        {"conditions": [_condition("StatusPatched")]}, {"conditions": [_condition("StatusUpdated")]},
    ),
    "volumeattachments": (
        {"attached": True, "attachmentMetadata": {"one": "1"}},
        {"attached": False, "attachError": {"time": "2026-01-01T00:00:00Z", "message": "no"}},
    ),
    "resourceclaims": (
        {"allocation": {"devices": {"results": [
            {"request": "one", "driver": "e2e.example", "pool": "pool", "device": "one"},
        ]}}},
        {"reservedFor": [{"resource": "pods", "name": "p", "uid": "u"}]},
    ),
    "pods": ({"message": "Patched", "reason": "E2E"}, {"message": "Updated", "reason": "E2E"}),
}  # fmt: skip


@pytest.mark.parametrize("plural", STATUSES)
async def test_a_status_is_read_patched_and_updated_at_its_own_place(caller: Caller, plural: str) -> None:
    kind = KINDS[plural]
    first, second = STATUSES[plural]
    await caller.ask("POST", kind.collection, kind.new("first", "first"), code=201)
    path = f"{kind.collection}/first/status"
    read = await caller.ask("GET", path)
    if plural.startswith("persistent") or plural == "pods":
        assert read["status"]["phase"] == "Pending"
    patched = await caller.ask("PATCH", path, {"status": first}, MERGE)
    assert first.items() <= patched["status"].items()
    patched["status"] = {**patched["status"], **second}
    patched["spec"] = {}
    updated = await caller.ask("PUT", path, patched)
    assert second.items() <= updated["status"].items()
    assert updated["spec"] == read["spec"]


@pytest.mark.parametrize("plural", ["configmaps", "secrets"])
async def test_keys_must_not_be_empty(caller: Caller, plural: str) -> None:
    kind = KINDS[plural]
    code, told = await caller.call("POST", kind.collection, {**kind.new("empty", "x"), "data": {"": "dmFsdWU="}})
    assert (code, told["reason"]) == (422, "Invalid")


@pytest.mark.parametrize("plural", ["configmaps", "secrets"])
async def test_what_is_immutable_stays_and_its_labels_do_not(caller: Caller, plural: str) -> None:
    kind = KINDS[plural]
    await caller.ask("POST", kind.collection, kind.new("fixed", "x"), code=201)
    path = f"{kind.collection}/fixed"
    other = base64.b64encode(b"other").decode()
    await caller.ask("PATCH", path, {"data": {"k": other}}, MERGE)
    await caller.ask("PATCH", path, {"immutable": True}, MERGE)
    for change in ({"data": {"k": "dg=="}}, {"data": {"more": other}}, {"immutable": False}, {"immutable": None}):
        code, told = await caller.call("PATCH", path, change, MERGE)
        assert (code, told["reason"]) == (422, "Invalid")
        assert "field is immutable when `immutable` is set" in told["message"]
    labelled = await caller.ask("PATCH", path, {"metadata": {"labels": {"new": "1"}}}, MERGE)
    assert (labelled["metadata"]["labels"]["new"], labelled["data"]) == ("1", {"k": other})
    await caller.ask("DELETE", path)


async def test_a_volume_made_by_its_driver_is_in_a_pods_spec(caller: Caller) -> None:
    kind = KINDS["pods"]
    volume = {"name": "inline", "csi": {"driver": "e2e.example", "volumeAttributes": {"a": "b"}, "readOnly": True}}
    mounted = {**CONTAINER, "volumeMounts": [{"name": "inline", "mountPath": "/data"}]}
    spec = {"volumes": [volume], "containers": [mounted], "automountServiceAccountToken": False}
    made = await caller.ask("POST", kind.collection, {**kind.new("inline", "csi"), "spec": spec}, code=201)
    assert made["spec"]["volumes"] == [volume]
    patched = await caller.ask("PATCH", f"{kind.collection}/inline", {"metadata": {"labels": {"p": "1"}}}, STRATEGIC)
    assert (patched["metadata"]["labels"]["p"], patched["spec"]["volumes"]) == ("1", [volume])
    found = (await caller.ask("GET", "/api/v1/pods?labelSelector=conformance%3Dcsi"))["items"]
    assert [item["metadata"]["name"] for item in found] == ["inline"]
    await caller.ask("DELETE", f"{kind.collection}/inline")
    await caller.gone(f"{kind.collection}/inline")


async def test_a_runtime_class_decides_over_its_pods(caller: Caller) -> None:
    pods, classes = KINDS["pods"], KINDS["runtimeclasses"]
    overhead = {"podFixed": {"cpu": "200m", "memory": "1Mi"}}
    await caller.ask("POST", classes.collection, classes.new("plain", "x"), code=201)
    await caller.ask("POST", classes.collection, {**classes.new("heavy", "x"), "overhead": overhead}, code=201)

    async def start(name: str, runtime: str) -> tuple[int, Json]:
        spec = {"containers": [CONTAINER], "runtimeClassName": runtime}
        return await caller.call("POST", pods.collection, {**pods.new(name, "x"), "spec": spec})

    code, made = await start("plain", "plain")
    assert (code, "overhead" in made["spec"]) == (201, False)
    code, made = await start("heavy", "heavy")
    assert (code, made["spec"]["overhead"]) == (201, overhead["podFixed"])
    await caller.ask("DELETE", f"{classes.collection}/plain")
    for name in ("plain", "never-was"):
        code, told = await start(f"with-{name}", name)
        assert (code, told["reason"]) == (403, "Forbidden")
        assert f'pod rejected: RuntimeClass "{name}" not found' in told["message"]


async def test_sysctls_have_names_that_the_kernel_could_have(caller: Caller) -> None:
    names = ("foo-", "kernel.shmmax", "safe-and-unsafe", "bar..")
    sysctls = [{"name": name, "value": "bar"} for name in names]
    spec = {"containers": [CONTAINER], "securityContext": {"sysctls": sysctls}}
    pods = KINDS["pods"]
    code, told = await caller.call("POST", pods.collection, {**pods.new("sysctls", "x"), "spec": spec})
    assert code == 422
    assert [cause["field"] for cause in told["details"]["causes"]] == [
        "spec.securityContext.sysctls[0].name", "spec.securityContext.sysctls[3].name"
    ]  # fmt: skip
    for wrong in ("foo-", "bar.."):
        assert f'Invalid value: "{wrong}"' in told["message"]
    for right in ("safe-and-unsafe", "kernel.shmmax"):
        assert right not in told["message"]


async def test_pods_get_the_quality_of_service_that_their_resources_earn(caller: Caller) -> None:
    pods = KINDS["pods"]
    amounts = {"cpu": "100m", "memory": "100Mi"}
    spec = {"containers": [{**CONTAINER, "resources": {"requests": amounts, "limits": amounts}}]}
    made = await caller.ask("POST", pods.collection, {**pods.new("qos", "x"), "spec": spec}, code=201)
    assert made["status"]["qosClass"] == "Guaranteed"
