"""Fields of a PodSpec that belong to features which are off in 1.36: a write that has them is taken without them.

An apiserver drops such fields from what it is sent, in pods and in templates, rather than refuse the object; stored
objects never have any, so there is no older use that an update would have to respect.
"""

from __future__ import annotations

from common.api.meta import Object

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_PROJECTIONS = ("clusterTrustBundle", "podCertificate")
_OF_SPEC = ("schedulingGroup", "workloadRef")


def drop_disabled(spec: Object) -> None:
    """ContainerStopSignals, ClusterTrustBundleProjection, PodCertificateRequest and GenericWorkload."""
    for name in _OF_SPEC:
        spec.pop(name, None)
    for kind in _CONTAINERS:
        for container in spec.get(kind) or ():
            _drop_stop_signal(container)
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            for name in _PROJECTIONS:
                source.pop(name, None)


def _drop_stop_signal(container: Object) -> None:
    lifecycle = container.get("lifecycle")
    if lifecycle and lifecycle.pop("stopSignal", None) is not None and not lifecycle:
        del container["lifecycle"]
