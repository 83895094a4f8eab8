"""The package `kubernetes`: typed and dynamic clients, watches that resume, elections, manifests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.exceptions import ApiException

from .server import Server, program

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "images.example.com/web:1"}]},
        },
    },
}


@pytest.fixture(scope="module")
def api(server: Server) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(str(server.kubeconfig)) as api:
        yield api


def test_typed_objects_are_made_changed_and_listed(api: client.ApiClient, space: str) -> None:
    apps, core = client.AppsV1Api(api), client.CoreV1Api(api)
    made = apps.create_namespaced_deployment(space, DEPLOYMENT)
    assert (made.spec.replicas, made.spec.strategy.type, made.status.replicas) == (2, "RollingUpdate", None)
    env = [client.V1EnvVar(name="A", value="1")]
    change = {"spec": {"template": {"spec": {"containers": [{"name": "web", "env": env}]}}}}
    patched = apps.patch_namespaced_deployment("web", space, change)
    container = patched.spec.template.spec.containers[0]
    assert (container.image, container.env[0].value) == ("images.example.com/web:1", "1")
    by_json = apps.patch_namespaced_deployment("web", space, [{"op": "replace", "path": "/spec/replicas", "value": 3}])
    assert by_json.spec.replicas == 3
    scaled = apps.patch_namespaced_deployment_scale("web", space, {"spec": {"replicas": 1}})
    assert scaled.spec.replicas == 1
    stale = apps.read_namespaced_deployment("web", space)
    stale.metadata.resource_version = made.metadata.resource_version
    with pytest.raises(ApiException) as refused:
        apps.replace_namespaced_deployment("web", space, stale)
    assert (refused.value.status, "the object has been modified" in refused.value.body) == (409, True)
    for name in "abcde":
        core.create_namespaced_config_map(space, client.V1ConfigMap(metadata={"name": name, "labels": {"set": "one"}}))
    page = core.list_namespaced_config_map(space, limit=2, label_selector="set=one")
    rest = core.list_namespaced_config_map(space, limit=9, label_selector="set=one", _continue=page.metadata._continue)
    assert [item.metadata.name for item in (*page.items, *rest.items)] == list("abcde")
    assert page.metadata.remaining_item_count is None  # as with every selector
    core.delete_collection_namespaced_config_map(space, label_selector="set=one")
    assert core.list_namespaced_config_map(space, field_selector="metadata.name=a").items == []
    apps.delete_namespaced_deployment("web", space, propagation_policy="Foreground")


def test_a_watch_resumes_where_it_ended(api: client.ApiClient, space: str) -> None:
    core = client.CoreV1Api(api)
    revision = core.list_namespaced_config_map(space).metadata.resource_version
    core.create_namespaced_config_map(space, {"metadata": {"name": "one"}})
    stream = watch.Watch()
    mine = {"field_selector": "metadata.name=one", "timeout_seconds": 20}
    for event in stream.stream(core.list_namespaced_config_map, space, resource_version=revision, **mine):
        assert (event["type"], event["object"].metadata.name) == ("ADDED", "one")
        stream.stop()
    core.patch_namespaced_config_map("one", space, {"data": {"a": "b"}})
    core.delete_namespaced_config_map("one", space)
    seen = []
    again = watch.Watch()
    last = stream.resource_version
    for event in again.stream(core.list_namespaced_config_map, space, resource_version=last, **mine):
        seen.append(event["type"])
        if len(seen) == 2:
            again.stop()
    assert seen == ["MODIFIED", "DELETED"]
    ended = watch.Watch().stream(core.list_namespaced_config_map, space, resource_version="99999999", timeout_seconds=5)
    with pytest.raises(ApiException, match="too large resource version"):
        list(ended)


def test_manifests_are_created_as_they_are(api: client.ApiClient, space: str, tmp_path: Any) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n---\n"
        "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Service, metadata: {name: two},"
        " spec: {ports: [{port: 80}]}}]\n---\n"
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: three}\nrules: []\n---\n"
        "apiVersion: clients.example.com/v1\nkind: Widget\nmetadata: {name: four}\nspec: {size: 2}\n"
    )
    documents = path.read_text().rsplit("---\n", 1)
    path.write_text(documents[0])
    utils.create_from_yaml(api, str(path), namespace=space)
    assert client.CoreV1Api(api).read_namespaced_service("two", space).spec.cluster_ip
    with pytest.raises(utils.FailToCreateError) as refused:
        utils.create_from_yaml(api, str(path), namespace=space)
    assert {error.reason for error in refused.value.api_exceptions} == {"Conflict"}
    again = utils.create_from_yaml(api, str(path), namespace=space, apply=True)
    assert [item.metadata.name for item in again[0]] == ["one"]


def test_the_dynamic_client_knows_kinds_by_discovery(api: client.ApiClient, space: str) -> None:
    kinds = dynamic.DynamicClient(api).resources
    widgets = kinds.get(api_version="clients.example.com/v1", kind="Widget")
    deployments = kinds.get(api_version="apps/v1", kind="Deployment")
    made = widgets.create(body={**_widget("one"), "spec": {"color": "red"}}, namespace=space)
    assert made.spec.to_dict() == {"color": "red", "size": 1}
    applied = {**_widget("two"), "spec": {"size": 2}}
    assert widgets.server_side_apply(body=applied, name="two", namespace=space, field_manager="me").spec.size == 2
    with pytest.raises(dynamic.exceptions.ConflictError, match=r"conflict with .*me.*: \.spec\.size"):
        widgets.server_side_apply(
            body={**applied, "spec": {"size": 3}}, name="two", namespace=space, field_manager="other"
        )
    status = {**made.to_dict(), "status": {"phase": "Done"}}
    assert widgets.status.replace(body=status, name="one", namespace=space).status.phase == "Done"
    assert widgets.scale.get(name="two", namespace=space).spec.replicas == 2
    deployments.create(body=DEPLOYMENT, namespace=space)
    change = {"spec": {"replicas": 5}}
    merge = "application/merge-patch+json"
    assert deployments.patch(name="web", namespace=space, body=change, content_type=merge).spec.replicas == 5
    seen = [(event["type"], event["object"].metadata.name) for event in widgets.watch(namespace=space, timeout=1)]
    assert sorted(seen) == [("ADDED", "one"), ("ADDED", "two")]
    widgets.delete(namespace=space, label_selector="none=such")
    assert len(widgets.get(namespace=space).items) == 2
    with pytest.raises(dynamic.exceptions.UnprocessibleEntityError, match="should be greater than or equal to 1"):
        widgets.create(body={**_widget("bad"), "spec": {"size": 0}}, namespace=space)


def _widget(name: str) -> dict[str, Any]:
    return {"apiVersion": "clients.example.com/v1", "kind": "Widget", "metadata": {"name": name}}


CANDIDATE = """
import sys, os
from kubernetes import config
from kubernetes.leaderelection.electionconfig import Config
from kubernetes.leaderelection.leaderelection import LeaderElection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock
space, me = sys.argv[1:]
config.load_kube_config()
def lead():
    print(me, "leads", flush=True)
    os._exit(0)  # and never renews
LeaderElection(Config(LeaseLock("lead", space, me), 4, 3, 1.1, lead, lambda: None)).run()
"""


def test_a_second_candidate_leads_when_the_first_is_gone(server: Server, api: client.ApiClient, space: str) -> None:
    for me in ("one", "two"):
        told = program(server.environment, sys.executable, "-c", CANDIDATE, space, me)
        assert f"{me} leads" in told.stdout
        lease = client.CoordinationV1Api(api).read_namespaced_lease("lead", space)
        assert lease.spec.holder_identity == me
