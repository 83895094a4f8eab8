"""The ServiceAccount of a new pod: which one it runs as, and the credentials that its containers get for it.

What Kubernetes' ServiceAccount admission does: a volume with a token, the cluster's CA and the namespace, mounted where
every client library looks for them.
"""

from __future__ import annotations

from common.api import meta, names
from common.api.kinds import PODS, SERVICEACCOUNTS
from common.api.meta import Key, Object
from common.errors import Forbidden
from console.registry.row import Context

DEFAULT = "default"
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_SECONDS = 3607
"""Kubernetes' number, by which the tokens of this volume are told from others."""
ROOT_CA = "kube-root-ca.crt"
_VOLUME = "kube-api-access-"
_MODE = 0o644
_CONTAINERS = ("initContainers", "containers")
_MIRROR = "kubernetes.io/config.mirror"


def admit_account(pod: Object, context: Context) -> None:
    """Change the new pod. Raises Forbidden when it names a ServiceAccount that does not exist."""
    if _MIRROR in meta.annotations(pod):
        return
    spec = pod["spec"]
    name = spec.get("serviceAccountName") or DEFAULT
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    account = context.lookup.get(SERVICEACCOUNTS, Key(meta.namespace(pod), name))
    if account is None:
        # The default one is every namespace's and may be a moment younger than the first pod there.
        if name != DEFAULT:
            raise _no_account(pod, name)
        account = {}
    if _mounts_token(spec, account):
        _mount(spec)
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [dict(secret) for secret in account["imagePullSecrets"]]


def keep_account(spec: Object, old: Object) -> None:
    """A replace by someone who leaves out the credentials that admission added means no change of them."""
    volume = next((item for item in old.get("volumes") or () if _is_ours(item)), None)
    if volume is None or any(_is_ours(item) for item in spec.get("volumes") or ()):
        return
    spec["volumes"] = [*(spec.get("volumes") or ()), volume]
    for field in _CONTAINERS:
        before = {container.get("name"): container for container in old.get(field) or ()}
        for container in spec.get(field) or ():
            added = [
                mount
                for mount in before.get(container.get("name"), {}).get("volumeMounts") or ()
                if mount.get("name") == volume["name"] and mount not in (container.get("volumeMounts") or ())
            ]
            if added:
                container["volumeMounts"] = [*(container.get("volumeMounts") or ()), *added]


def _no_account(pod: Object, name: str) -> Forbidden:
    title = meta.name(pod)
    return Forbidden(
        f'pods "{title}" is forbidden: error looking up service account {meta.namespace(pod)}/{name}: '
        f'serviceaccount "{name}" not found',
        details={"name": title, "kind": PODS.plural},
    )


def _mounts_token(spec: Object, account: Object) -> bool:
    """The pod's word counts before its ServiceAccount's."""
    for said in (spec.get("automountServiceAccountToken"), account.get("automountServiceAccountToken")):
        if said is not None:
            return bool(said)
    return True


def _mount(spec: Object) -> None:
    volumes = spec.get("volumes") or []
    present = next((str(volume["name"]) for volume in volumes if _is_ours(volume)), "")
    # Kubernetes ends it at random. Pods of one template stay alike with an end that their account gives them: what is
    # worked out for one of them holds for all, and all share it in memory.
    name = present or _VOLUME + names.suffix_of(spec["serviceAccountName"])
    lacking = [
        container
        for field in _CONTAINERS
        for container in spec.get(field) or ()
        if all(mount.get("mountPath") != MOUNT_PATH for mount in container.get("volumeMounts") or ())
    ]
    for container in lacking:
        mount = {"name": name, "readOnly": True, "mountPath": MOUNT_PATH}
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]
    if lacking and not present:
        spec["volumes"] = [*volumes, {"name": name, "projected": _sources()}]


def _is_ours(volume: Object) -> bool:
    return str(volume.get("name", "")).startswith(_VOLUME)


def _sources() -> Object:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
            {"configMap": {"name": ROOT_CA, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [namespace]}},
        ],
        "defaultMode": _MODE,
    }
