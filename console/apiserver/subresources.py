"""Subresources that do more than replace a part of their object, and the replace that makes its object."""

from __future__ import annotations

from common import errors
from common.api import meta
from common.api.kinds import NODES
from common.api.meta import Object
from common.api.pods import with_condition
from common.client.base import PatchType
from common.errors import Cause, NotFound
from console.registry import admission
from console.registry.kinds.pods import BINDINGS
from console.registry.patch import apply_patch
from console.registry.row import Row
from console.registry.scale import decode_scale, replicas_applied, require_replicas
from console.store import Entry

from .caller import Caller
from .extension.matching import Asked
from .options import WriteOptions
from .verbs import Verbs, require_name

_DEFAULT_WRITE = WriteOptions()
_TOPOLOGY = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")


def success(row: Row, name: str, uid: str = "", code: int = 0) -> Object:
    """The `Status` that says that it was done."""
    details: Object = {"name": name, "kind": row.resource.plural}
    if row.resource.group:
        details["group"] = row.resource.group
    if uid:
        details["uid"] = uid
    status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return {**status, "details": details, **({"code": code} if code else {})}


async def bind(
    verbs: Verbs, caller: Caller, row: Row, namespace: str, name: str, binding: Object, *, dry_run: bool = False
) -> Entry:
    """Assign a pod to a node, once. The scheduler's way to write `spec.nodeName`."""
    typed, _ = admission.conform(BINDINGS, binding, "Ignore")
    asked = Asked(caller, row, "CREATE", namespace, name, typed, None, "binding", dry_run=dry_run)
    answer = await verbs.ask(asked, []) or typed
    # What webhooks make of it is theirs: only what fits goes on.
    binding = typed if answer is typed else admission.conform(BINDINGS, answer, "Ignore")[0]
    current = verbs.current(row, namespace, name)
    pod = current.obj
    target = binding.get("target") or {}
    _check_binding(pod, binding, target)
    spec = {**pod["spec"], "nodeName": str(target["name"])}
    status = dict(pod.get("status") or {})
    status.pop("nominatedNodeName", None)
    status["conditions"] = with_condition(pod, "PodScheduled", "True", "", "", verbs.clock.now())
    metadata = dict(pod["metadata"])
    for field in ("labels", "annotations"):
        added = dict(meta.metadata(binding).get(field) or {})
        if field == "labels":
            added |= _topology(verbs, str(target["name"]))
        if added:
            metadata[field] = {**(metadata.get(field) or {}), **added}
    bound = {**pod, "metadata": metadata, "spec": spec, "status": status}
    return await verbs.write(caller, "bind", row, current, bound, dry_run=dry_run)


def _topology(verbs: Verbs, node: str) -> dict[str, str]:
    """Where the pod is going to be, which Kubernetes' admission plugin PodTopologyLabels has its labels say."""
    found = verbs.store.newest(NODES.group_resource, "", node)
    labels = {} if found is None else meta.labels(found.obj)
    return {key: labels[key] for key in _TOPOLOGY if key in labels}


def _check_binding(pod: Object, binding: Object, target: Object) -> None:
    name = meta.name(pod)
    causes = []
    if target.get("kind", "Node") not in {"", "Node"}:
        causes.append(
            Cause("target.kind", f'Unsupported value: "{target["kind"]}": supported values: "Node", "<empty>"',
                  "FieldValueNotSupported")
        )  # fmt: skip
    if not target.get("name") or not isinstance(target["name"], str):
        causes.append(Cause("target.name", "Required value", "FieldValueRequired"))
    if causes:
        raise errors.invalid("Binding", "", name, causes)
    wanted_uid = meta.uid(binding)
    if wanted_uid and wanted_uid != meta.uid(pod):
        why = f"Precondition failed: UID in precondition: {wanted_uid}, UID in object meta: {meta.uid(pod)}"
    elif meta.is_deleting(pod):
        why = f"pod {name} is being deleted, cannot be assigned to a host"
    elif pod["spec"].get("nodeName"):
        why = f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
    elif pod["spec"].get("schedulingGates"):
        why = f"pod {name} has non-empty .spec.schedulingGates"
    else:
        return
    raise errors.conflict("pods/binding", name, why)


async def create_by_update(
    verbs: Verbs, caller: Caller, row: Row, namespace: str, name: str, obj: Object, options: WriteOptions
) -> Entry:
    """A replace of what is not there, of a kind that is made by one: its resourceVersion says nothing."""
    require_name(obj, name)
    metadata = {field: value for field, value in obj["metadata"].items() if field != "resourceVersion"}
    return await verbs.create(caller, row, namespace, {**obj, "metadata": metadata}, options)


async def get_scale(verbs: Verbs, row: Row, namespace: str, name: str) -> Object:
    try:
        found = verbs.get(row, namespace, name).obj
    except NotFound:
        if row.custom is not None:
            raise
        plural, dot, group = row.resource.group_resource.partition(".")
        raise errors.not_found(f"{plural}/scale{dot}{group}", name) from None
    shown = await verbs.shown(row, found)
    require_replicas(row, shown)
    return admission.scale_of(row, shown)


async def put_scale(
    verbs: Verbs, caller: Caller, row: Row, namespace: str, name: str, scale: Object, options: WriteOptions
) -> Object:
    entry = await verbs.modify(
        caller, "update", row, namespace, name, lambda old: admission.apply_scale(row, old, scale), "scale", options
    )
    return admission.scale_of(row, await verbs.shown(row, entry.obj))


async def patch_scale(
    verbs: Verbs,
    caller: Caller,
    row: Row,
    namespace: str,
    name: str,
    patch: bytes,
    kind: PatchType,
    options: WriteOptions,
) -> Object:
    if kind is PatchType.APPLY:
        config = replicas_applied(row, decode_scale(patch))
        applied, _ = await verbs.apply(caller, row, namespace, name, config, "scale", options)
        return admission.scale_of(row, await verbs.shown(row, applied.obj))
    # A Scale has no lists, so that a strategic patch of it is a merge patch.
    plain = PatchType.JSON if kind is PatchType.JSON else PatchType.MERGE

    def change(old: Object) -> Object:
        return admission.apply_scale(row, old, apply_patch(row, admission.scale_of(row, old), patch, plain))

    entry = await verbs.modify(caller, "patch", row, namespace, name, change, "scale", options)
    return admission.scale_of(row, await verbs.shown(row, entry.obj))


async def finalize(
    verbs: Verbs, caller: Caller, row: Row, name: str, namespace: Object, options: WriteOptions = _DEFAULT_WRITE
) -> Entry:
    """Set the finalizers in a namespace's spec; the last one lets it go."""

    def change(old: Object) -> Object:
        finalizers = (namespace.get("spec") or {}).get("finalizers") or []
        metadata = dict(old["metadata"])
        if meta.resource_version(namespace):
            metadata["resourceVersion"] = meta.resource_version(namespace)
        return {**old, "metadata": metadata, "spec": {**(old.get("spec") or {}), "finalizers": finalizers}}

    return await verbs.modify(caller, "update", row, "", name, change, "finalize", options)
