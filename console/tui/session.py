"""What all screens of one run share: the client, the watches, the words, the look and the cluster's figures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from common.api.kinds import CUSTOMRESOURCEDEFINITIONS, NAMESPACES, NODES, PODS, Resource
from common.api.meta import Key, Object, name
from common.clock import Clock
from console.views.columns import Table, table_of

from .access import Access
from .aside import Aside, Forwards
from .catalogue import Catalogue
from .clusters import Cluster
from .facts import Facts, Tally
from .favourites import Favourites
from .feeds import Feeds, Subscription
from .gateway import Connect, Gateway
from .keymap import Keymap
from .looks import Settings
from .machines import Machines
from .palette import Look

PATIENCE_SECONDS = 2.0  # until a first connection that is not there yet is called missing
SLICE = 100  # changes taken in at a time: about 5 ms, 10 where rows are new, so that a key never waits longer


@dataclass(frozen=True, slots=True)
class Written:
    """What a verb of this console wrote last: `what` is how its user was told."""

    what: str
    objects: tuple[Object, ...]


@dataclass
class Session:
    """Made once by the app, given to every screen."""

    gateway: Gateway
    connect: Connect
    clock: Clock
    look: Look
    keys: Keymap
    cluster: str
    feeds: Feeds
    catalogue: Catalogue
    access: Access
    aside: Aside
    forwards: Forwards
    machines: Machines | None
    clusters: tuple[Cluster, ...] = ()
    written: Written | None = None
    favourites: Favourites = field(default_factory=lambda: Favourites(None, ""))
    settings: Settings = field(default_factory=Settings)
    facts: Facts = field(default_factory=Facts)
    lost_since: float | None = None
    tall_header: bool = False
    read_only: bool = False
    _tally: Tally = field(default_factory=Tally)
    _pods: Subscription | None = None
    _nodes: Subscription | None = None
    _namespaces: Subscription | None = None
    _definitions: Subscription | None = None

    def start(self) -> None:
        """Begin to follow what the header and the prompt need."""
        self._pods = self.feeds.open(PODS)
        self._nodes = self.feeds.open(NODES)
        self._namespaces = self.feeds.open(NAMESPACES)
        self._definitions = self.feeds.open(CUSTOMRESOURCEDEFINITIONS)

    def look_within(self, namespaces: tuple[str, ...], *, refused: bool = False) -> None:
        """Follow these namespaces alone where its user may not look at all of them: what is open stays as it is, but
        for what the header counts. None for all."""
        feeds = self.feeds
        if self._pods is None or self._nodes is None or feeds.confined == namespaces:
            return
        if feeds.confined or refused or self._pods.refusal:
            feeds.confined = namespaces
            before = (self._pods, self._nodes)
            self._pods, self._nodes, self._tally = feeds.open(PODS), feeds.open(NODES), Tally()
            for feed in before:
                feed.close()

    def bind(self, *, read_only: bool) -> None:
        """From now on only read, or no longer: the server refuses all else to every client of this console."""
        self.read_only = read_only
        self.gateway.read_only = read_only

    @property
    def tint(self) -> str:
        """The colour that tells this cluster from others; empty when it has none."""
        return self.settings.tint_of(self.cluster)

    @property
    def synced(self) -> bool:
        """Whether the figures are whole, not just begun."""
        feeds = [feed for feed in (self._nodes, self._pods) if feed is not None]
        return bool(feeds) and all((feed.synced or feed.refusal) and not feed.waiting for feed in feeds)

    async def wait_synced(self) -> None:
        """Return when pods and nodes were listed once."""
        for feed in (self._nodes, self._pods):
            if feed is not None:
                await feed.wait_synced()

    @property
    def connected(self) -> bool:
        """Whether the API answers, be it that it refuses."""
        return any(feed.connected or feed.refusal for feed in (self._nodes, self._pods) if feed is not None)

    def lost_for(self) -> float | None:
        """Seconds without a connection; None while there is one, or while the first is still being made."""
        if self.lost_since is None:
            return None
        seconds = self.clock.monotonic() - self.lost_since
        return seconds if self.synced or seconds >= PATIENCE_SECONDS else None

    def namespaces(self) -> list[str]:
        return sorted(name(item) for item in self._namespaces.items()) if self._namespaces else []

    def table_of(self, resource: Resource) -> Table | None:
        """The table of a kind that users defined; None for any other."""
        definition = self._definitions.get(Key("", resource.group_resource)) if self._definitions else None
        return table_of(definition, resource.version) if definition is not None else None

    def kinds_changed(self) -> bool:
        """Whether definitions came, changed or went since this was asked last."""
        return bool(self._definitions and self._definitions.take(SLICE))

    def digest(self) -> bool:
        """Take a slice of changes into the figures; whether there is more to take."""
        if self._pods is None or self._nodes is None:
            return False
        self._tally.pods(self._pods.take(SLICE))
        self._tally.nodes(self._nodes.take(SLICE))
        nodes, pods = not self._nodes.refusal, not self._pods.refusal
        self.facts = replace(self._tally.facts(), nodes_known=nodes, pods_known=pods)
        if self.connected:
            self.lost_since = None
        elif self.lost_since is None:
            self.lost_since = self.clock.monotonic()
        return bool(self._pods.waiting)
