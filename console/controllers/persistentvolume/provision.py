"""The volumes of the built-in provisioners, as objects. Pure: nothing is made on a node before a pod comes.

The agent of the node makes what the object says (a folder, a mount, a Docker volume) when the first pod is to use it.
"""

from __future__ import annotations

import re

from common.api import meta, storage
from common.api.meta import Object
from common.api.storage import spec

HOSTNAME = "kubernetes.io/hostname"
_SECRET = "csi.storage.k8s.io/node-publish-secret-"  # noqa: S105 - the beginning of two parameters' names
_RESERVED = "csi.storage.k8s.io/"
_TEMPLATE = re.compile(r"\$\{(pv\.name|pvc\.name|pvc\.namespace)\}")
_SSHFS_PARAMETERS = frozenset({"server", "path", "port"})


class CannotProvision(Exception):
    """No volume can be made for the claim; the message says why and what to change."""


def driver_of(volume: Object) -> str:
    """The CSI driver of a volume, empty for other sources."""
    return str((spec(volume).get("csi") or {}).get("driver") or "")


def volume_for(claim: Object, storage_class: Object, node: Object | None) -> Object:
    """The volume of a built-in class for the claim; `node` is the one that the scheduler chose, if it did."""
    _check(claim, str(storage_class["provisioner"]))
    name = f"pvc-{meta.uid(claim)}"
    parameters = _expanded(storage_class.get("parameters") or {}, claim, name)
    provisioner = str(storage_class["provisioner"])
    policy = storage_class.get("reclaimPolicy") or "Delete"
    wanted = spec(claim)
    source: Object = {"driver": storage.DRIVERS[provisioner], "volumeHandle": name}
    source |= _source(provisioner, parameters, name)
    body: Object = {
        "capacity": {"storage": wanted["resources"]["requests"]["storage"]},
        "accessModes": wanted["accessModes"],
        "persistentVolumeReclaimPolicy": policy,
        "storageClassName": meta.name(storage_class),
        "volumeMode": storage.mode_of(claim),
        "claimRef": storage.claim_reference(claim),
        "csi": source,
    }
    if storage_class.get("mountOptions"):
        body["mountOptions"] = storage_class["mountOptions"]
    if node is not None and provisioner != storage.SSHFS:
        body["nodeAffinity"] = {"required": {"nodeSelectorTerms": [_on(node)]}}
    elif provisioner == storage.LOCAL:
        raise CannotProvision("folders are on one node: the class has to have volumeBindingMode WaitForFirstConsumer")
    finalizers = [storage.DELETION_FINALIZER] if policy == "Delete" else []
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {storage.PROVISIONED_BY: provisioner}, "finalizers": finalizers},
        "spec": body,
    }


def _check(claim: Object, provisioner: str) -> None:
    if storage.mode_of(claim) != "Filesystem" and provisioner != storage.LOCAL:
        mode = storage.mode_of(claim)
        raise CannotProvision(f"volumeMode {mode} is not supported by {provisioner}, only Filesystem is")
    if spec(claim).get("dataSource") or spec(claim).get("dataSourceRef"):
        raise CannotProvision("a volume cannot be made from a dataSource, only empty ones are made")
    if spec(claim).get("selector"):
        raise CannotProvision("claim Selector is not supported")


def _expanded(parameters: Object, claim: Object, volume: str) -> dict[str, str]:
    values = {"pv.name": volume, "pvc.name": meta.name(claim), "pvc.namespace": meta.namespace(claim)}
    return {key: _TEMPLATE.sub(lambda match: values[match.group(1)], str(value)) for key, value in parameters.items()}


def _source(provisioner: str, parameters: dict[str, str], name: str) -> Object:
    own = {key: value for key, value in parameters.items() if not key.startswith(_RESERVED)}
    match provisioner:
        case storage.SSHFS:
            if unknown := sorted(own.keys() - _SSHFS_PARAMETERS):
                known = ", ".join(sorted(_SSHFS_PARAMETERS))
                raise CannotProvision(f"parameter {unknown[0]} is unknown: known are {known}")
            for key in ("server", "path"):
                if not own.get(key):
                    raise CannotProvision(f"parameter {key} is missing")
            # Claims of one class share the server's folder: each has its own below.
            return {"volumeAttributes": {**own, "folder": name}, **_secret(parameters)}
        case storage.DOCKER:
            return {"volumeAttributes": {"driver": "local", **own}}
    if own:
        raise CannotProvision(f"parameter {min(own)} is unknown: this provisioner has none")
    return {}


def _secret(parameters: dict[str, str]) -> Object:
    name, namespace = parameters.get(f"{_SECRET}name"), parameters.get(f"{_SECRET}namespace")
    if not name or not namespace:
        missing = f"{_SECRET}{'namespace' if name else 'name'}"
        raise CannotProvision(f"parameter {missing} is missing: the key to the server is in a Secret")
    return {"nodePublishSecretRef": {"name": name, "namespace": namespace}}


def _on(node: Object) -> Object:
    host = meta.labels(node).get(HOSTNAME) or meta.name(node)
    return {"matchExpressions": [{"key": HOSTNAME, "operator": "In", "values": [host]}]}
