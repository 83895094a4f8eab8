"""Whom a proxied request means, and what becomes of addresses in its answer."""

from __future__ import annotations

import pytest

from common.api.meta import Object
from common.errors import BadRequest, ServiceUnavailable
from console.apiserver.proxying.rewriting import rewrite_html, rewrite_url
from console.apiserver.proxying.target import Asked, of_pod, of_service, split
from console.apiserver.requestinfo import parse_request

PREFIX = "/api/v1/namespaces/default/pods/web/proxy"


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("web", Asked("", "web", "")), ("web:80", Asked("", "web", "80")), ("web:http", Asked("", "web", "http")),
        ("https:web:443", Asked("https", "web", "443")), ("https:web:", Asked("https", "web", "")),
    ],
)  # fmt: skip
def test_a_name_may_have_a_port_and_a_scheme(name: str, asked: Asked) -> None:
    assert split(name) == asked


@pytest.mark.parametrize("name", ["ftp:web:80", ":80", "web:", "a:b:c:d", "http::80"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(BadRequest, match="invalid request"):
        split(name)


def pod(**status: object) -> Object:
    container = {"name": "a", "ports": [{"containerPort": 8080}]}
    return {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"nodeName": "n1", "containers": [container]},
        "status": {"podIP": "10.0.0.1", **status},
    }


def test_a_pod_is_asked_at_the_port_it_names_first() -> None:
    target = of_pod(Asked("", "web", ""), pod())
    assert (target.scheme, target.address, target.port, target.node) == ("http", "10.0.0.1", 8080, "n1")
    assert of_pod(Asked("https", "web", "9"), pod()).port == 9


@pytest.mark.parametrize(
    ("asked", "there"), [("70000", pod()), ("9" * 5000, pod()), ("http", pod()), ("80", pod(podIP=""))]
)
def test_pods_that_cannot_be_asked_are_refused(asked: str, there: Object) -> None:
    with pytest.raises(BadRequest):
        of_pod(Asked("", "web", asked), there)


def test_a_service_without_a_matching_port_or_endpoint_says_so() -> None:
    service: Object = {"metadata": {"name": "web"}, "spec": {"ports": [{"name": "http", "port": 80}]}}
    subset = {"addresses": [{"ip": "10.0.0.1"}], "ports": [{"name": "http", "port": 8080}]}
    assert of_service(Asked("", "web", "80"), service, [subset]).port == 8080
    for port, subsets in (("81", [subset]), ("80", []), ("other", [subset]), ("", [subset])):
        with pytest.raises(ServiceUnavailable, match=r"no (service port|endpoints available)"):
            of_service(Asked("", "web", port), service, subsets)


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        (f"{PREFIX}/a/b/c", ("pods", "web", "proxy")), (PREFIX, ("pods", "web", "proxy")),
        ("/api/v1/nodes/n1/proxy/stats/summary", ("nodes", "n1", "proxy")),
    ],
)  # fmt: skip
def test_whatever_follows_proxy_is_not_the_apis(path: str, rest: tuple[str, str, str]) -> None:
    info = parse_request("GET", path)
    assert info is not None
    assert (info.plural, info.name, info.subresource) == rest
    assert not info.deeper


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("/x", f"{PREFIX}/x"), ("/x/?a=1#f", f"{PREFIX}/x/?a=1#f"), ("http://h:80/x", f"{PREFIX}/x"),
        ("http://other/x", "http://other/x"), ("x/y", "x/y"), ("", ""), ("#top", "#top"),
        (f"{PREFIX}/x", f"{PREFIX}/x"),
        ("http://[", "http://["),
    ],
)  # fmt: skip
def test_addresses_of_the_program_lead_through_the_proxy(url: str, seen: str) -> None:
    assert rewrite_url(url, "h:80", PREFIX) == seen


def test_only_links_of_tags_are_rewritten() -> None:
    page = b'<a class=x href=\'/a\'>/b</a><form ACTION=/c><p title="/d">href="/e"</p><!-- \xff -->'
    seen = rewrite_html(page, "h:80", "/p")
    assert seen == b'<a class=x href=\'/p/a\'>/b</a><form ACTION=/p/c><p title="/d">href="/e"</p><!-- \xff -->'
