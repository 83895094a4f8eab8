"""The verbs of the real kubectl over TLS, as far as they need only API objects."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from common.api.kinds import CONFIGMAPS, DEPLOYMENTS, NAMESPACES, PODS, REPLICASETS
from common.api.meta import Object, controller_reference
from common.client.contexts import endpoint_of
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.clock import SystemClock
from common.errors import Forbidden, ServiceUnavailable
from common.pki import Authority, Subject
from common.tls import client_context

from .conftest import Running, python_client
from .kubectl import Kubectl

pytestmark = pytest.mark.kubectl

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: main
          image: registry.local/web:1
          ports: [{containerPort: 80, name: http}]
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "web.yaml"
    path.write_text(MANIFEST)
    return path


async def _json(kubectl: Kubectl, *arguments: str) -> Object:
    found: Object = json.loads(await kubectl("get", *arguments, "-o", "json"))
    return found


async def test_get_in_every_form(kubectl: Kubectl, manifest: Path) -> None:
    await kubectl("apply", "-f", str(manifest))
    text = await kubectl("get", "deployments")
    assert text.split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "web", "0/2", "0", "0", text.split()[-1]]
    assert "registry.local/web:1" in await kubectl("get", "deploy", "-o", "wide")
    assert await kubectl("get", "deploy,svc", "-o", "name") == (
        "deployment.apps/web\nservice/kubernetes\nservice/web\n"
    )
    assert (await _json(kubectl, "deploy", "web"))["spec"]["replicas"] == 2
    assert "replicas: 2" in await kubectl("get", "deploy", "web", "-o", "yaml")
    assert await kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}") == "2"
    assert "web" in await kubectl("get", "all")
    assert "web" in await kubectl("get", "svc", "-A", "--field-selector", "metadata.name=web", "-l", "!nothing")
    assert 'deployments.apps "none" not found' in await kubectl.fails("get", "deploy", "none")
    assert "the server doesn't have a resource type" in await kubectl.fails("get", "unknowns")
    assert "No resources found" in (await kubectl.run("get", "pods", "-n", "kube-public")).err
    with_chunks = await kubectl("get", "ns", "--chunk-size=2", "-o", "name")
    assert with_chunks.split() == [
        f"namespace/{name}" for name in ("default", "kube-node-lease", "kube-public", "kube-system")
    ]


async def test_apply_creates_and_updates(kubectl: Kubectl, manifest: Path) -> None:
    assert await kubectl("apply", "-f", str(manifest)) == "deployment.apps/web created\nservice/web created\n"
    assert await kubectl("apply", "-f", str(manifest)) == "deployment.apps/web unchanged\nservice/web unchanged\n"
    manifest.write_text(
        MANIFEST.replace("replicas: 2", "replicas: 4").replace("labels: {app: web}", "labels: {a: b, app: web}")
    )
    difference = await kubectl.run("diff", "-f", str(manifest))
    assert difference.code == 1
    assert "+  replicas: 4" in difference.out
    assert (await kubectl("apply", "-f", str(manifest))).startswith("deployment.apps/web configured\n")
    found = await _json(kubectl, "deploy", "web")
    assert found["spec"]["replicas"] == 4
    assert found["metadata"]["labels"] == {"a": "b", "app": "web"}
    manifest.write_text(MANIFEST)
    await kubectl("apply", "-f", str(manifest))
    assert (await _json(kubectl, "deploy", "web"))["metadata"]["labels"] == {"app": "web"}


async def test_wrong_manifests_name_what_is_wrong(kubectl: Kubectl) -> None:
    wrong = MANIFEST.split("---")[0]
    assert 'unknown field "spec.replica"' in await kubectl.fails(
        "apply", "-f", "-", stdin=wrong.replace("replicas:", "replica:")
    )
    error = await kubectl.fails("apply", "-f", "-", stdin=wrong.replace("replicas: 2", "replicas: -2"))
    assert (
        'The Deployment "web" is invalid: spec.replicas: Invalid value: -2: must be greater than or equal to 0' in error
    )
    assert "`selector` does not match template `labels`" in await kubectl.fails(
        "create", "-f", "-", stdin=wrong.replace("metadata: {labels: {app: web}}", "metadata: {labels: {app: x}}")
    )
    assert "cannot unmarshal string" in await kubectl.fails(
        "create", "--validate=false", "-f", "-", stdin=wrong.replace("replicas: 2", "replicas: two")
    )


async def test_create_and_delete(kubectl: Kubectl, manifest: Path) -> None:
    await kubectl("create", "-f", str(manifest))
    assert "AlreadyExists" in await kubectl.fails("create", "-f", str(manifest))
    assert await kubectl("delete", "-f", str(manifest)) == ('deployment.apps "web" deleted\nservice "web" deleted\n')
    assert "NotFound" in await kubectl.fails("delete", "deploy", "web")
    assert await kubectl("delete", "deploy", "web", "--ignore-not-found") == ""
    await kubectl("create", "--dry-run=server", "-f", str(manifest))
    assert "NotFound" in await kubectl.fails("get", "deploy", "web")


async def test_generators_send_protobuf(kubectl: Kubectl) -> None:
    await kubectl("create", "namespace", "team")
    await kubectl("create", "configmap", "settings", "-n", "team", "--from-literal=a=1")
    await kubectl("create", "secret", "generic", "token", "-n", "team", "--from-literal=key=value")
    await kubectl(
        "create", "deployment", "web", "-n", "team", "--image=registry.local/web:1", "--replicas=2", "--port=80"
    )
    await kubectl("create", "service", "clusterip", "web", "-n", "team", "--tcp=80:8080")
    assert (await _json(kubectl, "cm", "settings", "-n", "team"))["data"] == {"a": "1"}
    assert (await _json(kubectl, "secret", "token", "-n", "team"))["data"] == {"key": "dmFsdWU="}
    found = await _json(kubectl, "deploy", "web", "-n", "team")
    assert found["spec"]["replicas"] == 2
    assert found["spec"]["template"]["spec"]["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    await kubectl("expose", "deployment", "web", "-n", "team", "--name=web2", "--port=80")
    assert (await _json(kubectl, "svc", "web2", "-n", "team"))["spec"]["selector"] == {"app": "web"}


async def test_labels_annotations_scale_and_image(kubectl: Kubectl, manifest: Path) -> None:
    await kubectl("apply", "-f", str(manifest))
    assert await kubectl("label", "deploy", "web", "tier=front") == "deployment.apps/web labeled\n"
    assert "already has a value" in await kubectl.fails("label", "deploy", "web", "tier=back")
    await kubectl("label", "deploy", "web", "tier-")
    await kubectl("annotate", "deploy", "web", "note=hello")
    assert await kubectl("scale", "deploy", "web", "--replicas=5") == "deployment.apps/web scaled\n"
    assert "Expected replicas to be 2, was 5" in await kubectl.fails(
        "scale", "deploy", "web", "--current-replicas=2", "--replicas=3"
    )
    await kubectl("set", "image", "deploy/web", "main=registry.local/web:2")
    await kubectl("set", "env", "deploy/web", "COLOR=blue")
    found = await _json(kubectl, "deploy", "web")
    container = found["spec"]["template"]["spec"]["containers"][0]
    assert found["spec"]["replicas"] == 5
    assert container["image"] == "registry.local/web:2"
    assert container["env"] == [{"name": "COLOR", "value": "blue"}]
    assert found["metadata"]["annotations"]["note"] == "hello"
    assert "tier" not in found["metadata"]["labels"]


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("strategic", '{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"x"}]}}}}'),
        ("merge", '{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"x"}]}}}}'),
        ("json", '[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"x"}]'),
    ],
)
async def test_patch(kubectl: Kubectl, manifest: Path, kind: str, patch: str) -> None:
    await kubectl("apply", "-f", str(manifest))
    assert await kubectl("patch", "deploy", "web", f"--type={kind}", "-p", patch) == "deployment.apps/web patched\n"
    (container,) = (await _json(kubectl, "deploy", "web"))["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "x"
    assert ("ports" in container) is (kind != "merge")


async def test_edit_and_replace(kubectl: Kubectl, manifest: Path, tmp_path: Path) -> None:
    await kubectl("apply", "-f", str(manifest))
    editor = tmp_path / "editor.sh"
    editor.write_text("#!/bin/sh\nsed -i 's/replicas: 2/replicas: 6/' \"$1\"\n")
    editor.chmod(0o755)
    assert await kubectl("edit", "deploy", "web", EDITOR=str(editor)) == "deployment.apps/web edited\n"
    found = await kubectl("get", "deploy", "web", "-o", "yaml")
    assert "replicas: 6" in found
    assert await kubectl("replace", "-f", "-", stdin=found.replace("replicas: 6", "replicas: 7")) == (
        "deployment.apps/web replaced\n"
    )
    assert "the object has been modified" in await kubectl.fails("replace", "-f", "-", stdin=found)


async def _revision(client: HttpClient, deployment: Object, number: int, image: str) -> None:
    """A ReplicaSet as the Deployment's controller makes it."""
    template = json.loads(json.dumps(deployment["spec"]["template"]))
    template["metadata"]["labels"]["pod-template-hash"] = f"hash{number}"
    template["spec"]["containers"][0]["image"] = image
    await client.create(REPLICASETS, {
        "metadata": {
            "name": f"web-hash{number}", "namespace": "default", "labels": template["metadata"]["labels"],
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [controller_reference(deployment, "apps/v1", "Deployment")],
        },
        "spec": {"replicas": 0, "selector": {"matchLabels": template["metadata"]["labels"]}, "template": template},
    })  # fmt: skip


