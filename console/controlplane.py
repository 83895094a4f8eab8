"""The control plane, wired: store, API server, scheduler, controllers and sessions in one process and event loop.

The only module that knows all of them. It starts them in the order in which they need each other and stops them in the
reverse; agents go on meanwhile. One control plane runs per state folder (a lock says so); of two that have the same
cluster the agents obey one (the epoch).
"""

from __future__ import annotations

import asyncio
import fcntl
import ipaddress
import logging
import os
import platform
import signal
import ssl
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

import aiohttp
import orjson

from common import kubeconfig, tls
from common.aio import Tasks
from common.api.kinds import COMPONENTSTATUSES, LOADBALANCERS, SECRETS, Resource
from common.api.meta import Object
from common.client import SharedInformers
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.clock import Clock, SystemClock
from common.clusterpki import ClusterPki
from common.errors import ApiError, ServiceUnavailable
from common.files import write_atomic
from common.hosts import join_address, split_address
from common.limits import allow_many_files, collect_rarely, give_back_memory, keep_one_arena, keep_small_buffers
from common.pki import LIFETIME, MASTERS, PkiError, Subject
from common.session import Usage
from common.settings import API_PORT, ClusterConfig, Home
from console import extensions, passphrase, plugins
from console.apiserver.aggregation.frontproxy import FrontProxy
from console.apiserver.backends import Computed, Explainer, HostAdmin, NodeStreams
from console.apiserver.components import Components
from console.apiserver.history.journal import UNDO_RECORDS
from console.apiserver.server import ApiServer, ListenError
from console.controllers import all_controllers
from console.controllers.aggregated import Aggregated
from console.metrics import Keeper, Metrics
from console.nodes.epoch import Epoch, load_epoch
from console.nodes.service import Nodes, Place
from console.nodes.tunnel import api_connector
from console.passphrase import PassphraseError
from console.registry.catalog import Registry, default_registry
from console.scheduler import Scheduler
from console.store import Encryption, StoreError, is_locked, open_store
from console.traffic import Traffic

log = logging.getLogger(__name__)
T = TypeVar("T")

DEFAULT_LISTEN = f"127.0.0.1:{API_PORT}"
SCHEDULER_PLUGINS = "quarterdeck.scheduler"  # an entry point group
ENCRYPTED = frozenset({SECRETS.group_resource, UNDO_RECORDS})
"""Resources whose objects nobody may read on disk."""
RENEWAL_SECONDS = 24 * 3600.0
GIVE_BACK_SECONDS = 10.0  # of each some 10 ms; what a burst of writes freed is not missed for so long
_MASTERS = frozenset({MASTERS})
_CONTROLLERS = "system:kube-controller-manager"
Progress = Callable[[str], None]


class StartError(Exception):
    """The control plane cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What is read from the state folder before anything runs."""

    config: ClusterConfig
    pki: ClusterPki
    epoch: Epoch


class Backends:
    """What the API server needs of components that themselves need its client: connected after both exist."""

    def __init__(self) -> None:
        self.streams: NodeStreams | None = None
        self.explainer: Explainer | None = None
        self.hosts: HostAdmin | None = None
        self.metrics: Computed | None = None
        self.traffic: Computed | None = None
        self.components: Computed | None = None

    async def request(
        self, node: str, method: str, path: str, params: Mapping[str, str], data: bytes | aiohttp.StreamReader | None
    ) -> aiohttp.ClientResponse:
        return await self._ready(self.streams).request(node, method, path, params, data)

    async def websocket(self, node: str, path: str, params: list[tuple[str, str]]) -> aiohttp.ClientWebSocketResponse:
        return await self._ready(self.streams).websocket(node, path, params)

    def explain(self, pod: Object) -> Object:
        return self._ready(self.explainer).explain(pod)

    def fit(self, pod: Object, replicas: int) -> Object:
        return self._ready(self.explainer).fit(pod, replicas)

    def moves(self, node: str, pods: Sequence[Object]) -> list[Object]:
        return self._ready(self.explainer).moves(node, pods)

    async def adopt(self, host: str, code: str) -> Object:
        return await self._ready(self.hosts).adopt(host, code)

    async def add(self, address: str) -> Object:
        return await self._ready(self.hosts).add(address)

    async def remove(self, node: str) -> None:
        await self._ready(self.hosts).remove(node)

    def one(self, resource: Resource, namespace: str, name: str, query: Mapping[str, str]) -> Object | None:
        return self._computed(resource).one(resource, namespace, name, query)

    def every(self, resource: Resource, namespace: str, query: Mapping[str, str]) -> Iterable[Object]:
        return self._computed(resource).every(resource, namespace, query)

    def _computed(self, resource: Resource) -> Computed:
        made_by = {LOADBALANCERS: self.traffic, COMPONENTSTATUSES: self.components}
        return self._ready(made_by.get(resource, self.metrics))

    @staticmethod
    def _ready(part: T | None) -> T:
        if part is None:
            raise ServiceUnavailable("the control plane is starting", retry_after=1)
        return part


