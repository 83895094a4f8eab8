"""The row that a kind has in the registry. Adding a kind adds a row and touches nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from common.api import selectors
from common.api.kinds import Resource
from common.api.meta import Key, Object
from common.errors import Cause
from common.settings import ClusterConfig

from . import validation
from .schema import Schema, schema


class Lookup(Protocol):
    """Reading other objects while one is admitted (service addresses in use, namespaces)."""

    def get(self, resource: Resource, key: Key) -> Object | None: ...

    def items(self, resource: Resource) -> Iterable[Object]: ...


@dataclass(frozen=True, slots=True)
class Context:
    """What admission may know besides the object. `user` is who asks."""

    now: datetime
    lookup: Lookup
    config: ClusterConfig
    user: str = ""
    manager: str = "unknown"  # the field manager of the request, as managedFields name it
    groups: tuple[str, ...] = ()  # of whoever asks
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()
    subresource: str = ""  # through which an update comes: status, scale, binding …; empty for the object itself
    api_version: str = ""  # of the request, in which a manager owns what it writes; empty: the one that is stored


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`. Priority 0 shows always, higher ones with `-o wide`. `value` gets the object and
    now; None is an empty cell."""

    name: str
    value: Callable[[Object, datetime], str | float | None]
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0


def _keep(_new: Object, _old: Object | None, _context: Context) -> None:
    """Change nothing."""


@dataclass(frozen=True, slots=True)
class OfSpec:
    """Defaults that are of the spec alone: they follow from it, and nothing else of an object is filled. A spec that
    has them has them, whatever else of its object changes."""

    fill: Callable[[Object], None]

    def __call__(self, obj: Object) -> None:
        self.fill(obj.setdefault("spec", {}))