async def test_rollouts(kubectl: Kubectl, client: HttpClient, manifest: Path) -> None:
    await kubectl("apply", "-f", str(manifest))
    deployment = await client.get(DEPLOYMENTS, "web", "default")
    await _revision(client, deployment, 1, "registry.local/web:0")
    await _revision(client, deployment, 2, "registry.local/web:1")
    await kubectl("annotate", "deploy", "web", "deployment.kubernetes.io/revision=2")
    assert "REVISION" in await kubectl("rollout", "history", "deploy/web")
    assert "registry.local/web:0" in await kubectl("rollout", "history", "deploy/web", "--revision=1")
    assert await kubectl("rollout", "undo", "deploy/web") == "deployment.apps/web rolled back\n"
    undone = await client.get(DEPLOYMENTS, "web", "default")
    assert undone["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.local/web:0"
    assert "pod-template-hash" not in undone["spec"]["template"]["metadata"]["labels"]
    await kubectl("rollout", "pause", "deploy/web")
    await kubectl("rollout", "resume", "deploy/web")
    await kubectl("rollout", "restart", "deploy/web")
    restarted = await client.get(DEPLOYMENTS, "web", "default")
    assert "kubectl.kubernetes.io/restartedAt" in restarted["spec"]["template"]["metadata"]["annotations"]


async def test_rollout_status_and_wait_follow_a_watch(kubectl: Kubectl, client: HttpClient, manifest: Path) -> None:
    await kubectl("apply", "-f", str(manifest))
    following = await kubectl.start("rollout", "status", "deploy/web", "--timeout=30s")
    waiting = await kubectl.start("wait", "deploy/web", "--for=condition=Available", "--timeout=30s")
    assert following.stdout is not None
    assert b"Waiting for deployment" in await following.stdout.readline()
    status = {
        "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2,
        "conditions": [{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "message": ""}],
    }  # fmt: skip
    await client.patch(DEPLOYMENTS, "web", {"status": status}, "default", subresource="status")
    out, _ = await following.communicate()
    assert b"successfully rolled out" in out
    out, _ = await waiting.communicate()
    assert b"condition met" in out
    deleting = await kubectl.start("wait", "deploy/web", "--for=delete", "--timeout=30s")
    await asyncio.sleep(0.1)
    await kubectl("delete", "deploy", "web")
    assert await deleting.wait() == 0


async def test_get_watch_prints_changes(kubectl: Kubectl) -> None:
    watching = await kubectl.start("get", "configmaps", "-w")
    await asyncio.sleep(0.3)
    settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: '1'}\n"
    await kubectl("create", "-f", "-", stdin=settings)
    assert watching.stdout is not None
    lines = [(await watching.stdout.readline()).decode().split()[:2] for _ in range(2)]
    watching.terminate()
    await watching.communicate()
    assert lines == [["NAME", "DATA"], ["settings", "1"]]


