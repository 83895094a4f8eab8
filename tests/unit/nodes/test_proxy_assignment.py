"""Ingresses and their certificates go to the nodes that run the proxy, and to no other."""

from __future__ import annotations

from common.api.ingressnode import CONDITION, ENABLED, IDLE, MISSING
from common.api.meta import Object, name
from common.session import Sync
from console.nodes.assignment import Distribution, Feed
from tests.fakes import objects


def node(title: str, reason: str = "", **annotations: str) -> Object:
    made = objects.node(title)
    made["metadata"] |= {"uid": title, "annotations": annotations}
    made["status"] = {"conditions": [{"type": CONDITION, "status": "True", "reason": reason}] if reason else []}
    return made


def secret(title: str) -> Object:
    return {"metadata": {"name": title, "namespace": "ns", "uid": title}, "data": {"tls.key": "eA=="}}


def ingress(*secrets: str) -> Object:
    tls = [{"secretName": title} for title in secrets]
    return {"metadata": {"name": "site", "namespace": "ns", "uid": "i"}, "spec": {"tls": tls}}


def got(batch: Sync | None, resource: str = "secrets") -> list[str]:
    return sorted(name(obj) for obj in (batch.objects.get(resource, []) if batch else []))


def opened(distribution: Distribution, *nodes: Object) -> list[Feed]:
    for obj in nodes:
        distribution.change("nodes", None, obj)
    return [distribution.open(name(obj), lambda: None) for obj in nodes]


def test_only_proxies_get_ingresses_and_only_the_secrets_that_these_name() -> None:
    distribution = Distribution()
    for title in ("cert", "password"):
        distribution.change("secrets", None, secret(title))
    distribution.change("ingresses", None, ingress("cert"))
    nodes = [node("a", IDLE), node("b", MISSING), node("c"), node("d", IDLE, **{ENABLED: "disabled"})]
    feeds = opened(distribution, *nodes)
    batches = [feed.take() for feed in feeds]
    assert [got(batch) for batch in batches] == [["cert"], [], [], []]
    assert [got(batch, "ingresses") for batch in batches] == [["site"], [], [], []]


def test_secrets_follow_the_ingress_that_names_them() -> None:
    distribution = Distribution()
    for title in ("old", "new"):
        distribution.change("secrets", None, secret(title))
    distribution.change("ingresses", None, ingress("old"))
    (feed,) = opened(distribution, node("a", IDLE))
    assert got(feed.take()) == ["old"]
    distribution.change("ingresses", ingress("old"), ingress("new"))
    batch = feed.take()
    assert batch is not None
    assert (got(batch), batch.removed) == (["new"], {"secrets": ["old"]})
    distribution.change("secrets", secret("new"), {**secret("new"), "data": {}})
    assert got(feed.take()) == ["new"]
    distribution.change("secrets", secret("old"), {**secret("old"), "data": {}})
    assert feed.take() is None
    distribution.change("ingresses", ingress("new"), None)
    last = feed.take()
    assert last is not None
    assert last.removed == {"secrets": ["new"], "ingresses": ["i"]}


def test_a_node_that_loses_its_proxy_loses_the_secrets_and_gets_them_back() -> None:
    distribution = Distribution()
    distribution.change("secrets", None, secret("cert"))
    distribution.change("ingresses", None, ingress("cert"))
    (feed,) = opened(distribution, node("a", IDLE))
    feed.take()
    distribution.change("nodes", node("a", IDLE), node("a", MISSING))
    gone = feed.take()
    assert gone is not None
    assert gone.removed == {"secrets": ["cert"], "ingresses": ["i"]}
    distribution.change("nodes", node("a", MISSING), node("a", IDLE))
    assert got(feed.take()) == ["cert"]
    distribution.change("nodes", node("a", IDLE), None)
    again = feed.take()
    assert again is not None
    assert again.removed["secrets"] == ["cert"]
