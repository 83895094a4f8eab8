"""The agent's pod half on a real engine, without control plane and network: objects in, reports out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from common.api.meta import Object
from common.clock import SystemClock
from common.session import Sync
from nodeagent.assignment import Assignment
from nodeagent.confinement import Confinement
from nodeagent.environment import Surroundings
from nodeagent.executor import Surface
from nodeagent.images import Images
from nodeagent.mounts import SystemMounter
from nodeagent.network.base import Attachment
from nodeagent.pods import Pods
from nodeagent.probes import NodeProber
from nodeagent.reports import Reports
from nodeagent.runtime.docker_engine import DockerRuntime
from nodeagent.storage.stager import Stager
from nodeagent.tokens import Tokens
from nodeagent.volumes import Volumes
from tests.integration.engine import IMAGE, TestEngine

NETWORK = "podnet"
SUBNETS = ("10.88.0.0/24", "fd88::/64")
PATIENCE = 60.0  # seconds; a busy machine is slow, a broken one never gets there


async def until(what: str, check: Callable[[], Any], explain: Callable[[], object] = lambda: "") -> Any:
    """Poll until `check` gives something true (or its awaitable does), and return that."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = check()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"waited in vain for {what}: {explain()}"
        await asyncio.sleep(0.05)


class Addresses:
    """Hands out addresses of the test network; there is nothing else to a network here."""

    def __init__(self) -> None:
        self._next = 10
        self._of: dict[str, tuple[str, ...]] = {}

    @property
    def gateways(self) -> tuple[str, ...]:
        return ()

    async def configure(self, node: Object, nodes: Iterable[Object], config: Object) -> None: ...

    def allocate(self, pod_uid: str) -> Attachment:
        if pod_uid not in self._of:
            self._next += 1
            self._of[pod_uid] = (f"10.88.0.{self._next}", f"fd88::{self._next:x}")
        return Attachment(NETWORK, self._of[pod_uid])

    def adopt(self, pod_uid: str, addresses: Iterable[str]) -> None:
        self._of[pod_uid] = tuple(addresses)

    def release(self, pod_uid: str) -> None:
        self._of.pop(pod_uid, None)

    def resolv_conf(self, pod: Object) -> str:
        return ""

    async def sync_services(self, services: Any, slices: Any, unready: frozenset[str], policies: Any) -> None: ...

    async def isolate(self, pod: Any, policies: Any) -> None: ...

    async def established(self, addresses: Iterable[str]) -> int:
        return 0

    async def close(self, *, remove: bool) -> None: ...


class Node:
    """`restart` is what happens when the agent's process is replaced."""

    def __init__(self, engine: TestEngine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.network = Addresses()
        self.generation = 0
        self.events: list[Object] = []
        self.gone: list[str] = []
        self.statuses: dict[str, Object] = {}
        self.make()

    def make(self) -> None:
        self.statuses.clear()  # what follows has to be said anew
        clock = SystemClock()
        self.runtime = DockerRuntime(self.engine.url, cluster="c1")
        self.stager = Stager(self.folder, SystemMounter(), self.runtime)
        self.assignment = Assignment(self.folder)
        self.assignment.load()
        self.reports = Reports()
        self.prober = NodeProber(self.runtime, clock)
        ready = asyncio.Event()
        ready.set()
        surface = Surface(
            clock=clock,
            runtime=self.runtime,
            network=self.network,
            volumes=Volumes(self.folder, SystemMounter(), self.stager.staged),
            storage=self.stager,
            prober=self.prober,
            lookup=self.assignment,
            images=Images(self.runtime, self.assignment, clock),
            around=lambda: Surroundings("n1", ("192.0.2.1",), (), {"cpu": "2", "memory": "1Gi"}),
            domain=lambda: "cluster.local",
            network_ready=ready,
            tokens=Tokens(clock, None, lambda: None),
            confinement=Confinement(seccomp=self.folder / "seccomp"),
        )
        self.pods = Pods(surface, self.assignment, self.reports, node=dict, changed=lambda: None)

    async def start(self) -> None:
        self.pods.start()

    async def stop(self) -> None:
        await self.assignment.save()
        await self.pods.close()
        await self.prober.close()
        await self.stager.close()
        await self.runtime.close()

    async def restart(self) -> None:
        self.drain()
        await self.stop()
        self.make()
        await self.start()

    async def end(self) -> None:
        """Take every pod away, then stop."""
        await until("a look at the engine", lambda: not self.pods.engine_error)
        self.sync(full=True)
        await until("the node to be empty", lambda: not self.pods.all(), self.stories)
        await self.stop()

    def sync(self, *, full: bool = False, **objects: list[Object]) -> None:
        self.generation += 1
        self.assignment.apply(Sync(self.generation, full=full, objects=objects))

    def drain(self) -> None:
        """Take what was reported."""
        while (report := self.reports.take()) is not None:
            self.events += report.events
            self.gone += report.gone
            self.statuses.update({entry["name"]: entry["status"] for entry in report.pods})
            self.reports.ack(report.seq)

    def status(self, name: str) -> Object:
        self.drain()
        return self.statuses.get(name, {})

    def reasons(self, name: str) -> list[str]:
        self.drain()
        return [event["reason"] for event in self.events if event["involvedObject"]["name"] == name]

    def stories(self) -> str:
        return "\n".join(line for runner in self.pods.all() for line in runner.machine.story()[-20:])

    async def wait_phase(self, name: str, phase: str) -> Object:
        status: Object = await until(
            f"{name} to be {phase}",
            lambda: self.status(name).get("phase") == phase and self.status(name),
            self.stories,
        )
        return status

    async def wait_ready(self, name: str) -> Object:
        def ready() -> Object | None:
            status = self.status(name)
            conditions = {item["type"]: item["status"] for item in status.get("conditions", ())}
            return status if conditions.get("Ready") == "True" else None

        status: Object = await until(f"{name} to be ready", ready, self.stories)
        return status

    def delete(self, pod: Object, grace: float = 5) -> None:
        marks = {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": grace}
        self.sync(pods=[{**pod, "metadata": {**pod["metadata"], **marks}}])
        self.assignment.release([pod["metadata"]["uid"]])

    async def wait_gone(self, pod: Object) -> None:
        def gone() -> bool:
            self.drain()
            return pod["metadata"]["uid"] in self.gone

        await until(f"{pod['metadata']['name']} to be gone", gone, self.stories)

    def containers(self, name: str) -> list[str]:
        """Names of the pod's running containers in the engine, `` for the sandbox."""
        form = '{{.Label "io.quarterdeck.container"}}|'
        found = self.engine.docker("ps", "--filter", f"label=io.quarterdeck.pod.name={name}", "--format", form)
        return sorted(line.rstrip("|") for line in found.splitlines())

    async def log(self, container_id: str) -> str:
        text = b""
        stream = self.runtime.logs(
            container_id.removeprefix("docker://"), follow=False, tail=None, since=None, timestamps=False
        )
        async for chunk in stream:
            text += chunk
        return text.decode()


def pod(name: str, *containers: Object, **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}", "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 5,
            "enableServiceLinks": False,
            "containers": list(containers),
            **spec,
        },
    }


def script(text: str, name: str = "main", **more: Any) -> Object:
    return {"name": name, "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", text], **more}


SERVE = "trap 'exit 0' TERM; while true; do sleep 0.1; done"
"""A process that runs until it is asked to end, and then does at once."""
