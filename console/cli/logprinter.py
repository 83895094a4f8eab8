"""Lines of containers as they are printed: as they are, after their source, or a JSON object each; all, or those that
match. Pure but for the writer it is given."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from common.api.meta import Key
from console.views.loglines import Level, continues, fields_of, is_moment, level_of


@dataclass(frozen=True, slots=True)
class Source:
    """A container whose log is printed."""

    pod: Key
    container: str

    @property
    def prefix(self) -> str:
        """As kubectl has it with --prefix."""
        return f"[pod/{self.pod.name}/{self.container}] "


@dataclass(frozen=True, slots=True)
class Style:
    """What of a line is printed. `level` and `pattern` leave lines out; a pattern with `!` before it those that have
    it."""

    prefix: bool = False
    times: bool = False
    as_json: bool = False
    level: Level = Level.UNKNOWN
    pattern: str = ""


class Printer:
    """One for each source: what goes on with a line is as serious as that."""

    def __init__(self, source: Source, style: Style, write: Callable[[bytes], None]) -> None:
        self._source = source
        self._style = style
        self._write = write
        self._wanted = re.compile(style.pattern.removeprefix("!")) if style.pattern else None
        self._before = Level.UNKNOWN

    def line(self, raw: bytes) -> None:
        """A line that begins with its time, without its end."""
        moment, text = _split(raw)
        style = self._style
        if not (style.as_json or style.level or self._wanted):
            head = self._source.prefix.encode() * style.prefix + (moment + b" ") * bool(style.times and moment)
            self._write(head + text + b"\n")
            return
        shown = text.decode(errors="replace")
        level = self._level(shown)
        if level >= style.level and self._matches(shown):
            self._write(self._rendered(moment.decode(), shown, level).encode(errors="replace"))

    def _level(self, text: str) -> Level:
        level = level_of(text)
        if level is Level.UNKNOWN and continues(text):
            level = self._before
        self._before = level
        return level

    def _matches(self, text: str) -> bool:
        return self._wanted is None or (self._wanted.search(text) is None) == self._style.pattern.startswith("!")

    def _rendered(self, moment: str, text: str, level: Level) -> str:
        source, style = self._source, self._style
        if not style.as_json:
            return source.prefix * style.prefix + f"{moment} " * bool(style.times and moment) + text + "\n"
        told: dict[str, object] = {
            "time": moment, "namespace": source.pod.namespace, "pod": source.pod.name, "container": source.container,
            "level": level.name.lower(), "message": text,
        }  # fmt: skip
        fields = fields_of(text)
        if fields is not None:
            told["fields"] = fields
        return json.dumps(told, ensure_ascii=False) + "\n"


def _split(raw: bytes) -> tuple[bytes, bytes]:
    moment, _, text = raw.partition(b" ")
    return (moment, text) if is_moment(moment.decode(errors="replace")) else (b"", raw)