class ControlPlane:
    """`listen` is ADDRESS:PORT of the API's TLS port; `takeover` fences another control plane of the same cluster;
    `discover` looks for hosts by mDNS; `passphrase` opens the keys of the store, or locks them from now on; `progress`
    is told what happens, for people."""

    def __init__(
        self,
        home: Home,
        *,
        listen: str = DEFAULT_LISTEN,
        takeover: bool = False,
        discover: bool = True,
        passphrase: str | None = None,
        clock: Clock | None = None,
        progress: Progress = log.info,
    ) -> None:
        self._home = home
        self._listen = listen
        self._takeover = takeover
        self._discover = discover
        self._passphrase = passphrase
        self._clock = clock or SystemClock()
        self._progress = progress
        self._stack = AsyncExitStack()
        self._tasks = Tasks("controlplane")
        self.api_port = 0

    async def start(self) -> None:
        """Returns when the API answers and sessions are being dialled. StartError says why it cannot."""
        try:
            await self._start()
        except (ListenError, StoreError, PkiError, ApiError, OSError, ValueError) as error:
            await self.close()
            raise StartError(str(error)) from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop in the reverse order; agents and their containers go on."""
        await self._stack.aclose()

    async def _start(self) -> None:
        try:
            host, port = split_address(self._listen, API_PORT, lowest_port=0)
        except ValueError as error:
            raise StartError(f"--listen {self._listen}: {error}") from error
        cluster = await self._open_cluster(host)
        backends = Backends()
        context = tls.server_context(cluster.pki.server, cluster.pki.authority.certificate_pem)
        # As kube-apiserver: clients in small images speak no newer version. Agents insist on 1.3.
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        registry = default_registry()
        api = await self._serve_api(registry, cluster, backends, (host, port, context))
        local = "127.0.0.1" if host in {"0.0.0.0", "::"} else host
        await self._write_kubeconfig(cluster, local)
        self._progress(f"the API answers at https://{join_address(local, self.api_port)}")
        informers = SharedInformers(api.local_client("system:quarterdeck:informers", _MASTERS), self._clock)
        self._stack.push_async_callback(informers.close)
        self._start_controllers(api, registry, cluster, informers)
        backends.explainer = await self._start_scheduler(api, cluster.config, informers)
        nodes = await self._start_nodes(api, cluster, local, backends, informers)
        backends.streams, backends.hosts = nodes.streams, nodes.admin
        await self._start_extensions(api, cluster, local)
        self._tasks.start("renew-certificates", self._renew(cluster, context, local))
        self._tasks.start("give-back-memory", self._give_back_memory())
        self._stack.push_async_callback(self._tasks.close)
        self._progress("the control plane runs")

    async def _open_cluster(self, host: str) -> Cluster:
        home, clock = self._home, self._clock
        lock = await asyncio.to_thread(_lock, home.console_pid)
        self._stack.callback(lock.close)
        config = await asyncio.to_thread(load_config, home.cluster_file)
        names = _server_names(config, host)
        keys = await asyncio.to_thread(ClusterPki, home.pki, config.name, names, clock.now())
        epoch = await asyncio.to_thread(load_epoch, home.path / "console" / "epoch.json", takeover=self._takeover)
        return Cluster(config, keys, epoch)

    async def _serve_api(
        self, registry: Registry, cluster: Cluster, backends: Backends, listen: tuple[str, int, ssl.SSLContext]
    ) -> ApiServer:
        self._progress("opening the store")
        volatile = frozenset(row.resource.group_resource for row in registry.rows() if not row.durable)
        encryption = Encryption(ENCRYPTED, self._home.encryption_keys, self._passphrase)
        archived = frozenset(row.resource.group_resource for row in registry.rows() if row.archived) | {UNDO_RECORDS}
        store = await open_store(self._home.store, volatile, encryption, archived)
        self._stack.push_async_callback(store.close)
        backends.components = Components(lambda: store.fault)
        api = ApiServer(
            store, registry, self._clock, cluster.config,
            streams=backends, explainer=backends, hosts=backends, computed=backends,
            revoked=cluster.pki.revocations.is_revoked, signer=cluster.pki.signer, front=_front_proxy(cluster.pki),
            audit=self._home.audit,
        )  # fmt: skip
        await api.start(self._home.api_socket, listen)
        self._stack.push_async_callback(api.close)
        self.api_port = api.addresses[0][1]
        return api

    def _start_controllers(
        self, api: ApiServer, registry: Registry, cluster: Cluster, informers: SharedInformers
    ) -> None:
        client = api.local_client(_CONTROLLERS, _MASTERS)
        # Kinds of servers behind ours are reached through the API server alone, and as the same user.
        headers = {"Impersonate-User": _CONTROLLERS, "Impersonate-Group": MASTERS}
        remote = HttpClient(Endpoint.of_socket(self._home.api_socket), user_agent=_CONTROLLERS, headers=headers)
        self._stack.push_async_callback(remote.close)
        aggregated = Aggregated(remote, SharedInformers(remote, self._clock))
        self._stack.push_async_callback(aggregated.informers.close)
        authority, sign = cluster.pki.authority.certificate_pem.decode(), cluster.pki.authority.sign_as_asked
        controllers = all_controllers(
            client, self._clock, cluster.config, resources=registry.kept(), ca_pem=authority, informers=informers,
            aggregated=aggregated, versions=registry.versions(),
            issue_token=api.tokens.issue_legacy, allowed=api.allowed,
            sign=lambda pem, lifetime, **how: sign(pem, self._clock.now(), lifetime, **how),
        )  # fmt: skip
        controllers.start()
        self._stack.push_async_callback(controllers.close)

    async def _start_scheduler(self, api: ApiServer, config: ClusterConfig, informers: SharedInformers) -> Scheduler:
        client = api.local_client("system:kube-scheduler", _MASTERS)
        found = await asyncio.to_thread(plugins.load, SCHEDULER_PLUGINS)
        extensions = [(plugin.name, plugin.value) for plugin in found]
        scheduler = Scheduler(client, self._clock, config.scheduler_profile, extensions, informers)
        scheduler.start()
        self._stack.push_async_callback(scheduler.close)
        return scheduler

    async def _start_nodes(
        self, api: ApiServer, cluster: Cluster, host: str, backends: Backends, informers: SharedInformers
    ) -> Nodes:
        client = api.local_client("system:quarterdeck:nodes", _MASTERS)
        connector = api_connector(host, self.api_port)
        place = Place(self._home, cluster.config, cluster.pki, cluster.epoch, connector, self._discover)
        metrics = backends.metrics = Metrics(informers, self._clock)
        keeper = Keeper(metrics, self._clock, self._home.series)
        await keeper.load()
        keeper.start()
        self._stack.push_async_callback(keeper.close)
        traffic = backends.traffic = Traffic(informers, self._clock)

        def take(node: str, usage: Usage) -> None:
            metrics.take(node, usage)
            traffic.take(node, usage)
            metrics.take_rates(traffic.rates)

        nodes = Nodes(client, informers, self._clock, place, take)
        informers.start()
        await nodes.start()
        self._stack.push_async_callback(nodes.close)
        return nodes

    async def _start_extensions(self, api: ApiServer, cluster: Cluster, host: str) -> None:
        server, keys = f"https://{join_address(host, self.api_port)}", cluster.pki

        def credentials(user: str) -> bytes:
            identity = keys.authority.issue(Subject(user, (extensions.USERS,)), self._clock.now())
            return kubeconfig.kubeconfig(cluster.config.name, server, keys.authority.certificate_pem, identity)

        client = api.local_client("system:quarterdeck:extensions", _MASTERS)
        renewal = LIFETIME.total_seconds() / 2
        supervisor = extensions.Supervisor(client, self._clock, self._home.controllers, credentials, renewal)
        found = await asyncio.to_thread(plugins.names, extensions.GROUP)
        supervisor.start([extensions.Found(name, package) for name, package in found])
        self._stack.push_async_callback(supervisor.close)

    async def _renew(self, cluster: Cluster, context: ssl.SSLContext, host: str) -> None:
        while True:
            await self._clock.sleep(RENEWAL_SECONDS)
            try:
                if await asyncio.to_thread(cluster.pki.renew, self._clock.now()):
                    tls.show(context, cluster.pki.server)
                    await self._write_kubeconfig(cluster, host)
                    log.info("certificates of this control plane were renewed")
            except (PkiError, OSError) as error:
                log.error("certificates cannot be renewed, will try again tomorrow: %s", error)

    async def _give_back_memory(self) -> None:
        while True:
            await self._clock.sleep(GIVE_BACK_SECONDS)
            await asyncio.to_thread(give_back_memory)

    async def _write_kubeconfig(self, cluster: Cluster, host: str) -> None:
        server = f"https://{join_address(host, self.api_port)}"
        keys = cluster.pki
        content = kubeconfig.kubeconfig(cluster.config.name, server, keys.authority.certificate_pem, keys.admin)
        await asyncio.to_thread(write_atomic, self._home.kubeconfig, content)


def _front_proxy(pki: ClusterPki) -> FrontProxy:
    authorities = (pki.authority.certificate_pem, pki.front_authority.certificate_pem)
    return FrontProxy(*authorities, lambda: pki.front_proxy)


def _lock(file: Path) -> IO[str]:
    """Hold the lock until the file is closed; it has our process id. Blocks for disk only."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = file.open("a+", encoding="ascii")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.seek(0)
        owner = handle.read().strip() or "unknown"
        handle.close()
        raise StartError(
            f"a control plane already runs on {file.parent.parent} (process {owner}): use it, or stop it first"
        ) from None
    # For the message above only: a full disk may keep the number out, the lock holds without it.
    with suppress(OSError):
        handle.truncate(0)
        os.write(handle.fileno(), f"{os.getpid()}\n".encode())
    return handle


