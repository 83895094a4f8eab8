"""How fast pods are decided and bound: `python -m tests.bench scheduler`.

Ratios of one run count, absolute figures depend on the machine. `decide` is the pure core: the loop over all nodes
against rows of scores, on the same pods, with the same choices. `bind` is everything: pods created through the API and
bound in a SQLite store on disk, until the last binding is durable.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common.api.kinds import NODES, PODS
from common.api.meta import Object
from common.api.pods import node_name
from common.client import Client, Informer
from common.clock import SystemClock
from common.settings import ClusterConfig
from console.apiserver.server import ApiServer
from console.registry.catalog import default_registry
from console.scheduler import Scheduler
from console.scheduler.core.evaluation import Evaluation, choose_naively
from console.scheduler.core.model import Classes, NodeFacts, PodClass, PodInfo
from console.scheduler.core.preemption import Preemption, preempt
from console.scheduler.core.rows import Rows
from console.scheduler.core.scores import profile
from console.scheduler.core.state import ClusterState
from console.scheduler.core.verdict import first_refusals
from console.store import open_store
from tests.bench.report import Figure
from tests.fakes.objects import node, pod

COUNT, NODES_COUNT = 10_000, 200  # pods and nodes
CLASSES = 20  # workloads whose pods arrive interleaved
NAIVE_PODS = 1000  # the loop is slow; its time a pod hardly depends on how many there are
RELATED_PODS, RELATED_NAIVE = 4000, 300  # of the classes that ask about other pods
CREATES_AT_ONCE = 256
DEADLINE = 300.0  # seconds


def make_nodes(count: int) -> list[Object]:
    return [node(f"node-{index:04}", cpu="16", memory="64Gi", pods=250) for index in range(count)]


def make_pod(index: int) -> Object:
    workload = index % CLASSES
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"w{workload}", "uid": f"w{workload}",
             "controller": True}  # fmt: skip
    cpu, memory = f"{50 + 10 * (workload % 5)}m", f"{64 + 32 * (workload % 4)}Mi"
    made = pod(f"pod-{index:05}", cpu=cpu, memory=memory, owner=owner)
    made["metadata"]["uid"] = f"pod-{index:05}"
    return made


HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
ZONES = 3


def related(index: int, **spec: Any) -> Object:
    """A pod of one of few workloads, with labels that terms select."""
    made = make_pod(index)
    made["metadata"]["labels"] = {"app": f"w{index % CLASSES}"}
    made["spec"] |= spec
    return made


def term(index: int, key: str) -> Object:
    return {"labelSelector": {"matchLabels": {"app": f"w{index % CLASSES}"}}, "topologyKey": key}


def spread_pod(index: int) -> Object:
    constraint = {"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", **term(index, ZONE)}
    return related(index, topologySpreadConstraints=[constraint])


def apart_pod(index: int) -> Object:
    wish = {"weight": 10, "podAffinityTerm": term(index, HOST)}
    return related(index, affinity={"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}})


def near_pod(index: int) -> Object:
    wanted = [term(index, ZONE)]
    return related(index, affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": wanted}})


def full_state(nodes: int) -> ClusterState:
    """Every node is taken by pods of low priority."""
    state, classes = ClusterState(), Classes()
    for obj in make_nodes(nodes):
        state.set_node(NodeFacts.of(obj))
        for place in range(16):
            made = pod(f"{obj['metadata']['name']}-{place}", cpu="1")
            made["metadata"]["uid"] = f"{obj['metadata']['name']}-{place}"
            state.place(classes.info(made), obj["metadata"]["name"])
    return state


def find_victims(pods: int, nodes: int) -> float:
    """Seconds to find who makes room for a pod, one after another."""
    state, classes, chosen_profile = full_state(nodes), Classes(), profile("pack")
    clock = SystemClock()
    start = clock.monotonic()
    for index in range(pods):
        made = pod(f"high-{index}", cpu="1", priority=10)
        made["metadata"]["uid"] = f"high-{index}"
        info = classes.info(made)
        refusals = first_refusals(Evaluation(info.kind, state, chosen_profile), state)
        way = preempt(info, state, chosen_profile, refusals, ())
        assert isinstance(way, Preemption)
        state.place(info, way.node)
    return (clock.monotonic() - start) / pods


def decide(pods: list[PodInfo], nodes: int, naive: bool, zones: int = 0) -> tuple[float, list[str | None]]:
    """Seconds a pod, and the choices."""
    state = ClusterState()
    for index, obj in enumerate(make_nodes(nodes)):
        if zones:
            obj["metadata"]["labels"][ZONE] = f"zone-{index % zones}"
        state.set_node(NodeFacts.of(obj))
    chosen_profile = profile("pack")
    rows = Rows(state, chosen_profile)

    def loop(kind: PodClass) -> str | None:
        return choose_naively(state, chosen_profile, kind)

    choose: Callable[[PodClass], str | None] = loop if naive else rows.choose
    clock = SystemClock()
    start = clock.monotonic()
    choices = []
    for info in pods:
        choice = choose(info.kind)
        choices.append(choice)
        if choice is not None:
            state.place(info, choice)
    return (clock.monotonic() - start) / len(pods), choices


async def bind(pods: int, nodes: int) -> tuple[float, float]:
    """Seconds to create all pods, and from the first create until all are bound."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        registry = default_registry()
        volatile = frozenset(row.resource.group_resource for row in registry.rows() if not row.durable)
        store = await open_store(Path(folder) / "store.db", volatile)
        server = ApiServer(store, registry, clock, ClusterConfig.dual_stack())
        await server.start(Path(folder) / "api.sock", None)
        client = server.local_client("system:kube-scheduler", frozenset({"system:masters"}))
        for obj in make_nodes(nodes):
            created = await client.create(NODES, obj)
            created["spec"].pop("taints", None)  # of a new node, which nobody takes away here when it is ready
            await client.update(NODES, created)
            await client.update(NODES, obj, subresource="status")
        scheduler = Scheduler(client, clock)
        scheduler.start()
        try:
            return await _create_and_wait(client, clock, pods)
        finally:
            await scheduler.close()
            await server.close()
            await store.close()


