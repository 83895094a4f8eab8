"""The main journeys by keys alone: the real console in a terminal of 80x24, on real hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import manifests
from tests.e2e.cluster import BIN, Cluster
from tests.e2e.terminal import Terminal
from tests.lab.host import REPOSITORY

DEFINITION = REPOSITORY / "docs" / "examples" / "operator"
IMAGE = "qd-test/web"


def hungry(space: str) -> dict[str, Any]:
    """A Deployment whose pod no host has room for."""
    made = manifests.deployment("hungry", space, 1)
    made["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "900"}}
    return made


def autoscaler(space: str) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "idle"}
    goal = {"type": "Utilization", "averageUtilization": 70}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": goal}}]
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3, "metrics": metrics}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "idle", "namespace": space}, "spec": spec}  # fmt: skip


def cronjob(space: str) -> dict[str, Any]:
    """Due once a year."""
    container = {"name": "work", "image": f"{IMAGE}:1", "imagePullPolicy": "IfNotPresent", "command": ["true"]}
    pod = {"restartPolicy": "Never", "containers": [container]}
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "yearly", "namespace": space},
            "spec": spec}  # fmt: skip


@pytest.fixture
def crowd(cluster: Cluster, space: str) -> Iterator[str]:
    """The namespace, with something of each sort in it."""
    cluster.apply(
        manifests.deployment("web", space, 2), manifests.service("web", space), manifests.deployment("idle", space, 1),
        hungry(space), autoscaler(space), cronjob(space),
    )  # fmt: skip
    cluster.kubectl("apply", "-f", str(DEFINITION / "crd.yaml"))
    cluster.kubectl("wait", "--for=condition=established", "crd/websites.examples.quarterdeck.io")
    cluster.kubectl("apply", "-n", space, "-f", str(DEFINITION / "website.yaml"))
    cluster.wait_ready(space, 3)
    yield space
    cluster.kubectl("delete", "crd/websites.examples.quarterdeck.io", "--ignore-not-found", "--timeout=30s")


class Hands:
    """What fingers do."""

    def __init__(self, terminal: Terminal, space: str) -> None:
        self.press, self.type, self.shows, self.moves_to = (
            terminal.press, terminal.type, terminal.shows, terminal.moves_to
        )  # fmt: skip
        self.space = space

    def go(self, words: str, title: str, *expected: str) -> None:
        """`:` and a page, which is there when its title is: the rest may stand on the page before as well."""
        self.type(f":{words}")
        self.press("Enter")
        self.shows(f"^─{title}", *expected)

    def web(self) -> None:
        """To the Deployment web, the last of three."""
        self.go(f"deploy {self.space}", f"Deployments · {self.space} · 3─", r"^. +web ")
        self.press("G")
        self.shows(r"^▌ +web ")


def test_the_journeys(cluster: Cluster, crowd: str, tmp_path: Path) -> None:
    with Terminal(tmp_path, str(BIN / "quarterdeck"), cluster.environment) as terminal:
        terminal.shows("Pods · all", r"\d/\d nodes", "● Running")
        hands = Hands(terminal, crowd)
        for journey in (look, scale, roll_out_and_back, why, trigger, tables, topology_and_fit, balance, pulses,
                        delete_and_undo, timeline, doctor, leave):  # fmt: skip
            journey(hands)
        cluster.wait(lambda: not terminal.alive(), "the console to end")


def look(hands: Hands) -> None:
    """At a pod, in words and as YAML."""
    hands.go(f"pods {hands.space}", f"Pods · {hands.space}")
    hands.type("/web-")
    hands.press("Enter")
    hands.shows(f"^─Pods · {hands.space} · 2 of .* · /web-─", "^▌ web-")
    hands.press("d")
    hands.shows("^─Pod .*web-", "Containers?")
    hands.press("Escape")
    hands.shows(f"^─Pods · {hands.space}", "^▌ web-")
    hands.press("y")
    hands.shows("apiVersion: v1", "kind: Pod")
    hands.press("Escape")
    hands.shows(f"^─Pods · {hands.space}")


def scale(hands: Hands) -> None:
    hands.web()
    hands.press("+")
    hands.shows(r"web +3/3 ")
    hands.press("s")
    hands.shows("╭─ Scale ─", "3 wanted")
    hands.press("BSpace", "2", "Enter")
    hands.shows(r"web +2/2 ")


def roll_out_and_back(hands: Hands) -> None:
    hands.press("i")
    hands.shows("╭─ Set image ─", f"Container web runs {IMAGE}:1")
    hands.press("BSpace", "2", "Enter")
    hands.shows("rolls out")
    hands.press("v")
    hands.shows(f"Image +{IMAGE}:2", "● Complete", "New ready .* 2 of 2")
    hands.press("C-l")
    hands.shows("╭─ Roll back ─", rf"▌ +\d+ +{IMAGE}:1")
    hands.press("Enter")
    hands.shows(f"Image +{IMAGE}:1", "● Complete", "New ready .* 2 of 2")
    hands.press("Escape")
    hands.shows("^─Deployments")


def why(hands: Hands) -> None:
    hands.go(f"pods {hands.space}", f"Pods · {hands.space}", "hungry-.* Pending")
    hands.type("/hungry")
    hands.press("Enter")
    hands.shows("^▌ hungry-")
    hands.press("W")
    hands.shows("fits 0 of", "refused", "Insufficient cpu")
    hands.press("Escape")
    hands.shows("^─Pods")


def trigger(hands: Hands) -> None:
    hands.go(f"cj {hands.space}", "CronJobs", r"^▌ yearly")
    hands.press("t")
    hands.shows("╭─ Run now ─", r"▌\[ Cancel \]")
    hands.press("Tab", "Enter")
    hands.shows("started: .*yearly")
    hands.press("Enter")
    hands.shows("^─Jobs", r"yearly-\S+ +1/1 +✔ Complete")


def tables(hands: Hands) -> None:
    """Autoscalers, and a kind that somebody defined."""
    hands.go(f"hpa {hands.space}", "HorizontalPodAutoscalers", r"^▌ idle .*Deployment/idle", "70%")
    hands.go(f"websites {hands.space}", "Websites", r"^▌ garden ")


def topology_and_fit(hands: Hands) -> None:
    hands.go("topo", "Topology · 3 nodes", "cpu .*%", "pods? waits? for a node")
    hands.go(f"fit {IMAGE}:1 cpu=50m mem=16Mi x3", "Nodes", "3 of 3|all 3")


def balance(hands: Hands) -> None:
    """Drain an endpoint and let it have its part again."""
    hands.go(f"lb {hands.space}", "Endpoints", "Proxies", r"^▌ web +\S+:8080 +● ready")
    hands.press("r")
    hands.shows(r"web .*▲ drained .* 0%", r"web .*● ready .*100%")
    hands.press("r")
    hands.shows(r"web .*● ready .* 50%")


def pulses(hands: Hands) -> None:
    hands.go("pulses", "Pulses", "KIND +OK +FAULT", "pods", "CPU .* of ")
    hands.press("Escape")
    hands.shows("^─Websites")


def delete_and_undo(hands: Hands) -> None:
    hands.web()
    hands.press("C-d")
    hands.shows("╭─ Delete deployment ─", r"▌\[ Cancel \]")
    hands.press("Tab", "Enter")
    hands.shows("deleted: web")
    hands.go("history", "Changes", "^▌.*delete.*deployment/web")
    hands.press("U")
    hands.shows("It is created again", r"▌\[ Cancel \]")
    hands.press("Tab", "Enter")
    hands.shows("undone")
    hands.go(f"deploy {hands.space}", "Deployments", r"web +2/2 ")


def timeline(hands: Hands) -> None:
    hands.go(f"timeline {hands.space}", "Timeline · [1-9]", "web")
    hands.press("n")
    hands.shows("FailedScheduling|delete|Unhealthy|BackOff")


def doctor(hands: Hands) -> None:
    """From the finding to the pod."""
    hands.go("doctor", "Doctor", "Found", "Unschedulable .*pod/hungry")
    hands.moves_to("pod/hungry")
    hands.shows("^▌.*hungry", "W tells what speaks against each node")
    hands.press("Enter")
    hands.shows("^─Pods of hungry.* · 1", "^▌ hungry.*Pending")


def leave(hands: Hands) -> None:
    hands.press("?")
    hands.shows("Keys: pods", "describe")
    hands.press("Escape")
    hands.shows("^▌ hungry")
    hands.press("C-q")
