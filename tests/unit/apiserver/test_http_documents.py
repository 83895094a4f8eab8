"""Documents about the server itself over the wire: versions, health, discovery and OpenAPI."""

from __future__ import annotations

import pytest

from tests.unit.client_contract.conftest import api
from tests.unit.client_contract.objects import configmap

from .wire import CONFIGMAPS, Http, http

__all__ = ["api", "http"]
OPENAPI_V2_PROTOBUF = {"Accept": "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"}


async def test_system_paths(http: Http) -> None:
    for path in ("/healthz", "/livez/", "/readyz"):
        assert (await http("GET", path))[1] == "ok"
    assert (await http("GET", "/version/"))[1]["gitVersion"].startswith("v1.36")
    async with http.session.get("http://api/version") as answer:
        assert '\n  "gitVersion": "v1.36' in await answer.text()
    levels = (await http("GET", "/debug/api_priority_and_fairness/dump_priority_levels"))[1]
    assert "\nworkload-low,      0,            true," in levels
    assert "quarterdeck_store_revision" in (await http("GET", "/metrics"))[1]
    assert "/api/v1" in (await http("GET", "/"))[1]["paths"]
    assert (await http("GET", "/api"))[1]["versions"] == ["v1"]
    assert {group["name"] for group in (await http("GET", "/apis"))[1]["groups"]} >= {"apps", "quarterdeck.io"}
    assert (await http("GET", "/apis/apps"))[1]["preferredVersion"]["version"] == "v1"
    resources = (await http("GET", "/apis/apps/v1"))[1]["resources"]
    assert {"deployments", "deployments/scale", "deployments/status"} <= {item["name"] for item in resources}
    index = (await http("GET", "/openapi/v3"))[1]["paths"]
    document = (await http("GET", index["apis/apps/v1"]["serverRelativeURL"]))[1]
    assert "io.k8s.api.apps.v1.Deployment" in document["components"]["schemas"]
    assert "/api/v1/namespaces/{name}" in (await http("GET", "/openapi/v2"))[1]["paths"]


async def test_people_get_answers_on_several_lines(http: Http) -> None:
    curl = {"User-Agent": "curl/8.5.0"}

    async def lines(path: str) -> list[str]:
        async with http.session.get(f"http://api{path}", headers=curl) as answer:
            return (await answer.text()).split("\n")

    await http("POST", CONFIGMAPS, configmap(a="1"))
    found = await lines(f"{CONFIGMAPS}/settings")
    assert found[:5] == [
        "{",
        '  "kind": "ConfigMap",',
        '  "apiVersion": "v1",',
        '  "metadata": {',
        '    "name": "settings",',
    ]
    assert found[-4:] == ['  "data": {', '    "a": "1"', "  }", "}"]
    listed = await lines(f"{CONFIGMAPS}?labelSelector=!none")
    assert listed[:3] == ["{", '  "kind": "ConfigMapList",', '  "apiVersion": "v1",']
    assert '      "kind": "ConfigMap",' in listed
    assert '  "reason": "NotFound",' in await lines(f"{CONFIGMAPS}/none")
    assert '  "groupVersion": "apps/v1",' in await lines("/apis/apps/v1")
    assert len(await lines("/api/v1/namespaces/default/configmaps?pretty=false")) <= 2


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/openapi/v2", {}), ("/openapi/v2", OPENAPI_V2_PROTOBUF), ("/openapi/v3/apis/policy/v1", {})],
)
async def test_who_has_a_document_of_openapi_already_is_told_so(http: Http, path: str, headers: dict[str, str]) -> None:
    async with http.session.get(f"http://api{path}", headers=headers) as first:
        tag, body = first.headers["ETag"], await first.read()
    assert body
    async with http.session.get(f"http://api{path}", headers={**headers, "If-None-Match": tag}) as again:
        assert (again.status, again.headers["ETag"], await again.read()) == (304, tag, b"")
    async with http.session.get(f"http://api{path}", headers={**headers, "If-None-Match": '"old"'}) as other:
        assert (other.status, await other.read()) == (200, body)


async def test_an_address_with_a_hash_never_changes_and_one_with_an_old_hash_is_elsewhere(http: Http) -> None:
    index = (await http("GET", "/openapi/v3"))[1]["paths"]
    address = index["apis/policy/v1"]["serverRelativeURL"]
    assert (await http("GET", address))[2]["Cache-Control"] == "public, immutable"
    async with http.session.get("http://api/openapi/v3/apis/policy/v1?hash=0", allow_redirects=False) as moved:
        assert (moved.status, moved.headers["Location"]) == (301, address)
