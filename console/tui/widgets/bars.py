"""Header, crumbs and footer as lines of text. Pure: width and facts in, spans out."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime

from common.api import ages
from console.tui.actions import Action
from console.tui.facts import Facts
from console.tui.keymap import Keymap
from console.tui.palette import Look
from console.views.status import Tone

from .spans import Line, Span, cut_line, justified, width_of

WARM, HOT = 70, 90  # per cent of a resource asked for: where a gauge starts to warn, and to alarm
TALL_LINES = 5
_HINT_CELLS = 9  # of what a key of the tall header does


def heat(percent: int) -> Tone:
    if percent >= HOT:
        return Tone.BAD
    return Tone.WARN if percent >= WARM else Tone.OK


def gauge(name: str, percent: int, width: int, look: Look) -> list[Span]:
    """`cpu ████░░░░ 61%`."""
    full, empty = look.bar(percent / 100, width)
    return [(f"{name} ", Tone.DIM), (full, heat(percent)), (empty, Tone.DIM), (f"{percent:>4}%", heat(percent))]


def _nodes(facts: Facts) -> list[Span]:
    if not facts.nodes_known and not facts.pods_known:
        return []
    if not facts.nodes_known:
        return [(f"{facts.pods}", Tone.BRIGHT), (" pods", Tone.DIM)]
    if facts.nodes == 0:
        return [("no nodes", Tone.WARN)]
    tone = Tone.OK if facts.ready == facts.nodes else Tone.BAD
    return [(f"{facts.ready}/{facts.nodes}", tone), (" nodes" if facts.nodes != 1 else " node", Tone.DIM)]


def _faults(facts: Facts, look: Look) -> list[Span]:
    if not facts.pods_known:
        return [("pods not allowed", Tone.DIM)]
    if facts.faults == 0:
        return [(f"{look.glyphs[Tone.OK]} no faults", Tone.OK)]
    word = "fault" if facts.faults == 1 else "faults"
    return [(f"{look.glyphs[Tone.BAD]} {facts.faults} {word}", Tone.BAD)]


def _lost(seconds: float, look: Look) -> list[Span]:
    return [(f"{look.glyphs[Tone.BAD]} no connection for {ages.duration(seconds)}, retrying", Tone.BAD)]


def header(
    cluster: str,
    facts: Facts,
    *,
    known: bool,
    lost: float | None,
    now: datetime,
    width: int,
    look: Look,
    read_only: bool = False,
) -> list[Span]:
    """The one-line header. `lost`: seconds without a connection. `known`: whether the figures are whole."""
    gap: Span = ("  ", Tone.TEXT)
    left: list[Span] = [(" ", Tone.TEXT), (cluster, Tone.KEY)]
    right: list[Span] = [(now.astimezone().strftime("%H:%M:%S "), Tone.DIM)]
    if read_only:
        left += [gap, ("read-only", Tone.WARN)]
    if facts.simulated:
        left += [gap, ("SIMULATION" if width < 140 else "SIMULATION: hollow nodes, no containers", Tone.LEAVING)]
    if lost is not None:
        return justified([*left, gap, *_lost(lost, look)], right, width)
    if not known:
        return justified([*left, gap, ("connecting", Tone.BUSY)], right, width)
    room = width - width_of(left) - width_of(right) - 1
    for part in _fitting(facts, width, room, look):
        left += [gap, *part]
    return justified(left, right, width)


def _fitting(facts: Facts, width: int, room: int, look: Look) -> list[list[Span]]:
    """The parts of the header that fit, in their order; families go first when there is no room, then figures."""
    cpu, memory = facts.cpu, facts.memory
    shares: list[Span] = [("cpu ", Tone.DIM), (f"{cpu}%", heat(cpu)), (" mem ", Tone.DIM), (f"{memory}%", heat(memory))]
    if width >= 110:
        shares = [*gauge("cpu asked", cpu, 10, look), ("  ", Tone.TEXT), *gauge("mem asked", memory, 10, look)]
    elif width >= 76:
        shares.append((" asked", Tone.DIM))
    if not facts.ready:
        shares = []
    families: list[Span] = [("+".join(facts.families), Tone.DIM)]
    ranked = [(0, _nodes(facts)), (3, families), (2, shares), (1, _faults(facts, look))]
    kept = [(rank, part) for rank, part in ranked if width_of(part)]
    while kept and sum(2 + width_of(part) for _, part in kept) > room:
        kept.remove(max(kept, key=lambda item: item[0]))
    return [part for _, part in kept]


LOGO_ASCII = (r"    \ | /    ", r"  ---(o)---  ", r"    / | \    ", " QUARTERDECK ")
LOGO = ("     ╲│╱     ", "  ───(◉)───  ", "     ╱│╲     ", " QUARTERDECK ")


def tall_header(
    cluster: str, facts: Facts, hints: Sequence[Action], keymap: Keymap, *, lost: float | None, now: datetime,
    width: int, look: Look, read_only: bool = False,
) -> list[Line]:  # fmt: skip
    """Five lines: figures with gauges, keys of this screen, the logo."""
    figures = _figures(cluster, facts, lost, now, look, read_only=read_only)
    logo = LOGO_ASCII if look.ascii else LOGO
    columns = max(0, (width - 46 - (16 if width >= 90 else 0)) // 18)
    lines: list[Line] = []
    for row, figure in enumerate(figures):
        line = justified(figure, (), 46)
        for column in range(columns):
            index = column * len(figures) + row
            line += _hint_cell(hints[index], keymap) if index < len(hints) else [(" " * 18, Tone.TEXT)]
        art: list[Span] = []
        if width >= 90:
            art = [(logo[row] if row < len(logo) else " " * 13, Tone.KEY if row == 3 else Tone.LINK), (" ", Tone.TEXT)]
        lines.append(justified(line, art, width))
    return lines


def _figures(
    cluster: str, facts: Facts, lost: float | None, now: datetime, look: Look, *, read_only: bool
) -> list[list[Span]]:
    simulated: list[Span] = [("  SIMULATION", Tone.LEAVING)] if facts.simulated else []
    bound: list[Span] = [("  read-only", Tone.WARN)] if read_only else []
    families = "+".join(facts.families)
    clock = now.astimezone().strftime("%H:%M:%S")
    state = _lost(lost, look) if lost is not None else _faults(facts, look)
    return [
        [
            (" Cluster   ", Tone.DIM),
            (cluster, Tone.KEY),
            (f"  {facts.version}  {families}", Tone.DIM),
            *bound,
            *simulated,
        ],
        [
            (" Nodes     ", Tone.DIM),
            *(_nodes(facts) if facts.nodes_known else [("not allowed", Tone.DIM)]),
            (f"  {facts.pods}", Tone.BRIGHT),
            (" pods", Tone.DIM),
        ],
        [(" ", Tone.TEXT), *gauge("CPU asked", facts.cpu, 18, look)],
        [(" ", Tone.TEXT), *gauge("MEM asked", facts.memory, 18, look)],
        [(" State     ", Tone.DIM), *state, (f"  {clock}", Tone.DIM)],
    ]


def _hint_cell(action: Action, keymap: Keymap) -> list[Span]:
    key, title = f"<{keymap.label(action)}>", action.title
    if len(title) > _HINT_CELLS:  # its longest word says more than its beginning
        title = max(re.split("[-/ ]", title), key=lambda word: len(word) if len(word) <= _HINT_CELLS else 0)
    return [(f"{key:<8}", Tone.KEY), (f"{title[:_HINT_CELLS]:<{_HINT_CELLS + 1}}", Tone.DIM)]


def footer(hints: Sequence[Action], keymap: Keymap, width: int) -> list[Span]:
    """Keys of this screen, as many as fit whole; those that are always wanted (command, find, help) stay longest."""
    shown = [action for action in hints if keymap.keys(action)]
    cells = [[(keymap.label(action), Tone.KEY), (f" {action.title}", Tone.DIM)] for action in shown]
    kept = list(range(len(cells)))

    def total() -> int:
        return 1 + sum(width_of(cells[index]) for index in kept) + 2 * max(len(kept) - 1, 0)

    while total() > width and kept:
        loose = [index for index in kept if shown[index].hint < ALWAYS]
        kept.remove(loose[-1] if loose else kept[0])
    line: list[Span] = [(" ", Tone.TEXT)]
    for position, index in enumerate(kept):
        line += [("  ", Tone.TEXT)] * bool(position) + cells[index]
    return line


ALWAYS = 90  # hints from here on are not dropped before others


def crumbs(trail: Sequence[str], right: Line, width: int, look: Look) -> list[Span]:
    """Where we are, from the cluster down; the innermost part stands out. Outer parts go first when it is narrow."""
    arrow = " > " if look.ascii else " › "
    parts = list(trail)
    while True:
        left: list[Span] = [(" ", Tone.TEXT)]
        for index, part in enumerate(parts):
            left += [(arrow, Tone.DIM)] * bool(index)
            left.append((part, Tone.KEY if index == len(parts) - 1 else Tone.LINK))
        if width_of(left) + width_of(right) < width or len(parts) <= 1:
            return justified(left, right, width)
        parts.pop(0)


def counts(tones: Mapping[Tone, int], look: Look) -> list[Span]:
    """`● 49  ◔ 5  ✖ 2`: how many rows are in which state."""
    order = (Tone.OK, Tone.BUSY, Tone.WARN, Tone.BAD, Tone.LEAVING, Tone.DONE)
    return [(f"{look.glyphs[tone]} {tones[tone]}  ", tone) for tone in order if tones.get(tone)]


def note(text: str, tone: Tone, width: int, look: Look) -> list[list[Span]]:
    """A message instead of the crumbs, and where it is long of the footer, too: what to do stands at its end."""
    lead = f" {look.glyphs.get(tone, '')} "
    first, *more = textwrap.wrap(text, max(width - len(lead), 1)) or [""]
    rest = [cut_line([(f"{'':<{len(lead)}}{' '.join(more)}", tone)], width)] if more else []
    return [cut_line([(f"{lead}{first}", tone)], width), *rest]
