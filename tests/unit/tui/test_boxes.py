"""Nodes as boxes: blocks of pods, and which of them is chosen."""

from __future__ import annotations

import pytest

from console.tui.palette import Look
from console.tui.themes import NAVY
from console.tui.widgets.boxes import Selection, draw
from console.views.status import Tone
from console.views.topology import topology
from tests.fakes.objects import node, pod

CROWD = [pod(f"p{number:02}", cpu="10m", memory="0", node="n1") for number in range(60)]


def bar_of_cpu(selection: Selection) -> str:
    """The cells of a node with more pods than the bar has cells."""
    lines = draw(topology([node("n1", cpu="4", memory="8Gi")], CROWD), selection, {}, 40, 1, Look(NAVY))
    (line,) = (line for line in lines if ("cpu ", Tone.DIM) in line)
    return "".join(text for text, _ in line).strip("│ ").split()[1]


def test_a_crowd_of_small_pods_leaves_what_is_free_free() -> None:
    bar = bar_of_cpu(Selection())
    assert set(bar[:-1]) == {"█", "▓"}
    assert bar[-1] == "░"


@pytest.mark.parametrize(("chosen", "cell"), [(0, 0), (7, 7), (40, -2), (59, -2)])
def test_the_chosen_pod_is_seen_even_where_it_has_no_cell_of_its_own(chosen: int, cell: int) -> None:
    bar = bar_of_cpu(Selection(0, chosen))
    assert bar.count("▚") == 1
    assert bar[cell] == "▚"


def test_a_tall_bar_is_as_full_as_the_node() -> None:
    few = [pod(f"p{number}", cpu="100m", memory="0", node="n1") for number in range(4)]
    lines = draw(topology([node("n1", cpu="4", memory="8Gi")], few), Selection(0, 1), {}, 40, 8, Look(NAVY))
    first = next(index for index, line in enumerate(lines) if ("cpu ", Tone.DIM) in line)
    drawn = "".join(text for line in lines[first : first + 8] for text, _ in line)
    width = (drawn.count("█") + drawn.count("▓") + drawn.count("▚") + drawn.count("░")) // 8
    taken = 8 * width - drawn.count("░")
    assert taken == round(8 * width / 10)
    assert abs(drawn.count("▚") - taken / 4) < 1
