"""The doctor: what is wrong with the cluster, the worst first, and a jump to each cause."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from textual import on

from common.api.kinds import PODS, SECRETS, Resource
from common.api.meta import Key, Object
from common.errors import ApiError
from console.tui.actions import Where
from console.tui.feeds import Subscription
from console.tui.session import SLICE, Session
from console.tui.table.widget import Table
from console.tui.widgets.spans import Line, state_span
from console.views import doctor
from console.views.doctor import Finding
from console.views.status import Tone

from .deck import Handler
from .sheet import Sheet

CERTIFICATES_SECONDS = 60.0  # between two looks at the certificates: they end slowly


class DoctorScreen(Sheet):
    """A row per finding; below it the whole of why, and what to do."""

    where = Where.DOCTOR

    def __init__(self, session: Session) -> None:
        super().__init__(session, doctor.FINDINGS, doctor.COLUMNS, title="Doctor", said="verdict")
        self._feeds: dict[Resource, Subscription] = {}
        self._troubled: dict[Key, Object] = {}  # all pods are too many to look at each second
        self._certificates: list[Object] = []
        self._asked: float | None = None
        self._found: list[Finding] = []

    def on_mount(self) -> None:
        served = set(self.session.catalogue.resources())
        shown = [resource for resource in doctor.EXAMINED if resource in served]
        self._feeds = {resource: self.session.feeds.open(resource) for resource in shown}
        self.frame()
        self.second()

    def on_unmount(self) -> None:
        for feed in self._feeds.values():
            feed.close()

    def trail(self) -> Sequence[str]:
        return ["doctor"]

    def frame(self) -> None:
        """Sort out the pods that are well, a slice at a time."""
        feed = self._feeds.get(PODS)
        if feed is None:
            return
        for pod_key, pod in feed.take(SLICE):
            if pod is None or doctor.healthy(pod):
                self._troubled.pop(pod_key, None)
            else:
                self._troubled[pod_key] = pod
        if feed.waiting:
            self.call_later(self.frame)

    def second(self) -> None:
        """Once a second is often enough for a diagnosis, whatever happens in the cluster."""
        now = self.session.clock.monotonic()
        if self._asked is None or now - self._asked >= CERTIFICATES_SECONDS:
            self._asked = now
            self.begin(self._read_certificates, "certificates", exclusive=True)
        self._examine()

    async def _read_certificates(self) -> None:
        try:
            listing = await self.session.gateway.list(SECRETS, field_selector=doctor.TLS_SELECTOR)
        except (ApiError, OSError) as error:
            self.say(f"certificates are not looked at: {getattr(error, 'message', '') or error}", Tone.WARN)
            return
        self._certificates = listing.items
        self._examine()

    def _examine(self) -> None:
        objects: dict[Resource, Iterable[Object]] = {resource: feed.items() for resource, feed in self._feeds.items()}
        objects |= {PODS: self._troubled.values(), SECRETS: self._certificates}
        found = doctor.examine(objects, self.session.clock.now())
        if found != self._found:
            self._found = found
            self.show_rows(doctor.rows(found))
        self.table.tick()
        self._say()

    def _say(self) -> None:
        synced = all(feed.synced or feed.refusal for feed in self._feeds.values())
        refused = [resource.plural for resource, feed in self._feeds.items() if feed.refusal]
        lines = [doctor.verdict(self._found) if synced else [("Looking…", Tone.DIM)]]
        if refused:
            lines = lines if self._found else [[("Nothing wrong is seen.", Tone.TEXT)]]
            told = f"You may not look at {', '.join(refused)}: what is wrong with them is not here."
            width = max(self.size.width - 4, 20)
            lines += [[(part, Tone.WARN)] for part in textwrap.wrap(told, width)]
        self.said.fit_lines(lines)
        looked = "Nodes, pods, workloads, Services, volumes, autoscalers, budgets and certificates are well."
        self.table.set_notice([(looked, Tone.OK)] if synced and not self._found and not refused else [])

    # The finding under the cursor

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        finding: Finding | None = message.row.obj["finding"] if message.row else None
        self.about.border_title = finding.about if finding else ""
        self.about.set_lines(self._lines(finding) if finding else [])

    def _lines(self, finding: Finding) -> list[Line]:
        width = max(self.size.width - 6, 20)
        where = f"  in {finding.key.namespace}" if finding.key.namespace else ""
        why: list[Line] = [[(part, Tone.TEXT)] for part in textwrap.wrap(finding.why, width)]
        mark = "-> " if self.session.look.ascii else "→ "
        first, *rest = textwrap.wrap(finding.advice, width - len(mark))
        todo: list[Line] = [
            [(mark, Tone.KEY), (first, Tone.BRIGHT)],
            *([(" " * len(mark) + part, Tone.BRIGHT)] for part in rest),
        ]
        head: Line = [state_span(finding.status, self.session.look), (where, Tone.DIM)]
        room = max(self.about.content_size.height, 4)
        return [head, *why[: max(room - 1 - len(todo), 1)], *todo]

    def handlers(self) -> Mapping[str, Handler]:
        return {**super().handlers(), "finding.open": self._open}

    @on(Table.Opened)
    def _opened(self, _message: Table.Opened) -> None:
        self._open()

    def _open(self) -> None:
        row = self.table.model.current()
        if row is None:
            return
        finding: Finding = row.obj["finding"]
        self.leave_for(finding.resource, finding.key)


def opened(session: Session, words: Sequence[str]) -> DoctorScreen:
    """`:doctor`; ValueError for words behind it."""
    if words:
        raise ValueError(":doctor takes no words")
    return DoctorScreen(session)
