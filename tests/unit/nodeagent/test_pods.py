"""All pods of a node, on an engine in memory that answers as scripted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from common.api import meta
from common.api.meta import Object
from common.clock import FakeClock
from common.session import Sync
from nodeagent.assignment import Assignment
from nodeagent.environment import Surroundings
from nodeagent.executor import Surface
from nodeagent.images import Images
from nodeagent.network.base import Policies
from nodeagent.network.hollow import HollowNetwork
from nodeagent.pods import Pods
from nodeagent.reports import Reports
from nodeagent.runtime.base import ContainerInfo, ContainerSpec, RuntimeFailure, SandboxSpec
from nodeagent.runtime.hollow import HollowProber, HollowRuntime
from nodeagent.tokens import Tokens

from .fakes import pod


class Moody(HollowRuntime):
    """Its next answers to a list are these failures."""

    def __init__(self, clock: FakeClock, *failures: Exception) -> None:
        super().__init__(clock)
        self.failures = list(failures)

    async def list_containers(self, pod_uid: str = "") -> list[ContainerInfo]:
        if self.failures:
            raise self.failures.pop(0)
        return await super().list_containers(pod_uid)


async def until(done: Callable[[], bool], clock: FakeClock) -> None:
    async with asyncio.timeout(10):
        while not done():
            await clock.advance(0.5)


async def surface_on(clock: FakeClock, runtime: HollowRuntime, assignment: Assignment) -> Surface:
    network_ready = asyncio.Event()
    network_ready.set()
    network = HollowNetwork()
    await network.configure({"metadata": {"name": "n1"}, "spec": {"podCIDRs": ["10.42.0.0/24"]}}, (), {})
    return Surface(
        clock=clock, runtime=runtime, network=network, volumes=None, prober=HollowProber(), lookup=assignment,
        images=Images(runtime, assignment, clock), around=lambda: Surroundings("n1", ("192.0.2.1",)),
        domain=lambda: "cluster.local", network_ready=network_ready, tokens=Tokens(clock, None, lambda: None),
    )  # fmt: skip


def phase(pods: Pods) -> str:
    runner = pods.runner("default", "web-1")
    return str((runner.machine.state.reported or {}).get("phase")) if runner is not None else ""


async def test_an_engine_that_refuses_to_tell_what_it_has_is_asked_again_without_an_event() -> None:
    clock = FakeClock()
    runtime = Moody(clock, RuntimeFailure("EngineRefused", "no space left on device"), KeyError("Labels"))
    assignment = Assignment(None)
    surface = await surface_on(clock, runtime, assignment)
    heard: list[str] = []
    pods = Pods(surface, assignment, Reports(), node=dict, changed=lambda: heard.append(pods.engine_error))
    assignment.apply(Sync(1, full=True, objects={"pods": [pod()]}))
    pods.start()
    await until(lambda: phase(pods) == "Running", clock)
    assert "no space left on device" in heard
    assert any("Labels" in error for error in heard)
    assert pods.engine_error == ""
    await pods.close()


async def test_what_is_held_starts_when_it_may_and_what_runs_already_is_not_held() -> None:
    clock = FakeClock()
    runtime, assignment = HollowRuntime(clock), Assignment(None)
    surface = await surface_on(clock, runtime, assignment)
    held = True
    pods = Pods(surface, assignment, Reports(), node=dict, changed=lambda: None, holds=lambda _pod: held)
    assignment.apply(Sync(1, full=True, objects={"pods": [pod()]}))
    pods.start()
    for _ in range(10):
        await clock.advance(0.5)
    assert pods.all() == []
    assert len(pods.assigned()) == 1
    held = False
    pods.reconsider()
    await until(lambda: phase(pods) == "Running", clock)
    await pods.close()

    held = True
    again = Pods(surface, assignment, Reports(), node=dict, changed=lambda: None, holds=lambda _pod: held)
    again.start()
    await until(lambda: phase(again) == "Running", clock)
    again.fence(again.all()[0].uid, "cut off")
    await until(lambda: phase(again) == "Failed", clock)
    await again.close()


def on_port(title: str, made: str, **status: str) -> Object:
    found = pod(containers=[{"name": "app", "image": "app:1", "ports": [{"hostPort": 8080, "containerPort": 80}]}])
    found["metadata"] |= {"name": title, "uid": f"uid-{title}", "creationTimestamp": f"2026-05-04T03:02:{made}Z"}
    return {**found, "status": {"phase": "Pending", **status}}


def phases(pods: Pods) -> dict[str, str]:
    statuses = {meta.name(runner.machine.pod): runner.machine.state.reported or {} for runner in pods.all()}
    return {title: str(status.get("reason") or status.get("phase")) for title, status in statuses.items()}


@pytest.mark.parametrize(
    ("told", "runs", "refused"),
    [
        ([on_port("late", "09"), on_port("early", "05")], "early", "late"),
        ([on_port("first", "05"), on_port("second", "05")], "first", "second"),
        ([on_port("early", "05"), on_port("begun", "09", startTime="2026-05-04T03:02:10Z")], "begun", "early"),
    ],
)
async def test_of_pods_that_come_together_the_older_is_admitted_but_first_what_was_admitted_before(
    told: list[Object], runs: str, refused: str
) -> None:
    clock = FakeClock()
    runtime, assignment = HollowRuntime(clock), Assignment(None)
    surface = await surface_on(clock, runtime, assignment)
    pods = Pods(surface, assignment, Reports(), node=dict, changed=lambda: None)
    assignment.apply(Sync(1, full=True, objects={"pods": told}))
    pods.start()
    await until(lambda: phases(pods).get(runs) == "Running", clock)
    assert phases(pods) == {runs: "Running", refused: "NodePorts"}
    await pods.close()


class Recording(HollowRuntime):
    """Notes under which runtime it was asked to run what."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.runtimes: list[str] = []

    async def start_sandbox(self, spec: SandboxSpec) -> str:
        self.runtimes.append(spec.runtime)
        return await super().start_sandbox(spec)

    async def create_container(self, spec: ContainerSpec) -> str:
        self.runtimes.append(spec.runtime)
        return await super().create_container(spec)


