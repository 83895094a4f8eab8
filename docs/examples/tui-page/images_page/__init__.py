"""`:images`: which images run in the cluster, how often, and on which nodes. `:note TEXT` notes something on the pods
that are marked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from common.api.kinds import PODS, Resource
from common.api.meta import Object, name, namespace
from console.tui.acts import Act
from console.tui.pages import Page
from console.tui.screens.lines import LinesScreen
from console.tui.session import Session


def lines(objects: Mapping[Resource, Sequence[Object]], word: str) -> Iterable[str]:
    """An image with `word` in its name, and below it its nodes."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for pod in objects[PODS]:
        for container in pod["spec"]["containers"]:
            if word in container["image"]:
                found[container["image"]][pod["spec"].get("nodeName") or "no node yet"] += 1
    if not found:
        yield "NO IMAGE IS IN USE" if not word else f"NO IMAGE IN USE HAS {word!r} IN ITS NAME"
    for image, nodes in sorted(found.items(), key=lambda item: -sum(item[1].values())):
        yield f"{image}:  {sum(nodes.values())} containers"
        for node, count in sorted(nodes.items()):
            yield f"    {node}:  {count}"


def opened(session: Session, words: Sequence[str]) -> LinesScreen:
    """`:images`, or `:images WORD` for those with the word in their name."""
    if len(words) > 1:
        raise ValueError(":images takes one word at most")
    word = words[0] if words else ""
    title = f"images {word}".strip()
    return LinesScreen(session, title, [PODS], lambda objects: lines(objects, word))


async def note(session: Session, pods: Sequence[Object], words: Sequence[str]) -> str:
    """`:note TEXT` on each of the pods, `:note` to take it away."""
    text = " ".join(words) or None
    for pod in pods:
        change = {"metadata": {"annotations": {"example.com/note": text}}}
        await session.gateway.patch(PODS, name(pod), change, namespace(pod))
    return f"{'noted on' if text else 'no note on'} {', '.join(map(name, pods))}"


PAGE = Page("images", "Which images run, and where; a word narrows it to names that have it.", opened, ("img",))
ACT = Act("note", "Note something on the marked pods.", note, frozenset({"pods"}))
