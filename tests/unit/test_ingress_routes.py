"""What Ingresses mean together: precedence, conflicts, defaults, canaries, and annotations that mean nothing."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.ingressoptions import Canary, Options, options_of
from common.api.ingressroutes import Place, Routes, Target, routes_of
from common.api.meta import Key, Object

OURS = frozenset({"quarterdeck"})


def ingress(name: str, *paths: tuple[str, str, str], created: int = 0, **spec: Any) -> Object:
    annotations = spec.pop("annotations", {})
    rules = [
        {"host": host, "http": {"paths": [{"path": path, "pathType": kind, "backend": backend(name)}]}}
        for host, path, kind in paths
    ]
    moment = f"2026-01-01T00:00:{created:02}Z"
    metadata = {"name": name, "namespace": "ns", "creationTimestamp": moment, "annotations": annotations}
    return {"metadata": metadata, "spec": {"ingressClassName": "quarterdeck", "rules": rules, **spec}}


def backend(service: str) -> Object:
    return {"service": {"name": service, "port": {"number": 80}}}


def target(name: str, service: str = "") -> Target:
    return Target(Key("ns", name), service or name, "80")


def problems(routes: Routes, name: str) -> list[str]:
    return [problem.reason for problem in routes.problems[Key("ns", name)]]


def test_prefixes_end_with_a_slash_and_exact_paths_stay_as_they_are() -> None:
    found = routes_of([ingress("a", ("h.x", "/p", "Prefix"), ("h.x", "/p/", "Exact"), ("", "", "Prefix"))], OURS)
    assert set(found.places) == {
        Place("h.x", "/p/", exact=False), Place("h.x", "/p/", exact=True), Place("*", "/", exact=False),
    }  # fmt: skip


def test_only_classes_of_ours_count() -> None:
    other = ingress("other", ("a.x", "/", "Prefix"), ingressClassName="nginx")
    old = ingress("old", ("b.x", "/", "Prefix"), ingressClassName=None)
    old["metadata"]["annotations"] = {"kubernetes.io/ingress.class": "quarterdeck"}
    assert {route.target.service for route in routes_of([other, old], OURS).places.values()} == {"old"}


def test_the_older_of_two_keeps_a_path() -> None:
    young, aged = ingress("young", ("a.x", "/", "Prefix"), created=5), ingress("aged", ("a.x", "/", "Prefix"))
    found = routes_of([young, aged], OURS)
    assert found.places[Place("a.x", "/", exact=False)].target == target("aged")
    assert (problems(found, "young"), problems(found, "aged")) == (["PathConflict"], [])


def test_a_default_backend_is_for_what_nobody_names() -> None:
    with_default = ingress("d", ("a.x", "/app", "Prefix"), defaultBackend=backend("fallback"))
    root = ingress("root", ("b.x", "/", "Prefix"), created=1)
    places = routes_of([with_default, root], OURS).places
    assert places[Place("a.x", "/", exact=False)].target == target("d", "fallback")
    assert places[Place("*", "/", exact=False)].target == target("d", "fallback")
    assert places[Place("b.x", "/", exact=False)].target == target("root")


def test_hosts_with_tls_are_redirected_unless_told_otherwise() -> None:
    tls = [{"hosts": ["*.x"], "secretName": "cert"}]
    places = (("a.x", "/", "Prefix"), ("b.y", "/", "Prefix"))
    found = routes_of([ingress("a", *places, tls=tls)], OURS)
    assert {place.host: route.redirect for place, route in found.places.items()} == {"a.x": True, "b.y": False}
    assert found.certificates[0].secret == Key("ns", "cert")
    calm = routes_of([ingress("a", *places, tls=tls, annotations={"quarterdeck.io/ssl-redirect": "false"})], OURS)
    assert not any(route.redirect for route in calm.places.values())


def test_a_canary_joins_the_route_of_another_ingress() -> None:
    annotations = {"nginx.ingress.kubernetes.io/canary": "true", "nginx.ingress.kubernetes.io/canary-weight": "25"}
    canary = ingress("next", ("a.x", "/", "Prefix"), ("b.x", "/", "Prefix"), annotations=annotations)
    found = routes_of([canary, ingress("main", ("a.x", "/", "Prefix"), created=9)], OURS)
    assert found.places[Place("a.x", "/", exact=False)].canary == (target("next"), Canary(2500))
    assert found.targets() == {target("main"), target("next")}
    assert problems(found, "next") == ["CanaryWithoutMain"]


def test_what_cannot_be_served_is_said() -> None:
    odd = ingress("odd", ("a.x", "/a b", "Prefix"), defaultBackend={"resource": {"kind": "Bucket", "name": "b"}})
    found = routes_of([odd], OURS)
    assert found.places == {}
    assert problems(found, "odd") == ["InvalidPath", "UnsupportedBackend"]


def options(**annotations: str) -> tuple[Options, list[str]]:
    full = {f"quarterdeck.io/{name.replace('_', '-')}": value for name, value in annotations.items()}
    found, wrong = options_of({"metadata": {"annotations": full}})
    return found, [problem.message for problem in wrong]


def test_our_own_prefix_wins() -> None:
    both = {"nginx.ingress.kubernetes.io/proxy-read-timeout": "10", "quarterdeck.io/proxy-read-timeout": "20s"}
    assert options_of({"metadata": {"annotations": both}})[0].read_timeout == 20


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("ssl_redirect", "perhaps", "true or false"),
        ("retries", "11", "a whole number from 0 to 10"),
        ("proxy_read_timeout", "-1", "a whole number from 1 to 86400"),
        ("backend_protocol", "FTP", "one of HTTP, HTTPS, GRPC, GRPCS, H2C"),
        ("rewrite_target", "/$1", "a path of letters, digits and /._~-"),
        ("rewrite_target", "/a\n    server evil", "a path of letters, digits and /._~-"),
        ("canary_by_header", "X Y", "the name of a header"),
        ("canary_by_header_value", "a'b", "the value of a header, without blanks and quotes"),
        ("canary_weight", "101", "a whole number from 0 to 100"),
    ],
)
def test_annotations_that_mean_nothing_are_named_and_left_out(name: str, value: str, allowed: str) -> None:
    found, wrong = options(**{name: value})
    assert found == Options()
    assert len(wrong) == 1
    assert allowed in wrong[0]
    assert f"quarterdeck.io/{name.replace('_', '-')}" in wrong[0]


def test_weights_have_a_total() -> None:
    found, wrong = options(canary="true", canary_weight="1", canary_weight_total="1000")
    assert (found.canary, wrong) == (Canary(10), [])
