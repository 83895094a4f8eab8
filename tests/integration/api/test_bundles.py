"""Bundles of definitions as known projects publish them: every feature of their schemas, by kubectl."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.api.meta import Object

from .kubectl import Kubectl

pytestmark = pytest.mark.kubectl

BUNDLES = Path(__file__).with_name("bundles")
CERTIFICATE: Object = {
    "apiVersion": "certs.example.com/v1", "kind": "Certificate", "metadata": {"name": "web", "namespace": "default"},
    "spec": {"secretName": "web-tls", "issuerRef": {"name": "letsgo"}, "dnsNames": ["a.example"]},
}  # fmt: skip
GATE: Object = {
    "apiVersion": "traffic.k8s.io/v1", "kind": "Gate", "metadata": {"name": "front", "namespace": "default"},
    "spec": {"gateClass": "fast", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]},
}  # fmt: skip


def spec(obj: Object, **fields: object) -> str:
    return json.dumps({**obj, "spec": {**obj["spec"], **fields}})


@pytest.fixture
async def certificates(kubectl: Kubectl) -> Kubectl:
    await kubectl("apply", "-f", str(BUNDLES / "certificates.yaml"))
    await kubectl("wait", "--for=condition=established", "crd/certificates.certs.example.com", "--timeout=60s")
    return kubectl


@pytest.fixture
async def routes(kubectl: Kubectl) -> Kubectl:
    await kubectl("apply", "-f", str(BUNDLES / "routes.yaml"))
    await kubectl("wait", "--for=condition=established", "crd/gates.traffic.k8s.io", "--timeout=60s")
    return kubectl


async def test_certificates_are_applied_filled_in_and_pruned(certificates: Kubectl) -> None:
    kubectl = certificates
    template = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "odd": 1}, "spec": {"any": [1, {"y": 2}]}}
    solvers = [{"podTemplate": template, "config": {"a": {"b": [1]}}, "port": "http", "nope": 1}, {"port": 80}]
    made = spec(CERTIFICATE, solvers=solvers, unknown=True)
    assert 'unknown field "spec.unknown"' in await kubectl.fails("create", "-f", "-", stdin=made)
    await kubectl("create", "--validate=false", "-f", "-", stdin=made)
    found = json.loads(await kubectl("get", "cert", "web", "-o", "json"))
    assert found["spec"] == {
        **CERTIFICATE["spec"],
        "issuerRef": {"kind": "Issuer", "name": "letsgo"},
        "privateKey": {"rotationPolicy": "Always"},
        "usages": ["digital signature"],
        "solvers": [
            {"podTemplate": {**template, "metadata": {"name": "x"}}, "config": {"a": {"b": [1]}}, "port": "http"},
            {"port": 80},
        ],
    }
    assert found["status"]["conditions"][0]["reason"] == "New"
    refused = await kubectl.fails("patch", "cert", "web", "--type=merge", "-p", json.dumps({"spec": {"solvers": [
        {"oneof": {"a": "1", "b": "2"}, "nots": {"a": "1", "b": "2"}, "port": True, "podTemplate": {"kind": "Pod"}},
    ]}}))  # fmt: skip
    for text in (
        '"spec.solvers[0].oneof" must validate one and only one schema (oneOf). Found 2 valid alternatives',
        '"spec.solvers[0].nots" must not validate the schema (not)',
        "spec.solvers[0].port in body must be of type integer,string",
        "spec.solvers[0].podTemplate.apiVersion: Required value: must not be empty",
    ):
        assert text in refused


async def test_certificates_are_shown_selected_and_waited_for(certificates: Kubectl) -> None:
    kubectl = certificates
    await kubectl("apply", "-f", "-", stdin=json.dumps(CERTIFICATE))
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True", "message": "fine"}]}}
    await kubectl("patch", "cert", "web", "--subresource=status", "--type=merge", "-p", json.dumps(ready))
    await kubectl("wait", "cert/web", "--for=condition=Ready", "--timeout=60s")
    assert (await kubectl("get", "cert")).splitlines()[0].split() == ["NAME", "READY", "SECRET", "AGE"]
    wide = (await kubectl("get", "cert-things", "-o", "wide")).splitlines()
    assert wide[0].split() == ["NAME", "READY", "SECRET", "ISSUER", "STATUS", "AGE"]
    assert wide[1].split()[:5] == ["web", "True", "web-tls", "letsgo", "fine"]
    assert "web" in await kubectl("get", "cert", "--field-selector=spec.issuerRef.name=letsgo")
    assert await kubectl("get", "cert", "--field-selector=spec.issuerRef.name=no", "-o", "name") == ""
    explained = await kubectl("explain", "certificate.spec.privateKey")
    assert "rotationPolicy" in explained
    assert "enum: Never, Always" in explained
    assert "metadata" in await kubectl("explain", "certificate.spec.solvers.podTemplate")


async def test_gates_keep_their_rules(routes: Kubectl) -> None:
    kubectl = routes
    await kubectl("create", "-f", "-", stdin=json.dumps(GATE))
    http = GATE["spec"]["listeners"][0]

    async def refused(**fields: object) -> str:
        return await kubectl.fails("replace", "-f", "-", stdin=spec(GATE, **fields))

    assert 'spec.gateClass: Invalid value: "string": Value is immutable' in await refused(gateClass="slow")
    assert "Combination of port, protocol and hostname must be unique" in await refused(
        listeners=[http, {**http, "name": "again"}]
    )
    assert 'spec.listeners[1]: Duplicate value: {"name":"http"}' in await refused(
        listeners=[http, {**http, "port": 81}]
    )
    assert "tls must not be specified for protocols" in await refused(
        listeners=[{**http, "tls": {"mode": "Terminate"}}]
    )
    addresses = [{"value": "10.0.0.1"}, {"value": "10.0.0.1"}]
    assert "IPAddress values must be unique" in await refused(addresses=addresses)
    assert "must validate one and only one schema (oneOf)" in await refused(addresses=[{"value": "here"}])
    assert "spec.labels: Forbidden: keys are lower case, of 2 some are not" in await refused(
        labels={"fine": "x", "Odd": "y"}
    )
    window = {"from": "2026-02-01T00:00:00Z", "until": "2026-01-31T23:00:00-05:00", "generation": 2}
    await kubectl("replace", "-f", "-", stdin=spec(GATE, window=window))  # later by its zone
    assert 'spec.window.from: Invalid value: "object": from must be before until' in await refused(
        window={**window, "until": "2026-01-01T00:00:00Z"}
    )
    assert "generation may not go back" in await refused(window={**window, "generation": 1})


async def test_gates_scale_and_are_there_in_both_versions(routes: Kubectl) -> None:
    kubectl = routes
    await kubectl("create", "-f", "-", stdin=json.dumps(GATE))
    await kubectl("scale", "gate/front", "--replicas=3")
    assert await kubectl("get", "gate", "front", "-o", "jsonpath={.spec.replicas}") == "3"
    shown = await kubectl.run("get", "gates.v1beta1.traffic.k8s.io", "front", "-o", "json")
    assert "Warning: The v1beta1 version of Gate has been deprecated; please upgrade to v1" in shown.err
    old = json.loads(shown.out)
    assert (old["apiVersion"], old["spec"]["replicas"]) == ("traffic.k8s.io/v1beta1", 3)
    conformant = "{.status.conditions[?(@.type=='KubernetesAPIApprovalPolicyConformant')].reason}"
    found = await kubectl("get", "crd", "gates.traffic.k8s.io", "-o", f"jsonpath={conformant}")
    assert found == "UnapprovedAnnotation"
