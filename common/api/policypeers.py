"""Pods as the rules of NetworkPolicies see them: what a node has to know of the pods on other nodes.

The control plane sends these records, and not pods, to every node, and only while there are NetworkPolicies; the agent
makes the same of its own pods, so that a pod is known before its address was reported.
"""

from __future__ import annotations

from collections.abc import Iterable

from . import meta, pods
from .meta import Object

PEERS = "policypeers"
"""The name of these records in a session, beside the plurals of resources."""


def peer(pod: Object, addresses: Iterable[str] | None = None) -> Object | None:
    """The record of a pod; None for one that has no address of its own (yet, or any more). `addresses` are known
    better than its status says."""
    found = list(pods.ips(pod) if addresses is None else addresses)
    spec = pod.get("spec") or {}
    if spec.get("hostNetwork") or not found or pods.is_terminal(pod):
        return None
    ports = {
        f"{port['name']}/{port.get('protocol') or 'TCP'}": port["containerPort"]
        for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
        for port in container.get("ports") or ()
        if port.get("name")
    }
    identity = {"uid": meta.uid(pod), "namespace": meta.namespace(pod), "name": meta.name(pod)}
    return {"metadata": {**identity, "labels": meta.labels(pod)}, "addresses": found, "ports": ports}
