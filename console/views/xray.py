"""What an object is made of, as a tree: what it owns, down to pods, their containers, and the configuration, volumes
and accounts that those name, with what is missing. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.api import kinds, meta, pods, storage
from common.api.kinds import (
    CONFIGMAPS,
    CRONJOBS,
    DAEMONSETS,
    DEPLOYMENTS,
    JOBS,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PODS,
    REPLICASETS,
    REPLICATIONCONTROLLERS,
    SECRETS,
    SERVICEACCOUNTS,
    SERVICES,
    STATEFULSETS,
    Resource,
)
from common.api.meta import Key, Object
from common.api.references import configuration
from common.api.selectors import from_labels
from console.views import status
from console.views.containers import CONTAINERS
from console.views.containers import rows as container_rows

from .columns.column import Column
from .status import FAULTS, Status, Tone

OWNED = (CRONJOBS, JOBS, DEPLOYMENTS, STATEFULSETS, DAEMONSETS, REPLICATIONCONTROLLERS, REPLICASETS, PODS)
"""Kinds whose objects may have an owner in a tree."""
NAMED = (CONFIGMAPS, SECRETS, PERSISTENTVOLUMECLAIMS, SERVICEACCOUNTS)
"""Kinds that pods name."""
NEEDED = (*OWNED, *NAMED)
_INJECTED = "kube-api-access-"  # every pod has this volume: it says nothing
BRANCHES = Resource("", "v1", "branches", "Branch")
"""Not a resource of the API: the rows that a tree makes."""
Objects = Mapping[Resource, Iterable[Object]]
"""Of the kinds that could be read; what a pod names of another kind is neither there nor missing."""

_STATES: Mapping[Resource, Callable[[Object], Status]] = {
    PODS: status.pod_status,
    NODES: status.node_status,
    JOBS: status.job_status,
    CRONJOBS: status.cronjob_status,
    PERSISTENTVOLUMECLAIMS: status.claim_status,
    **dict.fromkeys(
        (DEPLOYMENTS, REPLICASETS, STATEFULSETS, DAEMONSETS, REPLICATIONCONTROLLERS), status.workload_status
    ),
}


@dataclass
class Branch:
    """`info` is what else there is to say in a few words."""

    resource: Resource
    place: Key
    state: Status | None = None
    info: str = ""
    branches: list[Branch] = field(default_factory=list)

    @property
    def faulty(self) -> bool:
        return self.state is not None and self.state.tone in FAULTS

    @property
    def troubled(self) -> bool:
        """Itself or anything below it."""
        return self.faulty or any(branch.troubled for branch in self.branches)


class _Forest:
    """The objects, found by what they belong to."""

    def __init__(self, objects: Objects) -> None:
        self.owned: dict[str, list[tuple[Resource, Object]]] = defaultdict(list)
        self.free: list[tuple[Resource, Object]] = []  # what nothing owns
        self.pods = list(objects.get(PODS, ()))
        for resource in OWNED:
            for obj in self.pods if resource == PODS else objects.get(resource, ()):
                owners = meta.owner_references(obj)
                if not owners:
                    self.free.append((resource, obj))
                for reference in owners:
                    self.owned[str(reference.get("uid"))].append((resource, obj))
        self.named = {
            resource: {meta.key(obj): obj for obj in objects[resource]} for resource in NAMED if resource in objects
        }


def grow(resource: Resource, roots: Iterable[Object], objects: Objects) -> list[Branch]:
    """The trees of these objects, by namespace and name. What one of them owns stands below it alone."""
    forest = _Forest(objects)
    listed = sorted(roots, key=lambda obj: (meta.namespace(obj), meta.name(obj)))
    return [_branch(resource, obj, forest, frozenset()) for obj in listed]


def _branch(resource: Resource, obj: Object, forest: _Forest, above: frozenset[str]) -> Branch:
    state = _STATES[resource](obj) if resource in _STATES else None
    found = Branch(resource, meta.key(obj), state, _info(resource, obj))
    if resource == PODS:
        found.branches = [*_containers(obj, forest), *_of_pod(obj, forest)]
        return found
    path = above | {meta.uid(obj)}  # owners may point at each other: the API does not forbid it
    below = [(kind, item) for kind, item in _below(resource, obj, forest) if meta.uid(item) not in path]
    below.sort(key=lambda pair: (OWNED.index(pair[0]), meta.name(pair[1])))
    found.branches = [_branch(kind, item, forest, path) for kind, item in below if not _idle(kind, item)]
    return found


def _below(resource: Resource, obj: Object, forest: _Forest) -> list[tuple[Resource, Object]]:
    if resource == NODES:
        return [(PODS, pod) for pod in forest.pods if pods.node_name(pod) == meta.name(obj)]
    if resource == SERVICES:
        labels = (obj.get("spec") or {}).get("selector") or {}
        selector, space = from_labels(labels), meta.namespace(obj)
        chosen = (pod for pod in forest.pods if meta.namespace(pod) == space and selector.matches(meta.labels(pod)))
        return [(PODS, pod) for pod in chosen] if labels else []
    if resource == kinds.NAMESPACES:
        return [pair for pair in forest.free if meta.namespace(pair[1]) == meta.name(obj)]
    return forest.owned.get(meta.uid(obj), [])


def _idle(resource: Resource, obj: Object) -> bool:
    """A ReplicaSet of an earlier revision, which is kept to go back to."""
    wanted = (obj.get("spec") or {}).get("replicas")
    return resource == REPLICASETS and wanted == 0 and not (obj.get("status") or {}).get("replicas")


def _info(resource: Resource, obj: Object) -> str:
    state = obj.get("status") or {}
    if resource == PODS:
        return pods.node_name(obj) or "no node"
    if resource == DAEMONSETS:
        return f"{state.get('numberReady') or 0}/{state.get('desiredNumberScheduled') or 0} ready"
    if resource in {DEPLOYMENTS, REPLICASETS, STATEFULSETS, REPLICATIONCONTROLLERS}:
        return f"{state.get('readyReplicas') or 0}/{(obj.get('spec') or {}).get('replicas', 1)} ready"
    if resource == CRONJOBS:
        return str((obj.get("spec") or {}).get("schedule") or "")
    return ""


# Inside a pod


def _containers(pod: Object, forest: _Forest) -> Iterator[Branch]:
    spec = pod.get("spec") or {}
    specs = {
        str(item.get("name")): item
        for listed in ("initContainers", "containers", "ephemeralContainers")
        for item in spec.get(listed) or ()
    }
    volumes = {str(volume.get("name")): volume for volume in spec.get("volumes") or ()}
    for row in container_rows(pod):
        item = specs.get(meta.name(row), {})
        names = [str(mount.get("name")) for mount in _mounts(item)]
        mounted = [volumes[name] for name in names if name in volumes and not name.startswith(_INJECTED)]
        part = {"metadata": {"namespace": meta.namespace(pod)}, "spec": {"containers": [item], "volumes": mounted}}
        yield Branch(
            CONTAINERS,
            Key(meta.namespace(pod), meta.name(row)),
            status.container_status(row.get("state")),
            " ".join(filter(None, ["" if row["role"] == "app" else row["role"], row["image"]])),
            [*_configuration(part, forest), *_claims(pod, mounted, forest)],
        )


def _mounts(container: Object) -> list[Any]:
    return [*(container.get("volumeMounts") or ()), *(container.get("volumeDevices") or ())]


def _configuration(part: Object, forest: _Forest) -> Iterator[Branch]:
    resources = {"configmaps": CONFIGMAPS, "secrets": SECRETS}
    for (plural, space, named), required in sorted(configuration(part).items()):
        yield _named(resources[plural], Key(space, named), forest, required=required)


def _claims(pod: Object, volumes: Sequence[Object], forest: _Forest) -> Iterator[Branch]:
    claims = storage.claim_names(pod)
    for volume in volumes:
        claim = claims.get(str(volume.get("name")))
        if claim:
            yield _named(PERSISTENTVOLUMECLAIMS, Key(meta.namespace(pod), claim), forest, required=True)


def _of_pod(pod: Object, forest: _Forest) -> Iterator[Branch]:
    spec, space = pod.get("spec") or {}, meta.namespace(pod)
    for entry in spec.get("imagePullSecrets") or ():
        if entry.get("name"):
            yield _named(SECRETS, Key(space, str(entry["name"])), forest, required=False, info="to pull images")
    account = str(spec.get("serviceAccountName") or "default")
    yield _named(SERVICEACCOUNTS, Key(space, account), forest, required=True)


def _named(resource: Resource, place: Key, forest: _Forest, *, required: bool, info: str = "") -> Branch:
    """Something that a pod names: whether it is there, where that can be known."""
    known = forest.named.get(resource)
    obj = known.get(place) if known is not None else None
    if known is not None and obj is None:
        word = Status("missing", Tone.BAD) if required else Status("missing", Tone.DIM)
        return Branch(resource, place, word, info or ("" if required else "optional"))
    state = _STATES[resource](obj) if obj is not None and resource in _STATES else None
    return Branch(resource, place, state, info)


# As rows and as data


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line of the tree. `path` names it for as long as it is there."""

    path: str
    text: str
    branch: Branch
    folded: bool


