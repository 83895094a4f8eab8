"""What a program with the Kubernetes Python client does, in a process of its own: KUBECONFIG WHAT ARGUMENTS…"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import kubernetes
import kubernetes.dynamic
from kubernetes.leaderelection.electionconfig import Config
from kubernetes.leaderelection.leaderelection import LeaderElection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock
from kubernetes.stream import portforward, stream


def streams(core: Any, port: str) -> None:
    """A command's output, then what a forwarded port answers."""
    said = stream(
        core.connect_get_namespaced_pod_exec, "web", "default", command=["echo", "hi"],
        stdout=True, stderr=True, stdin=False, tty=False,
    )  # fmt: skip
    core = kubernetes.client.CoreV1Api(kubernetes.client.ApiClient())
    forward = portforward(core.connect_get_namespaced_pod_portforward, "web", "default", ports=port)
    connection = forward.socket(int(port))
    connection.settimeout(10)
    connection.sendall(b"ping")
    print(json.dumps([said, connection.recv(4).decode()]))
    connection.close()


def objects(core: Any, name: str) -> None:
    """Create, list, patch, watch and delete a ConfigMap."""
    watch = kubernetes.watch.Watch()
    revision = core.list_namespaced_config_map("default").metadata.resource_version
    core.create_namespaced_config_map("default", {"metadata": {"name": name}, "data": {"a": "1"}})
    core.patch_namespaced_config_map(name, "default", {"data": {"a": "2"}})
    core.delete_namespaced_config_map(name, "default")
    seen = []
    for event in watch.stream(
        core.list_namespaced_config_map, "default", resource_version=revision, timeout_seconds=10
    ):
        seen.append([event["type"], event["object"].data["a"]])
        if len(seen) == 3:
            watch.stop()
    print(json.dumps(seen))


def dynamic(_core: Any) -> None:
    """A custom object by the dynamic client, which knows kinds by discovery alone."""
    client = kubernetes.dynamic.DynamicClient(kubernetes.client.ApiClient())
    crontabs = client.resources.get(api_version="stable.example.com/v1", kind="CronTab")
    body = {"apiVersion": "stable.example.com/v1", "kind": "CronTab", "metadata": {"name": "dyn"},
            "spec": {"cronSpec": "* * * * *"}}  # fmt: skip
    made = crontabs.create(body=body, namespace="default")
    listed = [item.metadata.name for item in crontabs.get(namespace="default").items]
    change = {"spec": {"replicas": 5}}
    patched = crontabs.patch(name="dyn", namespace="default", body=change, content_type="application/merge-patch+json")
    gone = crontabs.delete(name="dyn", namespace="default")
    print(json.dumps({"created": made.metadata.name, "listed": listed, "replicas": patched.spec.replicas,
                      "deleted": gone.status == "Success"}))  # fmt: skip


def election(_core: Any) -> None:
    """Lead by a lease, once."""
    lock = LeaseLock("leader", "default", "me")
    led = []

    def lead() -> None:
        led.append(True)
        print(json.dumps({"led": True}), flush=True)
        os._exit(0)  # the client's elector knows no other end

    LeaderElection(Config(lock, 4, 3, 1, onstarted_leading=lead, onstopped_leading=lambda: None)).run()


def main() -> None:
    kubeconfig, what, *arguments = sys.argv[1:]
    kubernetes.config.load_kube_config(kubeconfig)
    {"streams": streams, "objects": objects, "dynamic": dynamic, "election": election}[what](
        kubernetes.client.CoreV1Api(), *arguments
    )


if __name__ == "__main__":
    main()
