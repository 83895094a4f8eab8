"""No screen without its golden pictures, and no picture without its screen."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from textual.screen import Screen

import console.tui
from console.tui.pages import PAGES
from console.tui.screens.deck import Deck
from tests.tui.conftest import SIZES
from tests.tui.pictures import GOLDEN, SCREEN

STYLES = GOLDEN / "styles"
FOLDERS = [GOLDEN / size for size in SIZES] + [GOLDEN / "ascii" / size for size in SIZES] + [STYLES]


def shown_screens() -> set[str]:
    """The classes of the screens of which there are pictures."""
    return {path.read_text().splitlines()[0].removeprefix(SCREEN) for path in STYLES.glob("*.txt")}


def concrete(kind: type[Screen[object]]) -> set[str]:
    """What can be on the screen: our classes that no other of ours refines."""
    ours = [sub for sub in kind.__subclasses__() if sub.__module__.startswith("console.")]
    found = set().union(*(concrete(sub) for sub in kind.__subclasses__()))
    return found or ({kind.__name__} if kind.__module__.startswith("console.") and not ours else set())


def load_all() -> None:
    for module in pkgutil.walk_packages(console.tui.__path__, "console.tui."):
        importlib.import_module(module.name)


def test_every_screen_has_pictures() -> None:
    load_all()
    assert concrete(Screen) <= shown_screens()


def test_every_page_has_pictures() -> None:
    """Also those that share a class: each says in its trail who it is."""
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    unopened = [page.word for page in PAGES.values() if f'*"{page.word}' not in tests and f'"{page.word} ' not in tests]
    assert not unopened


def test_every_kind_of_place_has_pictures() -> None:
    """`Where` is what keys and footers depend on."""
    load_all()

    def refined(kind: type[Deck]) -> set[type[Deck]]:
        return {kind}.union(*(refined(sub) for sub in kind.__subclasses__()))

    shown = shown_screens()
    unseen = {kind.where for kind in refined(Deck) if hasattr(kind, "where")} - {
        kind.where for kind in refined(Deck) if kind.__name__ in shown
    }
    assert not unseen


def test_every_picture_is_there_in_every_size_and_in_ascii() -> None:
    names = {path.name for folder in FOLDERS for path in folder.glob("*.txt")}
    missing = [str((folder / name).relative_to(GOLDEN)) for folder in FOLDERS for name in names
               if not (folder / name).exists()]  # fmt: skip
    assert not missing


def test_no_picture_is_left_of_a_screen_that_went() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert not [path.stem for path in STYLES.glob("*.txt") if f'"{path.stem}"' not in tests]
