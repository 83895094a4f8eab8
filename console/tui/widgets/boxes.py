"""Nodes drawn as boxes, and their pods as blocks in proportion to the cpu and memory that they ask for. Pure: data and
a width in, lines out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from common.api.meta import Key, Object
from console.tui.palette import Look
from console.views import amounts
from console.views.status import Tone
from console.views.topology import RESOURCES, cells

from .bars import heat
from .spans import Line, Span, cut_line, justified, width_of

LEAST_WIDTH = 36
GAP = 1
_TITLES = {"cpu": "cpu ", "memory": "mem "}
_PERCENT = 5  # cells behind a bar


@dataclass(frozen=True, slots=True)
class Selection:
    """A node, and one of its pods; -1 is the node itself."""

    box: int = 0
    pod: int = -1


def pod_key(block: Object) -> Key:
    return Key(block["namespace"], block["name"])


def columns(width: int, boxes: int) -> int:
    """How many boxes stand side by side."""
    return max(1, min(boxes, (width + GAP) // (LEAST_WIDTH + GAP)))


def height(bar: int) -> int:
    """Lines of one box with bars of that height."""
    return 5 + 2 * bar + (bar > 1)


def draw(
    boxes: Sequence[Object], selection: Selection, tones: Mapping[Key, Tone], width: int, bar: int, look: Look
) -> list[Line]:
    """All boxes, row by row; each row has `height(bar)` lines."""
    across = columns(width, len(boxes))
    each = (width - GAP * (across - 1)) // across
    lines: list[Line] = []
    for first in range(0, len(boxes), across):
        row = [
            _box(box, selection.pod if first + place == selection.box else None, tones, each, bar, look)
            for place, box in enumerate(boxes[first : first + across])
        ]
        for parts in zip(*row, strict=True):
            line: list[Span] = []
            for place, part in enumerate(parts):
                line += [(" " * GAP, Tone.TEXT)] * bool(place) + list(part)
            lines.append(line)
    return lines


def _box(box: Object, pod: int | None, tones: Mapping[Key, Tone], width: int, bar: int, look: Look) -> list[list[Span]]:
    """`pod` is the selected one, -1 the node itself, None when the box is not selected."""
    frame = Tone.KEY if pod is not None else Tone.DIM
    inside = width - 4
    lines = [_top(box, frame, width, look), _framed(_addresses(box), frame, inside, look)]
    for resource in RESOURCES:
        if bar > 1 and resource != RESOURCES[0]:
            lines.append(_framed((), frame, inside, look))
        lines += [_framed(line, frame, inside, look) for line in _bars(box, resource, pod, tones, inside, bar, look)]
    lines.append(_framed(_amounts(box, inside), frame, inside, look))
    lines.append(_framed(_facts(box, look), frame, inside, look))
    corner = ("+", "-", "+") if look.ascii else ("╰", "─", "╯")
    lines.append([(corner[0] + corner[1] * (width - 2) + corner[2], frame)])
    return lines


def _top(box: Object, frame: Tone, width: int, look: Look) -> list[Span]:
    left, dash, right = ("+", "-", "+") if look.ascii else ("╭", "─", "╮")
    word, tone = state(box)
    said: list[Span] = [(f" {look.glyphs[tone]} {word} ", tone), (f"{dash}{right}", frame)]
    room = width - width_of(said) - 2
    name = cut_line([(f" {box['name']} ", Tone.BRIGHT if frame is Tone.DIM else Tone.KEY)], room)
    fill = dash * (room - width_of(name))
    return [(f"{left}{dash}", frame), *name, (fill, frame), *said]


def state(box: Object) -> tuple[str, Tone]:
    """What is to be said of the node first."""
    if not box["ready"]:
        return "NotReady", Tone.BAD
    if box["pressure"]:
        return str(box["pressure"][0]), Tone.WARN
    return ("cordoned", Tone.WARN) if box["unschedulable"] else ("Ready", Tone.OK)


def _framed(line: Line, frame: Tone, inside: int, look: Look) -> list[Span]:
    side = "|" if look.ascii else "│"
    return [(f"{side} ", frame), *justified(line, (), inside), (f" {side}", frame)]


def _addresses(box: Object) -> list[Span]:
    return [("  ".join(box["addresses"]) or "no address", Tone.LINK if box["addresses"] else Tone.DIM)]


def _bars(
    box: Object, resource: str, pod: int | None, tones: Mapping[Key, Tone], inside: int, bar: int, look: Look
) -> list[list[Span]]:
    """`bar` lines of blocks, filled column by column; the first line has the resource's name and share."""
    percent = int(box["percent"][resource])
    squares = _squares(box, resource, pod, tones, (inside - len(_TITLES[resource]) - _PERCENT) * bar, look)
    head, *more = [_joined(squares[row::bar]) for row in range(bar)]
    blank: Span = (" " * len(_TITLES[resource]), Tone.DIM)
    return [
        [(_TITLES[resource], Tone.DIM), *head, (f"{percent:>{_PERCENT - 1}}%", heat(percent))],
        *[[blank, *line] for line in more],
    ]


def _squares(
    box: Object, resource: str, pod: int | None, tones: Mapping[Key, Tone], count: int, look: Look
) -> list[Span]:
    """The cells of a bar, one column after another. Neighbours have different shades, so that they can be told apart
    without colours; the selected one a third."""
    shades, chosen, free = (("#", "="), "@", ".") if look.ascii else (("█", "▓"), "▚", "░")
    whole = amounts.parsed(box["allocatable"][resource]) or Fraction()
    asked = [amounts.parsed(block[resource]) or Fraction() for block in box["pods"]]
    sizes = cells(asked, whole, count)
    squares: list[Span] = []
    for drawn, index in enumerate(index for index, size in enumerate(sizes) if size):
        square = (chosen, Tone.KEY)
        if index != pod:
            square = (shades[drawn % 2], tones.get(pod_key(box["pods"][index]), Tone.OK))
        squares += [square] * sizes[index]
    if squares and pod is not None and pod >= 0 and asked[pod] and not sizes[pod]:  # larger ones had the cells
        squares[-1] = (chosen, Tone.KEY)
    return squares + [(free, Tone.DIM)] * (count - len(squares))


def _joined(squares: Sequence[Span]) -> list[Span]:
    return [("".join(text for text, _ in same), tone) for tone, same in groupby(squares, key=lambda square: square[1])]


def _amounts(box: Object, inside: int) -> list[Span]:
    cpu, memory = (_amount(box, resource) for resource in RESOURCES)
    text = f"cpu {cpu}  mem {memory}"
    return [(text if len(text) <= inside else f"{cpu}  {memory}", Tone.TEXT)]


def _amount(box: Object, resource: str) -> str:
    asked, offered = (amounts.parsed(box[part][resource]) for part in ("asked", "allocatable"))
    text = amounts.amount(resource, asked)
    return f"{'0' if text == '-' else text} of {amounts.amount(resource, offered)}"


def pod_count(box: Object) -> str:
    count = len(box["pods"])
    return f"{count} pod" if count == 1 else f"{count} pods"


def _facts(box: Object, look: Look) -> list[Span]:
    parts = [pod_count(box)]
    if box["zone"]:
        parts.append(f"zone {box['zone']}")
    spans: list[Span] = [(f" {look.dot} ".join(parts), Tone.DIM)]
    if box["pressure"]:
        spans.append((f" {look.dot} {', '.join(box['pressure'])}", Tone.WARN))
    return spans
