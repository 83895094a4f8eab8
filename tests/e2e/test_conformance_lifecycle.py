"""Hooks, probes, containers added to running pods, generations and ends of pods, as Kubernetes' cases look at them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from common.blocking import UnixHttp
from tests.e2e.bench import IMAGE, SECONDS, Bench, config_map, container, opened, pod
from tests.e2e.cluster import Cluster

UPDATES = 99
PORT = 8080
HOOKS = ("start-exec", "start-http", "stop-exec", "stop-http")
POLITE = "trap 'exit 0' TERM; while true; do sleep 0.2; done"
STEADY = 6.0  # seconds that a container which must not be restarted is watched, with a probe a second


def _frame(kind: int, payload: bytes, flags: int, stream: int = 1) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


SERVING = b"".join((
    _frame(4, b"", 0, 0), _frame(1, b"\x88", 4), _frame(0, b"\0\0\0\0\x02\x08\x01", 0), _frame(1, b"\x88", 5),
))  # fmt: skip
"""What a gRPC server says that is asked for its health and is well."""


def _hooked(name: str, address: str) -> dict[str, Any]:
    moment, kind = name.split("-")
    url = f"http://{address}:{PORT}/{name}"
    ways = {
        "exec": {"exec": {"command": ["sh", "-c", f"busybox wget -qO- {url} || true"]}},
        "http": {"httpGet": {"host": address, "port": PORT, "path": f"/{name}"}},
    }
    hook = {"start": "postStart", "stop": "preStop"}[moment]
    return pod(name, container(POLITE, lifecycle={hook: ways[kind]}), terminationGracePeriodSeconds=15)


def _probed(name: str, script: str, liveness: dict[str, Any], **fields: Any) -> dict[str, Any]:
    delay = 3 if name.endswith("-healthy") else 1  # a server needs a moment to listen
    # On a slow machine a probe in a container may take long: what is well has three tries within what it is watched.
    failures = 3 if name.endswith("-healthy") else 1
    probe = {
        "initialDelaySeconds": delay, "periodSeconds": 1, "failureThreshold": failures, "timeoutSeconds": 5, **liveness
    }  # fmt: skip
    return pod(name, container(script, livenessProbe=probe, **fields), restartPolicy="Always")


def _probes() -> Iterator[dict[str, Any]]:
    web = {"ports": [{"containerPort": PORT}]}
    sick = "/web & sleep 3; busybox wget -qO- http://127.0.0.1:8080/fail; wait"
    healthz = {"httpGet": {"path": "/healthz", "port": PORT}}
    health = {"exec": {"command": ["cat", "/tmp/health"]}}
    yield _probed("http-healthy", "exec /web", healthz, **web)
    yield _probed("http-sick", sick, healthz, **web)
    yield _probed("tcp-healthy", "exec /web", {"tcpSocket": {"port": PORT}}, **web)
    yield _probed("exec-healthy", "touch /tmp/health; sleep 1000", health)
    yield _probed("exec-sick", "touch /tmp/health; sleep 3; rm /tmp/health; sleep 1000", health)
    answer = "busybox nc -ll -p 5000 -e sh -c 'cat /answer/serving; sleep 1'"
    served = _probed("grpc-healthy", answer, {"grpc": {"port": 5000}},
                     volumeMounts=[{"name": "answer", "mountPath": "/answer"}])  # fmt: skip
    served["spec"]["volumes"] = [{"name": "answer", "configMap": {"name": "answer"}}]
    yield served
    yield _probed("grpc-sick", "sleep 1000", {"grpc": {"port": 5001}})
    readiness = {"exec": {"command": ["true"]}, "initialDelaySeconds": 5, "periodSeconds": 1}
    yield pod("ready-late", container("sleep 1000", readinessProbe=readiness))
    readiness = {"exec": {"command": ["false"]}, "initialDelaySeconds": 1, "periodSeconds": 1}
    yield pod("ready-never", container("sleep 1000", readinessProbe=readiness), restartPolicy="Always")


@pytest.fixture(scope="module")
def bench(shared_cluster: Cluster) -> Iterator[Bench]:
    with opened(shared_cluster, "conformance-lifecycle") as bench:
        listen = f"mkdir /tmp/www; for f in {' '.join(HOOKS)}; do touch /tmp/www/$f; done; "
        listen += f"exec busybox httpd -f -vv -p {PORT} -h /tmp/www"
        answer = {"serving": base64.b64encode(SERVING).decode()}
        bench.start(pod("listener", container(listen)), config_map("answer", {}, binaryData=answer))
        bench.start(*_probes(), pod("visited", container("sleep 1000")), pod("ended", container(POLITE)))
        bench.start(_generations())
        address = bench.running("listener")["status"]["podIP"]
        bench.start(*(_hooked(name, address) for name in HOOKS))
        yield bench


@pytest.mark.parametrize("name", HOOKS)
def test_hooks_are_called_after_the_start_and_before_the_end(bench: Bench, name: str) -> None:
    bench.running(name)
    if name.startswith("stop"):
        assert f"url:/{name}" not in bench.cluster.kubectl("logs", "listener", "-n", bench.space)
        bench.cluster.kubectl("delete", "pod", name, "-n", bench.space, "--timeout=60s", timeout=90)
    bench.cluster.wait(
        lambda: f"url:/{name}" in bench.cluster.kubectl("logs", "listener", "-n", bench.space), f"hook {name}", SECONDS
    )


def _restarts(found: dict[str, Any]) -> int:
    return sum(item["restartCount"] for item in found["status"].get("containerStatuses", ()))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("name", ["http-sick", "exec-sick", "grpc-sick"])
def test_a_liveness_probe_that_fails_restarts_its_container(bench: Bench, name: str) -> None:
    found = bench.wait(name, lambda found: _restarts(found) >= 1, "to be restarted")
    assert found["status"]["phase"] == "Running"


def test_restarts_are_counted_upwards(bench: Bench) -> None:
    seen: list[int] = []

    def twice(found: dict[str, Any]) -> bool:
        seen.append(_restarts(found))
        return seen[-1] >= 2

    bench.wait("http-sick", twice, "to be restarted twice")
    assert seen == sorted(seen)


@pytest.mark.parametrize("name", ["http-healthy", "tcp-healthy", "exec-healthy", "grpc-healthy", "ready-never"])
def test_a_container_whose_liveness_is_not_in_doubt_goes_on(bench: Bench, name: str) -> None:
    def old_enough(found: dict[str, Any]) -> bool:
        running = found["status"]["containerStatuses"][0]["state"].get("running")
        now = bench.exec("listener", "busybox", "date", "-u", "+%Y-%m-%dT%H:%M:%SZ").strip()
        return running is not None and (_time(now) - _time(running["startedAt"])).total_seconds() >= STEADY

    found = bench.wait(
        name, lambda found: bool(found["status"].get("containerStatuses")) and old_enough(found), "to age"
    )
    assert _restarts(found) == 0
    status = found["status"]["containerStatuses"][0]
    assert (status["ready"], status["started"]) == (name != "ready-never", True)
    ready = next(item for item in found["status"]["conditions"] if item["type"] == "Ready")
    assert ready["status"] == ("False" if name == "ready-never" else "True")


def test_readiness_waits_for_its_delay(bench: Bench) -> None:
    found = bench.running("ready-late")
    ready = next(item for item in found["status"]["conditions"] if item["type"] == "Ready")
    started = found["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
    assert (_time(ready["lastTransitionTime"]) - _time(started)).total_seconds() >= 4  # both are cut to seconds
    assert _restarts(found) == 0


def test_containers_are_added_to_a_running_pod(bench: Bench) -> None:
    bench.running("visited")
    for count, name in enumerate(("first", "second"), 1):
        words = ["debug", "visited", "-n", bench.space, "--image", IMAGE, "--image-pull-policy=IfNotPresent"]
        bench.cluster.kubectl(*words, "-c", name, "--", "sh", "-c", "echo polo; sleep 1000")

        def runs(found: dict[str, Any], name: str = name) -> bool:
            shown = found["status"].get("ephemeralContainerStatuses", ())
            return any(item["name"] == name and "running" in item["state"] for item in shown)

        found = bench.wait("visited", runs, f"to run {name}")
        assert len(found["spec"]["ephemeralContainers"]) == count
        assert found["status"]["phase"] == "Running"
    words = ("logs", "visited", "-c", "second", "-n", bench.space)
    bench.cluster.wait(lambda: "polo" in bench.cluster.kubectl(*words), "what it says to be in its log")


def test_a_pods_end_is_seen_by_who_watches(bench: Bench) -> None:
    bench.running("ended")
    http = UnixHttp(bench.cluster.home / "api.sock", SECONDS)
    path = f"/api/v1/namespaces/{bench.space}/pods"
    selected = {"fieldSelector": "metadata.name=ended"}
    _, chunks = http.stream("GET", path, params={**selected, "watch": "1"})
    events = _documents(chunks)
    assert next(events)["type"] == "ADDED"
    bench.cluster.kubectl("delete", "pod", "ended", "-n", bench.space, "--grace-period=5", "--wait=false")
    told = []
    for event in events:
        told.append(event)
        if event["type"] == "DELETED":
            break
    changed = [event["object"]["metadata"] for event in told if event["type"] == "MODIFIED"]
    assert any("deletionTimestamp" in metadata for metadata in changed)
    assert http.request("GET", path, params=selected).json()["items"] == []


def _documents(chunks: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """The events of a watch, one a line."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from map(json.loads, lines)


