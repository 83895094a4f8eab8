"""One line of a container's log: its time, its text without what could steer a terminal, how serious it is, and what a
JSON line says in words. For the console and the command line. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

MOST_JSON = 64 * 1024  # bytes of a line that is looked at as JSON: longer ones are data, not messages
_LOOKED_AT = 240  # letters of a line in which its level stands, if anywhere


class Level(IntEnum):
    """How serious a line is; UNKNOWN says nothing of it."""

    UNKNOWN = 0
    TRACE = 1
    DEBUG = 2
    INFO = 3
    WARN = 4
    ERROR = 5
    FATAL = 6


class LogLine(NamedTuple):
    """`time` is RFC 3339 as the node wrote it, empty when there is none."""

    time: str
    text: str


_WORDS: Mapping[str, Level] = {
    "trace": Level.TRACE, "verbose": Level.TRACE, "finest": Level.TRACE, "debug": Level.DEBUG, "fine": Level.DEBUG,
    "info": Level.INFO, "information": Level.INFO, "informational": Level.INFO, "notice": Level.INFO,
    "log": Level.INFO, "default": Level.INFO, "warn": Level.WARN, "warning": Level.WARN, "err": Level.ERROR,
    "error": Level.ERROR, "severe": Level.ERROR, "fatal": Level.FATAL, "panic": Level.FATAL, "dpanic": Level.FATAL,
    "crit": Level.FATAL, "critical": Level.FATAL, "alert": Level.FATAL, "emerg": Level.FATAL,
    "emergency": Level.FATAL,
}  # fmt: skip
_KLOG: Mapping[str, Level] = {"I": Level.INFO, "W": Level.WARN, "E": Level.ERROR, "F": Level.FATAL}
_SHORT: Mapping[str, Level] = {**_KLOG, "D": Level.DEBUG, "T": Level.TRACE, "V": Level.TRACE}
_ALTERNATIVES = "|".join(sorted(_WORDS, key=len, reverse=True))
# In this order of trust: `level=warn`, klog's and logcat's first letter, a word in brackets or before a colon, a word
# in capitals. A word in the middle of a sentence ("no error was found") is none of these.
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_FIELD = re.compile(rf"""\b(?:level|lvl|severity)["']?\s*[=:]\s*["']?({_ALTERNATIVES})\b""", re.IGNORECASE)
_LETTER = re.compile(r"^([IWEF])\d{4} \d\d:\d\d:\d\d|^\[?\d[\d:. T/-]* ?\[?([IWEFDTV])\]? ")
_BRACKETS = re.compile(rf"[\[<(]\s*({_ALTERNATIVES})\s*[\]>)]|^\s*({_ALTERNATIVES})\s*[:|]", re.IGNORECASE)
_CAPITALS = re.compile(rf"(?<![\w/.-])({_ALTERNATIVES.upper()})(?![\w/.-])")
_CRASHES = re.compile(r"^(?:Traceback \(most recent call last\)|panic: |fatal error: |Exception in thread )")
_LEVEL_KEYS = ("level", "severity", "lvl", "levelname", "log.level", "loglevel", "LEVEL", "Level", "@level")
_MESSAGE_KEYS = ("msg", "message", "event", "@message", "Message", "text", "log")
_TIME_KEYS = frozenset({"time", "ts", "timestamp", "@timestamp", "t", "date", "datetime"})


def parse_all(raw: Sequence[bytes]) -> list[LogLine]:
    """Lines as the API sends them with timestamps: RFC 3339, a space, the text. Control characters are taken out, so
    that a log cannot steer the operator's terminal. What is done to all of them at once costs a tenth of that."""
    whole = b"\n".join(raw).decode(errors="replace")
    if _STEERING.search(whole):
        whole = _ESCAPES.sub("", whole.replace("\t", "    "))
    lines = whole.split("\n")
    return [_timed(line) for line in lines] if raw else []


def parse(raw: bytes) -> LogLine:
    """One line of that."""
    return parse_all([raw])[0]


def _timed(line: str) -> LogLine:
    moment, _, rest = line.partition(" ")
    return LogLine(moment, rest) if is_moment(moment) else LogLine("", line)


def is_moment(word: str) -> bool:
    """Whether a word is the time that the API puts before a line."""
    return len(word) >= 20 and word[4] == "-" and word[10] == "T" and word[13] == ":"


def level_of(text: str) -> Level:
    """What a line says of itself, as JSON, `level=…`, klog or in words."""
    if text[:1] == "{" and (fields := fields_of(text)) is not None:
        return _of_fields(fields)
    begin = text[:_LOOKED_AT]
    if found := _FIELD.search(begin):
        return _WORDS[found[1].lower()]
    if found := _LETTER.match(begin):
        return _SHORT[found[1] or found[2]]
    if found := _BRACKETS.search(begin):
        return _WORDS[(found[1] or found[2]).lower()]
    if found := _CAPITALS.search(begin):
        return _WORDS[found[1].lower()]
    return Level.ERROR if _CRASHES.match(begin) else Level.UNKNOWN


def continues(text: str) -> bool:
    """Whether a line goes on with the one before: the frames of a stack, the rest of a message."""
    return text[:1] in {" ", "\t", "}", ")"} or text.startswith(("Caused by:", "goroutine ", "..."))


def fields_of(text: str) -> dict[str, Any] | None:
    """The object that a line is in JSON; None when it is none."""
    if text[:1] != "{" or len(text) > MOST_JSON:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _of_fields(fields: Mapping[str, Any]) -> Level:
    value = next((fields[key] for key in _LEVEL_KEYS if key in fields), None)
    if value is None and isinstance(nested := fields.get("log"), dict):
        value = nested.get("level")
    if isinstance(value, str):
        return _WORDS.get(value.lower(), Level.UNKNOWN)
    if isinstance(value, int) and not isinstance(value, bool):
        return _of_number(value)
    return Level.UNKNOWN


def _of_number(value: int) -> Level:
    """Pino's and bunyan's numbers: 10 is trace, 60 fatal."""
    return Level(min(max(value // 10, 1), 6)) if value >= 10 else Level.UNKNOWN


def pretty(text: str) -> list[str] | None:
    """A JSON line as several: what it says first, then its fields, a line each; None for any other line."""
    fields = fields_of(text)
    if fields is None:
        return None
    message = next((key for key in _MESSAGE_KEYS if isinstance(fields.get(key), str)), "")
    level = next((key for key in _LEVEL_KEYS if isinstance(fields.get(key), (str, int))), "")
    known = _of_fields(fields)
    word = known.name if known else str(fields[level]) if level else ""
    head = " ".join(part for part in (word, str(fields[message]) if message else "") if part)
    rest = {key: value for key, value in fields.items() if key not in {level, message}}
    times = {key: value for key, value in rest.items() if key in _TIME_KEYS}
    others = {key: value for key, value in rest.items() if key not in _TIME_KEYS}
    lines = [_clean(head)] if head else []
    for key, value in {**others, **times}.items():
        lines += _field_lines(key, value)
    return lines or ["{}"]


def _field_lines(key: str, value: Any) -> list[str]:
    if isinstance(value, str):
        first, *more = value.splitlines() or [""]  # a stack in a field reads best as it was written
        return [f"  {_clean(key)}: {_clean(first)}", *(f"      {_clean(line)}" for line in more)]
    shown = json.dumps(value, ensure_ascii=False, indent=2) if isinstance(value, (dict, list)) and value else None
    if shown is None:
        return [f"  {_clean(key)}: {json.dumps(value)}"]
    first, *more = shown.splitlines()
    return [f"  {_clean(key)}: {first}", *(f"  {_clean(line)}" for line in more)]


def _clean(text: str) -> str:
    """Escapes that JSON had hidden are as harmful as others."""
    return _ESCAPES.sub("", text.replace("\t", "    ").replace("\n", " "))
