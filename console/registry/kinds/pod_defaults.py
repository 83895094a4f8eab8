"""The documented defaults of a PodSpec, the same for Pods and for the templates of workloads."""

from __future__ import annotations

from collections.abc import Mapping

from common.api import quotas
from common.api.meta import Object
from common.api.pods import default_pull_policy, is_pod_level, requests

from .claim_specs import default_claim_spec
from .pod_disabled import drop_disabled

SCHEDULER = "default-scheduler"
GRACE_PERIOD = 30  # seconds, Kubernetes' default of terminationGracePeriodSeconds
_MODE = 0o644  # of files in volumes
_SPEC: Object = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "terminationGracePeriodSeconds": GRACE_PERIOD,
    "schedulerName": SCHEDULER,
}
_PROBE: Object = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
# What older kinds of volumes are, unless they say otherwise.
_SOURCES: Mapping[str, Object] = {
    "iscsi": {"iscsiInterface": "default", "lun": 0},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "azureDisk": {"cachingMode": "ReadWrite", "fsType": "ext4", "readOnly": False, "kind": "Shared"},
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
}


def default_pod_spec(spec: Object, *, is_pod: bool = False) -> None:
    """Fill what a PodSpec leaves out, and leave out what nobody may fill. Ports of the host and requests that follow
    from limits are for pods alone: templates leave them to theirs."""
    drop_disabled(spec)
    for name, value in _SPEC.items():
        # Go cannot tell an empty text from nothing.
        if spec.get(name) is None or spec[name] == "":
            spec[name] = value
    for setting in spec.setdefault("securityContext", {}).get("sysctls") or ():
        setting.setdefault("value", "")
    # The older name of the same field: whoever reads either finds it.
    if spec.get("serviceAccountName"):
        spec["serviceAccount"] = spec["serviceAccountName"]
    elif spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"]
    for list_name in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(list_name) or ():
            _default_container(container, host_network=is_pod and bool(spec.get("hostNetwork")))
    if is_pod:
        _default_requests(spec)
    for volume in spec.get("volumes") or ():
        _default_volume(volume)


def _default_container(container: Object, *, host_network: bool) -> None:
    container.setdefault("resources", {})
    container["terminationMessagePath"] = container.get("terminationMessagePath") or "/dev/termination-log"
    container["terminationMessagePolicy"] = container.get("terminationMessagePolicy") or "File"
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = default_pull_policy(str(container.get("image", "")))
    for port in container.get("ports") or ():
        port["protocol"] = port.get("protocol") or "TCP"
        if host_network and port.get("containerPort") and not port.get("hostPort"):
            port["hostPort"] = port["containerPort"]
    for name in _PROBES:
        if container.get(name) is not None:
            _default_probe(container[name])
    for handler in (container.get("lifecycle") or {}).values():
        if isinstance(handler, dict):
            _default_http(handler)
    for variable in container.get("env") or ():
        _default_references(variable.get("valueFrom") or {})


def _default_references(holder: Object) -> None:
    """Of a variable or a file that has a part of the pod."""
    field, resource = holder.get("fieldRef"), holder.get("resourceFieldRef")
    if field is not None:
        field["apiVersion"] = field.get("apiVersion") or "v1"
    if resource is not None:
        resource.setdefault("divisor", "0")


def _default_requests(spec: Object) -> None:
    """Who limits itself asks for that much; a pod as a whole for what its containers ask, if they do."""
    for list_name in ("initContainers", "containers"):
        for container in spec.get(list_name) or ():
            resources = container["resources"]
            if limits := resources.get("limits"):
                resources["requests"] = {**limits, **(resources.get("requests") or {})}
    whole = spec.get("resources") or {}
    if whole.get("limits"):
        containers = {list_name: spec.get(list_name) for list_name in ("initContainers", "containers")}
        asked = requests({"spec": containers})
        summed = {name: quotas.shown(name, amount) for name, amount in asked.items() if is_pod_level(name)}
        # Huge pages cannot be overcommitted: what is requested is limited.
        huge = {name: amount for name, amount in summed.items() if name.startswith("hugepages-")}
        whole["limits"] = {**huge, **whole["limits"]}
        limits = {name: amount for name, amount in whole["limits"].items() if is_pod_level(name)}
        whole["requests"] = {**limits, **summed, **(whole.get("requests") or {})}


def _default_probe(probe: Object) -> None:
    for name, value in _PROBE.items():
        # Go cannot tell 0 from nothing here: both mean the default.
        if not probe.get(name):
            probe[name] = value
    _default_http(probe)
    if probe.get("grpc") is not None:
        probe["grpc"].setdefault("service", "")


def _default_http(handler: Object) -> None:
    http = handler.get("httpGet")
    if http is not None:
        http["path"] = http.get("path") or "/"
        http["scheme"] = http.get("scheme") or "HTTP"
        for header in http.get("httpHeaders") or ():
            header.setdefault("value", "")


def default_source(holder: Object) -> None:
    """What a volume of a pod, or a PersistentVolume's spec, leaves out of its source."""
    for name, values in _SOURCES.items():
        source = holder.get(name)
        if source is not None:
            source.update({key: value for key, value in values.items() if source.get(key) in {None, ""}})


def _default_volume(volume: Object) -> None:
    if not any(name != "name" for name in volume):
        volume["emptyDir"] = {}
    default_source(volume)
    for name in ("secret", "configMap", "downwardAPI", "projected"):
        if volume.get(name) is not None:
            volume[name].setdefault("defaultMode", _MODE)
    if volume.get("image") is not None and not volume["image"].get("pullPolicy"):
        volume["image"]["pullPolicy"] = default_pull_policy(str(volume["image"].get("reference", "")))
    if volume.get("hostPath") is not None:
        volume["hostPath"].setdefault("type", "")
    template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
    if template is not None:
        default_claim_spec(template.setdefault("spec", {}))
    projected = volume.get("projected") or {}
    for source in projected.get("sources") or ():
        if source.get("serviceAccountToken") is not None:
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)
    items = [*((volume.get("downwardAPI") or {}).get("items") or ())]
    for source in projected.get("sources") or ():
        items += (source.get("downwardAPI") or {}).get("items") or ()
    for item in items:
        _default_references(item)
