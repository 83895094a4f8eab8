"""Pages: screens that show no table of one kind and have a word of their own in the command bar (`:lb`, `:topo`).

The screens are modules of `screens`, each with a function `opened`; the command bar and its completion know them from
`PAGES`, which plugins add to.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from console.plugins import Plugin

from . import acts
from .acts import Act
from .session import Session

if TYPE_CHECKING:
    from .screens.deck import Deck

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """`word` is what is typed after `:`, `aliases` other words for it. `open` makes the screen from what was typed
    behind the word; it raises ValueError, whose message is shown, when that means nothing."""

    word: str
    help: str
    open: Callable[[Session, Sequence[str]], Deck]
    aliases: tuple[str, ...] = ()


def _of(module: str) -> Callable[[Session, Sequence[str]], Deck]:
    """The pages of a module of `screens`, which is loaded when one is opened: who starts the console wants rows."""

    def opened(session: Session, words: Sequence[str]) -> Deck:
        open_page: Callable[[Session, Sequence[str]], Deck]
        open_page = importlib.import_module(f"{__package__}.screens.{module}").opened
        return open_page(session, words)

    return opened


_PAGES: tuple[Page, ...] = (
    Page(
        "apply",
        "Manifests of a file or folder: what each would change; `a` applies: `:apply ./site`.",
        _of("manifests"),
        ("dir", "d", "manifest", "manifests"),
    ),
    Page("xray", "What objects are made of, as a tree: `:xray deploy shop /web`.", _of("xray"), ("x", "tree")),
    Page("topo", "A box per node with its pods in proportion to what they ask.", _of("topology"), ("topology",)),
    Page(
        "fit",
        "What if: `:fit nginx cpu=500m mem=1Gi x6` shows where replicas would land.",
        _of("fit"),
        ("what-if", "whatif"),
    ),
    Page(
        "pulses",
        "The cluster at a glance: health by kind, CPU and memory over time.",
        _of("pulses"),
        ("pulse", "pu", "hz"),
    ),
    Page(
        "lb",
        "Services, their endpoints, weights, requests, errors and latency; a namespace narrows it.",
        _of("balancer"),
        ("loadbalancer", "balancer"),
    ),
    Page(
        "logs", "Logs of all pods with some labels, new ones too: `:logs app=web [NAMESPACE]`.", _of("logs"), ("log",)
    ),
    Page(
        "forwards",
        "The port-forwards that run in this console.",
        _of("forwards"),
        ("forward", "pf", "portforward", "port-forward"),
    ),
    Page(
        "ctx",
        "The clusters of this console; enter goes to one.",
        _of("clusters"),
        ("context", "contexts", "cluster", "clusters"),
    ),
    Page("doctor", "What is wrong, the worst first, with its cause and the next step.", _of("doctor"), ("dr",)),
    Page(
        "theme",
        "How the console looks: colours for dark and bright rooms, 16 colours, none.",
        _of("themes"),
        ("themes",),
    ),
    Page("timeline", "Events and writes in one order; a namespace or KIND/NAME narrows it.", _of("timeline"), ("tl",)),
)
PAGES = {page.word: page for page in _PAGES}
PLUGINS = "quarterdeck.tui"
"""The entry points of other packages' pages and actions: each names a Page or an Act, or several."""


def words_of(pages: Mapping[str, Page | Act]) -> dict[str, str]:
    """A page's own word for every word that means it."""
    return {word: page.word for page in pages.values() for word in (page.word, *page.aliases)}


def with_plugins(found: Iterable[Plugin]) -> dict[str, Page | Act]:
    """Our pages, and pages and actions of plugins. One whose word is taken, and what is neither, is left out and
    logged."""
    pages: dict[str, Page | Act] = dict(PAGES)
    for plugin in found:
        offered = plugin.value if isinstance(plugin.value, Sequence) else (plugin.value,)
        for item in offered:
            if not isinstance(item, Page | Act):
                log.error("%s of %s is left out: it is neither a console.tui.pages.Page nor a console.tui.acts.Act",
                          plugin.name, plugin.origin)  # fmt: skip
            elif taken := {item.word, *item.aliases} & words_of(pages).keys():
                log.error("%s of %s is left out: :%s is taken", plugin.name, plugin.origin, ", :".join(sorted(taken)))
            elif isinstance(item, Act):
                pages[item.word] = acts.guarded(item, plugin.origin)
            else:
                pages[item.word] = replace(item, open=_guarded(item, plugin.origin))
    return pages


def _guarded(page: Page, origin: str) -> Callable[[Session, Sequence[str]], Deck]:
    """What foreign code raises is said on the screen and ends nothing."""

    def opened(session: Session, words: Sequence[str]) -> Deck:
        try:
            return page.open(session, words)
        except ValueError:
            raise
        except Exception as error:
            log.exception("page %s of %s failed", page.word, origin)
            raise ValueError(f":{page.word} of {origin} failed: {type(error).__name__}: {error}") from error

    return opened
