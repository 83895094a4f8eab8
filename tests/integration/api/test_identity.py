"""Identity over TLS: kubectl's commands about access, and the official Python client with a token."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import yaml

from common.api.kinds import SERVICEACCOUNTS, Resource
from common.client.contexts import endpoint_of
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.errors import Forbidden, ServiceUnavailable, Unauthorized
from common.pki import NODES, Subject, node_user
from common.tls import client_context

from .conftest import Running
from .kubectl import Kubectl

pytestmark = pytest.mark.kubectl
SELFSUBJECTREVIEWS = Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", False)
WHO_AM_I = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
ROBOT = "system:serviceaccount:default:robot"


async def test_kubectl_makes_and_asks_about_access(kubectl: Kubectl, tmp_path: Path) -> None:
    await kubectl("create", "serviceaccount", "robot")
    await kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods,deployments.apps")
    await kubectl("create", "rolebinding", "reader", "--role=reader", "--serviceaccount=default:robot")
    await kubectl("create", "clusterrole", "paths", "--verb=get", "--non-resource-url=/metrics")
    await kubectl("create", "clusterrole", "sum", "--aggregation-rule=part=yes")
    await kubectl("create", "clusterrolebinding", "paths", "--clusterrole=paths", "--user=jane", "--group=devs")
    assert await kubectl("auth", "can-i", "list", "pods", "--as", ROBOT) == "yes\n"
    assert await kubectl("auth", "can-i", "get", "/metrics", "--as=jane") == "yes\n"
    listed = await kubectl("auth", "can-i", "--list", "--as", ROBOT)
    assert "deployments.apps" in listed
    assert "[get list]" in listed
    described = await kubectl("describe", "rolebinding", "reader")
    assert "ServiceAccount  robot  default" in described
    manifest = tmp_path / "access.yaml"
    rule = {"verbs": ["watch"], "apiGroups": [""], "resources": ["pods"]}
    manifest.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "Role",
                "metadata": {"name": "reader", "namespace": "default"},
                "rules": [rule],
            }
        )
    )
    assert "reconciled" in await kubectl("auth", "reconcile", "-f", str(manifest))
    assert await kubectl("auth", "can-i", "watch", "pods", "--as", ROBOT) == "yes\n"
    assert await kubectl("auth", "can-i", "list", "pods", "--as", ROBOT) == "yes\n"


async def test_kubectl_gets_tokens_and_says_who_they_are(api: Running, kubectl: Kubectl, tmp_path: Path) -> None:
    await kubectl("create", "serviceaccount", "robot")
    token = (await kubectl("create", "token", "robot", "--duration=15m")).strip()
    config = _kubeconfig_of(api, token, tmp_path)
    found = json.loads(await Kubectl(config, tmp_path)("auth", "whoami", "-o", "json"))
    assert found["status"]["userInfo"]["username"] == ROBOT
    own = json.loads(await kubectl("auth", "whoami", "-o", "json"))["status"]["userInfo"]
    assert own["groups"] == ["system:masters", "system:authenticated"]
    assert own["extra"]["authentication.kubernetes.io/credential-id"][0].startswith("X509SHA256=")


async def test_a_certificate_counts_before_a_token(api: Running, kubectl: Kubectl) -> None:
    await kubectl("create", "serviceaccount", "robot")
    token = (await kubectl("create", "token", "robot")).strip()
    admin = endpoint_of(api.kubeconfig)
    async with HttpClient(Endpoint(admin.url, tls=admin.tls, token=token)) as client:
        assert (await client.list(SERVICEACCOUNTS, "kube-system")).items is not None
    async with HttpClient(Endpoint(admin.url, tls=admin.tls, token="nonsense")) as client:
        assert (await client.list(SERVICEACCOUNTS, "kube-system")).items is not None


async def test_who_shows_nothing_good_is_nobody(api: Running) -> None:
    anonymous = client_context(None, api.authority.certificate_pem)
    for token, refusal in (("", Forbidden), ("nonsense", Unauthorized)):
        async with HttpClient(Endpoint(api.url, tls=anonymous, token=token)) as client:
            with pytest.raises(refusal):
                await client.list(SERVICEACCOUNTS, "default")
    async with aiohttp.ClientSession() as session, session.get(f"{api.url}/healthz", ssl=anonymous) as response:
        assert response.status == 200


async def test_the_python_client_works_with_a_token(api: Running, kubectl: Kubectl, tmp_path: Path) -> None:
    await kubectl("create", "serviceaccount", "robot")
    await kubectl("create", "clusterrolebinding", "robot", "--clusterrole=edit-all", "--serviceaccount=default:robot")
    await kubectl("create", "clusterrole", "edit-all", "--verb=*", "--resource=configmaps,secrets")
    token = (await kubectl("create", "token", "robot")).strip()
    config = _kubeconfig_of(api, token, tmp_path)
    script = (
        "import json, sys\n"
        "from kubernetes import client, config\n"
        "config.load_kube_config(sys.argv[1])\n"
        "core = client.CoreV1Api()\n"
        "core.create_namespaced_config_map('default', {'metadata': {'name': 'made'}, 'data': {'a': '1'}})\n"
        "access = client.AuthorizationV1Api().create_self_subject_access_review(client.V1SelfSubjectAccessReview(\n"
        "    spec={'resourceAttributes': {'verb': 'get', 'resource': 'secrets', 'namespace': 'default'}}))\n"
        "try:\n"
        "    client.RbacAuthorizationV1Api().create_cluster_role({'metadata': {'name': 'x'}, 'rules': [\n"
        "        {'verbs': ['*'], 'nonResourceURLs': ['*']}]})\n"
        "    refused = 0\n"
        "except client.ApiException as error:\n"
        "    refused = error.status\n"
        "names = sorted(item.metadata.name for item in core.list_namespaced_config_map('default').items)\n"
        "print(json.dumps([names, access.status.allowed, refused]))\n"
    )
    assert await _python(script, str(config)) == [["made"], True, 403]


async def test_a_node_reads_what_its_pods_name_and_no_more(api: Running, kubectl: Kubectl, tmp_path: Path) -> None:
    config = api.kubeconfig_for(tmp_path, Subject(node_user("n1"), (NODES,)))
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {
            "nodeName": "n1",
            "containers": [{"name": "main", "image": "web:1", "envFrom": [{"secretRef": {"name": "wanted"}}]}],
        },
    }
    manifest = tmp_path / "pod.yaml"
    manifest.write_text(yaml.safe_dump(pod))
    await kubectl("apply", "-f", str(manifest))
    for name in ("wanted", "other"):
        await kubectl("create", "secret", "generic", name, "--from-literal=a=1")
    for verb, what, allowed in (
        ("get", "secret/wanted", True),
        ("get", "secret/other", False),
        ("list", "secrets", False),
        ("get", "pod/web", True),
        ("get", "pod/elsewhere", False),
        ("delete", "deployment/web", False),
        ("get", "node/n1", True),
        ("get", "node/n2", False),
        ("list", "nodes", False),
        ("update", "node/n1", True),
    ):
        answer = await Kubectl(config, tmp_path).run("auth", "can-i", verb, what)
        assert answer.out.startswith("yes" if allowed else "no"), f"{verb} {what}: {answer}"


async def test_the_own_client_tells_what_is_forbidden(api: Running, kubectl: Kubectl, tmp_path: Path) -> None:
    await kubectl("create", "serviceaccount", "robot")
    config = _kubeconfig_of(api, (await kubectl("create", "token", "robot")).strip(), tmp_path)
    async with HttpClient(endpoint_of(config)) as client:
        with pytest.raises(Forbidden, match=f'User "{ROBOT}" cannot list resource "serviceaccounts"'):
            await client.list(SERVICEACCOUNTS, "default")


async def test_a_kubeconfig_says_whom_to_act_as_which_name_to_expect_and_what_is_on_the_way(
    api: Running, tmp_path: Path
) -> None:
    acting = {"as": "jane", "as-uid": "7", "as-groups": ["devs", "ops"], "as-user-extra": {"example.com/a": ["b"]}}
    async with _forwarding() as (proxy, asked):
        config = _changed(
            api, tmp_path, {"tls-server-name": "localhost", "proxy-url": proxy}, acting
        )  # fmt: skip
        async with HttpClient(endpoint_of(config)) as client:
            review = await client.create(SELFSUBJECTREVIEWS, {**WHO_AM_I, "metadata": {}})
            with pytest.raises(Forbidden, match='User "jane" cannot list resource "serviceaccounts"'):
                await client.list(SERVICEACCOUNTS, "default")
    found = review["status"]["userInfo"]
    assert (found["username"], found["uid"], found["extra"]) == ("jane", "7", {"example.com/a": ["b"]})
    assert {"devs", "ops"} <= set(found["groups"])
    assert asked == [f"CONNECT {urlsplit(api.url).netloc} HTTP/1.1"]
    async with HttpClient(endpoint_of(_changed(api, tmp_path, {"tls-server-name": "elsewhere.example"}, {}))) as client:
        with pytest.raises(ServiceUnavailable, match="elsewhere"):
            await client.list(SERVICEACCOUNTS, "default")


@asynccontextmanager
async def _forwarding() -> AsyncIterator[tuple[str, list[str]]]:
    """The URL of an HTTP proxy, and the first lines of what it was asked."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *_ = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        asked.append(line)
        host, _, port = line.split()[1].rpartition(":")
        from_server, to_server = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(_copy(reader, to_server), _copy(from_server, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()
        await server.wait_closed()


async def _copy(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65536):
            to.write(data)
            await to.drain()
    to.close()


def _changed(api: Running, folder: Path, cluster: dict[str, object], user: dict[str, object]) -> Path:
    document = yaml.safe_load(api.kubeconfig.read_text())
    document["clusters"][0]["cluster"] |= cluster
    document["users"][0]["user"] |= user
    path = folder / "changed.kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return path


def _kubeconfig_of(api: Running, token: str, folder: Path) -> Path:
    document = yaml.safe_load(api.kubeconfig.read_text())
    document["users"][0]["user"] = {"token": token}
    path = folder / "token.kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return path


async def _python(script: str, *arguments: str) -> object:

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, *arguments, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(out)
