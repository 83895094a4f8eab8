"""What kubelet answers about itself and its pods: `/pods`, `/runningpods/`, `/healthz`, `/configz`.

Programs that look into a node ask these through `nodes/NAME/proxy`. The shapes are kubelet's; what this node has no
word for is left out rather than made up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from common.api import meta
from common.api.meta import Object
from common.settings import AGENT_PORT

from . import stats
from .pods import PodRunner, Pods
from .state.container import Phase

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Inspection:
    """`domain` gives the cluster's domain; `period` is the time between two looks at the node, in seconds."""

    def __init__(self, pods: Pods, limits: stats.Limits, domain: Callable[[], str], period: float) -> None:
        self._pods = pods
        self._limits = limits
        self._domain = domain
        self._period = period

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path and handler of everything here, all for the control plane."""
        return [
            ("GET", "/pods", self.pods),
            ("GET", "/runningpods/", self.running),
            ("GET", "/healthz", self.health),
            ("GET", "/configz", self.configuration),
        ]

    async def pods(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(pod_list(map(_bound, self._pods.all())))

    async def running(self, _request: web.Request) -> web.StreamResponse:
        found = map(_running, self._pods.all())
        return web.json_response(pod_list(pod for pod in found if pod["spec"]["containers"]))

    async def health(self, _request: web.Request) -> web.StreamResponse:
        """Kubelet is sick when it cannot look after its pods, which it cannot without its engine."""
        if not self._pods.engine_error:
            return web.Response(text="ok")
        text = "[+]ping ok\n[-]syncloop failed: reason withheld\nhealthz check failed\n"
        return web.Response(text=text, status=500)

    async def configuration(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"kubeletconfig": configuration(self._limits, self._domain(), self._period)})


def pod_list(items: Iterable[Object]) -> Object:
    return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [*items]}


def configuration(limits: stats.Limits, domain: str, period: float) -> Object:
    """What of a KubeletConfiguration this agent goes by."""
    return {
        "kind": "KubeletConfiguration",
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "port": AGENT_PORT,
        "clusterDomain": domain,
        "maxPods": limits.max_pods,
        "nodeStatusUpdateFrequency": f"{period:g}s",
        "evictionHard": {
            "memory.available": f"{stats.MEMORY_PRESSURE // 1024**2}Mi",
            "nodefs.available": f"{stats.DISK_PRESSURE:.0%}",
        },
        "seccompDefault": True,
        "systemReserved": {"memory": f"{stats.SYSTEM_RESERVED // 1024**2}Mi"},
    }


def _bound(runner: PodRunner) -> Object:
    """The pod as it was told, with what the node has to say of it."""
    pod = {field: value for field, value in runner.machine.pod.items() if field not in {"kind", "apiVersion"}}
    return {**pod, "status": runner.machine.state.reported or pod.get("status") or {}}


def _running(runner: PodRunner) -> Object:
    """The pod as the engine has it: its running containers."""
    pod = runner.machine.pod
    tracks = (track for track in runner.machine.state.containers.values() if track.phase is Phase.RUNNING)
    containers = [{"name": track.name, "image": track.image_id, "resources": {}} for track in tracks]
    identity = {"name": meta.name(pod), "namespace": meta.namespace(pod), "uid": meta.uid(pod)}
    return {"metadata": {**identity, "creationTimestamp": None}, "spec": {"containers": containers}, "status": {}}
