"""Claims, volumes and classes as the API admits them."""

from __future__ import annotations

import pytest

from common.api.kinds import CSIDRIVERS, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS, STORAGECLASSES
from common.api.meta import Object
from common.errors import Forbidden
from console.registry.tables import table

from .builders import NOW, Objects, causes, changed, context, created, named, pod, row, update_causes, updated


def claim(**spec: object) -> Object:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return named("data", spec=wanted)


def volume(**spec: object) -> Object:
    wanted = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/data"}, **spec}
    return {"metadata": {"name": "pv"}, "spec": wanted}


def storage_class(name: str = "fast", **fields: object) -> Object:
    return {"metadata": {"name": name}, "provisioner": "quarterdeck.io/local", **fields}


def bound(obj: Object) -> Object:
    return {
        **obj,
        "spec": {**obj["spec"], "volumeName": "pv"},
        "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}},
    }


def test_claims_and_volumes_are_pending_protected_and_of_mode_filesystem() -> None:
    for resource, obj, finalizer in (
        (PERSISTENTVOLUMECLAIMS, claim(), "kubernetes.io/pvc-protection"),
        (PERSISTENTVOLUMES, volume(), "kubernetes.io/pv-protection"),
    ):
        made = created(resource, obj)
        assert made["status"]["phase"] == "Pending"
        assert made["spec"]["volumeMode"] == "Filesystem"
        assert made["metadata"]["finalizers"] == [finalizer]
    assert created(PERSISTENTVOLUMES, volume())["spec"]["persistentVolumeReclaimPolicy"] == "Retain"


def test_the_newest_default_class_is_filled_in_unless_the_claim_names_one_or_none() -> None:
    lookup = Objects()
    mark = {"storageclass.kubernetes.io/is-default-class": "true"}
    for name, made in (("old", "2025-01-01T00:00:00Z"), ("new", "2025-06-01T00:00:00Z")):
        lookup.put(STORAGECLASSES, {"metadata": {"name": name, "annotations": mark, "creationTimestamp": made}})
    where = context(lookup)
    assert created(PERSISTENTVOLUMECLAIMS, claim(), where)["spec"]["storageClassName"] == "new"
    assert created(PERSISTENTVOLUMECLAIMS, claim(storageClassName=""), where)["spec"]["storageClassName"] == ""
    assert created(PERSISTENTVOLUMECLAIMS, claim(storageClassName="x"), where)["spec"]["storageClassName"] == "x"
    assert "storageClassName" not in created(PERSISTENTVOLUMECLAIMS, claim())["spec"]


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        ({"accessModes": []}, "spec.accessModes: Required value: at least 1 access mode is required"),
        (
            {"accessModes": ["ReadWriteOncePod", "ReadWriteOnce"]},
            "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes",
        ),
        ({"resources": {}}, "spec.resources[storage]: Required value"),
        (
            {"resources": {"requests": {"storage": "0"}}},
            'spec.resources[storage]: Invalid value: "0": must be greater than zero',
        ),
        (
            {"volumeMode": "Tape"},
            'spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"',
        ),
    ],
)
def test_wrong_claims(spec: Object, cause: str) -> None:
    assert causes(PERSISTENTVOLUMECLAIMS, claim(**spec)) == [cause]


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        ({"accessModes": []}, "spec.accessModes: Required value"),
        ({"hostPath": None}, "spec: Required value: must specify a volume type"),
        (
            {"nfs": {"server": "s", "path": "/"}},
            "spec.nfs: Forbidden: may not specify more than 1 volume type",
        ),
        (
            {"hostPath": None, "local": {"path": "/x"}},
            "spec.nodeAffinity: Required value: Local volume requires node affinity",
        ),
        (
            {"persistentVolumeReclaimPolicy": "Burn"},
            (
                'spec.persistentVolumeReclaimPolicy: Unsupported value: "Burn": supported values: "Delete", "Recycle", '
                '"Retain"'
            ),
        ),
    ],
)
def test_wrong_volumes(spec: Object, cause: str) -> None:
    assert causes(PERSISTENTVOLUMES, volume(**spec)) == [cause]


def test_a_claim_changes_only_by_its_binding_and_its_size() -> None:
    old = created(PERSISTENTVOLUMECLAIMS, claim(storageClassName="fast"))
    immutable = (
        "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for "
        "bound claims"
    )
    assert update_causes(PERSISTENTVOLUMECLAIMS, changed(old, "spec.volumeName", "pv"), old) == []
    assert update_causes(PERSISTENTVOLUMECLAIMS, changed(old, "spec.storageClassName", "x"), old) == [immutable]
    larger = changed(old, "spec.resources.requests.storage", "2Gi")
    assert update_causes(PERSISTENTVOLUMECLAIMS, larger, old) == [immutable]


