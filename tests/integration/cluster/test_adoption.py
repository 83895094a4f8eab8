"""Adoption and trust over real TLS: who becomes a node, who may command one, and what the others are told."""

from __future__ import annotations

import asyncio
import ssl

import aiohttp
import pytest

from common import pki, session, tls
from common.api.kinds import EVENTS, HOSTS, NODES
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.clock import SystemClock
from common.errors import ApiError, Conflict, Forbidden, ServiceUnavailable, TooManyRequests, Unauthorized
from common.hosts import HOST_FINGERPRINT
from common.session import Open, Refused
from tests.fakes.agent import SimulatedAgent

from .conftest import Cluster, eventually

CLOCK = SystemClock()


def wrong(code: str) -> str:
    return code[:-1] + str((int(code[-1]) + 1) % 10)


async def test_a_host_named_by_address_becomes_a_ready_node(cluster: Cluster) -> None:
    agent = await cluster.agent("worker-1")
    host = await cluster.adopt(agent)
    assert host["status"]["phase"] == "Adopted"
    assert host["status"]["nodeName"] == "worker-1"
    await eventually(lambda: cluster.is_ready("worker-1"), "the node becoming Ready")
    node = await cluster.api.get(NODES, "worker-1")
    assert node["metadata"]["labels"]["kubernetes.io/arch"] == "amd64"
    assert node["spec"]["podCIDRs"]


async def test_a_wrong_code_is_refused_and_burned_and_the_next_one_works(cluster: Cluster) -> None:
    agent = await cluster.agent("worker-1")
    with pytest.raises(Forbidden, match="code is wrong"):
        await cluster.adopt(agent, wrong(agent.codes[-1]))

    assert len(agent.codes) == 2
    assert agent.service.credentials.membership is None

    async def adopted() -> bool:
        try:
            await cluster.adopt(agent)
        except TooManyRequests:
            return False
        return True

    await eventually(adopted, "adoption with the new code")


async def test_hosts_of_one_name_that_are_adopted_at_once_become_two_nodes(cluster: Cluster) -> None:
    twins = [await cluster.agent("worker-1"), await cluster.agent("worker-1")]
    await asyncio.gather(*(cluster.adopt(agent) for agent in twins))
    nodes = (await cluster.api.list(NODES)).items
    assert len(nodes) == 2
    assert {node["metadata"]["annotations"][HOST_FINGERPRINT] for node in nodes} == {
        agent.service.credentials.fingerprint for agent in twins
    }
    for node in nodes:
        name = node["metadata"]["name"]
        await eventually(lambda name=name: cluster.is_ready(name), f"node {name} becoming Ready")


async def test_what_cannot_be_a_code_does_not_burn_it(cluster: Cluster) -> None:
    agent = await cluster.agent("worker-1")
    with pytest.raises(ApiError, match="8 digits"):
        await cluster.adopt(agent, "12")
    assert len(agent.codes) == 1


async def test_a_host_of_another_cluster_is_not_taken(cluster: Cluster) -> None:
    agent = await cluster.agent("worker-1")
    authority = pki.Authority.create("other", CLOCK.now())
    request = pki.request_for(agent.service.credentials.own)
    certificate = authority.sign_request(request, pki.node_subject("worker-1", []), CLOCK.now())
    await agent.service.credentials.join("other", "worker-1", authority.certificate_pem, certificate)
    with pytest.raises(Conflict, match="belongs to another cluster"):
        await cluster.adopt(agent, "1234-5678")

    async def foreign() -> bool:
        return [host["status"]["phase"] for host in (await cluster.api.list(HOSTS)).items] == ["Foreign"]

    await eventually(foreign, "the host being shown as another cluster's")


async def test_an_address_without_an_agent_is_said_so(cluster: Cluster) -> None:
    with pytest.raises(ServiceUnavailable, match="cannot be reached"):
        await cluster.api.post(HOSTS, "127.0.0.1:1", "adopt", {"code": "1234-5678"})


async def test_the_agent_of_this_host_needs_no_code(cluster: Cluster) -> None:
    agent = await cluster.agent("this-host", folder=cluster.home.agent)

    async def seen() -> bool:
        return any(host["metadata"]["name"] == "this-host" for host in (await cluster.api.list(HOSTS)).items)

    await eventually(seen, "the local agent being seen")
    await cluster.api.post(HOSTS, "this-host", "adopt", {"code": ""})
    assert agent.service.credentials.cluster


async def test_another_host_needs_a_code(cluster: Cluster) -> None:
    agent = await cluster.agent("worker-1")
    with pytest.raises(ApiError, match="give the code that its agent prints"):
        await cluster.adopt(agent, "")


async def test_a_removed_node_forgets_the_cluster_and_can_be_adopted_again(cluster: Cluster) -> None:
    agent = await cluster.node("worker-1")
    membership = agent.service.credentials.membership
    assert membership is not None
    serial = membership.identity.certificate.serial_number
    await cluster.api.delete(NODES, "worker-1")

    async def left() -> bool:
        return agent.service.credentials.membership is None

    await eventually(left, "the agent leaving the cluster")

    async def revoked() -> bool:
        return pki.Revocations(cluster.home.pki / "revoked.json").is_revoked(serial)

    await eventually(revoked, "its certificate being revoked")
    context = tls.client_context(membership.identity, membership.authority_pem)
    async with HttpClient(Endpoint(f"https://127.0.0.1:{cluster.plane.api_port}", tls=context)) as removed:
        with pytest.raises(Unauthorized):
            await removed.discover()
    await cluster.adopt(agent)
    await eventually(lambda: cluster.is_ready("worker-1"), "the node becoming Ready again")


