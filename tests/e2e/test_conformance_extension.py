"""Webhooks and an API server in a pod: the control plane's machine cannot reach pods, and asks through their hosts."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.clock import SystemClock
from common.pki import Authority, Subject
from tests.e2e.cluster import Cluster
from tests.lab.python_image import python_image

pytestmark = pytest.mark.timeout(300)  # on a busy machine a pod with Python is half a minute in starting
IMAGE = "qd-test/kopf:1"
NAME = "extension"
GROUP = "converted.example.com"
PROGRAM = Path(__file__).with_name("extension_server.py")
CLUSTER_WIDE = (
    f"crd/endpoints.{GROUP}", "apiservice/v1alpha1.wardle.example.com", "validatingwebhookconfiguration/extension",
)  # fmt: skip


@pytest.fixture
def python(cluster: Cluster) -> None:
    """Every host has an image with Python."""
    archive = python_image(cluster.lab.folder / "images", ["kopf", "kubernetes"], IMAGE)
    for host in cluster.lab.hosts:
        if IMAGE.partition(":")[0] not in cluster.docker(host, "images"):
            cluster.docker(host, "load", "-q", "-i", str(archive))


@pytest.fixture
def bundle(cluster: Cluster, space: str, python: None) -> Iterator[str]:
    """The server runs behind its Service; by this bundle it is to be trusted. What it brings goes with the test."""
    now = SystemClock().now()
    authority = Authority.create("extension", now)
    keys = authority.issue(Subject(NAME, names=(f"{NAME}.{space}.svc",), server=True), now)
    where = ("get", "configmap", "-n", "kube-system", "extension-apiserver-authentication", "-o", "json")
    trusted = json.loads(cluster.kubectl(*where))["data"]["requestheader-client-ca-file"]
    files = {"tls.crt": keys.certificate_pem.decode(), "tls.key": keys.key_pem.decode(), "front-proxy.pem": trusted}
    volumes = [{"name": "keys", "secret": {"secretName": NAME}}, {"name": "program", "configMap": {"name": NAME}}]
    mounts = [{"name": "keys", "mountPath": "/keys"}, {"name": "program", "mountPath": "/program"}]
    container = {
        "name": "server", "image": IMAGE, "command": ["python3", "/program/server.py"], "volumeMounts": mounts,
        "ports": [{"containerPort": 8443}], "readinessProbe": {"tcpSocket": {"port": 8443}, "periodSeconds": 1},
    }  # fmt: skip

    def made(kind: str, **fields: Any) -> dict[str, Any]:
        metadata = {"name": NAME, "namespace": space, "labels": {"app": NAME}}
        return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields}

    cluster.apply(
        made("Secret", stringData=files),
        made("ConfigMap", data={"server.py": PROGRAM.read_text()}),
        made("Pod", spec={"containers": [container], "volumes": volumes, "terminationGracePeriodSeconds": 0}),
        made("Service", spec={"selector": {"app": NAME}, "ports": [{"port": 443, "targetPort": 8443}]}),
    )
    cluster.wait_ready(space, 1, f"app={NAME}", 120)
    yield base64.b64encode(authority.certificate_pem).decode()
    cluster.kubectl("delete", *CLUSTER_WIDE, "--ignore-not-found", "--timeout=30s")


def client_config(space: str, path: str, bundle: str) -> dict[str, Any]:
    return {"service": {"namespace": space, "name": NAME, "path": path}, "caBundle": bundle}


def test_webhooks_and_an_api_server_in_a_pod(cluster: Cluster, space: str, bundle: str) -> None:
    admission_is_asked(cluster, space, bundle)
    objects_are_converted(cluster, space, bundle)
    a_group_is_served(cluster, space, bundle)


def admission_is_asked(cluster: Cluster, space: str, bundle: str) -> None:
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": space}}
    hook = {
        "name": "extension.example.com", "rules": [rule], "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "clientConfig": client_config(space, "/admit", bundle), "namespaceSelector": selector,
    }  # fmt: skip
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
    cluster.apply({**kind, "metadata": {"name": NAME}, "webhooks": [hook]})
    # Endpoints follow the pod's readiness a moment later, and what admits follows its configuration.
    trial = ("create", "configmap", "refused", "-n", space, "--dry-run=server")
    cluster.wait(lambda: "refused from a pod" in cluster.kubectl(*trial, check=False), "the webhook to answer",
                 explain=lambda: cluster.kubectl(*trial, check=False))  # fmt: skip
    cluster.kubectl("create", "configmap", "fine", "-n", space)
    with pytest.raises(Exception, match="refused from a pod"):
        cluster.kubectl("create", "configmap", "refused", "-n", space)


def objects_are_converted(cluster: Cluster, space: str, bundle: str) -> None:
    text = {"type": "string"}
    schemas = {"v1": {"hostPort": text}, "v2": {"host": text, "port": text}}
    versions = [
        {"name": name, "served": True, "storage": name == "v1",
         "schema": {"openAPIV3Schema": {"type": "object", "properties": fields}}}
        for name, fields in schemas.items()
    ]  # fmt: skip
    webhook = {"clientConfig": client_config(space, "/convert", bundle), "conversionReviewVersions": ["v1"]}
    names = {"plural": "endpoints", "singular": "endpoint", "kind": "Endpoint"}
    spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": versions}
    definition = {"metadata": {"name": f"endpoints.{GROUP}"}, "kind": "CustomResourceDefinition"}
    spec["conversion"] = {"strategy": "Webhook", "webhook": webhook}
    cluster.apply({**definition, "apiVersion": "apiextensions.k8s.io/v1", "spec": spec})
    cluster.kubectl("wait", "--for=condition=established", f"crd/endpoints.{GROUP}", "--timeout=30s")
    one = {"apiVersion": f"{GROUP}/v1", "kind": "Endpoint", "metadata": {"name": "one", "namespace": space}}
    cluster.apply({**one, "hostPort": "localhost:80"})
    found = json.loads(cluster.kubectl("get", f"endpoints.v2.{GROUP}", "-n", space, "-o", "json"))["items"]
    assert [(item["host"], item["port"]) for item in found] == [("localhost", "80")]


def a_group_is_served(cluster: Cluster, space: str, bundle: str) -> None:
    spec = {
        "group": "wardle.example.com", "version": "v1alpha1", "groupPriorityMinimum": 2000, "versionPriority": 200,
        "service": {"namespace": space, "name": NAME}, "caBundle": bundle,
    }  # fmt: skip
    kind = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService"}
    cluster.apply({**kind, "metadata": {"name": "v1alpha1.wardle.example.com"}, "spec": spec})
    cluster.kubectl(
        "wait", "--for=condition=Available", "apiservice/v1alpha1.wardle.example.com", "--timeout=60s", timeout=90
    )
    flunder = {"apiVersion": "wardle.example.com/v1alpha1", "kind": "Flunder"}
    manifest = json.dumps({**flunder, "metadata": {"name": "one", "namespace": space}})
    cluster.kubectl("create", "--validate=false", "-f", "-", stdin=manifest)
    found = json.loads(cluster.kubectl("get", "flunders", "-n", space, "-o", "json"))["items"]
    assert [(item["metadata"]["name"], item["madeBy"]) for item in found] == [("one", "quarterdeck-admin")]
