"""Ingresses, IngressClasses and NetworkPolicies: defaults, classes, every refusal in Kubernetes' words, columns."""

from __future__ import annotations

from typing import Any

import pytest

from common.api import ingressclass
from common.api.kinds import INGRESSCLASSES, INGRESSES, NETWORKPOLICIES
from common.api.meta import Object
from console.registry.tables import table

from .builders import NOW, Objects, causes, changed, context, created, named, row, update_causes, updated


def backend(**service: Any) -> Object:
    return {"service": {"name": "web", "port": {"number": 80}, **service}}


def ingress(**spec: Any) -> Object:
    path = {"path": "/", "pathType": "Prefix", "backend": backend()}
    return named("site", spec={"rules": [{"host": "a.example", "http": {"paths": [path]}}], **spec})


def default_class(name: str, created_at: str = "2026-01-01T00:00:00Z") -> Object:
    annotations = {ingressclass.DEFAULT_ANNOTATION: "true"}
    return {
        "metadata": {"name": name, "creationTimestamp": created_at, "annotations": annotations},
        "spec": {"controller": "example.com/lb"},
    }


def classes(*found: Object) -> Objects:
    lookup = Objects()
    for obj in found:
        lookup.put(INGRESSCLASSES, obj)
    return lookup


def test_an_ingress_without_class_gets_the_newest_default_one() -> None:
    lookup = classes(
        default_class("z-old", "2025-01-01T00:00:00Z"), default_class("c"), default_class("b"),
        {"metadata": {"name": "a"}, "spec": {"controller": "example.com/other"}},
    )  # fmt: skip
    assert created(INGRESSES, ingress(), context(lookup))["spec"]["ingressClassName"] == "b"
    assert created(INGRESSES, ingress(ingressClassName="a"), context(lookup))["spec"]["ingressClassName"] == "a"
    annotated = changed(ingress(), "metadata.annotations", {ingressclass.CLASS_ANNOTATION: "old"})
    assert "ingressClassName" not in created(INGRESSES, annotated, context(lookup))["spec"]
    made = created(INGRESSES, ingress())
    assert "ingressClassName" not in made["spec"]
    assert made["status"] == {"loadBalancer": {}}


@pytest.mark.parametrize(
    ("path", "value", "wanted"),
    [
        ("spec.rules", None, "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"),
        ("spec.rules.0.host", "10.0.0.1", "must be a DNS name, not an IP address"),
        ("spec.rules.0.host", "*.*.example", "a wildcard DNS-1123 subdomain must start with '*.'"),
        ("spec.rules.0.host", "A.example", "a lowercase RFC 1123 subdomain must consist of"),
        ("spec.rules.0.http.paths", [], "spec.rules[0].http.paths: Required value"),
        ("spec.rules.0.http.paths.0.pathType", None,
         "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"),
        ("spec.rules.0.http.paths.0.pathType", "Regex",
         'Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"'),
        ("spec.rules.0.http.paths.0.path", "x", 'Invalid value: "x": must be an absolute path'),
        ("spec.rules.0.http.paths.0.path", "/a//b", "must not contain '//'"),
        ("spec.rules.0.http.paths.0.path", "/a/..", "cannot end with '/..'"),
        ("spec.rules.0.http.paths.0.backend", {}, "resource or service backend is required"),
        ("spec.rules.0.http.paths.0.backend.service.name", "",
         "spec.rules[0].http.paths[0].backend.service.name: Required value"),
        ("spec.rules.0.http.paths.0.backend.service.port", {}, "port name or number is required"),
        ("spec.rules.0.http.paths.0.backend.service.port", {"name": "x", "number": 1},
         "cannot set both port name & port number"),
        ("spec.rules.0.http.paths.0.backend.service.port", {"number": 70000}, "must be between 1 and 65535, inclusive"),
        ("spec.rules.0.http.paths.0.backend.resource", {"kind": "B", "name": "b"},
         "cannot set both resource and service backends"),
        ("spec.defaultBackend", {"resource": {"name": "b"}},
         "spec.defaultBackend.resource.kind: Required value: kind is required"),
        ("spec.tls", [{"hosts": ["Bad"]}], "spec.tls[0].hosts[0]: Invalid value"),
        ("spec.tls", [{"secretName": "Bad"}], "spec.tls[0].secretName: Invalid value"),
        ("spec.ingressClassName", "A", "spec.ingressClassName: Invalid value"),
    ],
)  # fmt: skip
def test_wrong_ingresses_are_refused_in_kubernetes_words(path: str, value: Any, wanted: str) -> None:
    found = causes(INGRESSES, changed(ingress(), path, value))
    assert len(found) == 1
    assert wanted in found[0]


def test_both_ways_to_name_a_class_at_once_are_refused_on_create_only() -> None:
    both = changed(ingress(ingressClassName="a"), "metadata.annotations", {ingressclass.CLASS_ANNOTATION: "b"})
    assert causes(INGRESSES, both) == [
        'annotations.kubernetes.io/ingress.class: Invalid value: "b": can not be set when the class field is also set'
    ]
    old = created(INGRESSES, ingress(ingressClassName="a"))
    assert (
        update_causes(INGRESSES, changed(old, "metadata.annotations", {ingressclass.CLASS_ANNOTATION: "b"}), old) == []
    )


def test_an_empty_path_is_allowed_where_the_implementation_decides() -> None:
    loose = changed(ingress(), "spec.rules.0.http.paths.0.pathType", "ImplementationSpecific")
    assert causes(INGRESSES, changed(loose, "spec.rules.0.http.paths.0.path", "")) == []
    assert causes(INGRESSES, named("d", spec={"defaultBackend": backend(port={"name": "http"})})) == []


