"""An operator with kopf: it runs a Deployment and a Service for each Website, and says how many of its servers answer.

Outside the cluster: `kopf run operator.py --namespace default`. Inside, see in-cluster.yaml: the same file as a pod.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import kopf
import kubernetes
from kubernetes.dynamic import DynamicClient

WEBSITES = ("examples.quarterdeck.io", "v1", "websites")
LABEL = "examples.quarterdeck.io/website"


@kopf.on.startup()
def connect(**_: Any) -> None:
    """As the pod's ServiceAccount inside a cluster, with the kubeconfig outside."""
    try:
        kubernetes.config.load_incluster_config()
    except kubernetes.config.ConfigException:
        kubernetes.config.load_kube_config()


@kopf.on.create(*WEBSITES)
@kopf.on.update(*WEBSITES, field="spec")
@kopf.on.resume(*WEBSITES)
def serve(spec: kopf.Spec, name: str, namespace: str, patch: kopf.Patch, **_: Any) -> None:
    """Bring the Deployment and the Service of a website to what its spec says."""
    for manifest in (deployment(name, spec), service(name, spec)):
        # Owned by the website: they go when it goes.
        kopf.adopt(manifest)
        _apply(manifest, namespace)
    patch.status["address"] = f"http://{name}.{namespace}"


@kopf.on.event("apps", "v1", "deployments", labels={LABEL: kopf.PRESENT})
def count(body: kopf.Body, namespace: str, labels: Mapping[str, str], **_: Any) -> None:
    """Tell in the website how many of its servers answer."""
    ready = (body.get("status") or {}).get("readyReplicas", 0)
    try:
        kubernetes.client.CustomObjectsApi().patch_namespaced_custom_object_status(
            *WEBSITES[:2], namespace, WEBSITES[2], labels[LABEL], {"status": {"ready": ready}}
        )
    except kubernetes.client.ApiException as error:
        if error.status != 404:  # the website is gone, and the Deployment about to
            raise


def deployment(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    labels = {LABEL: name}
    container = {
        "name": "web",
        "image": spec["image"],
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": "http", "containerPort": spec["port"]}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
    }
    pod = {"terminationGracePeriodSeconds": 2, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": spec["replicas"],
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def service(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    ports = [{"port": 80, "targetPort": "http"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {LABEL: name}, "ports": ports},
    }


def _apply(manifest: dict[str, Any], namespace: str) -> None:
    client = DynamicClient(kubernetes.client.ApiClient())
    resource = client.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
    resource.server_side_apply(
        body=manifest,
        name=manifest["metadata"]["name"],
        namespace=namespace,
        field_manager="website-operator",
        force_conflicts=True,
    )