async def test_describe_explain_and_resources(kubectl: Kubectl, client: HttpClient, manifest: Path) -> None:
    await kubectl("apply", "-f", str(manifest))
    assert "2 desired" in await kubectl("describe", "deploy", "web")
    assert "Selector:" in await kubectl("describe", "svc", "web")
    await client.create(PODS, {"metadata": {"name": "web", "namespace": "default"},
                               "spec": {"containers": [{"name": "main", "image": "x"}]}})  # fmt: skip
    assert "Status:           Pending" in await kubectl("describe", "pod", "web")
    assert "Status:       Active" in await kubectl("describe", "ns", "default")
    assert "FIELD: replicas <integer>" in await kubectl("explain", "deployment.spec.replicas")
    resources = await kubectl("api-resources", "--no-headers", "-o", "wide")
    assert "deployments" in resources
    assert "quarterdeck.io/v1" in resources
    assert "apps/v1" in await kubectl("api-versions")
    assert "v1.36" in await kubectl("version")
    assert "is running at" in await kubectl("cluster-info")


async def test_run_and_delete_a_pod(kubectl: Kubectl) -> None:
    assert await kubectl("run", "tool", "--image=registry.local/tool:1", "--restart=Never") == "pod/tool created\n"
    assert (await kubectl("get", "pods")).split()[5:9] == ["tool", "0/1", "Pending", "0"]
    assert await kubectl("delete", "pod", "tool", "--now") == 'pod "tool" deleted\n'


