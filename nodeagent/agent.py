"""The wiring of one agent: assignment and reports, pods, network, node status, and the session with the world.

Stopping an agent stops none of its containers; starting one restarts none. Without a control plane it goes on with
what it was last told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from common.aio import Tasks
from common.api import ingressnode, meta
from common.api.meta import Object, format_time
from common.api.policypeers import PEERS
from common.build import architecture
from common.clock import Clock
from common.session import Usage
from common.settings import CLUSTER_DOMAIN, ClusterConfig

from . import eviction, node_status, stats, summary
from .assignment import Assignment, Change
from .confinement import Confinement
from .environment import Surroundings
from .executor import Surface
from .fencing import Fencing
from .handlers import Handlers
from .hostshell import HostShells
from .images import Images
from .inspection import Inspection
from .network.base import Network, Policies
from .node_status import Health, NodeFacts
from .pods import Pods
from .probes import Prober
from .proxy.base import Proxy
from .proxy.plan import Inputs
from .reports import Reports
from .runtime.base import ImageInfo, Runtime, RuntimeFailure
from .session.server import Role
from .session.service import Facts, SessionService, Settings
from .state.fence import LOOK_SECONDS
from .storage.routes import VolumeRoutes
from .storage.stager import Stager
from .storage.watch import Fleet, VolumeWatch, summary_of
from .tokens import Tokens
from .usage import Meter, Sampler, memory_uses
from .volumes import Volumes

log = logging.getLogger(__name__)
VERSION = "0.1.0"
STATUS_SECONDS = 10.0  # between two looks at the machine, as kubelet's nodeStatusUpdateFrequency
RETRY_MIN, RETRY_MAX = 0.5, 2.0  # seconds, for the network: what is in the way mostly goes by itself


# What Service tables and the proxy are made of.
_POLICIES = frozenset({"networkpolicies", PEERS})
_TABLES = _POLICIES | {"services", "endpointslices", "ingresses", "ingressclasses", "secrets", "nodes", "cluster"}
_POLICED = frozenset({"pods", "namespaces"})  # what NetworkPolicies are about, and only they


@dataclass(frozen=True, slots=True)
class Options:
    """`addresses` gives the host's own addresses. `name` is what the host is called until a cluster names the node."""

    session: Settings
    name: str
    limits: stats.Limits
    addresses: Callable[[], tuple[str, ...]]
    show_code: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """What differs between a real node and a simulated one. `set_cluster` tells the runtime whose labels to use."""

    runtime: Runtime
    network: Network
    proxy: Proxy
    volumes: Volumes | None
    prober: Prober
    meter: Meter
    set_cluster: Callable[[str], None]
    labels: Mapping[str, str] = field(default_factory=dict)  # that the Node gets besides the usual ones
    storage: Stager | None = None  # there when `volumes` is
    confinement: Confinement = field(default_factory=Confinement)


