"""Which objects a table shows, and where `enter`, `owner` and `node` lead from one of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from common.api import kinds, meta, pods
from common.api.definitions import resources_of
from common.api.kinds import Resource
from common.api.meta import Key, Object, key
from common.api.selectors import from_label_selector, from_labels
from console.views.columns import NAMESPACE, Column, Table, columns_for, table_of
from console.views.containers import CONTAINERS
from console.views.status import host_status

Test = Callable[[Object], bool]
SERVICE_NAME_LABEL = "kubernetes.io/service-name"
_NAMED = 3  # namespaces in a title; more are counted


@dataclass(frozen=True)
class Scope:
    """A part of a resource's objects: `label` names it to people, `origin` is the object that it belongs to."""

    label: str
    test: Test
    origin: Key | None = None

    @property
    def phrase(self) -> str:
        return f"of {self.label}" if self.origin else self.label


@dataclass
class View:
    """What a table shows. `cursor`, `query`, `sort_by` and the rest bring it back as it was left. `table` is that of a
    kind that users defined."""

    resource: Resource
    namespaces: tuple[str, ...] = ()  # empty: all
    scope: Scope | None = None
    parent: View | None = None
    query: str = ""
    faults_only: bool = False
    sort_by: int = -1
    descending: bool = False
    cursor: Key | None = field(default=None, compare=False)
    table: Table | None = field(default=None, compare=False)

    @property
    def title(self) -> str:
        """`pods`, `containers of web-1`: the kind and what narrows it."""
        return f"{self.resource.plural} {self.scope.phrase}" if self.scope else self.resource.plural

    @property
    def heading(self) -> str:
        """The title as it stands above the table: `PersistentVolumeClaims`, `Containers of web-1`."""
        return _spelled(self.resource) + self.title.removeprefix(self.resource.plural)

    @property
    def place(self) -> str:
        """The namespaces for people; empty for kinds that have none."""
        if not self.resource.namespaced:
            return ""
        origin = self.scope.origin.namespace if self.scope and self.scope.origin else ""
        return names_of(self.namespaces) or origin or "all"

    def columns(self) -> tuple[Column, ...]:
        """Columns without the namespace when there is only one."""
        columns = self.table.columns if self.table else columns_for(self.resource)
        narrow = len(self.namespaces) == 1 or (
            self.scope is not None and self.scope.origin and self.scope.origin.namespace
        )
        return tuple(column for column in columns if not (narrow and column.title == NAMESPACE.title))

    def test(self) -> Test | None:
        """Whether an object belongs to this view; None when all do."""
        tests: list[Test] = []
        if self.namespaces and self.resource.namespaced:
            wanted = frozenset(self.namespaces)
            tests.append(lambda obj: meta.namespace(obj) in wanted)
        if self.scope is not None:
            tests.append(self.scope.test)
        if not tests:
            return None
        return lambda obj: all(test(obj) for test in tests)

    def crumbs(self) -> list[str]:
        """The namespace, then each object drilled into, then the kind that is shown."""
        names = [item.scope.label for item in self.trail() if item.scope and item.scope.origin]
        outermost = self.trail()[0]
        if outermost is self:
            return [*([self.place] if self.place else []), self.title]
        first = outermost.resource.plural
        own = [names_of(self.namespaces)] if self.namespaces and self.namespaces != outermost.namespaces else []
        return [*([outermost.place] if outermost.place else []), first, *names, *own, self.resource.plural]

    def trail(self) -> list[View]:
        """This view and those it was drilled into from, outermost first."""
        before = self.parent.trail() if self.parent else []
        return [*before, self]


_OWN: dict[str, str] = {}  # the group of each plural of ours: the first that has it
for _resource in vars(kinds).values():
    if isinstance(_resource, Resource):
        _OWN.setdefault(_resource.plural, _resource.group)


def kind_word(resource: Resource) -> str:
    """What actions call the kind: the plural, with the group where somebody else's kind has the plural of one of
    ours."""
    own = _OWN.get(resource.plural, resource.group) == resource.group
    return resource.plural if own else resource.group_resource