async def test_a_namespace_is_deleted_when_it_is_finalized(kubectl: Kubectl, client: HttpClient) -> None:
    await kubectl("create", "-f", "-", stdin="apiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n")
    deleting = await kubectl.start("delete", "ns", "team", "--timeout=30s")
    async with asyncio.timeout(60):
        while (team := await client.get(NAMESPACES, "team"))["status"]["phase"] != "Terminating":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert "Terminating" in await kubectl("get", "ns", "team")
    await client.update(NAMESPACES, {**team, "spec": {"finalizers": []}}, subresource="finalize")
    assert await deleting.wait() == 0


async def test_cordon_and_taint(kubectl: Kubectl, client: HttpClient) -> None:
    await kubectl("create", "-f", "-", stdin="apiVersion: v1\nkind: Node\nmetadata: {name: node-1}\n")
    await kubectl("cordon", "node-1")
    assert "SchedulingDisabled" in await kubectl("get", "nodes")
    await kubectl("uncordon", "node-1")
    await kubectl("taint", "nodes", "node-1", "special=yes:NoSchedule")
    taints = (await _json(kubectl, "node", "node-1"))["spec"]["taints"]
    assert {"effect": "NoSchedule", "key": "special", "value": "yes"} in taints


async def test_the_python_client_watches_what_it_does(api: Running) -> None:
    assert await python_client(api, "objects", "settings") == [["ADDED", "1"], ["MODIFIED", "2"], ["DELETED", "2"]]


async def test_strangers_are_kept_out(api: Running, tmp_path: Path) -> None:
    node = Kubectl(api.kubeconfig_for(tmp_path, Subject("system:node:a", ("system:nodes",))), tmp_path)
    error = await node.fails("get", "pods")
    assert (
        'pods is forbidden: User "system:node:a" cannot list resource "pods" in API group "" in the namespace' in error
    )
    authority = api.authority.certificate_pem
    async with HttpClient(Endpoint(api.url, tls=client_context(None, authority))) as nobody:
        assert (await nobody.request_json("GET", "/version"))["gitVersion"].startswith("v1.36")
        for path in ("/api", "/api/v1/pods", "/metrics", "/"):
            with pytest.raises(Forbidden, match='User "system:anonymous" cannot'):
                await nobody.request_json("GET", path)
    stranger = Authority.create("other", SystemClock().now())
    forged = stranger.issue(Subject("quarterdeck-admin", ("system:masters",)), SystemClock().now())
    async with HttpClient(Endpoint(api.url, tls=client_context(forged, authority))) as client:
        with pytest.raises(ServiceUnavailable, match="a server of another cluster"):
            await client.request_json("GET", "/version")


async def test_large_answers_are_compressed_on_the_network(api: Running, client: HttpClient) -> None:
    big = {"metadata": {"name": "big", "namespace": "default"}, "data": {"a": "x" * 200_000}}
    await client.create(CONFIGMAPS, big)
    path = CONFIGMAPS.path("default")
    for endpoint, compressed in (
        (endpoint_of(api.kubeconfig), True),
        (Endpoint.of_socket(api.socket), False),
    ):
        connector = (
            aiohttp.UnixConnector(str(endpoint.socket))
            if endpoint.socket
            else aiohttp.TCPConnector(ssl=endpoint.tls or True)
        )
        async with aiohttp.ClientSession(connector=connector) as session, session.get(endpoint.url + path) as response:
            assert (response.headers.get("Content-Encoding") == "gzip") is compressed
            assert len((await response.json())["items"][0]["data"]["a"]) == 200_000


async def test_a_list_is_validated_on_the_server(kubectl: Kubectl) -> None:
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "b"}}
    listing = {"apiVersion": "v1", "kind": "List", "items": [item]}
    assert await kubectl("apply", "-f", "-", stdin=json.dumps(listing)) == "configmap/one created\n"
    listing["items"] = [{**item, "unknown": 1}]
    assert 'unknown field "unknown"' in await kubectl.fails("apply", "-f", "-", stdin=json.dumps(listing))
