"""Connections that stand still, lie, expire or carry other connections."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import aiohttp
import orjson
import pytest

from common import pki, session, tls
from common.api import pods
from common.api.conditions import get_condition
from common.api.kinds import DEPLOYMENTS, NODES, SERVICES
from common.api.meta import annotations, name
from common.clock import SystemClock
from common.hosts import CERTIFICATE_SERIAL
from common.session import Open, Welcome
from console.controlplane import ControlPlane, StartError
from tests.fakes.agent import SimulatedAgent
from tests.fakes.objects import deployment

from .conftest import Cluster, eventually

CLOCK = SystemClock()


def authority(cluster: Cluster) -> pki.Authority:
    identity = pki.Folder(cluster.home.pki).load("ca")
    assert identity is not None
    return pki.Authority(identity)


async def replaced_certificate(cluster: Cluster, agent: SimulatedAgent, life: timedelta) -> None:
    """Give the agent another certificate of the cluster and end its session."""
    request = pki.request_for(agent.service.credentials.own)
    subject = pki.node_subject(agent.host, [])
    await agent.service.credentials.renew(authority(cluster).sign_request(request, subject, CLOCK.now(), life))
    await agent.service.session.close()


async def test_a_connection_that_stands_still_is_given_up_and_made_anew(cluster: Cluster) -> None:
    agent, relay = await cluster.relayed_node("worker-1")
    other = await cluster.node("worker-2")
    relay.freeze()

    async def given_up() -> bool:
        return not agent.service.session.connected

    await eventually(given_up, "the agent missing the console")
    await cluster.api.patch(NODES, "worker-1", {"spec": {"unschedulable": True}})
    await cluster.api.create(DEPLOYMENTS, deployment("web", 2), "default")

    async def runs() -> bool:
        return len([pod for pod in await cluster.pods() if pods.is_ready(pod)]) == 2

    await eventually(runs, "the other node working meanwhile")
    assert len(other.pods()) == 2
    relay.thaw()

    async def back() -> bool:
        return agent.service.session.connected

    await eventually(back, "the session coming back")
    await eventually(lambda: cluster.is_ready("worker-1"), "the node being Ready")


async def test_what_takes_many_pieces_reaches_a_node_that_stood_still_and_holds_back_no_other(cluster: Cluster) -> None:
    slow, relay = await cluster.relayed_node("worker-1")
    quick = await cluster.node("worker-2")
    relay.freeze()
    notes = {f"web-{number}": f"{number}" * 100_000 for number in range(1, 10)}
    for title, note in notes.items():
        metadata = {"name": title, "annotations": {"example.com/note": note}}
        await cluster.api.create(SERVICES, {"metadata": metadata, "spec": {"ports": [{"port": 80}]}}, "default")

    def knows(agent: SimulatedAgent) -> Callable[[], Awaitable[bool]]:
        async def all_of_them() -> bool:
            told = {name(obj): annotations(obj) for obj in agent.assignment.objects("services")}
            return all(told.get(title) == {"example.com/note": note} for title, note in notes.items())

        return all_of_them

    await eventually(knows(quick), "a node being told of all Services")
    relay.thaw()
    await eventually(knows(slow), "the node that stood still being told of them")


async def test_a_node_that_comes_back_while_it_is_being_removed_is_dialled(cluster: Cluster) -> None:
    _, relay = await cluster.relayed_node("worker-1")
    node = await cluster.api.get(NODES, "worker-1")
    relay.freeze()  # its agent cannot be told, so the removal takes its time
    await cluster.api.delete(NODES, "worker-1")
    notes = {"labels": node["metadata"]["labels"], "annotations": node["metadata"]["annotations"]}
    await cluster.api.create(NODES, {"metadata": {"name": "worker-1", **notes}, "spec": {}})

    async def revoked() -> bool:
        serial = int(node["metadata"]["annotations"][CERTIFICATE_SERIAL], 16)
        return pki.Revocations(cluster.home.pki / "revoked.json").is_revoked(serial)

    await eventually(revoked, "the removal being done")
    relay.thaw()

    async def dialled() -> bool:
        return any("no session with" in message for message in await cluster.events("worker-1"))

    await eventually(dialled, "the new node being dialled")


@pytest.mark.parametrize(
    "frame",
    [
        "not json",
        "[]",
        '{"type": "Nonsense"}',
        '{"type": "Sync", "generation": "one"}',
        '{"type": "Welcome", "agent_version": "", "info": {}, "time": ""}',
        b"\x00",
        b"\x00\x00\x00\x00",
    ],
)
async def test_an_agent_ends_a_session_that_breaks_the_protocol(cluster: Cluster, frame: str | bytes) -> None:
    agent = await cluster.node("worker-1")
    await cluster.stop()
    epoch = orjson.loads((cluster.home.path / "console" / "epoch.json").read_bytes())
    membership = agent.service.credentials.membership
    console = pki.Folder(cluster.home.pki).load("controlplane")
    assert membership is not None
    assert console is not None
    opening = Open(membership.cluster, epoch["counter"], epoch["instance"], "worker-1", {}, "2026-01-01T00:00:00Z")
    context = tls.client_context(console, authority(cluster).certificate_pem)
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(f"https://{agent.address}/session", ssl=context, server_hostname="worker-1") as socket,
    ):
        await socket.send_str(session.encode(opening))
        assert isinstance(session.decode((await socket.receive(5)).data), Welcome)
        await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))
        while (await socket.receive(5)).type is aiohttp.WSMsgType.TEXT:
            continue
        assert socket.close_code == 1002
    await cluster.start()
    await eventually(lambda: cluster.is_ready("worker-1"), "the true control plane commanding the node again")


async def test_nonsense_in_reports_harms_nobody(cluster: Cluster) -> None:
    agent = await cluster.node("worker-1")
    agent.reports.pod("default", "nobody", "no-uid", {"phase": "Running"})
    agent.reports.event({"involvedObject": "nothing"})
    agent.reports.event({"involvedObject": {"kind": "Node", "name": "worker-1"}, "reason": 7, "message": ["x"]})
    agent.reports.gone("no-such-uid")
    agent.reports.node({"conditions": ["x", {"type": "Ready", "status": "True", "reason": "Still"}]})

    async def stored() -> bool:
        ready = get_condition(await cluster.api.get(NODES, "worker-1"), "Ready") or {}
        return ready.get("reason") == "Still"

    await eventually(stored, "the sensible part being stored")


async def test_an_expired_certificate_is_refused_and_said_so(cluster: Cluster) -> None:
    agent = await cluster.node("worker-1")
    await cluster.stop()
    await replaced_certificate(cluster, agent, timedelta(seconds=2))
    await asyncio.sleep(3)
    await cluster.start()

    async def said() -> bool:
        return any("has expired" in message for message in await cluster.events("worker-1"))

    await eventually(said, "the reason being told")


async def test_a_certificate_is_renewed_through_the_session_before_it_expires(cluster: Cluster) -> None:
    agent = await cluster.node("worker-1")
    # Backdated by five minutes: of its life less than a third is left.
    await replaced_certificate(cluster, agent, timedelta(minutes=2))

    async def renewed() -> bool:
        membership = agent.service.credentials.membership
        return membership is not None and not pki.needs_renewal(membership.identity.certificate, CLOCK.now())

    await eventually(renewed, "the certificate being renewed")
    await agent.service.session.close()
    await eventually(lambda: connected(agent), "a session with the new certificate")


async def connected(agent: SimulatedAgent) -> bool:
    return agent.service.session.connected


async def test_pods_reach_the_api_through_the_session(cluster: Cluster) -> None:
    agent = await cluster.node("worker-1")
    await agent.service.tunnel.listen(["127.0.0.1"])
    port = agent.service.tunnel.ports()["127.0.0.1"]
    admin = pki.Folder(cluster.home.pki).load("admin")
    context = tls.client_context(admin, authority(cluster).certificate_pem)
    big = {"metadata": {"name": "big"}, "data": {"text": "x" * 900_000}}
    url = f"https://127.0.0.1:{port}/api/v1/namespaces/default/configmaps"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as client:

        async def create(number: int) -> int:
            async with client.post(url, json={**big, "metadata": {"name": f"big-{number}"}}) as created:
                return created.status

        assert await asyncio.gather(*(create(number) for number in range(4))) == [201] * 4
        async with client.get(url) as answer:
            listed = await answer.json()
    assert {len(item["data"].get("text", "")) for item in listed["items"]} >= {900_000}
    await cluster.stop()
    await eventually(lambda: refused(port, context), "connections being closed at once without a control plane")
    await cluster.start()


async def refused(port: int, context: ssl.SSLContext) -> bool:
    try:
        async with (
            asyncio.timeout(5),
            aiohttp.ClientSession() as client,
            client.get(f"https://127.0.0.1:{port}/version", ssl=context),
        ):
            return False
    except (aiohttp.ClientError, OSError):
        return True


async def test_agents_tell_each_other_what_is_unready_with_and_without_the_control_plane(cluster: Cluster) -> None:
    first, second = await cluster.node("worker-1"), await cluster.node("worker-2")
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "protocol": "TCP"}]}
    await cluster.api.create(SERVICES, {"metadata": {"name": "web"}, "spec": spec}, "default")
    await cluster.api.create(DEPLOYMENTS, deployment("web", 2), "default")

    def addresses(agent: SimulatedAgent) -> frozenset[str]:
        found = [agent.status(pod) for pod in agent.assignment.objects("pods")]
        return frozenset(address for status in found for address in pods.ips({"status": status}))

    async def called_ready() -> bool:
        listed = [
            address
            for part in second.assignment.objects("endpointslices")
            for endpoint in part["endpoints"]
            for address in endpoint["addresses"]
        ]
        return bool(addresses(first)) and addresses(first) <= set(listed)

    await eventually(called_ready, "the slices calling the pods ready")
    first.service.peers.set_unready(addresses(first))

    async def known() -> bool:
        return second.service.peers.unready == addresses(first)

    await eventually(known, "the other node knowing")
    await cluster.stop()
    await asyncio.sleep(7)  # longer than what is not repeated lives
    await eventually(known, "it being repeated by the one that knows")
    first.service.peers.set_unready(frozenset())

    async def forgotten() -> bool:
        return not second.service.peers.unready

    await eventually(forgotten, "the other node knowing that all is well")
    await cluster.start()


async def test_a_node_speaks_only_for_its_own_pods(cluster: Cluster) -> None:
    first, second = await cluster.node("worker-1"), await cluster.node("worker-2")
    theirs = (await cluster.api.get(NODES, "worker-1"))["spec"]["podCIDRs"][0].replace("0/24", "7")
    own = (await cluster.api.get(NODES, "worker-2"))["spec"]["podCIDRs"][0].replace("0/24", "7")

    async def known() -> bool:
        return first.service.peers.known("worker-2")

    await eventually(known, "the nodes knowing each other")
    url = f"https://{first.address}/peer/readiness"
    context = second.service.credentials.client_context()
    body = {"unready": [theirs, own, "10.43.0.1", "not an address"]}
    async with (
        aiohttp.ClientSession() as client,
        client.post(url, json=body, ssl=context, server_hostname="worker-1") as response,
    ):
        assert response.status == 200
    assert first.service.peers.unready == {own}


class AheadClock(SystemClock):
    """Ten minutes ahead."""

    def now(self) -> datetime:
        return super().now() + timedelta(minutes=10)


async def test_a_host_with_a_wrong_clock_is_told_of_with_both_clocks(cluster: Cluster) -> None:
    await cluster.node("worker-1", clock=AheadClock())

    async def told() -> bool:
        condition = get_condition(await cluster.api.get(NODES, "worker-1"), "ClockSkewed") or {}
        return condition.get("status") == "True" and "600 seconds ahead" in condition["message"]

    await eventually(told, "the difference being told")
    await eventually(lambda: cluster.is_ready("worker-1"), "the node being Ready all the same")


async def test_a_second_control_plane_on_the_same_state_is_refused(cluster: Cluster) -> None:
    second = ControlPlane(cluster.home, listen="127.0.0.1:0", discover=False)
    with pytest.raises(StartError, match="already runs"):
        await second.start()


async def test_a_port_in_use_is_named(cluster: Cluster) -> None:
    from common.settings import Home

    second = ControlPlane(Home(cluster.folder / "other"), listen=f"127.0.0.1:{cluster.plane.api_port}", discover=False)
    with pytest.raises(StartError, match=str(cluster.plane.api_port)):
        await second.start()