async def test_a_pod_runs_under_the_runtime_of_its_class_and_not_without_it() -> None:
    clock = FakeClock()
    runtime, assignment = Recording(clock), Assignment(None)
    surface = await surface_on(clock, runtime, assignment)
    pods = Pods(surface, assignment, Reports(), node=dict, changed=lambda: None)
    assignment.apply(Sync(1, full=True, objects={"pods": [pod(runtimeClassName="strict")]}))
    pods.start()
    for _ in range(10):
        await clock.advance(0.5)
    assert (phase(pods), runtime.runtimes) == ("Pending", [])
    strict = {"metadata": {"name": "strict", "uid": "rc-1"}, "handler": "kata"}
    assignment.apply(Sync(2, full=False, objects={"runtimeclasses": [strict]}))
    await until(lambda: phase(pods) == "Running", clock)
    assert set(runtime.runtimes) == {"kata"}
    await pods.close()


async def test_a_pod_is_isolated_with_its_addresses_before_its_sandbox_starts() -> None:
    clock, order = FakeClock(), list[str]()

    class Sandboxes(HollowRuntime):
        async def start_sandbox(self, spec: SandboxSpec) -> str:
            order.append("sandbox")
            return await super().start_sandbox(spec)

    class Isolating(HollowNetwork):
        async def isolate(self, pod: Object, policies: Policies) -> None:
            assert policies == told
            order.append(f"isolated {self.allocate(meta.uid(pod)).addresses[0]}")

    runtime, assignment, network = Sandboxes(clock), Assignment(None), Isolating()
    await network.configure({"metadata": {"name": "n1"}, "spec": {"podCIDRs": ["10.42.0.0/24"]}}, (), {})
    told = Policies([{"metadata": {"name": "p"}}])
    surface = replace(await surface_on(clock, runtime, assignment), network=network, policies=lambda: told)
    pods = Pods(surface, assignment, Reports(), node=dict, changed=lambda: None)
    assignment.apply(Sync(1, full=True, objects={"pods": [pod()]}))
    pods.start()
    await until(lambda: phase(pods) == "Running", clock)
    assert order == ["isolated 10.42.0.2", "sandbox"]
    await pods.close()
