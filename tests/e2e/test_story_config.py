"""Configuration: variables and files in pods, changes under traffic, credentials for images; secrets stay secret."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e import manifests, registry, tutorials
from tests.e2e.cluster import Cluster
from tests.e2e.load import Load
from tests.lab.images import web_image

SECRET = "hunter2-not-to-be-found"
ENCODED = base64.b64encode(SECRET.encode()).decode().rstrip("=")[:-1]
REGISTRY_PORT = 5009


def test_configuration_reaches_pods_and_follows_changes(cluster: Cluster, space: str, tmp_path: Path) -> None:
    tutorials.follow(cluster, space, "config", tmp_path)


def secret(space: str, name: str, **values: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": space}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}


def served(space: str) -> dict[str, Any]:
    """The web server with the Secret `pair` as files."""
    found = manifests.deployment("web", space, 2)
    pod = found["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "pair", "secret": {"secretName": "pair"}}]
    pod["containers"][0]["volumeMounts"] = [{"name": "pair", "mountPath": "/pair", "readOnly": True}]
    return found


def _reader(cluster: Cluster, space: str, pod: str) -> subprocess.Popen[str]:
    """Reads both files of one state again and again, in the pod."""
    script = "while true; do cd -P /pair/..data && echo $(cat a b); done"
    words = ["kubectl", "exec", "-n", space, pod, "--", "sh", "-c", script]
    return subprocess.Popen(
        words, env=cluster.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip


def test_a_secret_that_changes_under_traffic_loses_no_request(cluster: Cluster, space: str) -> None:
    cluster.apply(secret(space, "pair", a="0\n", b="0\n"), served(space), manifests.service("web", space))
    pods = cluster.wait_ready(space, 2)
    port = cluster.get("service", "web", space)["spec"]["ports"][0]["nodePort"]
    ways = [(host.address, port) for host in cluster.lab.hosts]
    cluster.wait_answers(ways, pods)
    load = Load(ways, 60)
    load.start()
    reader = _reader(cluster, space, pods[0]["metadata"]["name"])
    try:
        for number in range(1, 6):
            cluster.apply(secret(space, "pair", a=f"{number}\n", b=f"{number}\n"))
            for pod in pods:
                read = ["exec", "-n", space, pod["metadata"]["name"], "--", "cat", "/pair/a"]
                wanted = str(number)
                cluster.wait(
                    lambda words=read, wanted=wanted: cluster.kubectl(*words).strip() == wanted,
                    f"the pod to see value {number}",
                )  # fmt: skip
    finally:
        load.stop()
        reader.terminate()
    pairs = {tuple(line.split()) for line in reader.communicate()[0].splitlines() if len(line.split()) == 2}
    assert len(pairs) > 1, pairs
    assert all(left == right for left, right in pairs), f"a mixture of two states: {pairs}"
    assert (load.failures, load.ok > 100) == ({}, True)
    after = {pod["metadata"]["uid"]: pod for pod in cluster.wait_ready(space, 2)}
    assert after.keys() == {pod["metadata"]["uid"] for pod in pods}
    assert all(pod["status"]["containerStatuses"][0]["restartCount"] == 0 for pod in after.values())


def test_a_pod_waits_for_what_it_is_made_of_and_says_so(cluster: Cluster, space: str) -> None:
    container = {
        "name": "main", "image": "qd-test/web:1", "imagePullPolicy": "IfNotPresent",
        "env": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "late", "key": "password"}}}],
    }  # fmt: skip
    spec = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "late", "namespace": space}, "spec": spec})

    def waiting(message: str) -> bool:
        found = (cluster.get("pod", "late", space)["status"].get("containerStatuses") or [{}])[0]
        state = (found.get("state") or {}).get("waiting") or {}
        return (state.get("reason"), message in state.get("message", "")) == ("CreateContainerConfigError", True)

    cluster.wait(lambda: waiting('secret "late" not found'), "the pod to say what is missing")
    cluster.apply(secret(space, "late", other="x"))
    cluster.wait(lambda: waiting(f"couldn't find key password in Secret {space}/late"), "the pod to name the key")
    cluster.apply(secret(space, "late", password=SECRET))
    cluster.kubectl("wait", "-n", space, "--for=condition=Ready", "pod/late", "--timeout=60s", timeout=90)
    _assert_nowhere(cluster, space)


def _assert_nowhere(cluster: Cluster, space: str) -> None:
    """Neither the value nor its base64 form in events, logs, state on disk or the process list."""
    events = cluster.kubectl("get", "events", "-n", space, "-o", "json")
    logs = cluster.log.read_text() + "".join(host.log("agent") for host in cluster.lab.hosts)
    described = cluster.kubectl("describe", "pods,secrets", "-n", space)
    processes = b"".join(_read(path) for path in Path("/proc").glob("[0-9]*/cmdline")).decode(errors="replace")
    history = cluster.qd("history", "-A", "-o", "json")
    for text in (SECRET, ENCODED):
        for place in (events, logs, described, processes, history):
            assert text not in place
        for folder in (cluster.home, *(host.folder for host in cluster.lab.hosts)):
            found = [path for path in _files(folder) if text.encode() in _read(path)]
            assert found == []


def _files(folder: Path) -> list[Path]:
    """The state of console and agents; what the container engine keeps of a running container is its own."""
    found = []
    for place, folders, names in os.walk(folder):  # which passes over what goes meanwhile
        folders[:] = [name for name in folders if name != "docker"]
        found += [Path(place, name) for name in names]
    return [path for path in found if path.is_file() and not path.is_symlink()]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it has gone meanwhile


def test_an_image_is_pulled_with_the_credentials_of_pod_and_service_account(cluster: Cluster, space: str) -> None:
    host = cluster.lab.hosts[0]
    archive = web_image(cluster.lab.folder / "images")
    known = cluster.lab.folder / "login"  # where the host sees it
    known.write_text(f"deck:{SECRET}")
    words = [sys.executable, str(Path(registry.__file__)), str(archive), str(REGISTRY_PORT), str(known)]
    server = host.spawn("registry", *words)
    place = f"127.0.0.1:{REGISTRY_PORT}"
    try:
        cluster.apply(_pod("anonymous", space, host.name, place))
        events = ["get", "events", "-n", space, "-o", "json"]
        cluster.wait(lambda: "no basic auth credentials" in cluster.kubectl(*events), "the pull to be refused", 60)
        login = {"username": "deck", "password": SECRET}
        cluster.apply(
            _docker(space, "json", "kubernetes.io/dockerconfigjson", ".dockerconfigjson", {"auths": {place: login}}),
            _docker(space, "old", "kubernetes.io/dockercfg", ".dockercfg", {f"http://{place}/v2/": login}),
        )
        cluster.apply(_pod("own", space, host.name, place, "json"))
        cluster.kubectl("wait", "-n", space, "--for=condition=Ready", "pod/own", "--timeout=60s", timeout=90)
        cluster.kubectl("patch", "serviceaccount", "default", "-n", space, "-p",
                        json.dumps({"imagePullSecrets": [{"name": "old"}]}))  # fmt: skip
        cluster.apply(_pod("account", space, host.name, place))
        cluster.kubectl("wait", "-n", space, "--for=condition=Ready", "pod/account", "--timeout=60s", timeout=90)
        _assert_nowhere(cluster, space)
    finally:
        server.terminate()
        server.wait(10)
        known.unlink()
        cluster.docker(host, "rmi", "-f", f"{place}/team/web:1", check=False)


def _pod(name: str, space: str, node: str, registry_place: str, *secrets: str) -> dict[str, Any]:
    container = {"name": "main", "image": f"{registry_place}/team/web:1", "imagePullPolicy": "Always"}
    spec = {
        "terminationGracePeriodSeconds": 1, "nodeSelector": {"kubernetes.io/hostname": node},
        "containers": [container], "imagePullSecrets": [{"name": secret} for secret in secrets],
    }  # fmt: skip
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": space}, "spec": spec}


def _docker(space: str, name: str, kind: str, key: str, content: dict[str, Any]) -> dict[str, Any]:
    return {**secret(space, name, **{key: json.dumps(content)}), "type": kind}
