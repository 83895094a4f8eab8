"""The package `lightkube`: typed resources, manifests, server-side apply, patches, watches and kinds of users."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest
from lightkube import Client, KubeConfig, codecs
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource, load_in_cluster_generic_resources
from lightkube.models.core_v1 import ServicePort, ServiceSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Service
from lightkube.types import CascadeType, PatchType

from .server import Server

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: images.example.com/web:1}]}
---
apiVersion: clients.example.com/v1
kind: Widget
metadata: {name: web}
spec: {size: 2}
"""


@pytest.fixture
def lightkube(server: Server, space: str) -> Iterator[Client]:
    client = Client(config=KubeConfig.from_file(str(server.kubeconfig)), namespace=space, field_manager="light")
    yield client
    client._client._client.close()  # it has no other end


def test_resources_with_types(lightkube: Client) -> None:
    made = lightkube.create(ConfigMap(metadata=ObjectMeta(name="one", labels={"a": "b"}), data={"k": "1"}))
    assert made.metadata is not None
    made.data = {"k": "2"}
    assert lightkube.replace(made).data == {"k": "2"}
    service = Service(metadata=ObjectMeta(name="web"), spec=ServiceSpec(ports=[ServicePort(port=80)]))
    found = lightkube.create(service)
    assert found.spec is not None
    assert found.spec.type == "ClusterIP"
    assert [item.metadata.name for item in lightkube.list(ConfigMap, labels={"a": "b"}) if item.metadata] == ["one"]
    assert [item.metadata.name for item in lightkube.list(ConfigMap, fields={"metadata.name": "one"}, chunk_size=1)
            if item.metadata] == ["one"]  # fmt: skip
    lightkube.delete(ConfigMap, "one", cascade=CascadeType.FOREGROUND)
    while list(
        lightkube.list(ConfigMap, fields={"metadata.name": "one"})
    ):  # until the garbage collector has looked at it
        time.sleep(0.1)
    with pytest.raises(ApiError) as refused:
        lightkube.get(ConfigMap, "one")
    assert (refused.value.status.code, refused.value.status.reason) == (404, "NotFound")


def test_patches_of_every_kind(lightkube: Client) -> None:
    documents = codecs.load_all_yaml(MANIFEST.split("---")[0])
    (deployment,) = documents
    lightkube.create(deployment)
    env = {"spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": "A", "value": "1"}]}]}}}}
    strategic = lightkube.patch(Deployment, "web", env)
    assert _container(strategic).image == "images.example.com/web:1"
    merged = lightkube.patch(Deployment, "web", {"spec": {"replicas": 3}}, patch_type=PatchType.MERGE)
    assert merged.spec is not None
    assert merged.spec.replicas == 3
    operations = [{"op": "replace", "path": "/spec/replicas", "value": 4}]
    changed = lightkube.patch(Deployment, "web", operations, patch_type=PatchType.JSON)
    assert changed.spec is not None
    assert changed.spec.replicas == 4
    scale = lightkube.get(Deployment.Scale, "web")
    assert scale.spec is not None
    assert scale.spec.replicas == 4


def _container(deployment: Deployment) -> Any:
    assert deployment.spec is not None
    assert deployment.spec.template.spec is not None
    return deployment.spec.template.spec.containers[0]


def test_manifests_are_applied_with_kinds_of_users(lightkube: Client) -> None:
    load_in_cluster_generic_resources(lightkube)
    for manifest in (MANIFEST, MANIFEST.replace("size: 2", "size: 3")):
        for document in codecs.load_all_yaml(manifest):
            lightkube.apply(document, force=True)
    widgets = create_namespaced_resource("clients.example.com", "v1", "Widget", "widgets")
    found = lightkube.get(widgets, "web")
    assert found["spec"]["size"] == 3
    done = lightkube.patch(widgets.Status, "web", {"status": {"phase": "Done"}}, patch_type=PatchType.MERGE)
    assert done["status"] == {"phase": "Done"}
    managers = [entry.manager for entry in lightkube.get(Deployment, "web").metadata.managedFields or ()]  # type: ignore[union-attr]
    assert "light" in managers
    with pytest.raises(ApiError, match="Apply failed with 1 conflict"):
        lightkube.apply(widgets(metadata={"name": "web"}, spec={"size": 9}), field_manager="other")


def test_a_watch_tells_what_happens(lightkube: Client) -> None:
    lightkube.create(ConfigMap(metadata=ObjectMeta(name="one")))
    start = str(lightkube.get(ConfigMap, "one").metadata.resourceVersion)  # type: ignore[union-attr]
    lightkube.patch(ConfigMap, "one", {"data": {"a": "b"}})
    lightkube.delete(ConfigMap, "one")
    seen = itertools.islice(lightkube.watch(ConfigMap, resource_version=start, server_timeout=20), 2)
    assert [(kind, item.data) for kind, item in seen] == [("MODIFIED", {"a": "b"}), ("DELETED", {"a": "b"})]