def load_config(file: Path) -> ClusterConfig:
    """The cluster's configuration, made on first start: IPv4 and IPv6 where this machine has both. Blocks."""
    try:
        return ClusterConfig.from_json(orjson.loads(file.read_bytes()))
    except FileNotFoundError:
        config = ClusterConfig.dual_stack() if _has_ipv6() else ClusterConfig()
        write_atomic(file, orjson.dumps(config.to_json(), option=orjson.OPT_INDENT_2))
        return config
    except (ValueError, TypeError) as error:
        raise StartError(f"{file} is damaged: {error}; restore it from a copy") from error


def _has_ipv6() -> bool:
    table = Path("/proc/net/if_inet6")
    return table.exists() and bool(table.read_text().strip())


def _server_names(config: ClusterConfig, host: str) -> set[str]:
    """Under which the API server is reached: from this machine, from pods, and at the address it listens on."""
    inside = [str(network[1]) for network in config.networks(config.service_cidrs)]
    service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    names = {"localhost", "127.0.0.1", "::1", platform.node(), *inside, *service}
    names.add(f"kubernetes.default.svc.{config.cluster_domain}")
    with suppress(ValueError):
        if not ipaddress.ip_address(host).is_unspecified:
            names.add(host)
    return names


async def serve(
    home: Home, listen: str, *, takeover: bool = False, passphrase: str | None = None, progress: Progress = log.info
) -> None:
    """Run until SIGTERM or SIGINT. StartError when it cannot start."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    plane = ControlPlane(home, listen=listen, takeover=takeover, passphrase=passphrase, progress=progress)
    await plane.start()
    try:
        await stop.wait()
        progress("stopping; nodes and their containers go on")
    finally:
        await plane.close()


def run(home: Home, listen: str = DEFAULT_LISTEN, *, takeover: bool = False, lock_keys: bool = False) -> int:
    """`quarterdeck serve`: the exit code, 0 after an orderly stop, 1 when it could not start. `lock_keys` asks for a
    passphrase also when the keys of the store need none yet."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    keep_one_arena()
    collect_rarely()
    allow_many_files()
    keep_small_buffers()
    try:
        locked = is_locked(home.encryption_keys)
        secret = passphrase.find(wanted=locked or lock_keys, new=not locked)
        if lock_keys and secret is None:
            raise PassphraseError("--lock-keys asks for a passphrase, which takes a terminal")
        asyncio.run(serve(home, listen, takeover=takeover, passphrase=secret))
    except (StartError, PassphraseError) as error:
        log.error("cannot start: %s", error)
        return 1
    return 0
