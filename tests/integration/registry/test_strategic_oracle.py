"""Strategic merge against the real code: `kubectl patch --local` on the same objects and patches."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from common.api.kinds import CRONJOBS, DEPLOYMENTS, PODS, SERVICES
from common.client.base import PatchType
from common.errors import ApiError
from console.registry.admission import conform
from console.registry.catalog import default_registry
from console.registry.patch import apply_patch

from .strategic_patches import objects, patches

pytestmark = pytest.mark.kubectl
KUBECTL = shutil.which("kubectl")
REGISTRY = default_registry()
KINDS = {"Deployment": DEPLOYMENTS, "Service": SERVICES, "Pod": PODS, "CronJob": CRONJOBS}
# More by hand: QUARTERDECK_FUZZ=20 compares twenty times as much, and other things each time.
TIMES = int(os.environ.get("QUARTERDECK_FUZZ", "1"))

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "web",
        "namespace": "default",
        "labels": {"app": "web", "tier": "front"},
        "finalizers": ["example.com/a", "example.com/b", "example.com/c"],
    },
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "a",
                        "image": "a:1",
                        "args": ["x", "y"],
                        "env": [{"name": "ONE", "value": "1"}, {"name": "TWO", "value": "2"}],
                        "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 443, "name": "tls"}],
                    },
                    {"name": "b", "image": "b:1"},
                    {"name": "c", "image": "c:1"},
                ],
                "volumes": [{"name": "data", "emptyDir": {}}, {"name": "conf", "configMap": {"name": "conf"}}],
                "nodeSelector": {"disk": "ssd"},
                "tolerations": [{"key": "k", "operator": "Exists"}],
                "imagePullSecrets": [{"name": "one"}, {"name": "two"}],
            },
        },
    },
}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "selector": {"app": "web"},
        "ports": [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "dns", "port": 53, "protocol": "UDP"}],
        "externalIPs": ["10.0.0.1", "10.0.0.2"],
    },
}


def pod(**spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": spec}}}


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "scalar": (DEPLOYMENT, {"spec": {"replicas": 5}}),
    "null removes": (DEPLOYMENT, {"spec": {"replicas": None}, "metadata": {"labels": {"tier": None}}}),
    "null of nothing": (DEPLOYMENT, {"spec": {"paused": None}}),
    "image by name": (DEPLOYMENT, pod(containers=[{"name": "b", "image": "b:2"}])),
    "new container": (DEPLOYMENT, pod(containers=[{"name": "z", "image": "z:1"}])),
    "new container before an old one": (
        DEPLOYMENT, pod(containers=[{"name": "z", "image": "z:1"}, {"name": "a", "image": "a:2"}])
    ),
    "reversed": (DEPLOYMENT, pod(containers=[{"name": "c"}, {"name": "a", "image": "a:9"}])),
    "delete container": (DEPLOYMENT, pod(containers=[{"name": "b", "$patch": "delete"}])),
    "delete and add": (
        DEPLOYMENT, pod(containers=[{"name": "d", "image": "d:1"}, {"name": "a", "$patch": "delete"}])
    ),
    "delete what is not there": (DEPLOYMENT, pod(containers=[{"name": "nope", "$patch": "delete"}])),
    "replace containers": (DEPLOYMENT, pod(containers=[{"name": "n", "image": "n:1"}, {"$patch": "replace"}])),
    "replace pod spec": (DEPLOYMENT, pod(**{"$patch": "replace", "containers": [{"name": "n", "image": "n:1"}]})),
    "delete map": (DEPLOYMENT, pod(nodeSelector={"$patch": "delete"})),
    "replace map": (DEPLOYMENT, pod(nodeSelector={"$patch": "replace", "zone": "b"})),
    "atomic list": (DEPLOYMENT, pod(tolerations=[{"key": "other", "operator": "Exists"}])),
    "args replaced": (DEPLOYMENT, pod(containers=[{"name": "a", "args": ["z"]}])),
    "env merges": (
        DEPLOYMENT, pod(containers=[{"name": "a", "env": [{"name": "TWO", "value": "2"}, {"name": "N", "value": "n"}]}])
    ),
    "env deletes": (DEPLOYMENT, pod(containers=[{"name": "a", "env": [{"name": "ONE", "$patch": "delete"}]}])),
    "ports merge": (DEPLOYMENT, pod(containers=[{"name": "a", "ports": [{"containerPort": 443, "name": "https"}]}])),
    "volume type with retainKeys": (
        DEPLOYMENT, pod(volumes=[{"name": "conf", "$retainKeys": ["name", "secret"], "secret": {"secretName": "s"}}])
    ),
    "strategy with retainKeys": (
        DEPLOYMENT, {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    ),
    "order of containers": (
        DEPLOYMENT,
        pod(**{"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}], "containers": [{"name": "a"}]}),
    ),
    "order and deletion": (
        DEPLOYMENT,
        pod(**{
            "$setElementOrder/containers": [{"name": "c"}, {"name": "n"}, {"name": "b"}],
            "containers": [{"name": "n", "image": "n"}, {"$patch": "delete", "name": "a"}],
        }),
    ),
    "order alone": (DEPLOYMENT, pod(**{"$setElementOrder/volumes": [{"name": "conf"}, {"name": "data"}]})),
    "order of nothing": (DEPLOYMENT, pod(**{"$setElementOrder/initContainers": [{"name": "x"}]})),
    "new list with order": (
        DEPLOYMENT,
        pod(**{"$setElementOrder/initContainers": [{"name": "x"}], "initContainers": [{"name": "x", "image": "x"}]}),
    ),
    "finalizers add": (DEPLOYMENT, {"metadata": {"finalizers": ["example.com/d", "example.com/b"]}}),
    "finalizers delete": (
        DEPLOYMENT, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/b", "example.com/x"]}}
    ),
    "finalizers order and delete": (
        DEPLOYMENT,
        {"metadata": {
            "$deleteFromPrimitiveList/finalizers": ["example.com/a"],
            "$setElementOrder/finalizers": ["example.com/c", "example.com/d", "example.com/b"],
            "finalizers": ["example.com/d"],
        }},
    ),
    "pull secrets": (DEPLOYMENT, pod(imagePullSecrets=[{"name": "three"}, {"name": "one"}])),
    "new map with nulls": (DEPLOYMENT, pod(affinity={"nodeAffinity": None, "podAffinity": {}})),
    "new list element with nulls": (DEPLOYMENT, pod(volumes=[{"name": "n", "emptyDir": {"medium": None}}])),
    "service ports": (SERVICE, {"spec": {"ports": [{"port": 443, "name": "tls"}, {"port": 80, "targetPort": 8080}]}}),
    "service ports with order": (
        SERVICE,
        {"spec": {"$setElementOrder/ports": [{"port": 53}, {"port": 80}], "ports": [{"port": 80, "nodePort": 30080}]}},
    ),
    "service external addresses": (SERVICE, {"spec": {"externalIPs": ["10.0.0.9"]}}),
    "selector key": (SERVICE, {"spec": {"selector": {"app": None, "name": "x"}}}),
}  # fmt: skip


def kubectl_patch(folder: Path, obj: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    file = folder / "object.json"
    file.write_text(json.dumps(obj))
    done = kubectl_of(file, patch)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def kubectl_of(file: Path, patch: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    assert KUBECTL, "kubectl is not on PATH: it is the oracle of this test"
    options = ["--local", "-f", str(file), "--type", "strategic", "-p", json.dumps(patch), "-o", "json"]
    return subprocess.run([KUBECTL, "patch", *options], capture_output=True, text=True, check=False, timeout=60)


def ours(obj: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    row = REGISTRY.row_for(KINDS[obj["kind"]])
    return conform(row, apply_patch(row, obj, json.dumps(patch).encode(), PatchType.STRATEGIC), "Strict")[0]


def pruned(value: Any) -> Any:
    """Without empty values and nulls, which a typed client adds and drops as it likes, and directives that kubectl
    leaves where they mean nothing: they are no fields of the kind."""
    if isinstance(value, dict):
        found = {name: pruned(item) for name, item in value.items()}
        return {name: item for name, item in found.items() if item not in (None, {}, []) and name[0] != "$"}
    return [pruned(item) for item in value] if isinstance(value, list) else value


def typed(obj: dict[str, Any]) -> Any:
    """What the API takes it for: without zeroes that Go cannot tell from nothing, and `pruned`."""
    return pruned(conform(REGISTRY.row_for(KINDS[obj["kind"]]), obj, "Ignore")[0])


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_kubectl(case: str, tmp_path: Path) -> None:
    obj, patch = CASES[case]
    assert pruned(ours(obj, patch)) == typed(kubectl_patch(tmp_path, obj, patch))


@pytest.mark.parametrize("kind", KINDS)
def test_any_objects_and_patches_agree_with_kubectl(kind: str, tmp_path: Path) -> None:
    """Several objects with one patch each time, so that kubectl need not start for each."""
    made = objects(kind, KINDS[kind].api_version)

    @given(st.lists(made, min_size=4, max_size=4), patches(kind))
    @settings(max_examples=TIMES * 8, deadline=None, derandomize=TIMES == 1, database=None,
              phases=[Phase.generate], suppress_health_check=list(HealthCheck))  # fmt: skip
    def compare(found: list[dict[str, Any]], patch: dict[str, Any]) -> None:
        for obj, (code, expected) in zip(found, kubectl_patches(tmp_path, found, patch), strict=True):
            try:
                result: Any = pruned(ours(obj, patch))
            except ApiError as error:
                result = error
            assert isinstance(result, ApiError) == bool(code), (result, expected)
            assert code or result == typed(expected)

    compare()


def kubectl_patches(folder: Path, found: list[dict[str, Any]], patch: dict[str, Any]) -> list[tuple[int, Any]]:
    """What kubectl makes of each object: the code and the object or the message. One process when all are patched."""
    file = folder / "objects.json"
    items = [{**obj, "metadata": {**obj["metadata"], "name": f"o{index}"}} for index, obj in enumerate(found)]
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    done = kubectl_of(file, patch)
    if done.returncode == 0:
        decoder, text, results = json.JSONDecoder(), done.stdout, []
        while text.strip():
            result, end = decoder.raw_decode(text)
            text = text[end:].lstrip()
            results.append((0, {**result, "metadata": {**result["metadata"], "name": "o"}}))
        return results
    if len(found) == 1:
        return [(done.returncode, done.stderr)]
    return [kubectl_patches(folder, [obj], patch)[0] for obj in found]
