"""Which configuration a pod is made of, who uses a ConfigMap or Secret, and what a change of one means for its users.

Files of ConfigMaps and Secrets follow them in running pods; variables do not. A workload with the annotation
`quarterdeck.io/restart-on-config-change: "true"` asks to have its pods replaced, in its own way, when what they are
made of changes. What it was last made of is noted on the workload (`quarterdeck.io/config`), so that a first look, a
new reference and a rollback to an older template restart nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import orjson

from . import kinds, meta
from .meta import Object
from .references import CONFIGMAPS, SECRETS, Reference, configuration

RESTART = "quarterdeck.io/restart-on-config-change"
NOTED = "quarterdeck.io/config"
"""On a workload: what its pods were last made of, as `configmaps/NAME=HASH,secrets/NAME=HASH`."""
STAMP = "quarterdeck.io/config-hash"
"""On a pod template: changed to have the pods replaced."""
ABSENT = "absent"
_KINDS = {CONFIGMAPS: "ConfigMap", SECRETS: "Secret"}
_HASH = 12  # hexadecimal digits: enough to tell two states apart, and no oracle for what they are
USERS = (
    kinds.DEPLOYMENTS,
    kinds.STATEFULSETS,
    kinds.DAEMONSETS,
    kinds.REPLICASETS,
    kinds.JOBS,
    kinds.CRONJOBS,
    kinds.PODS,
    kinds.INGRESSES,
    kinds.SERVICEACCOUNTS,
)
"""Kinds whose objects may name a ConfigMap or Secret."""
Find = Callable[[Reference], Object | None]


def wants_restart(workload: Object) -> bool:
    return meta.annotations(workload).get(RESTART) == "true"


def template(workload: Object) -> Object:
    """The workload's pods as far as references go: their spec, in the workload's namespace."""
    spec = ((workload.get("spec") or {}).get("template") or {}).get("spec") or {}
    return {"metadata": {"namespace": meta.namespace(workload)}, "spec": spec}


def fingerprint(obj: Object | None) -> str:
    """Changes when what pods see of it does. Keyed with the object's uid, which only those know who may read the
    object: others cannot try out values against it."""
    if obj is None:
        return ABSENT
    seen = orjson.dumps([obj.get("data") or {}, obj.get("binaryData") or {}], option=orjson.OPT_SORT_KEYS)
    return hmac.new(meta.uid(obj).encode(), seen, hashlib.sha256).hexdigest()[:_HASH]


@dataclass(frozen=True, slots=True)
class Made:
    """What pods are made of now. `changed` are those references whose content differs from what was noted."""

    noted: str
    changed: tuple[Reference, ...]

    @property
    def stamp(self) -> str:
        return hashlib.sha256(self.noted.encode()).hexdigest()[:16]

    @property
    def words(self) -> str:
        """`ConfigMap web, Secret db`."""
        return ", ".join(f"{_KINDS[plural]} {name}" for plural, _, name in self.changed)


def made_of(workload: Object, find: Find) -> Made | None:
    """None while something is missing that the pods cannot start without: they wait for it by themselves."""
    found: dict[str, str] = {}
    places: dict[str, Reference] = {}
    for reference, required in sorted(configuration(template(workload)).items()):
        obj = find(reference)
        if obj is None and required:
            return None
        label = f"{reference[0]}/{reference[2]}"
        found[label], places[label] = fingerprint(obj), reference
    before = _parse(meta.annotations(workload).get(NOTED, ""))
    changed = tuple(places[label] for label, now in found.items() if before.get(label, now) != now)
    return Made(",".join(f"{label}={now}" for label, now in found.items()), changed)


def _parse(noted: str) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in noted.split(",") if entry)
    return {label: value for label, _, value in pairs}


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who names a ConfigMap or Secret. `how`: `env`, `files`, `files (fixed)` (by subPath), `image pulls`,
    `TLS`. `pods` are replaced when it changes."""

    kind: str
    name: str
    how: tuple[str, ...]
    pods: int
    restarts: bool


def users(reference: Reference, objects: Iterable[Object]) -> list[User]:
    """Those of the workloads, pods, Ingresses and ServiceAccounts that name it; pods of a controller are their
    controller's."""
    found = []
    for obj in objects:
        if meta.namespace(obj) == reference[1] and not meta.controller_of(obj) and (how := _uses(obj, reference)):
            restarts = wants_restart(obj) and bool({"env", "files", "files (fixed)"} & set(how))
            found.append(User(str(obj.get("kind", "")), meta.name(obj), how, _pods(obj), restarts))
    return sorted(found, key=lambda user: (user.kind, user.name))


def will_restart(found: Iterable[User]) -> int:
    """How many pods a change replaces."""
    return sum(user.pods for user in found if user.restarts)


def _pods(obj: Object) -> int:
    if obj.get("kind") == "Pod":
        return 1
    status, spec = obj.get("status") or {}, obj.get("spec") or {}
    if obj.get("kind") == "DaemonSet":
        return int(status.get("desiredNumberScheduled") or 0)
    return int(spec.get("replicas", 1)) if "selector" in spec else 0


def _uses(obj: Object, reference: Reference) -> tuple[str, ...]:
    plural, _, name = reference
    match obj.get("kind"):
        case "Ingress":
            tls = (obj.get("spec") or {}).get("tls") or ()
            return ("TLS",) if plural == SECRETS and any(entry.get("secretName") == name for entry in tls) else ()
        case "ServiceAccount":
            pulls = obj.get("imagePullSecrets") or ()
            return ("image pulls",) if plural == SECRETS and any(entry.get("name") == name for entry in pulls) else ()
        case "CronJob":
            job = ((obj.get("spec") or {}).get("jobTemplate") or {}).get("spec") or {}
            return tuple(dict.fromkeys(_of_pod((job.get("template") or {}).get("spec") or {}, plural, name)))
        case "Pod":
            return tuple(dict.fromkeys(_of_pod(obj.get("spec") or {}, plural, name)))
    return tuple(dict.fromkeys(_of_pod(template(obj)["spec"], plural, name)))


def _of_pod(spec: Object, plural: str, name: str) -> Iterator[str]:
    containers = [item for field in ("initContainers", "containers") for item in spec.get(field) or ()]
    here = {(plural, "", name)}
    if here & configuration({"spec": {"containers": containers}}).keys():
        yield "env"
    volumes = [item for item in spec.get("volumes") or () if here & configuration({"spec": {"volumes": [item]}}).keys()]
    mounts = [mount for item in containers for mount in item.get("volumeMounts") or ()]
    for volume in volumes:
        fixed = [bool(mount.get("subPath") or mount.get("subPathExpr")) for mount in mounts
                 if mount.get("name") == volume.get("name")]  # fmt: skip
        if not all(fixed) or not fixed:
            yield "files"
        if any(fixed):
            yield "files (fixed)"
    if plural == SECRETS and any(entry.get("name") == name for entry in spec.get("imagePullSecrets") or ()):
        yield "image pulls"