def _no_causes(_new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    return []


@dataclass(frozen=True, slots=True)
class Version:
    """One more version that a kind is served in, beside that of its row, which is the one that is kept.

    Both conversions get a whole object, leave it alone and give one that need not name its apiVersion. What the other
    version cannot say goes into annotations, so that there and back is the same object. They must not invent values:
    what server-side apply sends is a part of an object.
    """

    resource: Resource
    schema: str
    to_kept: Callable[[Object], Object]
    from_kept: Callable[[Object], Object]
    fields: Mapping[str, str] = field(default_factory=dict)
    """What field selectors of this version name, and how that is called in the kept one; empty: the same."""


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where a kind keeps what its `scale` subresource shows, as names of fields from the root. `selector` leads to a
    selector's text; without it there is none."""

    replicas: tuple[str, ...]
    current: tuple[str, ...]
    selector: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who converts a kind's objects between its versions. `client` is its `clientConfig`, `storage` the apiVersion in
    which objects are stored, `structures` has the structural schema of each version by its apiVersion."""

    client: Object
    review_versions: tuple[str, ...]
    storage: str
    structures: Mapping[str, Object]


@dataclass(frozen=True, slots=True)
class Custom:
    """What a kind that users defined has and built-in kinds have not.

    `structure` is its structural schema, by which objects are pruned; `type` the same as a type, with apiVersion, kind
    and metadata. `accepts` is False while the definition is being deleted: then no more objects are made.
    """

    structure: Object
    type: Schema
    list_kind: str
    scale: ScalePaths | None = None
    accepts: bool = True
    webhook: Webhook | None = None


METADATA_FIELDS = ("metadata.name", "metadata.namespace")
"""What objects of every kind can be selected by."""
ALL_METADATA = frozenset({"labels", "annotations", "finalizers", "ownerReferences"})
DELETION = frozenset({"deletionTimestamp", "deletionGracePeriodSeconds"})
"""What Kubernetes' newer kinds (metav1.ResetObjectMetaForStatus) protect from writes through `status`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One kind. Functions that prepare or default change the object they get, which is the caller's own copy. When a
    status is written only the object, its metadata and its status are that to `prepare`: what is in them may be the
    stored object's, to be replaced and never changed."""

    resource: Resource
    singular: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    subresources: frozenset[str] = frozenset()  # of: status scale log exec attach portforward binding eviction why …
    verbs: tuple[str, ...] = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
    durable: bool = True  # False: kept in memory only (hosts), gone with the process
    archived: bool = False  # True: many and seldom looked at, kept in memory as bytes alone
    computed: bool = False  # True: objects are made by a component when asked for, and kept nowhere
    schema: str = ""  # name of the definition in Kubernetes' OpenAPI, e.g. io.k8s.api.core.v1.Pod
    default: Callable[[Object], None] = lambda _obj: None
    """Fill what the API documents as default."""
    prepare: Callable[[Object, Object | None, Context], None] = _keep
    """Before validation of a create (old is None) or update: reset fields the caller may not set, allocate."""
    validate: Callable[[Object, Object | None, Context], list[Cause]] = _no_causes
    """Every wrong field; on update also immutability."""
    permit: Callable[[Object, Object | None, Context], None] = _keep
    """Raises Forbidden for what is right but not allowed here (limits of a namespace)."""
    reinvoke: Callable[[Object, Context], None] = lambda _obj, _context: None
    """What the system adds to a new object, once more after others changed it: they may have brought what lacks it."""
    overtaken: Callable[[Object, Context], bool] = lambda _obj, _context: False
    """Whether others hold by now what this admitted object was given for itself (addresses, ports): webhooks take
    their time, and the write must then be decided anew."""
    fields: Sequence[str] = METADATA_FIELDS
    """Paths that a field selector may name."""
    unselectable: str = "field label not supported: {}"
    """What is said of another field, with its name, where a kind has fields of its own."""
    read_field: Callable[[Object, str], str] = selectors.field_value
    """The value of one of them."""
    grace_period: Callable[[Object], int] = lambda _obj: 0
    """Seconds that a deletion waits for whoever runs the object; 0 deletes at once (unless finalizers hold it)."""
    name_format: Callable[[str], Iterable[str]] = validation.dns_subdomain
    """What is wrong with a name of this kind, in Kubernetes' words; empty when nothing is."""
    conditional_update: bool = False
    """Whether a replace must carry the resourceVersion it is based on."""
    creates_on_update: bool = False
    """Whether a replace of an object that is not there makes it."""
    immortal: Mapping[str, str] = field(default_factory=dict)
    """Names that may not be deleted, each with the reason."""
    keeps_status_on_create: bool = False
    """Whether whoever creates the object brings its status (nodes register themselves with theirs)."""
    status_keeps: frozenset[str] = frozenset()
    """Metadata that a write through `status` leaves as it was, of ALL_METADATA and DELETION."""
    default_propagation: str | None = None
    """What a DELETE that names no propagation policy does with dependents; None: they go in the background."""
    deletion_warning: str = ""
    """Said to whoever relies on that default."""
    warnings: Callable[[Object], list[str]] = lambda _obj: []
    """What whoever writes such an object should know, though it is accepted."""
    warns_on_update: bool = True
    """Whether updates are answered with `warnings` too; of pods, which programs update, creates alone are."""
    deprecation: str = ""
    """Said with every answer about such objects: that clients had better use something else."""
    deletion_finalizer: str = ""
    """Set by a DELETE, removed by whoever has to clean up before the object may go."""
    has_spec_generation: bool = field(default=True)
    """Whether a change outside metadata and status raises metadata.generation."""
    versions: tuple[Version, ...] = ()
    """In which versions the kind is served besides `resource`. Defaults, rules, columns and field selectors are about
    the kept form alone."""
    view: Version | None = None
    """Set in the rows that the registry makes of `versions`: the same kind as another version shows it."""
    kept: Row | None = None
    """The row that a view is made of."""
    custom: Custom | None = None
    """Set in the rows of kinds that users defined."""

    @property
    def type(self) -> Schema:
        """The schema of the kind's objects."""
        return self.custom.type if self.custom else schema(self.schema)

    @property
    def list_kind(self) -> str:
        """The kind of a list of its objects."""
        return self.custom.list_kind if self.custom else f"{self.resource.kind}List"

    def views(self) -> list[Row]:
        """A row for each further version: what requests for that version are decoded and answered by."""
        return [
            replace(self, resource=version.resource, schema=version.schema, versions=(), view=version, kept=self)
            for version in self.versions
        ]

    @property
    def stored(self) -> Row:
        """The row under which objects of this kind are admitted and stored."""
        return self.kept or self

    def show(self, kept: Object) -> Object:
        """A stored object as this row's version has it. One that only a webhook can convert stays as it is."""
        if self.view is None or self._is_foreign(kept):
            return kept
        shown = self.view.from_kept(kept)
        if shown is kept and kept.get("apiVersion") == self.resource.api_version:
            return kept
        return {**shown, "apiVersion": self.resource.api_version, "kind": self.resource.kind}

    def in_version(self, api_version: str) -> Row | None:
        """The row of the kind in one of its versions; None when it is not served. Versions of a kind that users defined
        differ in little: each knows the others' fields as far as it has them."""
        if self.custom is not None or self.resource.api_version == api_version:
            return self
        rows = [self.stored, *self.stored.views()]
        return next((row for row in rows if row.resource.api_version == api_version), None)

    def converted(self, shown: Object, other: Row) -> Object:
        """An object of this row's version in that of another row of the kind."""
        return shown if other is self or not shown else other.show(self.keep(shown))

    def _is_foreign(self, kept: Object) -> bool:
        converts = self.custom is not None and self.custom.webhook is not None
        return converts and kept.get("apiVersion") != self.resource.api_version

    def keep(self, shown: Object) -> Object:
        """An object of this row's version in the form that is stored."""
        if self.view is None:
            return shown
        resource = self.stored.resource
        return {**self.view.to_kept(shown), "apiVersion": resource.api_version, "kind": resource.kind}
