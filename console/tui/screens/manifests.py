"""Manifests of a file or folder: what applying each would change, tried by the server, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from textual import on

from common.api.kinds import NAMESPACES, Resource
from common.api.meta import Key, Object, name, namespace
from common.errors import ApiError, NotFound
from console.manifests import applying, reading
from console.manifests.applying import Outcome, Request, Verb
from console.manifests.reading import Manifest, Unreadable
from console.tui.actions import BY_ID, Where
from console.tui.session import Session
from console.tui.table.widget import Table
from console.tui.verbs.bulk import LISTED, each
from console.tui.verbs.history import undo_written
from console.tui.widgets.spans import Line
from console.views import applying as views
from console.views import editing
from console.views.status import Status, Tone

from .deck import Handler
from .dialogs import Confirm, wrapped
from .sheet import Sheet
from .text import TextScreen, paint_change

MANIFESTS = Resource("", "v1", "manifests", "Manifest", namespaced=False)
"""Not a resource of the API: the rows that files make."""
MOST_FILES = 500  # of one folder
_TRIED = {Verb.CREATED: views.CREATE, Verb.CONFIGURED: views.CHANGE, Verb.UNCHANGED: views.SAME}
_TO_APPLY = {views.CREATE, views.CHANGE, views.FAILED}
_DONE = {Verb.CREATED: views.CREATED, Verb.CONFIGURED: views.CONFIGURED, Verb.UNCHANGED: views.UNCHANGED}


@dataclass(slots=True)
class Entry:
    """A row and what is known of it: an object, a folder, or a file that is no manifest. `lines` say what differs, or
    what is wrong and where."""

    path: Path
    row: Object
    manifest: Manifest | None = None
    lines: views.Difference = ()

    def become(self, status: Status, lines: views.Difference | None = None) -> None:
        self.row = {**self.row, "status": status}
        if lines is not None:
            self.lines = lines

    @property
    def status(self) -> Status:
        found: Status = self.row["status"]
        return found

    @property
    def label(self) -> str:
        return f"{self.row['kind'].lower()}/{self.row['called']}" if self.row["kind"] else str(self.row["file"])


class ManifestsScreen(Sheet):
    """A row for each object; below it what differs. Folders stand last, so that the first row can be applied."""

    where = Where.MANIFESTS

    def __init__(self, session: Session, path: Path, namespace: str | None) -> None:
        super().__init__(session, MANIFESTS, views.COLUMNS, said="verdict", about="changes")
        self.table.model.sort_by = -1  # as the files have them
        self._path = path
        self._namespace = namespace
        self._entries: dict[str, Entry] = {}
        self._documents: dict[str, Object] = {}  # schemas by path: a folder asks for the same few
        self._served: dict[tuple[str, str], Resource] = {}
        self._read_only = False  # when it was looked

    def on_mount(self) -> None:
        self._entitle()
        self.ask()

    def trail(self) -> Sequence[str]:
        return ["apply", self._path.name or str(self._path)]

    def _entitle(self) -> None:
        dot = self.session.look.dot
        self.table.border_title = f"Manifests {dot} {self._path}".replace("[", "\\[")

    # Looking

    async def load(self) -> None:
        """Read the files, then have the server try each object, one after the other."""
        self._entries, self._documents = {}, {}
        self.table.model.marks.clear()
        self.table.set_notice([("Reading…", Tone.DIM)])
        self.show_rows([])
        found = await asyncio.to_thread(_look, self._path)
        self._entries = {entry.row["metadata"]["name"]: entry for entry in found}
        self.table.set_notice([("There is no manifest here: no .yaml, .yml or .json file.", Tone.DIM)])
        self._show()
        self._read_only = self.session.read_only
        if self._read_only:
            self._tell_read_only(found)
            return
        served = await self.session.gateway.discover()
        self._served = {(item.resource.api_version, item.resource.kind): item.resource for item in served}
        for entry in found:
            if entry.manifest is not None:
                await self._try(entry, entry.manifest)
                self._show()

    def _tell_read_only(self, entries: Iterable[Entry]) -> None:
        """Trying is more than reading, too."""
        again = self.session.keys.label(BY_ID["read-only"])
        told = f"This console is read-only: the server tries nothing, and nothing can be applied. {again} ends that."
        for entry in entries:
            if entry.manifest is not None:
                entry.become(views.UNTRIED, [(told, Tone.WARN)])
        self._show()

    def second(self) -> None:
        super().second()
        if self._read_only and not self.session.read_only:
            self._read_only = False
            self.ask()

    async def _try(self, entry: Entry, manifest: Manifest) -> None:
        try:
            outcome = await self._apply(manifest, dry_run=True)
        except (ApiError, OSError, ValueError) as error:
            if self._brings_namespace(error):
                entry.become(views.CREATE, views.difference(None, manifest.obj))
            else:
                entry.become(views.REFUSED, await asyncio.to_thread(_complaint, manifest, error))
            return
        entry.row = {**entry.row, "namespace": namespace(outcome.obj)}  # where it goes that names none
        after = outcome.obj if outcome.before is not None else manifest.obj
        same = "It is what the manifest says." if outcome.verb is Verb.UNCHANGED else "Only the record of it differs."
        entry.become(_TRIED[outcome.verb], views.difference(outcome.before, after) or [(same, Tone.DIM)])

    def _brings_namespace(self, error: Exception) -> bool:
        """Whether all that is missing is a namespace that another manifest here makes: the server cannot try that."""
        details = error.details if isinstance(error, NotFound) else {}
        made = {entry.row["called"] for entry in self._entries.values() if entry.row["kind"] == NAMESPACES.kind}
        return details.get("kind") == NAMESPACES.plural and details.get("name") in made

    async def _apply(self, manifest: Manifest, *, dry_run: bool) -> Outcome:
        version, kind = str(manifest.obj["apiVersion"]), str(manifest.obj["kind"])
        resource = self._served.get((version, kind))
        if resource is None:
            raise Unreadable(f'no matches for kind "{kind}" in version "{version}"')
        steps = applying.apply(resource, manifest.obj, self._namespace, dry_run=dry_run)
        return await applying.carry_out_async(steps, self._send)

    async def _send(self, request: Request) -> object:
        if request.path in self._documents:
            return self._documents[request.path]
        answer = await self.session.gateway.request_json(
            request.method, request.path, request.params, request.body, content_type=request.content_type
        )
        if request.path.startswith("/openapi/"):
            self._documents[request.path] = answer
        return answer

    def _show(self) -> None:
        self.show_rows([entry.row for entry in self._entries.values()])
        self.answered()

    def answered(self) -> None:
        rows = [entry.row for entry in self._entries.values()]
        self.said.set_lines([[(self.problem, Tone.BAD)] if self.problem else views.sums(rows)])
        self._tell()
        self.redraw()

    # The row under the cursor

    def subject(self) -> tuple[Resource, Key] | None:
        entry = self._current()
        obj = entry.manifest.obj if entry is not None and entry.manifest is not None else {}
        resource = self._served.get((str(obj.get("apiVersion")), str(obj.get("kind"))))
        space = namespace(obj) or self._namespace or "default"
        return (resource, Key(space if resource.namespaced else "", name(obj))) if resource else None

    def _current(self) -> Entry | None:
        row = self.table.model.current()
        return self._entries.get(row.key.name) if row else None

    @on(Table.Moved)
    def _moved(self, _message: Table.Moved) -> None:
        self._tell()

    def _tell(self) -> None:
        entry = self._current()
        if entry is None:
            self.about.border_title = ""
            self.about.set_lines([])
            return
        self.about.border_title = views.place(entry.row).replace("[", "\\[")
        room, width = max(self.about.content_size.height, 4), max(self.size.width - 6, 20)
        lines: list[Line] = []
        for text, tone in entry.lines[: room + 1]:
            lines += wrapped(text, width, tone) if tone is Tone.BAD and text[:1] != "-" else [[(text, tone)]]
        if len(lines) > room:
            lines[room - 1 :] = [[("there is more: enter shows it", Tone.DIM)]]
        self.about.set_lines(lines)

    # Keys

    def handlers(self) -> Mapping[str, Handler]:
        return {
            **super().handlers(),
            "manifest.open": self._open,
            "manifest.apply": lambda: self._apply_entries(self._chosen()),
            "manifest.apply-all": lambda: self._apply_entries(list(self._entries.values())),
            "manifest.undo": self._undo,
            "refresh": self.ask,
            "mark": self._mark,
            "mark.range": self._mark_range,
            "mark.clear": self._clear_marks,
        }

    def _mark(self) -> None:
        self.table.model.toggle_mark()
        self.table.redraw_cursor()
        self.table.navigate("down")

    def _mark_range(self) -> None:
        self.table.model.mark_range()
        self.table.refresh()

    def _clear_marks(self) -> None:
        self.table.model.marks.clear()
        self.table.refresh()

    @on(Table.Opened)
    def _opened(self, _message: Table.Opened) -> None:
        self._open()

    def _open(self) -> None:
        """Into a folder, or all that differs."""
        entry = self._current()
        if entry is None:
            return
        if entry.status == views.FOLDER:
            self._path = entry.path.resolve()
            self._entitle()
            self.ask()
            return
        title = f"{entry.label} {self.session.look.dot} {views.place(entry.row)}"
        lines = [text for text, _ in entry.lines]
        self.app.push_screen(
            TextScreen(self.session, title, [*self.trail(), entry.label], lines, wrap=True, paint=paint_change)
        )

    def _chosen(self) -> list[Entry]:
        return [self._entries[row.key.name] for row in self.table.model.targets()]

    async def _apply_entries(self, entries: Sequence[Entry]) -> None:
        """Ask, with what will happen; then apply one after the other, whatever becomes of one of them."""
        differing = [(entry, entry.manifest) for entry in entries if entry.manifest and entry.status in _TO_APPLY]
        if not differing:
            self.say(_nothing(entries), Tone.WARN)
            return
        body = _listed([entry for entry, _ in differing])
        if not await self.app.push_screen_wait(Confirm(self.session.look, "Apply", body, "Apply", danger=False)):
            return
        pairs = {id(manifest.obj): (entry, manifest) for entry, manifest in differing}

        async def work(obj: Object) -> Object:
            return await self._carry_out(*pairs[id(obj)])

        await each(self, [manifest.obj for _, manifest in differing], work, "applying", "applied: {}; U takes it back")
        self.table.model.marks.clear()
        self._show()

    async def _carry_out(self, entry: Entry, manifest: Manifest) -> Object:
        try:
            outcome = await self._apply(manifest, dry_run=False)
            entry.become(_DONE[outcome.verb])
        except (ApiError, OSError, ValueError) as error:
            entry.become(views.FAILED, await asyncio.to_thread(_complaint, manifest, error))
            raise
        finally:
            self._show()
        return outcome.obj

    async def _undo(self) -> None:
        await undo_written(self)
        self.ask()


def _look(path: Path) -> list[Entry]:
    """What a file or folder holds. Raises Unreadable; a file among others that cannot be read is a row that says so."""
    if not path.is_dir():
        return _of_manifests(path, reading.parse(reading.read(path), path.name), 0)
    try:
        files = reading.files_of(path)
        folders = sorted(item for item in path.iterdir() if item.is_dir() and not item.name.startswith("."))
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from None
    if len(files) > MOST_FILES:
        raise Unreadable(f"{path}: {len(files)} files are too many for one page, which takes {MOST_FILES}")
    found: list[Entry] = []
    for file in files:
        try:
            found += _of_manifests(file, reading.parse(reading.read(file), file.name), len(found))
        except Unreadable as error:
            found.append(Entry(file, views.row(len(found), views.UNREADABLE, file.name), lines=_said(error)))
    for folder in (*folders, path / ".."):
        found.append(Entry(folder, views.row(len(found), views.FOLDER, f"{folder.name}/")))
    return found


def _of_manifests(path: Path, manifests: Sequence[Manifest], first: int) -> list[Entry]:
    return [
        Entry(
            path,
            views.row(
                index, views.ASKING, path.name, kind=str(manifest.obj["kind"]), name=name(manifest.obj),
                namespace=namespace(manifest.obj), line=manifest.line(),
            ),
            manifest,
        )
        for index, manifest in enumerate(manifests, first)
    ]  # fmt: skip


def _said(error: Exception) -> views.Difference:
    return [(str(error), Tone.BAD)]


def _complaint(manifest: Manifest, error: Exception) -> views.Difference:
    """What is wrong, each with its line in the file."""
    return [
        (
            f"line {manifest.line(remark.field)}: {remark.field}: {remark.text}" if remark.field else remark.text,
            Tone.BAD,
        )
        for remark in editing.remarks_of(error)
    ]


def _nothing(entries: Sequence[Entry]) -> str:
    if len(entries) != 1:
        return "none of them differs from what is there"
    entry = entries[0]
    if entry.status == views.ASKING:
        return "the server has not answered yet"
    if entry.status == views.FOLDER:
        return "this is a folder: enter goes there"
    return f"{entry.label}: {entry.status.word}, so there is nothing to apply"


def _listed(entries: Sequence[Entry]) -> list[Line]:
    body: list[Line] = []
    for entry in entries[:LISTED]:
        space = f" in {entry.row['namespace']}" if entry.row["namespace"] else ""
        body.append([(f"{entry.status.word:<7} ", entry.status.tone), (f"{entry.label}{space}", Tone.BRIGHT)])
    if len(entries) > LISTED:
        body.append([(f"and {len(entries) - LISTED} more", Tone.DIM)])
    return body


def opened(session: Session, words: Sequence[str]) -> ManifestsScreen:
    """`:apply [PATH] [NAMESPACE]`; ValueError when there is no such file or folder."""
    if len(words) > 2:
        raise ValueError(":apply takes a file or folder, and a namespace for what names none")
    path = Path(words[0] if words else ".").expanduser()
    if not path.exists():
        raise ValueError(f"{path}: there is no such file or folder")
    return ManifestsScreen(session, path.resolve(), words[1] if len(words) > 1 else None)