_LINES = {False: ("├─ ", "└─ ", "│  ", "   "), True: ("|- ", "`- ", "|  ", "   ")}


def drawn(
    branches: Sequence[Branch],
    folded: frozenset[str] = frozenset(),
    *,
    faults_only: bool = False,
    ascii_only: bool = False,
) -> list[Drawn]:
    """The lines from top to bottom, without what is folded away; with `faults_only` those that lead to a fault."""
    lines: list[Drawn] = []
    signs = _LINES[ascii_only]

    def walk(listed: Sequence[Branch], above: str, lead: str, space: str, *, top: bool) -> None:
        kept = [branch for branch in listed if branch.troubled] if faults_only else listed
        for index, branch in enumerate(kept):
            last = index == len(kept) - 1
            path = path_of(branch, above)
            own = "" if top else signs[1 if last else 0]
            place = branch.place.name if branch.place.namespace == space else str(branch.place)
            text = f"{lead}{own}{branch.resource.kind.lower()} {place}"
            lines.append(Drawn(path, text, branch, path in folded))
            if path not in folded:
                below = lead + ("" if top else signs[3 if last else 2])
                walk(branch.branches, path, below, branch.place.namespace, top=False)

    walk(branches, "", "", "", top=True)
    return lines


def path_of(branch: Branch, above: str = "") -> str:
    """What names a branch below another one, whatever comes and goes beside it."""
    return f"{above}/{branch.resource.plural}:{branch.place}"


