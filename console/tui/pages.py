"""Pages: screens that show no table of one kind and have a word of their own in the command bar (`:lb`, `:topo`).

The screens are in `screens`; the command bar and its completion know them from `PAGES` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .screens import fit, timeline, topology
from .session import Session

if TYPE_CHECKING:
    from .screens.deck import Deck


@dataclass(frozen=True, slots=True)
class Page:
    """`word` is what is typed after `:`, `aliases` other words for it. `open` makes the screen from what was typed
    behind the word; it raises ValueError, whose message is shown, when that means nothing."""

    word: str
    help: str
    open: Callable[[Session, Sequence[str]], Deck]
    aliases: tuple[str, ...] = ()


_PAGES: tuple[Page, ...] = (
    Page("topo", "A box per node with its pods in proportion to what they ask.", topology.opened, ("topology",)),
    Page("fit", "What if: `:fit nginx cpu=500m mem=1Gi x6` shows where replicas would land.", fit.opened),
    Page("timeline", "Events and writes in one order; a namespace or KIND/NAME narrows it.", timeline.opened, ("tl",)),
)
PAGES = {page.word: page for page in _PAGES}
WORDS = {word: page.word for page in _PAGES for word in (page.word, *page.aliases)}
"""The page's own word for every word that means it."""
