"""Storage of the seeded cluster: claims in every state, and the volumes and classes behind them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from common.api import kinds, storage
from common.api.kinds import Resource
from common.api.meta import Object, format_time
from tests.fakes.api import FakeApi
from tests.fakes.objects import claim, storage_class, volume

USAGE = {
    "kind": "VolumeUsage", "apiVersion": "quarterdeck.io/v1", "used": 7 * 2**30, "capacity": 200 * 2**30,
    "available": 120 * 2**30, "node": "berth-2", "time": "2026-01-01T00:00:00Z", "message": "",
}  # fmt: skip


def add_storage(api: FakeApi, now: datetime) -> None:
    """Seeded with creation times before `now`."""

    def seed(resource: Resource, obj: Object, days: float, space: str = "") -> None:
        obj["metadata"]["creationTimestamp"] = format_time(now - timedelta(days=days))
        if space:
            obj["metadata"]["namespace"] = space
        api.seed(resource, obj)

    default = storage_class("local", allowVolumeExpansion=True)
    default["metadata"]["annotations"] = {storage.DEFAULT_CLASS: "true"}
    seed(kinds.STORAGECLASSES, default, 40)
    seed(kinds.STORAGECLASSES, storage_class("shared", provisioner=storage.SSHFS, wait=False), 12)
    seed(kinds.STORAGECLASSES, storage_class("disks", provisioner="kubernetes.io/no-provisioner"), 30)
    for name, space, size, cls, node, mode in (
        ("ledger-0", "default", "20Gi", "local", "berth-2", "ReadWriteOnce"),
        ("pages", "default", "100Gi", "shared", "", "ReadWriteMany"),
        ("samples", "metrics", "500Gi", "disks", "berth-1", "ReadWriteOnce"),
    ):
        title = f"pvc-{name}"
        bound = claim(name, storage_class=cls, size=size, volume=title, modes=[mode])
        bound["status"] |= {"capacity": {"storage": size}, "accessModes": [mode]}
        seed(kinds.PERSISTENTVOLUMECLAIMS, bound, 12, space)
        held = _driven(volume(title, storage_class=cls, size=size, node=node, modes=[mode], phase="Bound",
                              claim=f"{space}/{name}", policy="Delete"), cls)  # fmt: skip
        seed(kinds.PERSISTENTVOLUMES, held, 12)
    seed(kinds.PERSISTENTVOLUMECLAIMS, claim("scratch", storage_class="local", size="5Gi"), 0.01, "iot")
    lost = claim("archive", storage_class="disks", size="1Ti", volume="disk-9")
    lost["status"] = {"phase": "Lost"}
    seed(kinds.PERSISTENTVOLUMECLAIMS, lost, 25, "metrics")
    seed(kinds.PERSISTENTVOLUMES, volume("disk-3", storage_class="disks", size="500Gi", node="berth-3"), 30)
    released: Any = volume("disk-4", storage_class="disks", size="500Gi", node="berth-4", phase="Released",
                           claim="metrics/old-samples")  # fmt: skip
    seed(kinds.PERSISTENTVOLUMES, released, 30)


def _driven(held: Object, storage_class_name: str) -> Object:
    drivers = {"local": storage.LOCAL, "shared": storage.SSHFS}
    if storage_class_name in drivers:
        del held["spec"]["hostPath"]
        held["spec"]["csi"] = {"driver": storage.DRIVERS[drivers[storage_class_name]], "volumeHandle": "x"}
    return held
