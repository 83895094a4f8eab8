"""Commands, files, ports and logs of real containers: through kubectl and our own command line, and what happens when
a pod, its agent or the reader goes in the middle."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e import manifests, tutorials
from tests.e2e.cluster import BIN, Cluster
from tests.e2e.terminal import Terminal
from tests.lab.host import Host

MIB = 1024 * 1024
BIG = 200 * MIB
MOST_GROWTH = 64 * MIB  # of the control plane's memory while BIG goes through it


def sleeper(space: str, command: str, node: str = "", **container: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "terminationGracePeriodSeconds": 1,
        "restartPolicy": "Always",
        "containers": [{"name": "main", "image": "qd-test/web:1", "imagePullPolicy": "IfNotPresent",
                        "command": ["sh", "-c", command], **container}],
    }  # fmt: skip
    if node:
        spec["nodeName"] = node
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "box", "namespace": space}, "spec": spec}


def run_box(cluster: Cluster, space: str, command: str = "sleep 1000", node: str = "", **container: Any) -> None:
    cluster.apply(sleeper(space, command, node, **container))
    cluster.kubectl("wait", "-n", space, "--for=condition=Ready", "pod/box", "--timeout=60s", timeout=90)


def resident(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) * 1024


@contextmanager
def forwarding(cluster: Cluster, space: str, *words: str) -> Iterator[int]:
    """`quarterdeck port-forward`; the port that it took."""
    process = subprocess.Popen(
        [str(BIN / "quarterdeck"), "port-forward", "-n", space, *words], env=cluster.environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        # A shell starts what runs in its background with SIGINT ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield int(re.findall(r"127\.0\.0\.1:(\d+) ->", process.stdout.readline())[0])
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def fetch(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        return str(answer.read().decode().split()[0])


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_the_tutorial_of_streams(cluster: Cluster, space: str, tmp_path: Path) -> None:
    tutorials.follow(cluster, space, "streams", tmp_path, {"PORT": str(free_port())})


def test_a_forward_follows_its_service_when_the_pod_goes(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 2), manifests.service("web", space))
    cluster.wait_ready(space, 2)
    with forwarding(cluster, space, "svc/web", ":80") as port:
        first = fetch(port)
        assert fetch(port) == first
        cluster.kubectl("delete", "pod", first, "-n", space, "--wait=false")
        cluster.wait(lambda: fetch(port) != first, "the forward to lead to another pod")


def test_large_copies_keep_the_control_plane_small_and_come_back_whole(
    cluster: Cluster, space: str, tmp_path: Path
) -> None:
    run_box(cluster, space)
    big, back = tmp_path / "big", tmp_path / "back"
    with big.open("wb") as file:
        for index in range(BIG // MIB):
            file.write(index.to_bytes(4, "big") * (MIB // 4))
    console = cluster.console_pid
    before = resident(console)
    cluster.qd("cp", "-n", space, str(big), "box:/tmp/big", timeout=240)
    cluster.qd("cp", "-n", space, "box:/tmp/big", str(back), timeout=240)
    assert resident(console) - before < MOST_GROWTH
    assert subprocess.run(["cmp", str(big), str(back)], check=False).returncode == 0


def test_an_agent_that_goes_in_the_middle_ends_the_command_with_a_reason(cluster: Cluster, space: str) -> None:
    host: Host = cluster.lab.hosts[-1]
    run_box(cluster, space, node=host.name)
    process = subprocess.Popen(
        ["kubectl", "exec", "-n", space, "box", "--", "sh", "-c", "echo begun; sleep 100"], env=cluster.environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    cluster.kill_agent(host)
    _, told = process.communicate(timeout=60)
    cluster.start_agent(host)
    cluster.wait(lambda: cluster.node_ready(host.name), f"{host.name} to be Ready again")
    assert process.returncode == 1
    assert f"the connection to the agent of node {host.name} was cut before the command ended" in told


def test_logs_of_the_run_before_by_time_and_by_size(cluster: Cluster, space: str) -> None:
    cluster.apply(sleeper(space, "echo first line; echo second line; exit 3"))

    def state() -> dict[str, Any]:
        return dict((cluster.get("pod", "box", space)["status"].get("containerStatuses") or [{}])[0])

    # While it is held back the run before stays the same one.
    cluster.wait(lambda: state().get("state", {}).get("waiting", {}).get("reason") == "CrashLoopBackOff"
                 and state()["restartCount"] >= 1, "to be held back", explain=lambda: str(state()))  # fmt: skip
    words = ["logs", "-n", space, "box"]
    assert cluster.kubectl(*words, "--previous", "--tail=1") == "second line\n"
    assert cluster.kubectl(*words, "--previous", "--limit-bytes=5") == "first"
    assert cluster.kubectl(*words, "--previous", "--since-time=2100-01-01T00:00:00Z") == ""
    assert re.match(r"\d{4}-\d\d-\d\dT\S+ first line\n", cluster.qd(*words, "-p", "--timestamps"))


def test_attach_joins_the_main_process(cluster: Cluster, space: str) -> None:
    run_box(cluster, space, command="while read line; do echo got $line; done", stdin=True, stdinOnce=True)
    assert "got this" in cluster.qd("attach", "-n", space, "-i", "box", stdin="this\n", timeout=60)


def test_a_debugger_joins_a_running_pod_and_sees_its_processes(cluster: Cluster, space: str, tmp_path: Path) -> None:
    run_box(cluster, space)
    look = "echo saw $(ps | grep -c '[s]leep 1000')"
    told = cluster.qd(
        "debug", "-n", space, "-i", "--image", "qd-test/web:1", "box", "--", "sh", stdin=f"{look}; exit\n", timeout=120
    )  # fmt: skip
    assert "saw 1" in told
    with Terminal(tmp_path, str(BIN / "quarterdeck"), cluster.environment) as terminal:
        terminal.shows("Pods · all")
        terminal.type(f":po {space}")
        terminal.press("Enter")
        terminal.shows(rf"Pods · {space}", r"^▌ box +1/1")
        terminal.press("D")
        terminal.shows("Debug with which image")
        terminal.press("C-u")
        terminal.type("qd-test/web:1")
        terminal.press("Enter")
        terminal.shows("enter brings its prompt", seconds=90)
        terminal.press("Enter")
        terminal.shows("#")
        terminal.type(look)
        terminal.press("Enter")
        terminal.shows("^saw 1")
        terminal.press("C-d")
        terminal.shows(r"^▌ box +1/1 +● Running")
    audit = ("audit", "pods/ephemeralcontainers/box", "-n", space, "--verb", "patch", "-o", "json")
    cluster.wait(lambda: len(cluster.qd(*audit).splitlines()) == 2, "both debuggers in the audit log")