async def test_a_host_removed_while_it_was_away_is_not_taken_back_by_its_old_certificate(cluster: Cluster) -> None:
    agent = await cluster.agent("worker-1", folder=cluster.folder / "worker-1")
    await cluster.adopt(agent)
    await eventually(lambda: cluster.is_ready("worker-1"), "the node becoming Ready")
    serial = agent.service.credentials.membership.identity.certificate.serial_number  # type: ignore[union-attr]
    await agent.close()
    await cluster.api.delete(NODES, "worker-1")

    async def revoked() -> bool:
        return pki.Revocations(cluster.home.pki / "revoked.json").is_revoked(serial)

    await eventually(revoked, "its certificate being revoked")
    back = await cluster.agent("worker-1", folder=cluster.folder / "worker-1")
    with pytest.raises(Forbidden, match="certificate is revoked"):
        await cluster.adopt(back, "")


async def test_a_host_whose_node_object_was_lost_is_taken_back_by_its_certificate(cluster: Cluster) -> None:
    agent = await cluster.node("worker-1")
    await cluster.stop()
    (cluster.home.store).unlink()
    await cluster.start()
    await cluster.api.post(HOSTS, agent.address, "adopt", {"code": ""})
    await eventually(lambda: cluster.is_ready("worker-1"), "the node becoming Ready")


async def test_a_control_plane_that_restarts_commands_its_nodes_again(cluster: Cluster) -> None:
    agent = await cluster.node("worker-1")
    await cluster.restart()

    async def connected() -> bool:
        return agent.service.session.connected

    await eventually(connected, "the session coming back")
    await eventually(lambda: cluster.is_ready("worker-1"), "the node being Ready")


def opening(agent: SimulatedAgent, **changes: object) -> Open:
    membership = agent.service.credentials.membership
    assert membership is not None
    values = {"cluster": membership.cluster, "epoch": 1, "instance": "another", "node": membership.node, "config": {},
              "time": "2026-01-01T00:00:00Z"}  # fmt: skip
    return Open(**{**values, **changes})  # type: ignore[arg-type]


async def answer(cluster: Cluster, agent: SimulatedAgent, message: Open) -> session.Message:
    keys = pki.Folder(cluster.home.pki)
    console, authority = keys.load("controlplane"), keys.load("ca")
    assert console is not None
    assert authority is not None
    context = tls.client_context(console, authority.certificate_pem)
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(f"https://{agent.address}/session", ssl=context, server_hostname=message.node) as socket,
    ):
        await socket.send_str(session.encode(message))
        return session.decode((await socket.receive(5)).data)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"epoch": 0}, "old-epoch"),
        ({"epoch": 1, "instance": "another"}, "old-epoch"),
        ({"cluster": "other", "epoch": 9}, "wrong-cluster"),
        ({"version": 99, "epoch": 9}, "wrong-version"),
    ],
)
async def test_a_second_control_plane_is_fenced(cluster: Cluster, changes: dict[str, object], reason: str) -> None:
    agent = await cluster.node("worker-1")
    refused = await answer(cluster, agent, opening(agent, **changes))
    assert isinstance(refused, Refused)
    assert refused.reason == reason
    assert agent.service.session.connected


async def test_a_takeover_fences_the_old_control_plane(cluster: Cluster) -> None:
    agent = await cluster.node("worker-1")
    welcome = await answer(cluster, agent, opening(agent, epoch=2))
    assert isinstance(welcome, session.Welcome)

    async def told() -> bool:
        events = (await cluster.api.list(EVENTS)).items
        return any("another control plane has taken this cluster over" in event["message"] for event in events)

    await eventually(told, "the fenced control plane saying so")


async def request_as(agent: SimulatedAgent, context: ssl.SSLContext, path: str) -> int:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"https://{agent.address}{path}", ssl=context, server_hostname="worker-1") as response,
    ):
        return response.status


async def test_roles_come_from_certificates(cluster: Cluster) -> None:
    first, second = await cluster.node("worker-1"), await cluster.node("worker-2")

    async def knows() -> bool:
        return first.service.peers.known("worker-2")

    await eventually(knows, "the nodes knowing each other")
    authority = pki.Folder(cluster.home.pki).load("ca")
    assert authority is not None
    nobody = tls.client_context(None, authority.certificate_pem)
    peer = second.service.credentials.client_context()
    assert await request_as(first, nobody, "/identity") == 200
    assert await request_as(first, nobody, "/peer/ping") == 403
    assert await request_as(first, nobody, "/session") == 403
    assert await request_as(first, nobody, "/metrics") == 403
    assert await request_as(first, peer, "/metrics") == 404
    assert await request_as(first, peer, "/peer/ping") == 200
    assert await request_as(first, peer, "/session") == 403
    await cluster.api.delete(NODES, "worker-2")

    async def forgotten() -> bool:
        return not first.service.peers.known("worker-2")

    await eventually(forgotten, "the removed node being forgotten")
    assert await request_as(first, peer, "/peer/ping") == 403


async def test_a_stranger_with_a_certificate_is_cut_off(cluster: Cluster) -> None:
    agent = await cluster.node("worker-1")
    authority = pki.Folder(cluster.home.pki).load("ca")
    assert authority is not None
    stranger = pki.Authority.create("other", CLOCK.now()).issue(pki.Subject(pki.CONTROL_PLANE), CLOCK.now())
    with pytest.raises((aiohttp.ClientError, OSError)) as failure:
        await request_as(agent, tls.client_context(stranger, authority.certificate_pem), "/peer/ping")
    assert "another cluster" in tls.explain(failure.value)