def test_status_comes_only_through_its_subresource() -> None:
    old = created(INGRESSES, ingress())
    status = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}
    assert updated(INGRESSES, {**old, "status": status}, old)["status"] == {"loadBalancer": {}}
    assert updated(INGRESSES, {**old, "status": status}, old, "status")["status"] == status
    wrong = {"loadBalancer": {"ingress": [{"ip": "x"}]}}
    assert "must be a valid IP address" in update_causes(INGRESSES, {**old, "status": wrong}, old, "status")[0]


def cells(obj: Object) -> list[Any]:
    kind = {"Ingress": INGRESSES, "IngressClass": INGRESSCLASSES}.get(obj.get("kind", ""), NETWORKPOLICIES)
    found: list[Any] = table(row(kind), [obj], NOW, {}, "Object")["rows"][0]["cells"]
    return found


def test_an_ingress_is_shown_as_kubectl_shows_it() -> None:
    made = created(
        INGRESSES, {**ingress(ingressClassName="quarterdeck", tls=[{"hosts": ["a.example"]}]), "kind": "Ingress"}
    )
    status = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]}}
    assert cells({**made, "status": status}) == [
        "site", "quarterdeck", "a.example", "10.0.0.1,10.0.0.2", "80, 443", "0s",
    ]  # fmt: skip
    rules = [{"host": f"{name}.example"} for name in "abcde"]
    many = created(INGRESSES, {**named("site", spec={"rules": rules}), "kind": "Ingress"})
    assert cells(many) == ["site", "<none>", "a.example,b.example,c.example + 2 more...", "", "80", "0s"]


def ingress_class(**spec: Any) -> Object:
    return {"kind": "IngressClass", "metadata": {"name": "x"}, "spec": {"controller": "example.com/lb", **spec}}


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"controller": ""}, "spec.controller: Required value"),
        ({"controller": "lb"}, 'must be a domain-prefixed path (such as "acme.io/foo")'),
        ({"controller": "e.x/" + "a" * 250}, "spec.controller: Too long: may not be more than 250 bytes"),
        ({"parameters": {"name": "p"}}, "spec.parameters.kind: Required value: kind is required"),
        ({"parameters": {"name": "p", "kind": "P", "scope": "Namespace"}},
         "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"),
        ({"parameters": {"name": "p", "kind": "P", "namespace": "x"}},
         "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"),
        ({"parameters": {"name": "p", "kind": "P", "scope": "World"}},
         'Unsupported value: "World": supported values: "Cluster", "Namespace"'),
    ],
)  # fmt: skip
def test_wrong_classes_are_refused(spec: Object, wanted: str) -> None:
    found = causes(INGRESSCLASSES, ingress_class(**spec))
    assert len(found) == 1
    assert wanted in found[0]


def test_the_controller_of_a_class_is_for_ever() -> None:
    old = created(INGRESSCLASSES, ingress_class(parameters={"kind": "P", "name": "p", "apiGroup": "e.x"}))
    assert cells(old) == ["x", "example.com/lb", "P.e.x/p", "0s"]
    found = update_causes(INGRESSCLASSES, changed(old, "spec.controller", "e.x/y"), old)
    assert found == ['spec.controller: Invalid value: "e.x/y": field is immutable']


def policy(**spec: Any) -> Object:
    return named("p", spec={"podSelector": {"matchLabels": {"app": "web"}}, **spec})


def test_policy_types_follow_the_rules_that_are_given() -> None:
    assert created(NETWORKPOLICIES, policy())["spec"]["policyTypes"] == ["Ingress"]
    made = created(NETWORKPOLICIES, policy(egress=[{"ports": [{"port": 53}]}]))
    assert made["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert made["spec"]["egress"] == [{"ports": [{"port": 53, "protocol": "TCP"}]}]
    assert cells(made) == ["p", "app=web", "0s"]
    assert cells(created(NETWORKPOLICIES, named("all", spec={"podSelector": {}}))) == ["all", "<none>", "0s"]


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ({"from": [{}]}, "spec.ingress[0].from[0]: Required value: must specify a peer"),
        ({"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]},
         "spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer"),
        ({"from": [{"ipBlock": {"cidr": "x"}}]}, 'ipBlock.cidr: Invalid value: "x": must be a valid CIDR value'),
        ({"from": [{"ipBlock": {"cidr": ""}}]}, "ipBlock.cidr: Required value"),
        ({"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}}]},
         'ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`'),
        ({"ports": [{"protocol": "ICMP"}]}, 'Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"'),
        ({"ports": [{"port": 0}]}, "must be between 1 and 65535, inclusive"),
        ({"ports": [{"endPort": 5}]}, "may not be specified when `port` is not specified"),
        ({"ports": [{"port": "http", "endPort": 5}]}, "may not be specified when `port` is non-numeric"),
        ({"ports": [{"port": 9, "endPort": 5}]}, "must be greater than or equal to `port`"),
    ],
)  # fmt: skip
def test_wrong_policies_are_refused(rule: Object, wanted: str) -> None:
    found = causes(NETWORKPOLICIES, policy(ingress=[rule]))
    assert len(found) == 1
    assert wanted in found[0]


def test_policy_types_are_a_closed_set() -> None:
    assert causes(NETWORKPOLICIES, policy(policyTypes=["Ingress", "Sideways"])) == [
        'spec.policyTypes[1]: Unsupported value: "Sideways": supported values: "Ingress", "Egress"'
    ]
    found = causes(NETWORKPOLICIES, policy(policyTypes=["Ingress", "Egress", "Ingress"]))
    assert found[0].endswith("may not specify more than two policyTypes")
