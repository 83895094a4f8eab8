"""What objects are made of, as a tree that follows the cluster: owners, pods, containers, and what these name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual import on

from common.api import meta
from common.api.kinds import PODS, Resource
from common.api.meta import Key, Object
from console.tui.actions import Where
from console.tui.catalogue import Unknown
from console.tui.feeds import Subscription
from console.tui.session import SLICE, Session
from console.tui.table.widget import Table
from console.tui.widgets.spans import Line, state_span
from console.views import xray
from console.views.containers import CONTAINERS
from console.views.status import Tone

from .deck import Handler
from .sheet import Sheet

Chosen = Callable[[Object], bool]
_SOME = 12  # trees: with more of them each begins folded, so that the first look shows them all


class XrayScreen(Sheet):
    """A line per branch; below it what is under the cursor, in words."""

    where = Where.XRAY

    def __init__(self, session: Session, resource: Resource, chosen: Chosen, title: str) -> None:
        super().__init__(session, xray.BRANCHES, xray.COLUMNS, said="verdict", title=title)
        self._resource = resource
        self._chosen = chosen
        self._title = title
        self._feeds: dict[Resource, Subscription] = {}
        self._trees: list[xray.Branch] = []
        self._folded: frozenset[str] | None = None
        self._faults_only = False

    def on_mount(self) -> None:
        self._feeds = {item: self.session.feeds.open(item) for item in dict.fromkeys((self._resource, *xray.NEEDED))}
        self._look()

    def on_unmount(self) -> None:
        for feed in self._feeds.values():
            feed.close()

    def trail(self) -> Sequence[str]:
        return ["xray", self._title]

    def frame(self) -> None:
        changed = [feed.take(SLICE) for feed in self._feeds.values()]
        if any(changed) or not self._trees:
            self._look()

    def _look(self) -> None:
        """Grow the trees anew, once everything that they need is there."""
        known = {item: feed.items() for item, feed in self._feeds.items() if feed.synced and not feed.refusal}
        waiting = [item for item, feed in self._feeds.items() if not feed.synced and not feed.refusal]
        if waiting or self._resource not in known:
            refusal = self._feeds[self._resource].refusal
            self.table.set_notice([(refusal, Tone.BAD)] if refusal else [("Looking", Tone.BUSY)])
            return
        roots = [obj for obj in self._feeds[self._resource].items() if self._chosen(obj)]
        self._trees = xray.grow(self._resource, roots, known)
        if self._folded is None and self._trees:
            tops = frozenset(xray.path_of(tree) for tree in self._trees)
            self._folded = tops if len(self._trees) > _SOME else frozenset()
        self._show()

    def _show(self) -> None:
        lines = xray.drawn(
            self._trees,
            self._folded or frozenset(),
            faults_only=self._faults_only,
            ascii_only=self.session.look.ascii,
        )
        self.show_rows(xray.rows(lines))
        look = self.session.look
        faults = sum(1 for tree in self._trees if tree.troubled)
        count = f"{len(self._trees)} {'tree' if len(self._trees) == 1 else 'trees'}"
        state = (f"{look.glyphs[Tone.BAD]} {faults} with faults", Tone.BAD) if faults else (
            f"{look.glyphs[Tone.OK]} no faults", Tone.OK
        )  # fmt: skip
        shown = [("  faults only", Tone.WARN)] if self._faults_only else []
        self.said.set_lines([[(f"{count}  ", Tone.BRIGHT), state, *shown]])
        nothing = f"No {self._resource.plural} here; esc goes back."
        hidden = f"No faults among {count}; ^z shows them all."
        self.table.set_notice([(hidden if self._trees else nothing, Tone.DIM)] if not lines else [])

    # Under the cursor

    def _branch(self) -> xray.Branch | None:
        row = self.table.model.current()
        return row.obj["line"].branch if row else None

    def kind(self) -> str:
        branch = self._branch()
        return branch.resource.plural if branch else ""

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        branch = message.row.obj["line"].branch if message.row else None
        self.about.border_title = f"{branch.resource.kind} {branch.place}".replace("[", "\\[") if branch else ""
        lines: list[Line] = []
        if branch is not None:
            if branch.state is not None:
                lines.append([state_span(branch.state, self.session.look)])
            if branch.info:
                lines.append([(branch.info, Tone.TEXT)])
            lines.append([(_advice(branch), Tone.DIM)])
        self.about.set_lines(lines)

    # Actions

    def handlers(self) -> Mapping[str, Handler]:
        return {
            **super().handlers(),
            "xray.open": self._open,
            "xray.fold": self._fold,
            "xray.faults": self._faults,
        }

    @on(Table.Opened)
    def _opened(self, _message: Table.Opened) -> None:
        self._open()

    def _open(self) -> None:
        """To the object in its own table; a container's pod."""
        row = self.table.model.current()
        if row is None:
            return
        line: xray.Drawn = row.obj["line"]
        branch = line.branch
        if branch.resource == CONTAINERS:
            name = line.path.rpartition("/containers:")[0].rpartition("/")[2]
            self.leave_for(PODS, Key(branch.place.namespace, name))
        elif branch.state is not None and branch.state.word == "missing":
            self.say(f"{branch.resource.kind.lower()} {branch.place} is not there", Tone.WARN)
        else:
            self.leave_for(branch.resource, branch.place)

    def _fold(self) -> None:
        row = self.table.model.current()
        if row is not None and row.obj["line"].branch.branches:
            self._folded = (self._folded or frozenset()) ^ {row.obj["line"].path}
            self._show()

    def _faults(self) -> None:
        self._faults_only = not self._faults_only
        self._show()


def _advice(branch: xray.Branch) -> str:
    if branch.state is not None and branch.state.word == "missing":
        return "A pod names it and it is not there: without it the pod's containers may not start."
    below = len(branch.branches)
    return f"{below} below it; space folds them, enter goes there" if below else "enter goes there"


def of_object(session: Session, resource: Resource, obj: Object) -> XrayScreen:
    """The tree of one object."""
    place = meta.key(obj)
    return XrayScreen(session, resource, lambda item: meta.key(item) == place, f"{resource.kind.lower()} {place}")


def opened(session: Session, words: Sequence[str]) -> XrayScreen:
    """`:xray deploy shop,data /web`; ValueError says what is meant by it."""
    try:
        command = session.catalogue.resolve(" ".join(words) or "deployments")
    except Unknown as error:
        raise ValueError(str(error)) from error
    if command.resource is None:
        raise ValueError(":xray takes a kind, perhaps namespaces and a filter: `:xray deploy shop /web`")
    spaces, query = frozenset(command.namespaces), command.query.lower()

    def chosen(obj: Object) -> bool:
        return (not spaces or meta.namespace(obj) in spaces) and query in meta.name(obj).lower()

    place = ",".join(command.namespaces) or "all"
    return XrayScreen(session, command.resource, chosen, f"{command.resource.plural} {place}")
