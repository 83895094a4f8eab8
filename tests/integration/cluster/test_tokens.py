"""Tokens of pods through the session: a node gets those of its own pods, and none of others."""

from __future__ import annotations

import pytest

from common.api import meta
from common.api.kinds import PODS, SERVICEACCOUNTS
from common.api.meta import Object
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.errors import Forbidden, Unauthorized
from common.session import TokenNeeded
from common.tls import client_context
from nodeagent.tokens import TokenUnavailable, needed_by

from .conftest import Cluster, eventually


async def pod_on(cluster: Cluster, node: str, name: str, account: str = "default") -> Object:
    """A pod of the node, with an image that the simulated agent need not know."""
    spec = {"nodeName": node, "serviceAccountName": account, "containers": [{"name": "main", "image": "hello:1"}]}
    return await cluster.api.create(PODS, {"metadata": {"name": name}, "spec": spec}, "default")


async def test_a_node_gets_tokens_of_its_own_pods_alone(cluster: Cluster) -> None:
    first, second = await cluster.node("worker-1"), await cluster.node("worker-2")
    await cluster.api.create(SERVICEACCOUNTS, {"metadata": {"name": "web"}}, "default")
    pod = await pod_on(cluster, "worker-1", "web", "web")

    async def known() -> bool:
        return first.pods() == ["web"]

    await eventually(known, "the node knowing its pod")
    await first.tokens.ensure(pod)
    (needed,) = needed_by(pod)
    token = first.tokens.of(meta.uid(pod))[needed.audience, needed.seconds]
    with pytest.raises(TokenUnavailable, match="this node has no pod with the uid"):
        await second.tokens.ensure(pod)

    plane = cluster.plane
    authority = (cluster.home.pki / "ca.pem").read_bytes().partition(b"-----BEGIN PRIVATE KEY")[0]
    endpoint = Endpoint(f"https://127.0.0.1:{plane.api_port}", tls=client_context(None, authority), token=token)
    async with HttpClient(endpoint) as as_pod:
        with pytest.raises(Forbidden, match='User "system:serviceaccount:default:web" cannot list resource "pods"'):
            await as_pod.list(PODS, "default")
        await cluster.api.delete(PODS, "web", "default", grace_period_seconds=0)
        with pytest.raises(Unauthorized):
            await as_pod.list(PODS, "default")


async def test_a_pod_whose_account_is_gone_hears_why(cluster: Cluster) -> None:
    agent = await cluster.node("worker-1")
    await cluster.api.create(SERVICEACCOUNTS, {"metadata": {"name": "web"}}, "default")
    pod = await pod_on(cluster, "worker-1", "web", "web")
    await cluster.api.delete(SERVICEACCOUNTS, "web", "default")

    async def known() -> bool:
        return agent.pods() == ["web"]

    await eventually(known, "the node knowing its pod")
    with pytest.raises(TokenUnavailable, match=r'serviceaccounts "web" not found'):
        await agent.tokens.ensure(pod)


async def test_bad_questions_of_a_node_are_answered_with_an_error(cluster: Cluster) -> None:
    agent = await cluster.node("worker-1")
    pod = await pod_on(cluster, "worker-1", "web")

    async def known() -> bool:
        return agent.pods() == ["web"]

    await eventually(known, "the node knowing its pod")
    for source in (pod, {**pod, "metadata": {**pod["metadata"], "uid": "none"}}):
        wrong = TokenNeeded(meta.uid(source), "vault", 5)
        volume = {"name": "v", "projected": {"sources": [{"serviceAccountToken": {"audience": "vault"}}]}}
        volume["projected"]["sources"][0]["serviceAccountToken"]["expirationSeconds"] = wrong.seconds
        with pytest.raises(TokenUnavailable):
            await agent.tokens.ensure({**source, "spec": {**source["spec"], "volumes": [volume]}})
    assert await cluster.is_ready("worker-1")
