"""Which theme is worn, which glyphs, and which colour each cluster has: QUARTERDECK_HOME/look.json and the terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common.files import write_atomic

from .colours import TINTS, Palette
from .palette import Look
from .themes import MONO, NAVY, SIXTEEN, SIXTEEN_LIGHT, THEMES

FILE = "look.json"
NO_TINT = "none"
_MEMBERS = ("theme", "ascii", "clusters")
_PRODUCTION = re.compile(r"(^|[^a-z])prod(uction)?([^a-z]|$)", re.IGNORECASE)


class LookError(Exception):
    """What was asked for cannot be worn; the message says what can."""


@dataclass
class Settings:
    """What the user chose. An empty `theme` is the one that suits the terminal; `clusters` maps names to tints or
    "none". Without a `path` nothing is kept."""

    path: Path | None = None
    theme: str = ""
    ascii: bool = False
    clusters: dict[str, str] = field(default_factory=dict)

    def tint_of(self, cluster: str) -> str:
        """The colour of a cluster's header, empty for none. Production is red until somebody says otherwise."""
        chosen = self.clusters.get(cluster, "red" if _PRODUCTION.search(cluster) else NO_TINT)
        return "" if chosen == NO_TINT else chosen

    def save(self) -> None:
        """Write the file in one step; OSError names it when that cannot be done. Blocks: call it in a thread."""
        if self.path is not None:
            data = {"theme": self.theme, "ascii": self.ascii, "clusters": self.clusters}
            write_atomic(self.path, json.dumps({name: value for name, value in data.items() if value}).encode() + b"\n")


def load(home: Path) -> Settings:
    """The settings of a console; LookError names the file and what is wrong in it."""
    path = home / FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings(path)
    except (OSError, ValueError) as error:
        raise LookError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(data, dict):
        raise LookError(f'{path} must hold an object like {{"theme": "light"}}')
    for name in data:
        if name not in _MEMBERS:
            raise LookError(f"{path}: there is no setting {name!r}; allowed: {', '.join(_MEMBERS)}")
    theme, plain, clusters = data.get("theme", ""), data.get("ascii", False), data.get("clusters", {})
    if theme:
        theme_named(theme, f"{path}: ")
    if not isinstance(plain, bool):
        raise LookError(f"{path}: ascii must be true or false, not {plain!r}")
    if not isinstance(clusters, dict):
        raise LookError(f'{path}: clusters must be an object like {{"prod": "red"}}')
    for cluster, tint in clusters.items():
        if tint not in (*TINTS, NO_TINT):
            allowed = ", ".join((*TINTS, NO_TINT))
            raise LookError(f"{path}: the colour of cluster {cluster!r} is {tint!r}; allowed: {allowed}")
    return Settings(path, theme, plain, clusters)


def theme_named(name: object, where: str = "") -> Palette:
    """The theme of that name; LookError tells which there are."""
    found = THEMES.get(name) if isinstance(name, str) else None
    if found is None:
        raise LookError(f"{where}there is no theme {name!r}; allowed: {', '.join(THEMES)}")
    return found


def choose(
    environment: Mapping[str, str], settings: Settings | None = None, *, theme: str = "", ascii_only: bool = False
) -> Look:
    """The look for a terminal: the theme that was asked for, none with NO_COLOR, else the one of the settings.

    A terminal that has 16 colours alone (`TERM=linux`, `xterm` without COLORTERM) gets a theme of those instead.
    """
    settings = settings or Settings()
    term = environment.get("TERM", "")
    language = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or ""
    plain = ascii_only or settings.ascii or (term == "linux" and "UTF" not in language.upper())
    if theme:
        return Look(theme_named(theme), plain)
    if environment.get("NO_COLOR"):
        return Look(MONO, plain)
    wanted = theme_named(settings.theme) if settings.theme else _usual(environment)
    return Look(wanted if wanted.ansi or _many_colours(environment) else _sixteen(wanted), plain)


def _many_colours(environment: Mapping[str, str]) -> bool:
    term, color = environment.get("TERM", ""), environment.get("COLORTERM", "")
    return color in {"truecolor", "24bit"} or "256" in term or "kitty" in term or "direct" in term


def _usual(environment: Mapping[str, str]) -> Palette:
    """Dark, unless 16 colours stand on a ground that the terminal calls bright (COLORFGBG ends with 7 or 15)."""
    bright = environment.get("COLORFGBG", "").rpartition(";")[2] in {"7", "15"}
    return SIXTEEN_LIGHT if bright and not _many_colours(environment) else NAVY


def _sixteen(wanted: Palette) -> Palette:
    return SIXTEEN if wanted.dark else SIXTEEN_LIGHT
