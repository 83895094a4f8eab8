"""The rules of object metadata, which are the same for every kind."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC
from typing import Any, TypeVar

from common.api import meta
from common.api.meta import Object
from common.errors import Cause

from . import validation
from .bodies import go_kind
from .row import Row

T = TypeVar("T", dict[str, Any], list[Any])
_STANDARD_FINALIZERS = frozenset({"orphan", "foregroundDeletion", "kubernetes"})


def validate(row: Row, obj: Object, old: Object | None = None) -> list[Cause]:
    """What is wrong with the metadata of any object. Of an update the names that `old` has are right."""
    found = meta.metadata(obj)
    causes: list[Cause] = []
    if old is None or not _has_names_of(old, found):
        causes += _validate_name(row, found)
        if row.resource.namespaced:
            causes += validation.name_field("metadata.namespace", found.get("namespace", ""), validation.dns_label)
    causes += validation.labels("metadata.labels", found.get("labels") or {})
    causes += validation.annotation_keys("metadata.annotations", found.get("annotations") or {})
    causes += _validate_owners(found.get("ownerReferences") or [], "metadata.ownerReferences")
    # Kubernetes asks only its own kinds for a domain in the name of a finalizer.
    own = row.custom is None and not row.deletion_finalizer
    return causes + _validate_finalizers(found.get("finalizers") or (), "metadata.finalizers", must_qualify=own)


def validate_embedded(path: str, found: Object) -> list[Cause]:
    """The same of an object inside a custom one, of which nobody knows what its name may be; `path` is that of its
    metadata."""
    wrong = _mistyped(path, found)
    if wrong:
        return wrong
    causes = []
    for field in ("generateName", "name"):
        text = found.get(field) or ""
        causes += validation.each(f"{path}.{field}", text, validation.path_segment(text))
    if found.get("namespace"):
        causes += validation.each(f"{path}.namespace", found["namespace"], validation.dns_label(found["namespace"]))
    causes += validation.labels(f"{path}.labels", found.get("labels") or {})
    causes += validation.annotation_keys(f"{path}.annotations", found.get("annotations") or {})
    causes += _validate_owners(found.get("ownerReferences") or [], f"{path}.ownerReferences")
    return causes + _validate_finalizers(found.get("finalizers") or (), f"{path}.finalizers", must_qualify=False)


_TEXTS = ("name", "generateName", "namespace", "uid", "resourceVersion", "selfLink")


def _mistyped(path: str, found: Object) -> list[Cause]:
    """What Go could not read."""
    values: list[tuple[str, Any, type, str]] = [(name, found.get(name), str, "string") for name in _TEXTS]
    for name in ("labels", "annotations"):
        values.append((name, found.get(name), dict, "map[string]string"))
        values += [(name, item, str, "string") for item in (_as(dict, found.get(name))).values()]
    values.append(("finalizers", found.get("finalizers"), list, "[]string"))
    values += [("finalizers", item, str, "string") for item in _as(list, found.get("finalizers"))]
    values.append(("ownerReferences", found.get("ownerReferences"), list, "[]v1.OwnerReference"))
    values += [("ownerReferences", item, dict, "v1.OwnerReference") for item in _as(list, found.get("ownerReferences"))]
    for name, value, kind, shown in values:
        if value is not None and not isinstance(value, kind):
            why = f"json: cannot unmarshal {go_kind(value)} into Go struct field ObjectMeta.{name} of type {shown}"
            return [validation.wrong(path, found, why)]
    return []


def _as(kind: type[T], value: Any) -> T:
    return value if isinstance(value, kind) else kind()


def _has_names_of(old: Object, found: Object) -> bool:
    before, get = meta.metadata(old), found.get
    if not before.get("name") or get("name") != before["name"]:
        return False
    return bool(get("namespace") == before.get("namespace") and get("generateName") == before.get("generateName"))


def _validate_name(row: Row, found: Object) -> list[Cause]:
    base = found.get("generateName") or ""
    # A generated name ends in letters, so a base may end where a name may not.
    masked = f"{base[:-2]}a" if base.endswith("-") and len(base) > 1 else base
    causes = validation.each("metadata.generateName", base, row.name_format(masked)) if base else []
    name = found.get("name") or ""
    if not name:
        return [*causes, validation.required("metadata.name", "name or generateName is required")]
    return causes + validation.each("metadata.name", name, row.name_format(name))


def _validate_finalizers(finalizers: Collection[str], path: str, *, must_qualify: bool) -> list[Cause]:
    causes: list[Cause] = []
    if not finalizers:
        return causes
    for index, finalizer in enumerate(finalizers):
        causes += validation.each(path, finalizer, validation.qualified_name(finalizer))
        if must_qualify:
            causes += check_standard(f"{path}[{index}]", finalizer)
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        why = "finalizer orphan and foregroundDeletion cannot be both set"
        causes.append(validation.wrong(path, list(finalizers), why))
    return causes


def check_standard(path: str, finalizer: str) -> list[Cause]:
    """A finalizer without a domain must be one of Kubernetes' own."""
    if "/" in finalizer or finalizer in _STANDARD_FINALIZERS:
        return []
    why = "name is neither a standard finalizer name nor is it fully qualified"
    return [validation.wrong(path, finalizer, why)]


def _validate_owners(owners: list[Object], path: str) -> list[Cause]:
    causes: list[Cause] = []
    controller = ""
    for owner in owners:
        version = str(owner.get("apiVersion") or "")
        if not version:
            causes.append(validation.wrong(f"{path}.apiVersion", version, "version must not be empty"))
        causes += [
            validation.wrong(f"{path}.{field}", owner.get(field, ""), "must not be empty")
            for field in ("kind", "name", "uid")
            if not owner.get(field)
        ]
        if (version, owner.get("kind")) == ("v1", "Event"):
            causes.append(validation.wrong(path, owner, "/v1, Kind=Event is disallowed from being an owner"))
        if not owner.get("controller"):
            continue
        named = f"{owner.get('kind')}/{owner.get('name')}"
        if controller:
            why = (
                "Only one reference can have Controller set to true. "
                f'Found "true" in references for {controller} and {named}'
            )
            causes.append(validation.wrong(path, owners, why))
        controller = controller or named
    return causes


def validate_update(new: Object, old: Object) -> list[Cause]:
    """What may not change in metadata."""
    after, before = meta.metadata(new), meta.metadata(old)
    causes: list[Cause] = []
    for field in ("name", "namespace", "deletionGracePeriodSeconds"):
        causes += validation.unchanged(f"metadata.{field}", after.get(field), before.get(field))
    if after.get("deletionTimestamp") != before.get("deletionTimestamp"):
        asked = meta.parse_time(str(after["deletionTimestamp"])).astimezone(UTC)
        why = f"Invalid value: {asked:%Y-%m-%d %H:%M:%S +0000 UTC}: field is immutable"
        causes.append(Cause("metadata.deletionTimestamp", why, "FieldValueInvalid"))
    if meta.is_deleting(old):
        added = sorted(set(after.get("finalizers") or ()) - set(before.get("finalizers") or ()))
        if added:
            listed = ", ".join(f'"{finalizer}"' for finalizer in added)
            causes.append(
                validation.forbidden(
                    "metadata.finalizers",
                    "no new finalizers can be added if the object is being deleted, found new finalizers "
                    f"[]string{{{listed}}}",
                )
            )
    return causes
