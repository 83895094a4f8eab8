"""What kubelet answers about itself and its pods."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from common.api import meta
from common.api.meta import Object
from nodeagent.inspection import Inspection
from nodeagent.state import events
from nodeagent.state.machine import PodMachine
from nodeagent.state.moment import Moment
from nodeagent.state.spec import container_hash
from nodeagent.stats import Limits

from .fakes import pod

NOW = Moment(datetime(2026, 1, 1, tzinfo=UTC), 0.0)


class Fleet:
    """One pod whose container runs, one that waits."""

    def __init__(self) -> None:
        running, waiting = pod(), pod()
        waiting["metadata"] |= {"name": "web-2", "uid": "uid-2"}
        self.machines = [PodMachine(item, ("127.0.0.1",), NOW) for item in (running, waiting)]
        sandbox = events.Seen("s1", "", 0, running=True, addresses=("10.42.0.2",))
        seen = events.Seen("c1", "web", 0, running=True, spec_hash=container_hash(running["spec"]["containers"][0]))
        self.machines[0].handle(events.Observed((sandbox, seen)), NOW)
        self.engine_error = ""

    def all(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(machine=machine) for machine in self.machines]


async def ask(fleet: Fleet, path: str) -> tuple[int, Any]:
    app = web.Application()
    inspection = Inspection(fleet, Limits(max_pods=30), lambda: "cluster.local", 10.0)  # type: ignore[arg-type]
    for method, route, handler in inspection.routes():
        app.router.add_route(method, route, handler)
    server = TestServer(app)
    await server.start_server()
    async with aiohttp.ClientSession() as client, client.get(server.make_url(path)) as answer:
        found = await (answer.json() if answer.content_type == "application/json" else answer.text())
    await server.close()
    return answer.status, found


def names(listed: Object) -> list[str]:
    assert (listed["kind"], listed["apiVersion"]) == ("PodList", "v1")
    return [meta.name(item) for item in listed["items"]]


async def test_all_pods_are_told_with_the_status_that_the_node_gives_them() -> None:
    fleet = Fleet()
    status, found = await ask(fleet, "/pods")
    assert (status, names(found)) == (200, ["web-1", "web-2"])
    assert found["items"][0]["status"] == fleet.machines[0].state.reported
    assert found["items"][0]["status"]["podIP"] == "10.42.0.2"
    assert found["items"][0]["spec"] == fleet.machines[0].pod["spec"]


async def test_running_pods_are_those_with_a_running_container() -> None:
    _, found = await ask(Fleet(), "/runningpods/")
    assert names(found) == ["web-1"]
    assert [container["name"] for container in found["items"][0]["spec"]["containers"]] == ["web"]


async def test_an_agent_without_its_engine_is_sick() -> None:
    fleet = Fleet()
    assert await ask(fleet, "/healthz") == (200, "ok")
    fleet.engine_error = "the engine does not answer"
    status, text = await ask(fleet, "/healthz")
    assert (status, text.splitlines()[-1]) == (500, "healthz check failed")


async def test_the_configuration_is_what_the_agent_goes_by() -> None:
    _, found = await ask(Fleet(), "/configz")
    assert found["kubeletconfig"] == {
        "kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1", "port": 10250,
        "clusterDomain": "cluster.local", "maxPods": 30, "nodeStatusUpdateFrequency": "10s",
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "10%"}, "seccompDefault": True,
        "systemReserved": {"memory": "100Mi"},
    }  # fmt: skip
