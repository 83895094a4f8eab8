"""An agent without engine: the real connections of a node, and pods that run because they are said to."""

from __future__ import annotations

from pathlib import Path

from common.api.meta import Object, is_deleting, metadata, name, namespace, uid
from common.clock import Clock
from common.session import Usage
from nodeagent.assignment import Assignment, Change
from nodeagent.reports import Reports
from nodeagent.session import Facts, SessionService, Settings
from nodeagent.tokens import Tokens

READY = {"type": "Ready", "status": "True", "reason": "AgentReady", "message": "the agent is ready"}


class SimulatedAgent:
    """`prompt` False makes its tables stand still: it never says that they reflect anything. `message` goes into the
    status of its pods from their next report on."""

    def __init__(self, host: str, clock: Clock, folder: Path | None = None, *, port: int = 0) -> None:
        self.host = host
        self._clock = clock
        self.codes: list[str] = []
        self.prompt = True
        self.message = ""
        self.released: list[str] = []
        self.unready_changes = 0
        self.assignment = Assignment(None)
        self.reports = Reports()
        self.tokens = Tokens(clock, None, lambda: None)
        self.service = SessionService(
            Settings("test", folder, port=port, addresses=["127.0.0.1"], tunnel_port=0, advertise=False),
            clock,
            self.assignment,
            self.reports,
            self.tokens,
            facts=lambda: Facts(host, "hollow", "amd64", 4, 8 << 30),
            info=lambda: {"status": self.node_status(), "labels": {"kubernetes.io/hostname": host}},
            show_code=self.codes.append,
            usage=self._usage,
            unready_changed=self._unready_changed,
        )
        self.assignment.listen(self._changed)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.service.server.port}"

    async def start(self) -> None:
        await self.service.start()

    async def close(self) -> None:
        await self.service.close()

    def report(self) -> None:
        """Say the status of all pods."""
        self._changed(Change())

    def pods(self) -> list[str]:
        return sorted(name(pod) for pod in self.assignment.objects("pods"))

    def node_status(self) -> Object:
        figures = {"cpu": "4", "memory": "8Gi", "pods": "110"}
        return {
            "capacity": figures,
            "allocatable": figures,
            "conditions": [READY],
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        }

    async def _usage(self) -> Usage:
        """Half a core for the node and a tenth for each pod, since the clock began."""
        seconds = self._clock.monotonic()
        pods = [
            {
                "namespace": namespace(pod),
                "name": name(pod),
                "uid": uid(pod),
                "containers": [{"name": "main", "started": "", "cpu": int(seconds * 1e8), "memory": 64 << 20}],
            }
            for pod in self.assignment.objects("pods")
        ]
        return Usage(float(seconds), {"cpu": int(seconds * 5e8), "memory": 1 << 30}, pods)

    def _unready_changed(self) -> None:
        self.unready_changes += 1

    def _changed(self, change: Change) -> None:
        self.released += change.released
        for pod in self.assignment.objects("pods"):
            if is_deleting(pod) and uid(pod) in self.released:
                self.reports.gone(uid(pod))
            else:
                self.reports.pod(namespace(pod), name(pod), uid(pod), self.status(pod))
        if self.prompt:
            self.assignment.mark_applied(self.assignment.version)

    def status(self, pod: Object) -> Object:
        address = f"10.42.0.{int(uid(pod).replace('-', '')[:4], 16) % 250 + 2}"
        conditions = [{"type": kind, "status": "True"} for kind in ("Initialized", "ContainersReady", "Ready")]
        container = {"name": "main", "ready": True, "started": True, "restartCount": 0, "image": "hello:1"}
        started = metadata(pod).get("creationTimestamp", "")
        return {
            "phase": "Running",
            "message": self.message,
            "podIP": address,
            "podIPs": [{"ip": address}],
            "startTime": started,
            "conditions": conditions,
            "containerStatuses": [{**container, "state": {"running": {"startedAt": started}}}],
        }
