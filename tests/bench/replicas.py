"""Scaling and losing a host on three real engines: ours, Docker Swarm and the engines alone, in one run."""

from __future__ import annotations

from pathlib import Path

from tests.bench.engines import Engines
from tests.bench.report import Figure
from tests.bench.swarm import SERVICE, Swarm
from tests.e2e import manifests
from tests.e2e.cluster import Cluster
from tests.lab import Lab

IMAGE = "qd-test/web:1"
MANY = 30
API_PORT = 17443  # beside end-to-end tests
FOLDER = Path("/tmp/qd-bench-replicas")  # its hosts have names of their own: consoles hear those of other labs too
OURS = "io.quarterdeck.container=web"
THEIRS = f"com.docker.swarm.service.name={SERVICE}"


def figures() -> list[Figure]:
    lab = Lab(FOLDER)
    lab.down()
    hosts = lab.up(3)
    engines = Engines(hosts)
    try:
        cluster = Cluster(lab, API_PORT)
        cluster.load_images(*hosts)
        floor = engines.floor(IMAGE, MANY)
        swarm_scale, swarm_loss = _swarm(lab, engines)
        engines.close()
        engines = Engines(lab.hosts)
        scale, loss, control_plane, agent = _ours(lab, cluster, engines)
    finally:
        engines.close()
        lab.down()
    return [
        Figure(f"1 -> {MANY} replicas running", scale, "s", "engines alone", floor),
        Figure(f"1 -> {MANY} replicas running", scale, "s", "Swarm", swarm_scale),
        Figure("host killed -> replicas running elsewhere", loss, "s", "Swarm", swarm_loss),
        Figure(f"control plane, resident memory with {MANY} pods", control_plane, "MiB"),
        Figure("agent, resident memory with 10 pods", agent, "MiB"),
    ]


def _swarm(lab: Lab, engines: Engines) -> tuple[float, float]:
    swarm = Swarm(lab.hosts)
    survivors, lost = [host.name for host in lab.hosts[:-1]], lab.hosts[-1]
    swarm.form()
    try:
        swarm.create(IMAGE, 1)
        engines.seconds_until(lambda: engines.running(THEIRS) == 1)
        swarm.scale(MANY)
        scale = engines.seconds_until(lambda: engines.running(THEIRS) == MANY)
        swarm.scale(6)
        engines.seconds_until(lambda: engines.running(THEIRS) == 6)
        lost.kill()
        loss = engines.seconds_until(lambda: engines.running(THEIRS, survivors) == 6)
    finally:
        lost.boot()
        lost.wait_for_engine()
        swarm.leave()
    return scale, loss


def _ours(lab: Lab, cluster: Cluster, engines: Engines) -> tuple[float, float, float, float]:
    cluster.start_console()
    try:
        for host in lab.hosts:
            cluster.start_agent(host)
        for host in lab.hosts:
            cluster.adopt(host)
        for host in lab.hosts:
            cluster.wait(lambda name=host.name: cluster.node_ready(name), f"{host.name} to be Ready", 60)
        cluster.apply(manifests.deployment("web", "default", 1))
        cluster.wait_ready("default", 1)
        cluster.kubectl("scale", "deployment/web", f"--replicas={MANY}")
        scale = engines.seconds_until(lambda: engines.running(OURS) == MANY)
        control_plane = _resident(lab.folder / "console" / "console" / "console.pid")
        agent = _resident_agent(cluster)
        cluster.kubectl("scale", "deployment/web", "--replicas=6")
        engines.seconds_until(lambda: engines.running(OURS) == 6)
        lab.hosts[-1].kill()
        survivors = [host.name for host in lab.hosts[:-1]]
        loss = engines.seconds_until(lambda: engines.running(OURS, survivors) == 6)
    finally:
        cluster.stop()
    return scale, loss, control_plane, agent


def _resident(pid_file: Path) -> float:
    return _mebibytes(Path(f"/proc/{int(pid_file.read_text().split()[0])}/status").read_text())


def _resident_agent(cluster: Cluster) -> float:
    host = cluster.lab.hosts[0]
    pid = host.run("pgrep", "-o", "-f", "quarterdeck-agent run").strip()
    return _mebibytes(host.run("cat", f"/proc/{pid}/status"))


def _mebibytes(status: str) -> float:
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
