"""Reading and writing object metadata.

`Object` is a decoded JSON object. Functions that read never change it; a function that changes one says so.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Annotation with the whole manifest of the last client-side apply: for a Secret that is its values in plain text."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Namespace and name; the namespace of a cluster-scoped object is empty."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def metadata(obj: Object) -> Object:
    """The object's metadata, or an empty dict that is not part of it."""
    value = obj.get("metadata")
    return value if isinstance(value, dict) else {}


def name(obj: Object) -> str:
    return str(metadata(obj).get("name", ""))


def namespace(obj: Object) -> str:
    """The namespace, empty for cluster-scoped objects."""
    return str(metadata(obj).get("namespace") or "")


def uid(obj: Object) -> str:
    return str(metadata(obj).get("uid", ""))


def key(obj: Object) -> Key:
    return Key(namespace(obj), name(obj))


def labels(obj: Object) -> dict[str, str]:
    return metadata(obj).get("labels") or {}


def annotations(obj: Object) -> dict[str, str]:
    return metadata(obj).get("annotations") or {}


def resource_version(obj: Object) -> str:
    return str(metadata(obj).get("resourceVersion", ""))


def generation(obj: Object) -> int:
    return int(metadata(obj).get("generation") or 0)


def is_deleting(obj: Object) -> bool:
    """Whether deletion was requested; finalizers or a grace period may keep the object for now."""
    return bool(metadata(obj).get("deletionTimestamp"))


def owner_references(obj: Object) -> list[Object]:
    return metadata(obj).get("ownerReferences") or []


def controller_of(obj: Object) -> Object | None:
    """The owner reference that has `controller: true`, of which there is at most one."""
    return next((ref for ref in owner_references(obj) if ref.get("controller")), None)


def is_controlled_by(obj: Object, owner: Object) -> bool:
    """Whether `owner` itself (by uid, so not a namesake made later) is the object's controller."""
    ref = controller_of(obj)
    return ref is not None and ref.get("uid") == uid(owner)


def controller_reference(owner: Object, api_version: str, kind: str) -> Object:
    """An owner reference that makes `owner` the controller and holds its foreground deletion."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": name(owner),
        "uid": uid(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def format_time(moment: datetime) -> str:
    """RFC 3339 in whole seconds, as Kubernetes writes `metav1.Time`."""
    return _in_utc(moment, "seconds")


def format_micro_time(moment: datetime) -> str:
    """RFC 3339 with microseconds, as Kubernetes writes `metav1.MicroTime` (leases, events)."""
    return _in_utc(moment, "microseconds")


def _in_utc(moment: datetime, precision: str) -> str:
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return f"{moment.isoformat(timespec=precision).removesuffix('+00:00')}Z"


def parse_time(text: str) -> datetime:
    """The moment of an RFC 3339 text; raises ValueError when it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment
