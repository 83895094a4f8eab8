"""What only HTTP has: forms of answers, statuses, limits, and errors that are always Status objects."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.client_contract.conftest import Api, api
from tests.unit.client_contract.objects import configmap, deployment, pod

from .wire import CONFIGMAPS, TABLE, Http, http

__all__ = ["api", "http"]
PROTOBUF = "application/vnd.kubernetes.protobuf"


async def test_codes_of_the_verbs(http: Http) -> None:
    assert (await http("POST", CONFIGMAPS, configmap()))[0] == 201
    assert (await http("PUT", f"{CONFIGMAPS}/settings", configmap(a="1")))[0] == 200
    code, body, _ = await http("DELETE", f"{CONFIGMAPS}/settings")
    assert code == 200
    assert body["kind"] == "Status"
    assert body["status"] == "Success"
    assert body["details"]["kind"] == "configmaps"
    assert body["details"]["uid"]
    await http("POST", "/api/v1/namespaces/default/pods", pod())
    assert (await http("DELETE", "/api/v1/namespaces/default/pods/web"))[1]["kind"] == "Pod"


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "code", "reason"),
    [
        ("GET", f"{CONFIGMAPS}/none", None, {}, 404, "NotFound"),
        ("GET", "/apis/apps/v1/things", None, {}, 404, "NotFound"),
        ("GET", "/api/v1/configmaps/settings", None, {}, 404, "NotFound"),
        ("GET", "/api/v1/namespaces/default/nodes", None, {}, 404, "NotFound"),
        ("PUT", CONFIGMAPS, {}, {}, 405, "MethodNotAllowed"),
        ("PATCH", CONFIGMAPS, {}, {"Content-Type": "application/merge-patch+json"}, 405, "MethodNotAllowed"),
        (
            "PATCH",
            f"{CONFIGMAPS}/settings?force=1",
            {},
            {"Content-Type": "application/merge-patch+json"},
            422,
            "Invalid",
        ),
        ("POST", f"{CONFIGMAPS}/settings", {}, {}, 405, "MethodNotAllowed"),
        ("OPTIONS", CONFIGMAPS, None, {}, 405, "MethodNotAllowed"),
        ("PURGE", f"{CONFIGMAPS}/settings", None, {}, 405, "MethodNotAllowed"),
        ("POST", "/api/v1/configmaps", {"metadata": {"name": "x"}}, {}, 405, "MethodNotAllowed"),
        ("DELETE", "/api/v1/configmaps", None, {}, 405, "MethodNotAllowed"),
        ("PATCH", CONFIGMAPS, b"<x/>", {"Content-Type": "text/xml"}, 405, "MethodNotAllowed"),
        ("POST", CONFIGMAPS, b"{", {}, 400, "BadRequest"),
        ("POST", CONFIGMAPS, b"[]", {}, 400, "BadRequest"),
        ("POST", CONFIGMAPS, {"kind": "Secret"}, {}, 400, "BadRequest"),
        ("POST", CONFIGMAPS, {"data": {"a": 1}, "metadata": {"name": "x"}}, {}, 400, "BadRequest"),
        ("POST", CONFIGMAPS, b"<x/>", {"Content-Type": "text/xml"}, 415, "UnsupportedMediaType"),
        ("PATCH", f"{CONFIGMAPS}/settings", {}, {}, 415, "UnsupportedMediaType"),
        ("GET", CONFIGMAPS, None, {"Accept": "text/html"}, 406, "NotAcceptable"),
        ("GET", f"{CONFIGMAPS}?limit=x", None, {}, 400, "BadRequest"),
        ("GET", f"{CONFIGMAPS}?resourceVersion=x", None, {}, 400, "BadRequest"),
        ("GET", f"{CONFIGMAPS}?resourceVersion=99999", None, {}, 504, "Timeout"),
        ("GET", f"{CONFIGMAPS}?resourceVersionMatch=Exact", None, {}, 422, "Invalid"),
        ("POST", f"{CONFIGMAPS}?dryRun=Some", {"metadata": {"name": "x"}}, {}, 422, "Invalid"),
        ("DELETE", f"{CONFIGMAPS}/settings", b"no", {}, 400, "BadRequest"),
        ("GET", "/api/v1/namespaces/default/pods/web/log", None, {}, 503, "ServiceUnavailable"),
        ("GET", "/api/v1/namespaces/default/pods/web/why", None, {}, 503, "ServiceUnavailable"),
        ("PUT", "/api/v1/namespaces/default/pods/web/binding", {}, {}, 405, "MethodNotAllowed"),
        ("GET", "/apis/authentication.k8s.io/v1/tokenreviews/a", None, {}, 404, "NotFound"),
    ],
)
async def test_every_error_is_a_status(
    http: Http, method: str, path: str, body: Any, headers: dict[str, str], code: int, reason: str
) -> None:
    found, status, _ = await http(method, path, body, headers)
    assert (found, status["kind"], status["reason"], status["code"]) == (code, "Status", reason, code)
    assert status["message"]
    assert status["status"] == "Failure"


async def test_paths_of_nobody(http: Http) -> None:
    """As Kubernetes: groups that nobody serves have no Status, other paths have a list of what there is."""
    assert (await http("GET", "/apis/nothing.example/v1/things"))[:2] == (404, "404 page not found\n")
    assert (await http("GET", "/apis/nothing.example/v1"))[:2] == (404, "404 page not found\n")
    code, found, _ = await http("GET", "/nothing")
    assert (code, "/apis/apps/v1" in found["paths"]) == (404, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/things"),
        ("POST", f"{CONFIGMAPS}/a"),
        ("DELETE", "/api/v1/configmaps"),
        ("GET", "/apis/apps/v9"),
    ],
)
async def test_answers_about_paths_say_that_they_are_about_no_object(http: Http, method: str, path: str) -> None:
    assert (await http(method, path))[1]["details"] == {}


async def test_a_deleted_collection_is_shown_as_it_was(http: Http) -> None:
    await http("POST", CONFIGMAPS, configmap())
    code, found, _ = await http("DELETE", f"{CONFIGMAPS}?propagationPolicy=Foreground")
    (gone,) = found["items"]
    assert (code, gone["metadata"]["name"]) == (200, "settings")
    assert not {"deletionTimestamp", "finalizers"} & gone["metadata"].keys()
    assert (await http("GET", f"{CONFIGMAPS}/settings"))[1]["metadata"]["finalizers"] == ["foregroundDeletion"]


async def test_head_is_not_taken_of_objects(http: Http) -> None:
    for path in (CONFIGMAPS, f"{CONFIGMAPS}/settings"):
        async with http.session.head(f"http://api{path}") as response:
            assert response.status == 405


@pytest.mark.parametrize(
    ("path", "accept", "why"),
    [
        (
            CONFIGMAPS,
            "text/html",
            "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml",
        ),
        (CONFIGMAPS, PROTOBUF, "only the following media types are accepted: application/json, application/yaml"),
        (
            CONFIGMAPS,
            "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
            "you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)",
        ),
        (
            "/api/v1/namespaces/default",
            "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
            "you requested PartialObjectMetadataList, but the requested object is not a list (*core.Namespace)",
        ),
    ],
)
async def test_forms_that_there_are_not(http: Http, path: str, accept: str, why: str) -> None:
    code, status, _ = await http("GET", path, headers={"Accept": accept})
    assert (code, status["reason"], status["message"]) == (406, "NotAcceptable", why)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("dryRun=", 'dryRun: Unsupported value: [""]: supported values: "All"'),
        ("dryRun=All&dryRun=x", 'dryRun: Unsupported value: ["All","x"]: supported values: "All"'),
        ("fieldManager=a%01", 'fieldManager: Invalid value: "a\\x01": invalid character U+0001 (at position 1)'),
    ],
)
async def test_options_of_writes(http: Http, query: str, why: str) -> None:
    code, status, _ = await http("POST", f"{CONFIGMAPS}?{query}", configmap("optional"))
    assert (code, status["message"]) == (422, f'CreateOptions.meta.k8s.io "" is invalid: {why}')


async def test_an_apply_is_told_all_that_is_wrong_with_its_options(http: Http) -> None:
    headers = {"Content-Type": "application/apply-patch+yaml"}
    _, status, _ = await http("PATCH", f"{CONFIGMAPS}/a?dryRun=x", {}, headers)
    assert [cause["field"] for cause in status["details"]["causes"]] == ["fieldManager", "dryRun"]


async def test_connections_to_others_are_made_for_nobody(api: Api) -> None:
    """Answered at once: whoever asks waits for nothing."""
    reader, writer = await asyncio.open_unix_connection(api.socket)
    writer.write(b"CONNECT /api/v1/configmaps HTTP/1.1\r\nHost: api\r\n\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    assert head.startswith(b"HTTP/1.1 405 ")
    writer.close()


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "PROPFIND"])
async def test_subresources_take_no_methods_of_other_protocols(http: Http, method: str) -> None:
    await http("POST", "/api/v1/namespaces/default/pods", pod())
    for subresource in ("log", "status", "binding"):
        assert (await http(method, f"/api/v1/namespaces/default/pods/web/{subresource}"))[0] == 405


async def test_a_binding_may_be_posted_beside_the_pods(http: Http) -> None:
    """The older way, which clients for Python offer as `create_namespaced_binding`."""
    await http("POST", "/api/v1/namespaces/default/pods", pod())
    body = {"metadata": {"name": "web"}, "target": {"kind": "Node", "name": "n1"}}
    code, status, _ = await http("POST", "/api/v1/namespaces/default/bindings", body)
    assert (code, status["kind"], status["status"]) == (201, "Status", "Success")
    assert (await http("GET", "/api/v1/namespaces/default/pods/web"))[1]["spec"]["nodeName"] == "n1"
    body["metadata"] = {"name": "other"}
    code, status, _ = await http("POST", "/api/v1/namespaces/default/pods/web/binding", body)
    assert (code, status["message"]) == (400, "name in URL does not match name in Binding object")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            {"apiVersion": "apps/v1", "kind": "Deployment"},
            (
                'Deployment in version "v1" cannot be handled as a Scale: converting (v1.Deployment) to '
                "(autoscaling.Scale): unknown conversion"
            ),
        ),
        ({"metadata": {"name": "other"}}, "the name of the object (other) does not match the name on the URL (web)"),
        (
            {"metadata": {"namespace": "other"}},
            "the namespace of the object (other) does not match the namespace on the request (default)",
        ),
    ],
)
async def test_what_is_no_scale_of_the_workload_scales_nothing(http: Http, body: Any, why: str) -> None:
    await http("POST", "/apis/apps/v1/namespaces/default/deployments", deployment())
    path = "/apis/apps/v1/namespaces/default/deployments/web"
    before = (await http("GET", path))[1]["spec"]["replicas"]
    code, status, _ = await http("PUT", f"{path}/scale", body)
    assert (code, status["message"]) == (400, why)
    assert (await http("GET", path))[1]["spec"]["replicas"] == before
    _, status, _ = await http("GET", "/apis/apps/v1/namespaces/default/deployments/none/scale")
    assert status["message"] == 'deployments/scale.apps "none" not found'


async def test_large_bodies_are_refused(http: Http) -> None:
    code, status, _ = await http("POST", CONFIGMAPS, configmap(a="x" * 4_000_000))
    assert code == 413
    assert "limit is 3145728" in status["message"]


async def test_what_was_not_foreseen_tells_no_details(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("console.apiserver.verbs.list_page", broken)
    code, status, _ = await http("GET", CONFIGMAPS)
    assert code == 500
    assert "secret" not in status["message"]


async def test_tables_and_metadata_by_accept(http: Http) -> None:
    await http("POST", CONFIGMAPS, configmap(a="1"))
    _, table, _ = await http("GET", CONFIGMAPS, headers={"Accept": TABLE})
    assert table["kind"] == "Table"
    assert [row["cells"][:2] for row in table["rows"]] == [["settings", 1]]
    assert table["metadata"]["resourceVersion"]
    _, table, _ = await http("GET", f"{CONFIGMAPS}/settings?includeObject=Object", headers={"Accept": TABLE})
    assert table["rows"][0]["object"]["data"] == {"a": "1"}
    accept = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}
    _, listed, _ = await http("GET", CONFIGMAPS, headers=accept)
    assert listed["kind"] == "PartialObjectMetadataList"
    assert "data" not in listed["items"][0]


async def test_whoever_creates_an_odd_pod_is_warned_and_whoever_updates_it_is_not(http: Http) -> None:
    odd = pod("odd", nodeSelector={"beta.kubernetes.io/os": "linux"})
    code, made, headers = await http("POST", "/api/v1/namespaces/default/pods", odd)
    assert code == 201
    text = 'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \\"kubernetes.io/os\\" instead'
    assert headers.getall("Warning") == [f'299 - "{text}"']
    made["metadata"]["labels"] = {"a": "b"}
    code, _, headers = await http("PUT", "/api/v1/namespaces/default/pods/odd", made)
    assert code == 200
    assert "Warning" not in headers


async def test_a_large_body_of_yaml_is_read_beside_other_requests(http: Http) -> None:
    values = {f"key-{number}": "some text " * 5 for number in range(3000)}
    lines = "".join(f"  {key}: {value.strip()}\n" for key, value in values.items())
    body = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: large}}\ndata:\n{lines}".encode()
    code, made, _ = await http("POST", CONFIGMAPS, body, {"Content-Type": "application/yaml"})
    assert code == 201
    assert len(made["data"]) == 3000
    code, text, _ = await http("GET", f"{CONFIGMAPS}/large", headers={"Accept": "application/yaml"})
    assert code == 200
    assert text.count("\n  key-") == 3000


async def test_deletions_and_scales_may_be_asked_for_in_protobuf(http: Http) -> None:
    await http("POST", CONFIGMAPS, configmap())
    wrong = b"k8s\x00\x0a\x13\x0a\x02v1\x12\x0dDeleteOptions\x12\x07\x12\x05\x0a\x03u-1"
    media = {"Content-Type": "application/vnd.kubernetes.protobuf"}
    code, answer, _ = await http("DELETE", f"{CONFIGMAPS}/settings", wrong, media)
    assert (code, answer["reason"]) == (409, "Conflict")
    right = b"k8s\x00\x0a\x13\x0a\x02v1\x12\x0dDeleteOptions\x12\x02\x08\x00"
    assert (await http("DELETE", f"{CONFIGMAPS}/settings", right, media))[0] == 200
    await http("POST", "/apis/apps/v1/namespaces/default/deployments", deployment("web"))
    scale = b"k8s\x00\x0a\x17\x0a\x0eautoscaling/v1\x12\x05Scale\x12\x0b\x0a\x05\x0a\x03web\x12\x02\x08\x04"
    path = "/apis/apps/v1/namespaces/default/deployments/web/scale"
    code, answer, _ = await http("PUT", path, scale, media)
    assert (code, answer["spec"]) == (200, {"replicas": 4})


async def test_yaml_in_and_out(http: Http) -> None:
    body = b"metadata:\n  name: settings\ndata:\n  a: '1'\n"
    code, _, _ = await http("POST", CONFIGMAPS, body, {"Content-Type": "application/yaml"})
    assert code == 201
    _, text, _ = await http("GET", f"{CONFIGMAPS}/settings", headers={"Accept": "application/yaml"})
    assert "data:\n  a: '1'\n" in text


async def test_options_of_a_delete_may_be_yaml_within_the_same_bounds(http: Http) -> None:
    await http("POST", CONFIGMAPS, {"metadata": {"name": "settings"}})
    yaml_body = {"Content-Type": "application/yaml"}
    code, text, _ = await http("DELETE", f"{CONFIGMAPS}/settings", b"[" * 100_000, yaml_body)
    assert code == 400
    problem = "the DeleteOptions in the body is not YAML: the document is nested deeper than 200 levels"
    assert text["message"] == problem
    options = b"kind: DeleteOptions\napiVersion: v1\npropagationPolicy: Background\n"
    code, _, _ = await http("DELETE", f"{CONFIGMAPS}/settings", options, yaml_body)
    assert code == 200


async def test_unknown_fields_warn_or_fail(http: Http) -> None:
    wrong = {**configmap(), "datum": {}}
    _, _, headers = await http("POST", CONFIGMAPS, wrong)
    assert headers.getall("Warning") == ['299 - "unknown field \\"datum\\""']
    code, status, _ = await http("PUT", f"{CONFIGMAPS}/settings?fieldValidation=Strict", wrong)
    assert code == 400
    assert 'strict decoding error: unknown field "datum"' in status["message"]
    code, _, headers = await http("PUT", f"{CONFIGMAPS}/settings?fieldValidation=Ignore", wrong)
    assert code == 200
    assert "Warning" not in headers


async def test_a_dry_run_shows_and_stores_nothing(http: Http, api: Api) -> None:
    before = api.store.revision
    code, made, _ = await http("POST", f"{CONFIGMAPS}?dryRun=All", configmap(a="1"))
    assert code == 201
    assert made["metadata"]["uid"]
    assert "resourceVersion" not in made["metadata"]
    assert (await http("GET", f"{CONFIGMAPS}/settings"))[0] == 404
    assert api.store.revision == before
    await http("POST", CONFIGMAPS, configmap(a="1"))
    before = api.store.revision
    merge = {"Content-Type": "application/merge-patch+json"}
    _, patched, _ = await http("PATCH", f"{CONFIGMAPS}/settings?dryRun=All", {"data": {"a": "2"}}, merge)
    assert patched["data"] == {"a": "2"}
    await http("DELETE", f"{CONFIGMAPS}/settings?dryRun=All")
    assert (await http("GET", f"{CONFIGMAPS}/settings"))[1]["data"] == {"a": "1"}
    assert api.store.revision == before


async def test_collections_are_deleted_by_selector(http: Http) -> None:
    for name, label in (("a", "x"), ("b", "y"), ("c", "x")):
        obj = configmap(name)
        obj["metadata"]["labels"] = {"group": label}
        await http("POST", CONFIGMAPS, obj)
    _, deleted, _ = await http("DELETE", f"{CONFIGMAPS}?labelSelector=group%3Dx")
    assert [item["metadata"]["name"] for item in deleted["items"]] == ["a", "c"]
    _, left, _ = await http("GET", CONFIGMAPS)
    assert [item["metadata"]["name"] for item in left["items"]] == ["b"]


JOBS = "/apis/batch/v1/namespaces/default/jobs"
JOB: Any = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "import"},
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "app:1"}]}}},
}


@pytest.mark.parametrize(
    ("query", "finalizers", "warned"),
    [
        ("", ["orphan"], True),
        ("?propagationPolicy=Orphan", ["orphan"], False),
        ("?propagationPolicy=Foreground", ["foregroundDeletion"], False),
        ("?propagationPolicy=Background", None, False),
    ],
)
async def test_a_job_leaves_its_pods_behind_unless_asked_otherwise_and_says_so(
    query: str, finalizers: list[str] | None, warned: bool, http: Http
) -> None:
    await http("POST", JOBS, JOB)
    code, body, headers = await http("DELETE", f"{JOBS}/import{query}")
    assert code == 200
    assert (body.get("metadata") or {}).get("finalizers") == finalizers
    assert ("child pods are preserved by default" in headers.get("Warning", "")) is warned


ENDPOINTS = "/api/v1/namespaces/default/endpoints/web"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (ENDPOINTS, {"metadata": {"name": "web", "resourceVersion": "5"}}),
        ("/api/v1/namespaces/default/services/web", {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}),
        ("/apis/coordination.k8s.io/v1/namespaces/default/leases/web", {"metadata": {"name": "web"}}),
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles/web", {"metadata": {"name": "web"}, "rules": []}),
    ],
)
async def test_a_replace_makes_what_is_not_there_of_some_kinds(http: Http, path: str, body: Any) -> None:
    code, made, _ = await http("PUT", path, body)
    assert (code, made["metadata"]["name"]) == (201, "web")
    again = {**body, "metadata": {"name": "web", "resourceVersion": made["metadata"]["resourceVersion"]}}
    assert (await http("PUT", path, again))[0] == 200


async def test_a_replace_of_what_is_not_there_needs_the_right_name_and_kind(http: Http) -> None:
    code, status, _ = await http("PUT", ENDPOINTS, {"metadata": {"name": "other"}})
    assert (code, status["reason"]) == (400, "BadRequest")
    assert (await http("GET", ENDPOINTS))[0] == 404
    assert (await http("PATCH", ENDPOINTS, {}, {"Content-Type": "application/merge-patch+json"}))[0] == 404
    assert (await http("PUT", f"{CONFIGMAPS}/settings", configmap()))[0] == 404
