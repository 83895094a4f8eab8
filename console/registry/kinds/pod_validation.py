"""What a Pod and a pod template must satisfy, and what of a Pod may change."""

from __future__ import annotations

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")


def validate_pod(pod: Object) -> list[Cause]:
    return validate_pod_spec(pod["spec"], "spec")


def validate_pod_spec(spec: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if not spec.get("containers"):
        causes.append(validation.required(f"{path}.containers"))
    causes += validation.one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), RESTART_POLICIES)
    causes += validation.one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    names: set[str] = set()
    for index, container in enumerate(spec.get("containers") or ()):
        where = f"{path}.containers[{index}]"
        causes += validation.name_field(f"{where}.name", container.get("name", ""), validation.dns_label)
        if container.get("name") in names:
            causes.append(validation.duplicate(f"{where}.name", container.get("name")))
        names.add(container.get("name", ""))
        if not container.get("image"):
            causes.append(validation.required(f"{where}.image"))
    return causes


def validate_pod_update(new: Object, old: Object, _subresource: str) -> list[Cause]:
    return validate_pod_spec(new["spec"], "spec")


def validate_template(template: Object, path: str) -> list[Cause]:
    """A pod template of a workload."""
    found = template.get("metadata") or {}
    causes = validation.labels(f"{path}.metadata.labels", found.get("labels") or {})
    causes += validation.annotation_keys(f"{path}.metadata.annotations", found.get("annotations") or {})
    return causes + validate_pod_spec(template.get("spec") or {}, f"{path}.spec")