class Agent:
    def __init__(self, options: Options, parts: Parts, clock: Clock) -> None:
        """Blocks for reading the agent's files."""
        self._options = options
        self._parts = parts
        self._clock = clock
        self._tasks = Tasks("agent")
        self._sampler = Sampler(parts.meter, clock)
        self._machine = stats.measure(options.session.folder or Path("/"), options.limits)
        self._images: list[ImageInfo] = []
        self._network_ready = asyncio.Event()
        self._network_due = asyncio.Event()
        self._tables_due = asyncio.Event()
        self._tables_stale = True
        self._unready: frozenset[str] = frozenset()
        self._status_due = asyncio.Event()
        self.assignment = Assignment(options.session.folder)
        self.assignment.load()
        # The network of a node that starts again is taken to be as it was until something fails: one that called
        # itself not ready for the seconds that looking takes would lose its running pods.
        self._health = Health(network_error="") if self._node() else Health()
        parts.set_cluster(self.assignment.cluster_uid)
        parts.proxy.changed = self._status_due.set
        self.assignment.listen(self._assignment_changed)
        self.reports = Reports()
        self.tokens = Tokens(clock, options.session.folder, lambda: self.pods.refresh_volumes())
        self.pods = Pods(
            self._surface(),
            self.assignment,
            self.reports,
            node=self._with_room,
            changed=self._pods_changed,
            holds=self._holds,
        )
        self.service = SessionService(
            options.session,
            clock,
            self.assignment,
            self.reports,
            self.tokens,
            facts=self._facts,
            info=self._info,
            usage=self._usage,
            show_code=options.show_code,
            unready_changed=self._unready_changed,
        )
        self._fencing = Fencing(
            clock, self.pods, lambda: self.service.session.silence, lambda: self.service.peers.silences(LOOK_SECONDS)
        )
        self._volumes = self._volume_watch()
        handlers = Handlers(self.pods, parts.runtime, self.assignment, self._summary)
        inspection = Inspection(self.pods, options.limits, self._domain, STATUS_SECONDS)
        for method, path, handler in (*handlers.routes(), *inspection.routes()):
            self.service.server.add_route(method, path, handler, Role.CONTROLPLANE)
        shells = HostShells(None if parts.volumes is None else options.session.folder, clock)
        self.service.server.add_route("GET", "/shell", shells.shell, Role.CONTROLPLANE)

    def _surface(self) -> Surface:
        parts = self._parts
        return Surface(
            clock=self._clock,
            runtime=parts.runtime,
            network=parts.network,
            volumes=parts.volumes,
            storage=parts.storage,
            prober=parts.prober,
            lookup=self.assignment,
            images=Images(parts.runtime, self.assignment, self._clock),
            around=self._around,
            domain=self._domain,
            network_ready=self._network_ready,
            tokens=self.tokens,
            policies=self._policies,
            confinement=parts.confinement,
        )

    def _volume_watch(self) -> VolumeWatch | None:
        storage, volumes = self._parts.storage, self._parts.volumes
        routes = VolumeRoutes(storage)
        self.service.server.add_route("POST", "/volumes/reclaim", routes.reclaim, Role.CONTROLPLANE)
        if storage is None or volumes is None:
            return None
        fleet = Fleet(self.pods.with_volumes, volumes.pod_folder, self.pods.say_of, self.pods.evict)
        return VolumeWatch(storage, self._clock, fleet)

    async def start(self) -> None:
        """Look at the engine, then listen. OSError names a port that is taken."""
        await self._ask_engine()
        self._update_status()
        await self.service.start()
        self.pods.start()
        self._fencing.start()
        if self._volumes is not None:
            self._volumes.start()
        self._tasks.start("assignment", self.assignment.keep_saved())
        if self._parts.volumes is not None:
            self._tasks.start("tokens", self.tokens.keep_fresh(lambda: self.assignment.objects("pods")))
            self._tasks.start("save-tokens", self.tokens.keep_saved())
        self._tasks.start("network", self._keep_network())
        self._tasks.start("tables", self._keep_tables())
        self._tasks.start("status", self._keep_status())
        self._network_due.set()

    async def close(self) -> None:
        """Stop; containers, networks and tables stay as they are."""
        await self.service.close()
        await self._tasks.close()
        await self._fencing.close()
        if self._volumes is not None:
            await self._volumes.close()
        await self.pods.close()
        await self.assignment.save()
        await self._parts.proxy.close(remove=False)
        await self._parts.network.close(remove=False)
        await self._parts.prober.close()
        if self._parts.storage is not None:
            await self._parts.storage.close()
        await self._parts.runtime.close()

    # What the others ask

    @property
    def _name(self) -> str:
        """As the cluster calls this node; before it is one, as the host calls itself."""
        return self.assignment.node_name or self._options.name

    def _node(self) -> Object:
        return self.assignment.find("nodes", "", self.assignment.node_name) or {}

    def _with_room(self) -> Object:
        """The Node with what it can give, which the control plane does not tell back."""
        node = self._node()
        allocatable = stats.allocatable(self._machine, self._options.limits)
        return {**node, "status": {**(node.get("status") or {}), "allocatable": allocatable}}

    def _domain(self) -> str:
        return str(self.assignment.config.get("cluster_domain") or CLUSTER_DOMAIN)

    def _holds(self, pod: Object) -> bool:
        return self._fencing.holds(pod)

    def _around(self) -> Surroundings:
        allocatable = stats.allocatable(self._machine, self._options.limits)
        return Surroundings(self._name, stats.host_ips(self._addresses()), (), allocatable)

    def _addresses(self) -> tuple[str, ...]:
        return stats.reachable(self._options.addresses(), self.assignment.config.get("pod_cidrs") or ())

    def _facts(self) -> Facts:
        version = self._health.engine_version
        return Facts(
            name=self._options.name,
            engine=f"docker {version}" if version else "",
            arch=architecture(),
            cpu=max(int(self._machine.cpus), 1),
            memory=self._machine.memory,
        )

    def _info(self) -> Object:
        self._update_status()
        return {"status": self.reports.node_status(), "labels": {**stats.labels(self._name), **self._parts.labels}}

    async def _summary(self) -> Object:
        folder = self._options.session.folder or Path("/")
        self._machine = await asyncio.to_thread(stats.measure, folder, self._options.limits)
        found = await asyncio.to_thread(summary.summary, self._name, self._machine, self.pods.all(), self._clock.now())
        if self._volumes is not None:
            self._add_volumes(found, self._volumes)
        return found

    def _add_volumes(self, found: Object, watch: VolumeWatch) -> None:
        pods = {meta.uid(runner.machine.pod): runner.machine.pod for runner in self.pods.all()}
        moment = format_time(self._clock.now())
        for entry in found["pods"]:
            pod = pods.get(entry["podRef"]["uid"])
            if pod is not None:
                entry["volume"] = summary_of(watch.figures(pod), meta.namespace(pod), moment)

    async def _usage(self) -> Usage:
        taken = await self._sampler.take(self.pods.all())
        return replace(taken, traffic=await self._traffic())

    async def _traffic(self) -> Object | None:
        state = self._parts.proxy.state
        if not state.known:
            return None
        try:
            connections = await self._parts.network.connections()
        except RuntimeFailure as failure:
            log.debug("connections cannot be counted: %s", failure.message)
            connections = []
        return {
            "proxy": {"reason": state.reason, "message": state.message},
            "backends": await self._parts.proxy.figures(),
            "connections": connections,
        }

    # What changed

    def _assignment_changed(self, change: Change) -> None:
        if "cluster" in change.resources and self.assignment.cluster_uid:
            # A node that left its cluster still has to find the containers it made there.
            self._parts.set_cluster(self.assignment.cluster_uid)
        if change.resources & {"cluster", "nodes"}:
            self._network_due.set()
        if change.resources & _TABLES or (change.resources & _POLICED and self.assignment.objects("networkpolicies")):
            self._tables_stale = True
        if change.resources:
            self._tables_due.set()

    def _pods_changed(self) -> None:
        unready = self.pods.unready_addresses()
        if unready != self._unready:
            # Statuses change far more often than readiness, and each change here renders all tables.
            self._unready = unready
            self.service.peers.set_unready(unready)
            self._unready_changed()
        if self._engine_changed():
            self._status_due.set()

    def _engine_changed(self) -> bool:
        # Before the pods had a look at the engine, its answer to the first ping counts: a node that called itself not
        # ready for that moment would lose its running pods.
        return self.pods.engine_known and self.pods.engine_error != self._health.engine_error

    def _unready_changed(self) -> None:
        self._tables_stale = True
        self._tables_due.set()

    # Network and tables

    async def _keep_network(self) -> None:
        delay = RETRY_MIN
        while True:
            await self._network_due.wait()
            self._network_due.clear()
            error = await self._configure_network()
            if error != self._health.network_error:
                self._set_health(network_error=error)
                if self.assignment.cluster_uid:
                    (log.warning if error else log.info)("network: %s", error or "ready")
            if not error:
                delay = RETRY_MIN
                self._network_ready.set()
                self._unready_changed()
            elif self.assignment.cluster_uid:
                self._tasks.start("network-retry", self._retry_network(delay))
                delay = min(delay * 2, RETRY_MAX)

    async def _retry_network(self, seconds: float) -> None:
        # Beside the loop, so that a change of the assignment is acted on at once all the same.
        await self._clock.sleep(seconds)
        self._network_due.set()

    async def _configure_network(self) -> str:
        """The error, empty for success."""
        if not self.assignment.cluster_uid:
            return "this host belongs to no cluster"
        node = self._node()
        if not (node.get("spec") or {}).get("podCIDRs"):
            return "the node has no pod addresses yet"
        network = self._parts.network
        try:
            if not self._network_ready.is_set():
                # The first tables replace those of the agent before: with nothing in them pods would be open to all
                # until the next, and what connects then stays connected.
                await self._sync_services()
            await network.configure(node, self.assignment.objects("nodes"), self.assignment.config)
            await self.service.tunnel.listen(network.gateways)
        except RuntimeFailure as failure:
            return failure.message
        except OSError as error:
            return str(error)
        except Exception as error:
            # The loop has to go on: it is the only one that can ever put the network right.
            log.exception("setting up the network failed in an unexpected way")
            return f"{type(error).__name__}: {error}"
        return ""

    async def _keep_tables(self) -> None:
        """Service tables follow the assignment; each version counts as applied only when they are in the kernel."""
        while True:
            await self._tables_due.wait()
            self._tables_due.clear()
            version = self.assignment.version
            if self._tables_stale and self._network_ready.is_set():
                self._tables_stale = False
                if not await self._sync_tables():
                    self._tables_stale = True
                    await self._clock.sleep(RETRY_MIN)
                    self._tables_due.set()
                    continue
            self.assignment.mark_applied(version)

    async def _sync_tables(self) -> bool:
        try:
            # Both have to be without a pod that ends before its containers are told to.
            await asyncio.gather(self._sync_services(), self._parts.proxy.sync(self._proxy_inputs()))
        except RuntimeFailure as failure:
            log.warning("service tables: %s", failure.message)
            self._set_health(network_error=failure.message)
            return False
        except Exception as error:
            log.exception("the service tables cannot be made of what the control plane sent")
            self._set_health(network_error=f"service tables: {type(error).__name__}: {error}")
            return False
        if self._health.network_error:
            self._network_due.set()  # it works again; whether all of it does, the next configure tells
        return True

    async def _sync_services(self) -> None:
        objects = self.assignment.objects
        await self._parts.network.sync_services(
            objects("services"), objects("endpointslices"), self._all_unready(), self._policies()
        )

    def _all_unready(self) -> frozenset[str]:
        return self._unready | self.service.peers.unready

    def _policies(self) -> Policies:
        objects = self.assignment.objects
        return Policies(objects("networkpolicies"), objects("namespaces"), objects("pods"), objects(PEERS))

    def _proxy_inputs(self) -> Inputs:
        config = ClusterConfig.from_json(self.assignment.config) if self.assignment.config else ClusterConfig()
        return Inputs(
            settings=ingressnode.settings_of(self._node(), config.ingress_http_port, config.ingress_https_port),
            ingresses=tuple(self.assignment.objects("ingresses")),
            classes=tuple(self.assignment.objects("ingressclasses")),
            services=tuple(self.assignment.objects("services")),
            slices=tuple(self.assignment.objects("endpointslices")),
            secrets=tuple(self.assignment.objects("secrets")),
            unready=self._all_unready(),
        )

    # Node status

    def _set_health(self, **changes: str) -> None:
        self._health = replace(self._health, **changes)
        self._status_due.set()

    async def _ask_engine(self) -> None:
        try:
            version = await self._parts.runtime.ping()
            self._images = await self._parts.runtime.list_images()
            self._set_health(engine_version=version, engine_error="")
        except RuntimeFailure as failure:
            self._set_health(engine_error=failure.message)
            log.warning("%s", failure.message)

    async def _keep_status(self) -> None:
        every = self._tasks.start("status-timer", self._status_timer())
        while not every.done():
            await self._status_due.wait()
            self._status_due.clear()
            if self._engine_changed():
                self._set_health(engine_error=self.pods.engine_error)
                self.service.refresh()
            self._update_status()

    async def _status_timer(self) -> None:
        folder = self._options.session.folder or Path("/")
        while True:
            await self._clock.sleep(STATUS_SECONDS)
            self._machine = await asyncio.to_thread(stats.measure, folder, self._options.limits)
            self._relieve()
            if not self.pods.engine_error:
                await self._ask_engine()
            self._status_due.set()

    def _relieve(self) -> None:
        """Give back what the node is short of."""
        runners = [runner for runner in self.pods.all() if runner.machine.state.ending is None]

        def memory() -> list[eviction.Use]:
            return memory_uses(self._parts.meter, runners)

        def storage() -> list[eviction.Use]:
            watch, found = self._volumes, []
            for pod in (runner.machine.pod for runner in runners):
                own = watch.figures(pod).values() if watch is not None else ()
                found.append(eviction.Use(pod, {"": sum(figures.used for claim, figures in own if not claim)}))
            return found

        eviction.relieve(self._machine, {"memory": memory, "ephemeral-storage": storage}, self.pods.evict)

    def _update_status(self) -> None:
        options = self._options
        facts = NodeFacts(
            name=self._name,
            version=options.session.version,
            addresses=self._addresses(),
            port=self.service.server.port,
            limits=options.limits,
        )
        previous = self.reports.node_status()
        self.reports.node(
            node_status.build(
                facts, self._machine, self._health, self._parts.proxy.state, self._images, previous, self._clock.now()
            )
        )


async def run_until(agent: Agent, stopped: Callable[[], Awaitable[object]]) -> None:
    """Run the agent until `stopped` returns."""
    await agent.start()
    try:
        await stopped()
    finally:
        await agent.close()
