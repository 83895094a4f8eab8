"""`make screenshots`: a cluster of three hosts with something to show, and the console's screens drawn from it.

Everything in the pictures runs: the hosts are the lab's, the containers real, the faults made as they happen (an image
that is not there, a program that crashes, a pod that asks for more than any host has, a rollout under way).
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from common.settings import Home
from tests.e2e import manifests
from tests.e2e.cluster import READY_SECONDS, Cluster
from tests.lab import Lab
from tests.lab.images import web_image
from tests.tui.screenshots import FOLDER, SCREENS, SIZES, draw

PORT = 16444
WORKLOADS = {
    ("shop", "web"): 4,
    ("shop", "checkout"): 2,
    ("shop", "ledger"): 3,
    ("home", "dashboard"): 1,
    ("home", "notes"): 2,
}
IMAGES = tuple(f"{name}:{version}" for _, name in WORKLOADS for version in ("1.4", "1.5"))


def main() -> int:
    lab = Lab(Path("/tmp/quarterdeck-gallery"))
    lab.down()
    cluster = Cluster(lab, PORT)
    try:
        _build(cluster)
        _populate(cluster)
        FOLDER.mkdir(exist_ok=True)
        for name in SCREENS:
            for size in SIZES:
                if name == "rollout":
                    _begin_rollout(cluster, f"{size}-{time.monotonic():.0f}")
                print(asyncio.run(draw(Home(cluster.home), "homelab", name, size)), flush=True)
    finally:
        cluster.stop()
        lab.down()
    return 0


def _build(cluster: Cluster) -> None:
    *members, guest = cluster.lab.up(4)
    cluster.start_console()
    archive = web_image(cluster.lab.folder / "images", IMAGES)
    for host in (*members, guest):
        cluster.start_agent(host)
        cluster.docker(host, "load", "-q", "-i", str(archive))
    for host in members:
        cluster.adopt(host)
    for host in members:
        cluster.wait(lambda name=host.name: cluster.node_ready(name), f"{host.name} to be Ready", READY_SECONDS)


def _populate(cluster: Cluster) -> None:
    for space in sorted({space for space, _ in WORKLOADS}):
        cluster.apply(manifests.namespace(space))
    for (space, name), replicas in WORKLOADS.items():
        cluster.apply(manifests.deployment(name, space, replicas, image=f"{name}:1.4"), manifests.service(name, space))
    for (space, name), replicas in WORKLOADS.items():
        cluster.wait_ready(space, replicas, f"app={name}")
    absent = manifests.deployment("mailer", "shop", 1, image="mailer:2.0")
    crashing = manifests.deployment("camera", "home", 1, image="notes:1.4")
    _container(crashing).update(command=["sh", "-c", "echo no camera at /dev/video0; exit 1"], readinessProbe=None)
    greedy = manifests.deployment("transcoder", "shop", 1, image="ledger:1.4")
    _container(greedy)["resources"] = {"requests": {"cpu": "16", "memory": "48Gi"}}
    cluster.apply(absent, crashing, greedy)
    cluster.wait(lambda: "CrashLoopBackOff" in cluster.kubectl("get", "pods", "-n", "home"), "the crash loop", 60)


def _container(deployment: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = deployment["spec"]["template"]["spec"]["containers"][0]
    return container


def _begin_rollout(cluster: Cluster, version: str) -> None:
    """A rollout that takes long enough to be looked at."""
    cluster.kubectl("set", "env", "deployment/web", "-n", "shop", f"VERSION={version}", "START_MS=4000")
    cluster.wait(
        lambda: len(cluster.ready_pods("shop", "app=web")) < len(cluster.list("pods", "shop", "app=web")), "it"
    )


if __name__ == "__main__":
    sys.exit(main())
