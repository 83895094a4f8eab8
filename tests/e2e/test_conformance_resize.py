"""Pods resized in place: containers go on with other limits, or start anew where their policy says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.bench import Bench, container, opened, pod
from tests.e2e.cluster import Cluster

MIB = 1 << 20
Amounts = dict[str, dict[str, str]]


def amounts(cpu: str = "", memory: str = "", cpu_limit: str = "", memory_limit: str = "") -> Amounts:
    parts = {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu_limit, "memory": memory_limit}}
    given = {part: {name: value for name, value in both.items() if value} for part, both in parts.items()}
    return {part: values for part, values in given.items() if values}


def even(cpu: str, memory: str) -> Amounts:
    """Requests that are the limits, as Guaranteed pods have them."""
    return amounts(cpu, memory, cpu, memory)


BEFORE = {
    "guaranteed": [even("20m", "20Mi"), even("25m", "25Mi"), even("30m", "30Mi")],
    "burstable": [
        amounts("20m"), amounts("", "20Mi"), amounts("20m", "20Mi"), amounts("20m"), amounts("", "20Mi"),
    ],
    "equivalent": [amounts("2m", cpu_limit="10m")],
    "restarted": [amounts("20m", "20Mi", "30m", "30Mi")],
    "replaced": [amounts("20m", "20Mi")],
    "wishing": [amounts("20m", "20Mi")],
}  # fmt: skip
AFTER = {
    "guaranteed": [even("30m", "30Mi"), even("20m", "35Mi"), even("25m", "20Mi")],
    "burstable": [
        amounts("30m", cpu_limit="40m"), amounts("", "15Mi", "", "40Mi"), amounts("20m", "15Mi"),
        amounts("15m", "20Mi"), amounts("20m", "30Mi"),
    ],
    "equivalent": [amounts("1m", cpu_limit="5m")],
    "restarted": [amounts("20m", "25Mi", "30m", "40Mi")],
    "replaced": [amounts("30m", "30Mi")],
}  # fmt: skip
RESTARTS = {"restarted": 1}
POLICY = [
    {"resourceName": "cpu", "restartPolicy": "NotRequired"},
    {"resourceName": "memory", "restartPolicy": "RestartContainer"},
]


def _pod(name: str) -> dict[str, Any]:
    policy = {"resizePolicy": POLICY} if name == "restarted" else {}
    script = "trap 'exit 0' TERM; while true; do sleep 0.2; done"
    made = [
        container(script, f"c{number}", resources=resources, **policy) for number, resources in enumerate(BEFORE[name])
    ]
    return pod(name, *made, restartPolicy="Always")


@pytest.fixture(scope="module")
def bench(shared_cluster: Cluster) -> Iterator[Bench]:
    with opened(shared_cluster, "conformance-resize") as bench:
        bench.start(*(_pod(name) for name in BEFORE))
        yield bench


def _resize(bench: Bench, name: str, resources: list[Amounts], check: bool = True) -> str:
    containers = [{"name": f"c{number}", "resources": one} for number, one in enumerate(resources)]
    patch = json.dumps({"spec": {"containers": containers}})
    words = ["patch", "pod", name, "-n", bench.space, "--subresource", "resize", "-p", patch]
    return bench.cluster.kubectl(*words, check=check)


def _has(found: dict[str, Any], resources: list[Amounts]) -> bool:
    shown = [item["resources"] for item in sorted(found["status"]["containerStatuses"], key=lambda item: item["name"])]
    return shown == resources and not _resizing(found)


def _resizing(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["type"]: item for item in found["status"]["conditions"] if item["type"].startswith("PodResize")}


def _engine_says(bench: Bench, found: dict[str, Any], name: str) -> tuple[int, int, int]:
    """Shares, quota and memory of a container as the engine has them."""
    host = next(host for host in bench.cluster.lab.hosts if host.name == found["spec"]["nodeName"])
    status = next(item for item in found["status"]["containerStatuses"] if item["name"] == name)
    made = json.loads(bench.cluster.docker(host, "inspect", status["containerID"].removeprefix("docker://")))[0]
    return made["HostConfig"]["CpuShares"], made["HostConfig"]["CpuQuota"], made["HostConfig"]["Memory"]


def _put(bench: Bench, found: dict[str, Any]) -> None:
    path = f"/api/v1/namespaces/{bench.space}/pods/{found['metadata']['name']}/resize"
    bench.cluster.kubectl("replace", "--raw", path, "-f", "-", stdin=json.dumps(found))


@pytest.mark.parametrize("name", AFTER)
def test_a_resize_reaches_running_containers_and_their_status(bench: Bench, name: str) -> None:
    bench.running(name)
    before = bench.wait(name, lambda found: _has(found, BEFORE[name]), "to have what it asks for")
    if name == "replaced":
        before["spec"]["containers"][0]["resources"] = AFTER[name][0]
        _put(bench, before)
    else:
        _resize(bench, name, AFTER[name])
    assert bench.get(name)["metadata"]["generation"] == 2

    def resized(found: dict[str, Any]) -> bool:
        statuses = found["status"]["containerStatuses"]
        return (
            _has(found, AFTER[name])
            and found["status"]["observedGeneration"] == 2
            and [status["allocatedResources"] for status in statuses] == [item["requests"] for item in AFTER[name]]
            and {status["restartCount"] for status in statuses} == {RESTARTS.get(name, 0)}
        )

    found = bench.wait(name, resized, "to be resized")
    assert found["status"]["qosClass"] == before["status"]["qosClass"]
    raw = bench.cluster.kubectl("get", "--raw", f"/api/v1/namespaces/{bench.space}/pods/{name}/resize")
    assert json.loads(raw)["spec"] == found["spec"]


def test_the_engine_has_the_new_limits(bench: Bench) -> None:
    found = bench.wait("guaranteed", lambda found: _has(found, AFTER["guaranteed"]), "to be resized")
    assert _engine_says(bench, found, "c0") == (30, 3000, 30 * MIB)
    assert _engine_says(bench, found, "c2") == (25, 2500, 20 * MIB)
    limit = bench.exec("guaranteed", "cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes", container="c1")
    assert int(limit) == 35 * MIB


def test_a_node_says_what_it_cannot_give_and_a_withdrawn_wish_leaves_nothing(bench: Bench) -> None:
    bench.running("wishing")
    node = bench.cluster.get("node", bench.get("wishing")["spec"]["nodeName"])
    cpus = int(node["status"]["allocatable"]["cpu"])
    _resize(bench, "wishing", [amounts(str(cpus + 1), "20Mi")])
    found = bench.wait("wishing", lambda found: "PodResizePending" in _resizing(found), "to be told why not")
    why = _resizing(found)["PodResizePending"]
    assert (why["status"], why["reason"]) == ("True", "Infeasible")
    assert why["message"] == (
        f"Node didn't have enough capacity: cpu, requested: {(cpus + 1) * 1000}, capacity: {cpus * 1000}"
    )
    _resize(bench, "wishing", [amounts(f"{cpus * 1000 - 1}m", "20Mi")])

    def deferred(found: dict[str, Any]) -> bool:
        return bool(_resizing(found).get("PodResizePending", {}).get("reason") == "Deferred")

    found = bench.wait("wishing", deferred, "to wait for room")
    assert found["status"]["containerStatuses"][0]["resources"] == BEFORE["wishing"][0]
    _resize(bench, "wishing", [amounts("30m", "20Mi")])
    bench.wait("wishing", lambda found: _has(found, [amounts("30m", "20Mi")]), "to be resized")


def test_what_a_resize_must_not_do_is_refused(bench: Bench) -> None:
    bench.running("guaranteed")
    told = _resize(bench, "guaranteed", [amounts("20m", "20Mi", "30m", "30Mi")], check=False)
    assert "Pod QOS Class may not change as a result of resizing" in told


def test_a_resize_survives_its_agent_and_what_lowers_memory_below_use_is_told(bench: Bench) -> None:
    name = "equivalent"
    found = bench.running(name)
    host = next(host for host in bench.cluster.lab.hosts if host.name == found["spec"]["nodeName"])
    bench.cluster.kill_agent(host)
    _resize(bench, name, [amounts("50m", cpu_limit="70m")])
    bench.cluster.start_agent(host)
    bench.cluster.wait(lambda: bench.cluster.node_ready(host.name), f"{host.name} to be Ready again", 60)
    found = bench.wait(name, lambda found: _has(found, [amounts("50m", cpu_limit="70m")]), "to be resized")
    assert _engine_says(bench, found, "c0") == (51, 7000, 0)
    assert found["status"]["containerStatuses"][0]["restartCount"] == 0
    _resize(bench, name, [amounts("50m", "1Ki", cpu_limit="70m", memory_limit="1Ki")])

    def refused(found: dict[str, Any]) -> bool:
        return _resizing(found).get("PodResizeInProgress", {}).get("reason") == "Error"

    found = bench.wait(name, refused, "to say that it uses more")
    assert "memory limit (1024) below current usage" in _resizing(found)["PodResizeInProgress"]["message"]
    _resize(bench, name, [amounts("50m", "40Mi", cpu_limit="70m", memory_limit="40Mi")])
    bench.wait(name, lambda found: _has(found, [amounts("50m", "40Mi", "70m", "40Mi")]), "to be resized")
