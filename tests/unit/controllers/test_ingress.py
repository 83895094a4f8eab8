"""Status of Ingresses and the events that say what cannot be served."""

from __future__ import annotations

from typing import Any

from common.api.ingressclass import built_in
from common.api.ingressnode import CONDITION, ENABLED, FAILING, RUNNING
from common.api.kinds import EVENTS, INGRESSCLASSES, INGRESSES, NODES, SECRETS, SERVICES
from common.api.meta import Key, Object
from console.controllers.ingress.controller import IngressController
from tests.fakes import objects


def node(name: str, address: str, reason: str = RUNNING, **annotations: str) -> Object:
    made = objects.node(name)
    made["metadata"]["annotations"] = annotations
    proxy = {"type": CONDITION, "status": "True" if reason == RUNNING else "False", "reason": reason}
    made["status"] = {
        "conditions": [{"type": "Ready", "status": "True"}, proxy],
        "addresses": [{"type": "InternalIP", "address": address}],
    }
    return made


def ingress(name: str, service: str, port: int = 80, **spec: Any) -> Object:
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": port}}}}
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": name},
        "spec": {
            "ingressClassName": "quarterdeck", "rules": [{"host": f"{name}.x", "http": {"paths": [path]}}], **spec
        },
    }  # fmt: skip


def service(name: str) -> Object:
    return {"metadata": {"name": name, "namespace": "ns", "uid": name}, "spec": {"ports": [{"port": 80}]}}


async def test_the_status_has_the_nodes_whose_proxy_serves(world: Any) -> None:
    world.api.seed(INGRESSCLASSES, {**built_in(), "metadata": {**built_in()["metadata"], "uid": "c"}})
    world.api.seed(
        NODES, node("b", "10.0.0.2"), node("a", "fd00::1"), node("c", "10.0.0.3", FAILING),
        node("d", "10.0.0.4", **{ENABLED: "disabled"}),
    )  # fmt: skip
    world.api.seed(SERVICES, service("web"))
    other = {**ingress("other", "web"), "spec": {"ingressClassName": "nginx", "rules": []}}
    world.api.seed(INGRESSES, ingress("site", "web"), other)
    await world.start(IngressController(world.kit))
    status = world.api.find(INGRESSES, Key("ns", "site"))["status"]
    assert status == {"loadBalancer": {"ingress": [{"ip": "10.0.0.2"}, {"ip": "fd00::1"}]}}
    assert "status" not in world.api.find(INGRESSES, Key("ns", "other"))


async def test_what_cannot_be_served_is_an_event_said_once(world: Any) -> None:
    world.api.seed(INGRESSCLASSES, {**built_in(), "metadata": {**built_in()["metadata"], "uid": "c"}})
    world.api.seed(SERVICES, service("web"))
    bad = {"metadata": {"name": "bad", "namespace": "ns", "uid": "s"}, "data": {"tls.crt": "eA=="}}
    world.api.seed(SECRETS, bad)
    tls = [{"secretName": "bad"}, {"secretName": "none"}]
    world.api.seed(
        INGRESSES, ingress("lost", "gone"), ingress("port", "web", 81), ingress("site", "web", tls=tls)
    )  # fmt: skip
    await world.start(IngressController(world.kit))
    await world.client.patch(SERVICES, "web", {"metadata": {"labels": {"a": "b"}}}, "ns")
    await world.settle(3)
    found = sorted((event["reason"], event["message"]) for event in world.api.items(EVENTS))
    assert found == [
        ("BackendNotFound", "Service ns/gone does not exist"),
        ("BackendNotFound", "Service ns/web has no port 81"),
        ("TLSSecretInvalid", "Secret ns/bad: it has no tls.key; nodes go on with the last good one"),
        ("TLSSecretNotFound", "Secret ns/none does not exist: the default certificate is shown"),
    ]