def _generations() -> dict[str, Any]:
    """Made with a generation that nobody may choose."""
    init = container("true", "first")
    metadata = {"generation": 100}
    return pod("generations", container(POLITE), metadata=metadata, initContainers=[init], restartPolicy="Always",
               activeDeadlineSeconds=6000)  # fmt: skip


def test_labels_written_while_a_pod_starts_are_kept(bench: Bench) -> None:
    """Scheduler, agent and user write to the same object within the same moments."""
    http, headers = UnixHttp(bench.cluster.home / "api.sock"), {"Content-Type": "application/merge-patch+json"}
    names, labels = [f"labelled-{number}" for number in range(4)], [f"label-{number}" for number in range(25)]
    bench.start(*(pod(name, container(POLITE)) for name in names))
    for label in labels:
        for name in names:
            path = f"/api/v1/namespaces/{bench.space}/pods/{name}"
            patch = json.dumps({"metadata": {"labels": {label: "kept"}}})
            assert http.request("PATCH", path, body=patch.encode(), headers=headers).code == 200
    for name in names:
        assert set(bench.running(name)["metadata"]["labels"]) == set(labels)


def test_generations_count_the_changes_of_the_spec_and_are_observed(bench: Bench) -> None:
    http = UnixHttp(bench.cluster.home / "api.sock")
    path = f"/api/v1/namespaces/{bench.space}/pods/generations"
    bench.running("generations")
    own = {"key": "foo", "operator": "Equal", "value": "bar", "effect": "NoSchedule"}
    changes: list[tuple[dict[str, Any], bool]] = [
        ({}, False),
        ({"spec": {"tolerations": [own]}}, True),
        ({"spec": {"activeDeadlineSeconds": 5000}}, True),
        ({"spec": {"containers": [{"name": "main", "image": "qd-test/web:2"}]}}, True),
        ({"spec": {"initContainers": [{"name": "first", "image": "qd-test/web:2"}]}}, True),
        ({"metadata": {"annotations": {"key": "value"}}}, False),
        ({"metadata": {"generation": 1}}, False),
    ]
    expected = 1
    for change, counts in changes:
        expected += counts
        assert _put(http, path, change)["metadata"]["generation"] == expected
        bench.wait("generations", lambda found, now=expected: _observed(found) == now, f"to observe {expected}")
    for number in range(UPDATES):
        _put(http, path, {"spec": {"activeDeadlineSeconds": 4999 - number}})
    found = bench.wait("generations", lambda found: _observed(found) == expected + UPDATES, "to observe all")
    assert found["metadata"]["generation"] == expected + UPDATES
    answer = http.request("DELETE", path, params={"gracePeriodSeconds": "60"})
    assert answer.json()["metadata"]["generation"] == expected + UPDATES + 1


def _put(http: UnixHttp, path: str, change: dict[str, Any]) -> dict[str, Any]:
    """Read, change, replace, whatever the agent writes meanwhile."""
    wanted = _changed(http.request("GET", path).json(), change)
    del wanted["metadata"]["resourceVersion"]
    answer = http.request("PUT", path, body=json.dumps(wanted).encode(), headers={"Content-Type": "application/json"})
    assert answer.code == 200, answer.body
    return dict(answer.json())


def _observed(found: dict[str, Any]) -> int:
    return int(found["status"].get("observedGeneration", 0))


def _changed(found: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The object with the change merged in; containers by their names."""
    result = {**found}
    for field, value in change.items():
        if field in {"containers", "initContainers"}:
            known = {item["name"]: item for item in value}
            result[field] = [{**item, **known.get(item["name"], {})} for item in found[field]]
        else:
            result[field] = _changed(found.get(field, {}), value) if isinstance(value, dict) else value
    return result
