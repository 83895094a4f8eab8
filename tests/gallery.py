"""`make screenshots`: a cluster of three hosts with something to show, and the console's screens drawn from it.

Everything in the pictures runs: the hosts are the lab's, the containers real, the faults made as they happen, the
requests sent, a rollout under way.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.settings import Home
from tests import scenery
from tests.e2e.cluster import READY_SECONDS, Cluster
from tests.e2e.load import Load
from tests.lab import Lab
from tests.lab.images import web_image
from tests.tui.screenshots import FOLDER, MAIN, SCREENS, draw

REQUESTS = 60.0  # a second, to the Ingress
MEASURED_SECONDS = 120.0  # before the pictures, so that charts have something to show


def main() -> int:
    lab = Lab(Path("/tmp/quarterdeck-gallery"))
    lab.down()
    cluster = Cluster(lab, lab.port)
    try:
        build(cluster)
        with busy(cluster):
            time.sleep(MEASURED_SECONDS)
            take_all(cluster)
    finally:
        cluster.stop()
        lab.down()
    return 0


def build(cluster: Cluster) -> None:
    """Three nodes and a host that waits to be adopted, and all that runs on them."""
    *members, guest = cluster.lab.up(4)
    cluster.start_console()
    archive = web_image(cluster.lab.folder / "images", scenery.images())
    for host in (*members, guest):
        cluster.start_agent(host)
        cluster.docker(host, "load", "-q", "-i", str(archive))
    for host in members:
        cluster.adopt(host)
    for host in members:
        cluster.wait(lambda name=host.name: cluster.node_ready(name), f"{host.name} to be Ready", READY_SECONDS)
    cluster.apply(*scenery.steady())
    cluster.apply(*scenery.traffic(cluster.lab.folder), *scenery.data_and_batch())
    for (space, name), replicas in scenery.WORKLOADS.items():
        cluster.wait_ready(space, replicas, f"app={name}")
    cluster.wait_ready("shop", 3, "app=orders-db")
    cluster.apply(*scenery.faults())
    cluster.kubectl("scale", "deployment/notes", "-n", "home", "--replicas=3")
    cluster.kubectl("scale", "deployment/notes", "-n", "home", "--replicas=2")
    cluster.qd("lb", "weight", cluster.ready_pods("shop", "app=ledger")[0]["metadata"]["name"], "40", "-n", "shop")
    cluster.wait(lambda: "CrashLoopBackOff" in cluster.kubectl("get", "pods", "-n", "home"), "the crash loop", 60)


@contextmanager
def busy(cluster: Cluster) -> Iterator[None]:
    """Requests through the Ingresses, and to a Service that an autoscaler looks after."""
    addresses = [(host.address, 80) for host in cluster.lab.hosts[:3]]
    load = Load(addresses, REQUESTS, host="shop.example")
    load.start()
    try:
        yield
    finally:
        load.stop()


def take_all(cluster: Cluster) -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in SCREENS:
        for size in ("120x36", *(("80x24",) if name in MAIN else ())):
            if name == "rollout":
                _begin_rollout(cluster, f"{size}-{time.monotonic():.0f}")
            print(asyncio.run(draw(Home(cluster.home), "homelab", name, size)), flush=True)


def _begin_rollout(cluster: Cluster, version: str) -> None:
    """A rollout half done, whose other half takes longer than a picture on a busy machine."""
    cluster.kubectl("set", "env", "deployment/web", "-n", "shop", f"VERSION={version}", "START_MS=45000")

    def half_done() -> bool:
        web = cluster.get("deployments", "web", "shop")
        status = web["status"]
        seen = status["observedGeneration"] == web["metadata"]["generation"]
        return bool(seen and 2 < status.get("updatedReplicas", 0) < status["replicas"])

    cluster.wait(half_done, "a rollout half done")


if __name__ == "__main__":
    sys.exit(main())
