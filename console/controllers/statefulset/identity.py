"""Who a pod of a StatefulSet is: its name, ordinal, labels and claims. Pure.

A pod and its replacement have the same name, host name and claims, so that whoever talks to it, and its data, find it
again on whatever node it runs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from common.api.kinds import PERSISTENTVOLUMECLAIMS, STATEFULSETS
from common.api.meta import Object, controller_reference, labels, metadata, name, namespace
from common.api.revisions import REVISION_HASH, template_of

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"
_NAME = re.compile(r"(.+)-(0|[1-9][0-9]*)")


def ordinal_of(owner: Object, pod: Object) -> int | None:
    """The pod's ordinal; None when its name is not one of the StatefulSet's."""
    match = _NAME.fullmatch(name(pod))
    return int(match[2]) if match and match[1] == name(owner) else None


def pod_name(owner: Object, ordinal: int) -> str:
    return f"{name(owner)}-{ordinal}"


def claim_templates(owner: Object) -> Sequence[Object]:
    return owner["spec"].get("volumeClaimTemplates") or ()


def claim_names(owner: Object, ordinal: int) -> list[str]:
    return [f"{name(template)}-{pod_name(owner, ordinal)}" for template in claim_templates(owner)]


def identity_labels(owner: Object, ordinal: int) -> dict[str, str]:
    return {POD_NAME: pod_name(owner, ordinal), POD_INDEX: str(ordinal)}


def new_pod(owner: Object, revision: Object, ordinal: int) -> Object:
    """The pod of an ordinal as a revision's template has it."""
    template = template_of(revision)
    meta = template.get("metadata") or {}
    made = {
        "name": pod_name(owner, ordinal),
        "namespace": namespace(owner),
        "labels": {
            **(meta.get("labels") or {}), **identity_labels(owner, ordinal), REVISION_HASH: name(revision),
        },
        "annotations": dict(meta.get("annotations") or {}),
        "finalizers": list(meta.get("finalizers") or ()),
        "ownerReferences": [controller_reference(owner, STATEFULSETS.api_version, STATEFULSETS.kind)],
    }  # fmt: skip
    spec = {**template["spec"], "hostname": pod_name(owner, ordinal)}
    if owner["spec"].get("serviceName"):
        spec["subdomain"] = owner["spec"]["serviceName"]
    volumes = _volumes(owner, ordinal, template["spec"].get("volumes") or ())
    if volumes:
        spec["volumes"] = volumes
    filled = {field: value for field, value in made.items() if value}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": filled, "spec": spec}


def _volumes(owner: Object, ordinal: int, declared: Sequence[Object]) -> list[Object]:
    """A volume for each claim, in place of one of the same name, before those of the template."""
    names = [name(template) for template in claim_templates(owner)]
    claimed = [
        {"name": volume, "persistentVolumeClaim": {"claimName": claim}}
        for volume, claim in zip(names, claim_names(owner, ordinal), strict=True)
    ]
    return [*claimed, *(volume for volume in declared if volume.get("name") not in names)]


def new_claim(owner: Object, template: Object, ordinal: int) -> Object:
    """The claim that the pod of an ordinal gets from one of the templates. Whether anyone owns it comes later."""
    meta = metadata(template)
    selected = (owner["spec"].get("selector") or {}).get("matchLabels") or {}
    made = {
        "name": f"{name(template)}-{pod_name(owner, ordinal)}",
        "namespace": namespace(owner),
        "labels": {**(meta.get("labels") or {}), **selected},
        "annotations": dict(meta.get("annotations") or {}),
        "finalizers": list(meta.get("finalizers") or ()),
    }
    return {
        "apiVersion": PERSISTENTVOLUMECLAIMS.api_version,
        "kind": PERSISTENTVOLUMECLAIMS.kind,
        "metadata": {field: value for field, value in made.items() if value},
        "spec": template["spec"],
    }


def revision_name(pod: Object) -> str:
    """The revision that the pod was made of."""
    return labels(pod).get(REVISION_HASH, "")