def names_of(namespaces: Sequence[str]) -> str:
    """`shop`, `shop,data`, `shop,data and 3 more`."""
    more = len(namespaces) - _NAMED
    return ",".join(namespaces[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _spelled(resource: Resource) -> str:
    """The plural with the capitals of the kind: `PersistentVolumeClaims`, `NetworkPolicies`."""
    kind, plural = resource.kind, resource.plural
    same = next(
        (at for at, pair in enumerate(zip(kind.lower(), plural, strict=False)) if pair[0] != pair[1]), len(kind)
    )
    return (kind[:same] + plural[same:]) if same else plural.capitalize()


def opening(resource: Resource, namespaces: Sequence[str] = (), table: Table | None = None) -> View:
    """The view of a kind as a command opens it."""
    spaces = tuple(namespaces)
    if table is not None:
        return View(resource, spaces, table=table)
    newest = {kinds.EVENTS: "LAST", kinds.CHANGES: "AGE"}.get(resource, "")
    return View(resource, spaces, sort_by=_index(View(resource, spaces).columns(), newest))


def discovered() -> View:
    """Hosts that no node of this cluster stands for yet."""
    scope = Scope("not adopted", lambda host: host_status(host).word != "Adopted")
    return View(kinds.HOSTS, scope=scope)


def _index(columns: tuple[Column, ...], title: str) -> int:
    return next((index for index, column in enumerate(columns) if column.title == title), -1)


def drill(view: View, obj: Object) -> View | None:
    """Where `enter` leads; None when the object has nothing inside but its description."""
    resource = view.resource.group_resource
    if resource in _DRILLS:
        found = _DRILLS[resource](obj)
        if found is not None and found.resource != kinds.NAMESPACES:
            found.parent = view
        return found
    return None


def _pods_of(label: str, obj: Object, test: Test) -> View:
    return View(kinds.PODS, scope=Scope(label, test, key(obj)))


def _of_deployment(obj: Object) -> View:
    selector = from_label_selector((obj.get("spec") or {}).get("selector"))
    space = meta.namespace(obj)
    return _pods_of(
        meta.name(obj), obj, lambda pod: meta.namespace(pod) == space and selector.matches(meta.labels(pod))
    )


def _of_controller(obj: Object) -> View:
    return _pods_of(meta.name(obj), obj, lambda pod: meta.is_controlled_by(pod, obj))


def _of_cronjob(obj: Object) -> View:
    return View(kinds.JOBS, scope=Scope(meta.name(obj), lambda job: meta.is_controlled_by(job, obj), key(obj)))


def _of_node(obj: Object) -> View:
    name = meta.name(obj)
    return _pods_of(name, obj, lambda pod: pods.node_name(pod) == name)


def _of_service(obj: Object) -> View:
    labels = (obj.get("spec") or {}).get("selector") or {}
    space, name = meta.namespace(obj), meta.name(obj)
    if not labels:

        def belongs(item: Object) -> bool:
            return meta.namespace(item) == space and meta.labels(item).get(SERVICE_NAME_LABEL) == name

        return View(kinds.ENDPOINTSLICES, scope=Scope(name, belongs, key(obj)))
    selector = from_labels(labels)
    return _pods_of(name, obj, lambda pod: meta.namespace(pod) == space and selector.matches(meta.labels(pod)))


def _of_pod(obj: Object) -> View:
    return View(CONTAINERS, scope=Scope(meta.name(obj), lambda _row: True, key(obj)))


def _of_namespace(obj: Object) -> View:
    return View(kinds.PODS, (meta.name(obj),))


def pods_in(namespaces: Sequence[str], parent: View) -> View:
    """The pods of several namespaces at once."""
    return View(kinds.PODS, tuple(namespaces), parent=parent)


def _of_slice(obj: Object) -> View:
    names = {(e.get("targetRef") or {}).get("name") for e in obj.get("endpoints") or ()}
    space = meta.namespace(obj)
    return _pods_of(meta.name(obj), obj, lambda pod: meta.namespace(pod) == space and meta.name(pod) in names)


def _of_definition(obj: Object) -> View | None:
    found = resources_of(obj)
    return View(found[0], table=table_of(obj, found[0].version)) if found else None


_DRILLS: dict[str, Callable[[Object], View | None]] = {
    kinds.DEPLOYMENTS.group_resource: _of_deployment,
    kinds.REPLICASETS.group_resource: _of_controller,
    kinds.STATEFULSETS.group_resource: _of_controller,
    kinds.DAEMONSETS.group_resource: _of_controller,
    kinds.REPLICATIONCONTROLLERS.group_resource: _of_controller,
    kinds.JOBS.group_resource: _of_controller,
    kinds.CRONJOBS.group_resource: _of_cronjob,
    kinds.NODES.group_resource: _of_node,
    kinds.SERVICES.group_resource: _of_service,
    kinds.PODS.group_resource: _of_pod,
    kinds.NAMESPACES.group_resource: _of_namespace,
    kinds.CUSTOMRESOURCEDEFINITIONS.group_resource: _of_definition,
    kinds.ENDPOINTSLICES.group_resource: _of_slice,
}


def events_of(view: View, obj: Object) -> View:
    """Events about one object, the newest first."""
    uid, name, space, kind = meta.uid(obj), meta.name(obj), meta.namespace(obj), obj.get("kind")

    def about(event: Object) -> bool:
        ref = event.get("involvedObject") or event.get("regarding") or {}
        if ref.get("uid") and uid:
            return bool(ref["uid"] == uid)
        return bool(ref.get("name") == name and ref.get("kind") == kind and (ref.get("namespace") or "") == space)

    found = View(kinds.EVENTS, scope=Scope(name, about, key(obj)), parent=view)
    found.sort_by = _index(found.columns(), "LAST")
    return found


def only(resource: Resource, obj_key: Key, parent: View, table: Table | None = None) -> View:
    """A view of one object, to jump to it."""
    scope = Scope(obj_key.name, lambda obj: key(obj) == obj_key, obj_key)
    return View(resource, scope=scope, parent=parent, table=table)
