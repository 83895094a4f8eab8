"""The terminal shows what was drawn although only differences are sent."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, InlineUpdate, LayoutUpdate
from textual.geometry import Region, Size
from textual.strip import Strip

from console.tui.thrift import Terminal

SIZE = Size(24, 4)
CONSOLE = Console(color_system="truecolor", force_terminal=True, width=SIZE.width, height=SIZE.height)
STYLES = [Style(color="#d3dcec", bgcolor="#0b1220"), Style(color="#e5b050", bgcolor="#0b1220", bold=True),
          Style(color="red", bgcolor="default", reverse=True), None]  # fmt: skip
SEQUENCE = re.compile(r"\x1b\[([\d;]*)([Hm])|([^\x1b])", re.DOTALL)


CODE = re.compile(r"[34]8;2;\d+;\d+;\d+|[34]8;5;\d+|\d+")
Look = tuple[str, str, frozenset[str]]
"""The codes of foreground, background and everything else."""


def after(look: Look, codes: str) -> Look:
    """What codes make of a look."""
    front, back, others = look
    for code in CODE.findall(codes):
        if code == "0":
            front, back, others = "39", "49", frozenset()
        elif code[0] in "39" and len(code) > 1:
            front = code
        elif code[0] in "41" and len(code) > 1:
            back = code
        else:
            others |= {code}
    return front, back, others


class Screen:
    """What a terminal makes of what it gets: letters with the codes that were set when they came. Of a space nobody
    sees the colour, unless it is turned round."""

    def __init__(self) -> None:
        self.cells: list[list[tuple[str, Look]]] = [
            [(" ", ("39", "49", frozenset()))] * SIZE.width for _ in range(SIZE.height)
        ]

    def feed(self, data: str) -> None:
        x = y = 0
        look: Look = ("39", "49", frozenset())
        for words, command, letter in SEQUENCE.findall(data):
            if command == "H":
                y, x = (int(word) - 1 for word in words.split(";"))
            elif command == "m":
                look = after(look, words)
            else:
                seen: Look = ("", look[1], frozenset()) if letter == " " and "7" not in look[2] else look
                self.cells[y][x] = (letter, seen)
                x += 1


def frame(lines: list[Strip]) -> LayoutUpdate:
    return LayoutUpdate([[line] for line in lines], Region(0, 0, SIZE.width, len(lines)))


def sent(terminal: Terminal, update: LayoutUpdate | ChopsUpdate, size: Size = SIZE) -> str:
    return terminal.thrifty(update, size).render_segments(CONSOLE)


def line(*parts: tuple[str, Style | None]) -> Strip:
    return Strip([Segment(text, style) for text, style in parts]).adjust_cell_length(SIZE.width)


parts = st.lists(st.tuples(st.text("abc ●░", min_size=1, max_size=9), st.sampled_from(STYLES)), max_size=4)
frames = st.lists(st.lists(parts, min_size=4, max_size=4), min_size=1, max_size=5)


@given(frames)
def test_differences_add_up_to_the_last_frame(drawn: list[list[list[tuple[str, Style | None]]]]) -> None:
    terminal, screen = Terminal(), Screen()
    for lines in drawn:
        last = frame([line(*items) for items in lines])
        screen.feed(sent(terminal, last))
    whole = Screen()
    whole.feed(sent(Terminal(), last))
    assert screen.cells == whole.cells


def test_nothing_is_sent_when_nothing_changed_and_little_when_little_did() -> None:
    terminal = Terminal()
    sent(terminal, frame([line(("age 12s", STYLES[0]))] * 4))
    assert sent(terminal, frame([line(("age 12s", STYLES[0]))] * 4)) == ""
    ticked = sent(terminal, frame([line(("age 13s", STYLES[0])), *[line(("age 12s", STYLES[0]))] * 3]))
    assert ticked.startswith("\x1b[1;6H\x1b[0;38;2;211;220;236;48;2;11;18;32m3\x1b[")
    assert len(ticked) < 60


def test_a_row_in_many_colours_names_each_but_the_ground_once() -> None:
    ground = "#0b1220"
    tones = [Style(color=color, bgcolor=ground) for color in ("#d3dcec", "#e5b050", "#5fb3b3")]
    words = [(word, tone) for tone in tones for word in ("web", "  ")]
    drawn = sent(Terminal(), frame([line(*words)]))
    assert drawn.count("48;2;11;18;32") == 1
    assert drawn.count("38;2;") == 3


def test_pieces_of_lines_are_cut_as_textual_cuts_them() -> None:
    terminal, screen = Terminal(), Screen()
    screen.feed(sent(terminal, frame([line(("." * SIZE.width, STYLES[0]))] * 4)))
    chops = [{}, {0: line(("abcdef", STYLES[1])).crop(0, 6), 6: Strip([Segment("ghijkl", STYLES[1])])}, {}, {}]
    update = ChopsUpdate(chops, [(1, 0, 8)], [[], [6, 12], [], []])
    screen.feed(sent(terminal, update))
    shown = "".join(letter for letter, _ in screen.cells[1])
    assert shown == "abcdefgh" + "." * 16


def test_letters_of_uncertain_width_are_sent_again_with_all_behind_them() -> None:
    terminal = Terminal()
    wide = frame([line(("日本 ok", STYLES[0]))])
    assert "日本 ok" in sent(terminal, wide)
    assert "日本 ok" in sent(terminal, wide)


def test_everything_is_sent_again_on_another_size_and_when_the_terminal_was_somebody_elses() -> None:
    terminal, update = Terminal(), frame([line(("same", STYLES[0]))])
    whole = sent(terminal, update)
    assert sent(terminal, update) == ""
    assert sent(terminal, update, Size(24, 5)) == whole
    terminal.forget()
    assert sent(terminal, update) == whole
    inline = InlineUpdate([line(("same", STYLES[0]))])
    assert terminal.thrifty(inline, SIZE) is inline
    assert sent(terminal, update) == whole


def test_what_reaches_beyond_the_terminal_is_left_out() -> None:
    terminal, screen = Terminal(), Screen()
    tall = LayoutUpdate([[Strip([Segment("x" * 40, STYLES[0])])]] * 9, Region(0, 0, 40, 9))
    screen.feed(sent(terminal, tall))
    assert {letter for row in screen.cells for letter, _ in row} == {"x"}