def document(branches: Sequence[Branch]) -> list[Object]:
    """The trees as data."""
    return [
        {
            "kind": branch.resource.kind,
            "namespace": branch.place.namespace,
            "name": branch.place.name,
            "status": branch.state.word if branch.state else "",
            "fault": branch.faulty,
            "info": branch.info,
            "children": document(branch.branches),
        }
        for branch in branches
    ]


def rows(lines: Sequence[Drawn]) -> list[Object]:
    """What a table shows."""
    return [{"metadata": {"name": line.path}, "line": line, "place": index} for index, line in enumerate(lines)]


def _line(row: Object) -> Drawn:
    found: Drawn = row["line"]
    return found


def _tree(row: Object) -> str:
    line = _line(row)
    hidden = f" (+{_count(line.branch)})" if line.folded and line.branch.branches else ""
    return line.text + hidden


def _count(branch: Branch) -> int:
    return sum(1 + _count(below) for below in branch.branches)


def _tone(row: Object) -> Tone:
    branch = _line(row).branch
    if branch.state is not None and branch.state.tone in FAULTS:
        return branch.state.tone
    return Tone.DIM if branch.resource in NAMED else Tone.BRIGHT


COLUMNS = (
    Column("TREE", lambda row, _: _tree(row), flexible=True, least=30, tone=_tone,
           sort=lambda row: row["place"]),
    Column("STATUS", lambda row, _: _line(row).branch.state or "", flexible=True, prose=True, least=18),
    Column("ABOUT", lambda row, _: _line(row).branch.info, flexible=True, prose=True, least=8, drop=3,
           tone=lambda _row: Tone.DIM),
)  # fmt: skip
