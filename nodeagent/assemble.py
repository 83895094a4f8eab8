"""Putting an agent together: a real one on this host, or a simulated one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common.clock import Clock
from common.discovery.interfaces import own_addresses
from common.hosts import HOLLOW
from common.settings import AGENT_PORT

from . import confinement
from .agent import VERSION, Agent, Options, Parts
from .mounts import SystemMounter
from .network.hollow import HollowNetwork
from .network.node import NodeNetwork
from .probes import NodeProber
from .proxy.base import NoProxy
from .proxy.files import folder_for
from .proxy.haproxy import HaproxyProxy
from .runtime.docker_engine import DEFAULT_ENGINE, DockerRuntime
from .runtime.hollow import Delays, HollowProber, HollowRuntime
from .runtime.networks import DockerNetworks
from .session.service import Settings
from .stats import Limits
from .storage.stager import Stager
from .usage import CgroupMeter, HollowMeter
from .volumes import Volumes


@dataclass(frozen=True, slots=True)
class HostOptions:
    """What the command line says about an agent on this host. `addresses` None listens on all."""

    folder: Path
    name: str
    port: int = AGENT_PORT
    addresses: Sequence[str] | None = None
    engine: str = DEFAULT_ENGINE
    advertise: bool = True
    limits: Limits = field(default_factory=Limits)


def host_agent(options: HostOptions, clock: Clock, show_code: Callable[[str], None]) -> Agent:
    """ValueError when the engine's address is none of a Unix socket."""
    runtime = DockerRuntime(options.engine)

    def set_cluster(uid: str) -> None:
        runtime.cluster = uid

    stager = Stager(options.folder, SystemMounter(), runtime)
    parts = Parts(
        runtime=runtime,
        network=NodeNetwork(DockerNetworks(runtime.call), options.folder / "resolv"),
        proxy=HaproxyProxy(folder_for(options.folder), clock),
        volumes=Volumes(options.folder, SystemMounter(), stager.staged),
        storage=stager,
        prober=NodeProber(runtime, clock),
        meter=CgroupMeter(),
        set_cluster=set_cluster,
        confinement=confinement.of_host(),
    )
    session = Settings(
        version=VERSION,
        folder=options.folder,
        port=options.port,
        addresses=options.addresses,
        advertise=options.advertise,
    )
    return Agent(Options(session, options.name, options.limits, own_addresses, show_code), parts, clock)


def hollow_agent(
    name: str, port: int, clock: Clock, show_code: Callable[[str], None], *, limits: Limits, delays: Delays
) -> Agent:
    """An agent that speaks the real protocol on the loopback address and runs nothing; it keeps nothing on disk."""
    parts = Parts(
        runtime=HollowRuntime(clock, delays),
        network=HollowNetwork(),
        proxy=NoProxy(),
        volumes=None,
        prober=HollowProber(),
        meter=HollowMeter(clock),
        set_cluster=lambda _uid: None,
        labels={HOLLOW: "true"},
    )
    session = Settings(
        version=VERSION, folder=None, port=port, addresses=("127.0.0.1",), tunnel_port=0, advertise=False
    )
    return Agent(Options(session, name, limits, lambda: ("127.0.0.1",), show_code), parts, clock)
