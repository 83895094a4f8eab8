"""Choosing the description of a kind; kinds without one of their own show their fields as YAML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from common.api.meta import Object
from console.views.yaml_text import to_yaml

from . import autoscaling, batch, cluster, lines, policy, storage, workloads
from .pod import pod


@dataclass(frozen=True, slots=True)
class Related:
    """What else a description tells about: `events` of the object; `pods` on a node or of a
    claim, whose volume's `usage` it has too; `revisions` of what rolls out;
    `endpointslices` of a service; `jobs` of a cronjob."""

    events: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    revisions: Sequence[Object] = ()
    endpointslices: Sequence[Object] = ()
    jobs: Sequence[Object] = ()
    usage: Object | None = None


def describe(obj: Object, related: Related, now: datetime) -> list[str]:
    """The object in words, a line each."""
    text = [*lines.head(obj, now), *_body(obj, related, now)]
    if obj.get("kind") != "Event":
        text += lines.events(related.events, now)
    return text


def _body(obj: Object, related: Related, now: datetime) -> list[str]:
    kind = str(obj.get("kind"))
    if kind in _ALONE:
        return _ALONE[kind](obj)
    if kind in _WITH_TIME:
        return _WITH_TIME[kind](obj, now)
    if kind == "Deployment":
        return workloads.deployment(obj, related.revisions, now)
    if kind == "StatefulSet":
        return workloads.statefulset(obj, related.revisions, now)
    if kind == "DaemonSet":
        return workloads.daemonset(obj, related.revisions, now)
    if kind == "CronJob":
        return batch.cronjob(obj, related.jobs, now)
    if kind == "Service":
        return workloads.service(obj, related.endpointslices)
    if kind == "PersistentVolumeClaim":
        return storage.claim(obj, related.pods, related.usage)
    if kind == "Node":
        return cluster.node(obj, related.pods, now)
    return _generic(obj)


_ALONE = {
    "EndpointSlice": workloads.endpointslice,
    "Host": cluster.host,
    "ConfigMap": cluster.configmap,
    "Secret": cluster.secret,
    "Namespace": cluster.namespace,
    "Lease": cluster.lease,
    "ControllerRevision": workloads.controllerrevision,
    "PersistentVolume": storage.volume,
    "StorageClass": storage.storage_class,
}

_WITH_TIME = {
    "Pod": pod,
    "ReplicaSet": workloads.replicaset,
    "ReplicationController": workloads.replicaset,
    "Job": batch.job,
    "HorizontalPodAutoscaler": autoscaling.autoscaler,
    "PodDisruptionBudget": policy.budget,
}


def _generic(obj: Object) -> list[str]:
    rest = {key: value for key, value in obj.items() if key not in {"apiVersion", "kind", "metadata"}}
    return to_yaml(rest).splitlines() if rest else []
