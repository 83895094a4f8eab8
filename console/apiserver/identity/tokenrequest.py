"""`POST serviceaccounts/NAME/token`: a token for whoever may ask for one."""

from __future__ import annotations

from datetime import timedelta

from common import errors
from common.api import meta
from common.api.kinds import NODES, PODS, SECRETS, SERVICEACCOUNTS
from common.api.meta import Object
from common.api.pods import node_name
from common.errors import BadRequest, Conflict, Forbidden
from console.registry import admission, validation
from console.registry.kinds.authentication import TOKENREQUESTS
from console.registry.row import Context
from console.store import Store

from .accounts import Grant, ServiceAccountTokens

MOUNTED_SECONDS = 3607
"""What the volume that admission adds to pods asks for; by this odd number Kubernetes knows these tokens too."""
_EXTENDED = timedelta(days=365)  # how long such a token really lasts, for programs that read theirs only once
_KIND = f"{TOKENREQUESTS.resource.kind}.{TOKENREQUESTS.resource.group}"
_BOUND = {"Pod": ("pod", PODS), "Secret": ("secret", SECRETS), "Node": ("node", NODES)}


def request_token(
    tokens: ServiceAccountTokens, store: Store, context: Context, namespace: str, name: str, request: Object
) -> Object:
    """The request with its answer in `status`. Raises NotFound, Invalid, BadRequest for a pod of another
    ServiceAccount, Conflict when what it is to be bound to is another object of that name by now."""
    _check_names(request, namespace, name)
    account = _get(store, SERVICEACCOUNTS.group_resource, namespace, name)
    uid = meta.uid(account)
    if meta.uid(request) not in {"", uid}:
        raise Conflict(
            f'Operation cannot be fulfilled on {_KIND} "{name}": the UID in the token request ({meta.uid(request)}) '
            f"does not match the UID of the service account ({uid})",
            details={"name": name, "group": TOKENREQUESTS.resource.group, "kind": TOKENREQUESTS.resource.kind},
        )
    new = admission.clone(request)
    metadata = new.setdefault("metadata", {})
    metadata.update(name=name, namespace=namespace, uid=uid, creationTimestamp=meta.format_time(context.now))
    TOKENREQUESTS.default(new)
    causes = TOKENREQUESTS.validate(new, None, context)
    if causes:
        raise errors.invalid(TOKENREQUESTS.resource.kind, TOKENREQUESTS.resource.group, "", causes)
    spec = new["spec"]
    spec["audiences"] = spec.get("audiences") or list(tokens.audiences)
    bound = _bound_object(store, account, spec.get("boundObjectRef"))
    lifetime = timedelta(seconds=spec["expirationSeconds"])
    grant = Grant(tuple(spec["audiences"]), lifetime, bound)
    if bound is not None and bound[0] == "pod" and _is_mounted(tokens, spec):
        grant = Grant(grant.audiences, _EXTENDED, bound, warn_after=lifetime)
    token = tokens.issue(account, grant)
    new["status"] = {"token": token, "expirationTimestamp": meta.format_time(context.now + lifetime)}
    return new


def _check_names(request: Object, namespace: str, name: str) -> None:
    """Raises Invalid or BadRequest for a request that names something else than its path."""
    if meta.namespace(request) not in {"", namespace}:
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
    if meta.name(request) not in {"", name}:
        why = "must match the service account name if specified"
        causes = [validation.wrong("metadata.name", meta.name(request), why)]
        raise errors.invalid(TOKENREQUESTS.resource.kind, TOKENREQUESTS.resource.group, name, causes)


def check_node(store: Store, node: str, namespace: str, name: str, request: Object) -> None:
    """What a node may ask for, as Kubernetes' admission plugin NodeRestriction has it: tokens that end with a pod that
    runs on it. A stolen certificate of a node must not give any that outlast the node. Raises Forbidden."""
    reference = (request.get("spec") or {}).get("boundObjectRef") or {}
    kind, pod_name, uid = (reference.get(field) or "" for field in ("kind", "name", "uid"))
    if (kind, reference.get("apiVersion")) != ("Pod", "v1") or not pod_name:
        why = "node requested token not bound to a pod"
    elif not uid:
        why = "node requested token with a pod binding without a uid"
    elif node_name(_get(store, PODS.group_resource, namespace, pod_name)) != node:
        why = "node requested token bound to a pod scheduled on a different node"
    else:
        return
    details = {"name": name, "group": SERVICEACCOUNTS.group, "kind": SERVICEACCOUNTS.plural}
    raise Forbidden(f'{SERVICEACCOUNTS.group_resource} "{name}" is forbidden: {why}', details=details)


def _is_mounted(tokens: ServiceAccountTokens, spec: Object) -> bool:
    return spec["expirationSeconds"] == MOUNTED_SECONDS and tuple(spec["audiences"]) == tokens.audiences


def _bound_object(store: Store, account: Object, reference: Object | None) -> tuple[str, Object] | None:
    if not reference:
        return None
    kind, name = str(reference.get("kind") or ""), str(reference.get("name") or "")
    group, _, version = str(reference.get("apiVersion") or "").rpartition("/")
    if kind not in _BOUND or group:
        raise BadRequest(f"cannot bind token to object of type {group}/{version}, Kind={kind}")
    claim, resource = _BOUND[kind]
    found = _get(store, resource.group_resource, meta.namespace(account) if resource.namespaced else "", name)
    wanted = reference.get("uid")
    if wanted and wanted != meta.uid(found):
        raise Conflict(
            f'Operation cannot be fulfilled on {kind} "{name}": the UID in the bound object reference ({wanted}) does '
            f"not match the UID in record. The object might have been deleted and then recreated",
            details={"name": name, "kind": kind},
        )
    if resource == PODS and (found.get("spec") or {}).get("serviceAccountName") != meta.name(account):
        raise BadRequest(
            f'cannot bind token for serviceaccount "{meta.name(account)}" to pod running with different serviceaccount '
            "name."
        )
    return claim, found


def _get(store: Store, resource: str, namespace: str, name: str) -> Object:
    entry = store.newest(resource, namespace, name)
    if entry is None:
        raise errors.not_found(resource, name)
    return entry.obj
