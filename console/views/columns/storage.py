"""Claims, volumes and storage classes."""

from __future__ import annotations

from common.api import kinds, meta, storage
from common.api.meta import Object
from console.views import status

from .column import AGE, LABELS, NAME, NAMESPACE, Table, dim, state, text


def _asked(obj: Object) -> str:
    """What the claim has, and what it asks for where that is more."""
    has = ((obj.get("status") or {}).get("capacity") or {}).get("storage")
    asks = ((storage.spec(obj).get("resources") or {}).get("requests") or {}).get("storage", "-")
    more = has and storage.requested(obj) > storage.amount({"storage": has})
    return f"{has} -> {asks}" if more else str(has or asks)


def _claim(obj: Object) -> str:
    ref = storage.spec(obj).get("claimRef") or {}
    return f"{ref.get('namespace', '')}/{ref.get('name', '')}" if ref else "-"


def _source(obj: Object) -> str:
    """What the volume is made of: its driver, or the name of its source."""
    spec = storage.spec(obj)
    driver = (spec.get("csi") or {}).get("driver")
    known = ("hostPath", "local", "nfs", "iscsi", "flexVolume")
    return str(driver or next((name for name in known if spec.get(name) is not None), "-"))


def _where(obj: Object) -> str:
    """The node of a volume that is on one."""
    required = (storage.spec(obj).get("nodeAffinity") or {}).get("required") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for item in term.get("matchExpressions") or ():
            if item.get("key") == "kubernetes.io/hostname" and item.get("operator") == "In":
                return ",".join(item.get("values") or ())
    return "any"


def _class_name(obj: Object) -> str:
    return f"{meta.name(obj)} (default)" if storage.is_default_class(obj) else meta.name(obj)


_CAPACITY = ((lambda obj: -storage.capacity(obj)), (lambda obj: -storage.requested(obj)))
CLAIM_COLUMNS = (
    NAMESPACE,
    NAME,
    state("STATUS", status.claim_status, letter="S"),
    text("SIZE", _asked, right=True, letter="C", sort=_CAPACITY[1]),
    text("MODES", lambda obj: storage.modes_text(storage.spec(obj).get("accessModes")), drop=5, tone=dim),
    text("CLASS", lambda obj: storage.class_of(obj) or "-", drop=4),
    text(
        "VOLUME", lambda obj: str(storage.spec(obj).get("volumeName") or "-"), drop=3, flexible=True, least=12, tone=dim
    ),
    AGE,
    LABELS,
)
VOLUME_COLUMNS = (
    NAME,
    state("STATUS", status.volume_status, letter="S"),
    text(
        "SIZE",
        lambda obj: str((storage.spec(obj).get("capacity") or {}).get("storage", "-")),
        right=True,
        letter="C",
        sort=_CAPACITY[0],
    ),
    text("CLAIM", _claim, letter="L"),
    text("NODE", _where, drop=3, letter="O"),
    text("CLASS", lambda obj: storage.class_of(obj) or "-", drop=4),
    text("MODES", lambda obj: storage.modes_text(storage.spec(obj).get("accessModes")), drop=6, tone=dim),
    text("RECLAIM", lambda obj: str(storage.spec(obj).get("persistentVolumeReclaimPolicy") or "-"), drop=5, tone=dim),
    text("SOURCE", _source, drop=7, tone=dim),
    AGE,
    LABELS,
)
CLASS_COLUMNS = (
    text("NAME", _class_name, flexible=True, least=22, letter="N"),
    text("PROVISIONER", lambda obj: str(obj.get("provisioner") or "-"), letter="S"),
    text("RECLAIM", lambda obj: str(obj.get("reclaimPolicy") or "-"), drop=3),
    text("BINDING", lambda obj: str(obj.get("volumeBindingMode") or "-"), drop=2),
    text("GROWS", lambda obj: "yes" if obj.get("allowVolumeExpansion") else "no", drop=4, tone=dim),
    AGE,
    LABELS,
)

TABLES = {
    kinds.PERSISTENTVOLUMECLAIMS: Table(CLAIM_COLUMNS, status.claim_status),
    kinds.PERSISTENTVOLUMES: Table(VOLUME_COLUMNS, status.volume_status),
    kinds.STORAGECLASSES: Table(CLASS_COLUMNS),
}