async def _create_and_wait(client: Client, clock: SystemClock, pods: int) -> tuple[float, float]:
    bound: set[str] = set()
    done = asyncio.Event()

    def seen(_old: Object | None, new: Object | None) -> None:
        if new is not None and node_name(new):
            bound.add(new["metadata"]["name"])
            if len(bound) >= pods:
                done.set()

    informer = Informer(client, PODS, clock)
    informer.listen(seen)
    informer.start()
    await informer.synced.wait()
    start = clock.monotonic()
    for first in range(0, pods, CREATES_AT_ONCE):
        batch = range(first, min(first + CREATES_AT_ONCE, pods))
        await asyncio.gather(*(client.create(PODS, make_pod(index), "default") for index in batch))
    created = clock.monotonic() - start
    await asyncio.wait_for(done.wait(), DEADLINE)
    total = clock.monotonic() - start
    await informer.close()
    return created, total


def figures() -> list[Figure]:
    classes = Classes()
    infos = [classes.info(make_pod(index)) for index in range(COUNT)]
    naive, naive_choices = decide(infos[:NAIVE_PODS], NODES_COUNT, naive=True)
    fast, choices = decide(infos, NODES_COUNT, naive=False)
    same = sum(left == right for left, right in zip(naive_choices, choices, strict=False))
    cases = [("in three zones", make_pod), ("spread over zones", spread_pod), ("that wishes to be apart", apart_pod),
             ("near its like", near_pod)]  # fmt: skip
    more = []
    for name, make in cases:
        infos = [classes.info(make(index)) for index in range(RELATED_PODS)]
        loop, loop_choices = decide(infos[:RELATED_NAIVE], NODES_COUNT, naive=True, zones=ZONES)
        rows, row_choices = decide(infos, NODES_COUNT, naive=False, zones=ZONES)
        assert loop_choices == row_choices[:RELATED_NAIVE]
        more.append(Figure(f"one decision, pod {name}", rows * 1e6, "us", "the loop over all nodes", loop * 1e6))
    victims = find_victims(20, NODES_COUNT)
    _, total = asyncio.run(bind(COUNT, NODES_COUNT))
    return [
        Figure("one decision", fast * 1e6, "us", "the loop over all nodes", naive * 1e6),
        Figure("decisions that both make alike", same / len(naive_choices) * 100, "%"),
        *more,
        Figure(f"victims found on {NODES_COUNT} full nodes of 16 pods each", victims * 1e3, "ms"),
        Figure(f"{COUNT} pods created and bound on {NODES_COUNT} nodes", COUNT / total, "pods/s"),
    ]
