"""Connections in the audit log: who got into which container, from when to when."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from common.auditlog import every_line
from common.settings import Home

from .conftest import MakePod, Running
from .kubectl import Kubectl, forwarded_port

pytestmark = pytest.mark.kubectl


async def connections(api: Running, subresource: str, *stages: str) -> list[dict[str, Any]]:
    """The events of the one request of that sort, once it has come to these stages."""
    folder = Home(api.socket.parent).audit
    async with asyncio.timeout(60):
        while True:
            lines = await asyncio.to_thread(lambda: list(every_line(folder)))
            events = [orjson.loads(line) for line in lines if line.endswith(b"\n")]  # the last may be on its way
            found = [event for event in events if event.get("objectRef", {}).get("subresource") == subresource]
            if [event["stage"] for event in found] == list(stages):
                return found
            await asyncio.sleep(0.02)


async def test_a_command_in_a_container(api: Running, make_pod: MakePod, kubectl: Kubectl) -> None:
    await make_pod("web")
    assert await kubectl("exec", "web", "--", "echo", "hello") == "hello\n"
    begun, over = await connections(api, "exec", "ResponseStarted", "ResponseComplete")
    assert begun["auditID"] == over["auditID"]
    assert {event["responseStatus"]["code"] for event in (begun, over)} == {101}
    assert begun["objectRef"]["name"] == "web"
    assert "command=echo&command=hello" in begun["requestURI"]
    assert begun["annotations"]["authorization.k8s.io/decision"] == "allow"


async def test_a_connection_is_there_while_it_lasts(api: Running, make_pod: MakePod, kubectl: Kubectl) -> None:
    await make_pod("web")
    process = await kubectl.start("port-forward", "--address=127.0.0.1", "pod/web", ":9")
    try:
        await forwarded_port(process)
        (begun,) = await connections(api, "portforward", "ResponseStarted")
        assert begun["responseStatus"]["code"] == 101
    finally:
        process.terminate()
        await process.wait()
    _, over = await connections(api, "portforward", "ResponseStarted", "ResponseComplete")
    assert over["stageTimestamp"] > begun["stageTimestamp"]


async def test_a_connection_that_was_refused(api: Running, make_pod: MakePod, kubectl: Kubectl) -> None:
    await make_pod("web")
    path = "/api/v1/namespaces/default/pods/web/exec?command=true"
    assert "forbidden" in await kubectl.fails("get", "--raw", path, "--as=jane")
    events = await connections(api, "exec", "ResponseComplete")
    assert events[0]["impersonatedUser"]["username"] == "jane"
    assert events[0]["annotations"]["authorization.k8s.io/decision"] == "forbid"


async def test_what_went_through_the_proxy(api: Running, make_pod: MakePod, kubectl: Kubectl) -> None:
    await make_pod("web")
    path = "/api/v1/namespaces/default/pods/web:1/proxy/secret-page?x=1"
    assert "address not allowed" in await kubectl.fails("get", "--raw", path)  # the pod has none yet
    events = await connections(api, "proxy", "ResponseComplete")
    assert events[0]["requestURI"] == path
    assert events[0]["responseStatus"]["code"] == 400