def test_a_bound_claim_grows_only_with_its_class_and_shrinks_to_what_it_has_at_least() -> None:
    old = bound(created(PERSISTENTVOLUMECLAIMS, claim(storageClassName="fast")))
    larger = changed(old, "spec.resources.requests.storage", "2Gi")
    lookup = Objects()
    lookup.put(STORAGECLASSES, storage_class())
    with pytest.raises(Forbidden, match="only dynamically provisioned pvc can be resized"):
        updated(PERSISTENTVOLUMECLAIMS, larger, old, where=context(lookup))
    lookup.put(STORAGECLASSES, storage_class(allowVolumeExpansion=True))
    grown = updated(PERSISTENTVOLUMECLAIMS, larger, old, where=context(lookup))
    assert grown["spec"]["resources"]["requests"]["storage"] == "2Gi"
    assert update_causes(PERSISTENTVOLUMECLAIMS, changed(old, "spec.resources.requests.storage", "512Mi"), old) == [
        "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"
    ]


def test_the_source_of_a_volume_stays() -> None:
    old = created(PERSISTENTVOLUMES, volume())
    assert update_causes(PERSISTENTVOLUMES, changed(old, "spec.hostPath.path", "/other"), old) == [
        "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation"
    ]
    assert update_causes(PERSISTENTVOLUMES, changed(old, "spec.capacity.storage", "2Gi"), old) == []


def test_classes_have_defaults_and_keep_what_volumes_were_made_with() -> None:
    old = created(STORAGECLASSES, storage_class())
    assert (old["reclaimPolicy"], old["volumeBindingMode"]) == ("Delete", "Immediate")
    assert causes(STORAGECLASSES, storage_class(provisioner="")) == ["provisioner: Required value"]
    assert update_causes(STORAGECLASSES, changed(old, "reclaimPolicy", "Retain"), old) == [
        "reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden."
    ]
    assert update_causes(STORAGECLASSES, changed(old, "allowVolumeExpansion", True), old) == []


def test_the_template_of_an_ephemeral_volume_is_a_claims_spec() -> None:
    template = {"metadata": {"name": "x"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    path = "spec.volumes[0].ephemeral.volumeClaimTemplate"
    assert causes(PODS, pod(volumes=[{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}])) == [
        f"{path}.metadata.name: Forbidden: cannot be set for an ephemeral volume",
        f"{path}.spec.resources[storage]: Required value",
    ]


def test_tables_are_those_of_kubectl() -> None:
    shown = bound(created(PERSISTENTVOLUMECLAIMS, claim(storageClassName="fast")))
    shown["status"]["accessModes"] = ["ReadWriteOnce"]
    result = table(row(PERSISTENTVOLUMECLAIMS), [shown], NOW, {}, "None")
    assert [column["name"] for column in result["columnDefinitions"]] == [
        "Name", "Status", "Volume", "Capacity", "Access Modes", "StorageClass", "VolumeAttributesClass", "Age",
        "VolumeMode",
    ]  # fmt: skip
    cells = result["rows"][0]["cells"]
    assert cells == ["data", "Bound", "pv", "1Gi", "RWO", "fast", "<unset>", "0s", "Filesystem"]
    default = storage_class(allowVolumeExpansion=True)
    default["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    cells = table(row(STORAGECLASSES), [created(STORAGECLASSES, default)], NOW, {}, "None")["rows"][0]["cells"]
    assert cells[:5] == ["fast (default)", "quarterdeck.io/local", "Delete", "Immediate", True]


def test_a_csi_drivers_tokens_are_for_one_audience_each() -> None:
    asked = [{"audience": "a", "expirationSeconds": 1}, {"audience": "a"}, {"audience": "b"}]
    assert causes(CSIDRIVERS, {"metadata": {"name": "d.example"}, "spec": {"tokenRequests": asked}}) == [
        "spec.tokenRequests[0].expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes",
        'spec.tokenRequests[1].audience: Duplicate value: "a"',
    ]


@pytest.mark.parametrize("driver", ["a_b", "x" * 64])
def test_the_driver_of_a_volume_has_a_name_that_is_one(driver: str) -> None:
    made = volume(csi={"driver": driver, "volumeHandle": "h"})
    del made["spec"]["hostPath"]
    (found,) = causes(PERSISTENTVOLUMES, made)
    assert found.startswith("spec.csi.driver: ")
    inline = pod(volumes=[{"name": "v", "csi": {"driver": driver, "nodePublishSecretRef": {}}}])
    first, second = causes(PODS, inline)
    assert first.startswith("spec.volumes[0].csi.driver: ")
    assert second == "spec.volumes[0].csi.nodePublishSecretRef.name: Required value"
    made["spec"]["csi"]["driver"] = "Local.Quarterdeck.io"
    assert causes(PERSISTENTVOLUMES, made) == []
