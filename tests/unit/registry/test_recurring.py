"""Answers about parts that come again."""

from __future__ import annotations

from typing import Any

from console.registry.recurring import MAX_BYTES, MAX_NOTED, MAX_PART, Noted, Recurring


class Counting:
    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __call__(self, part: Any) -> int:
        self.asked.append(part)
        return len(part)


def test_an_equal_part_is_answered_once_for_each_that_it_is_about() -> None:
    known: Recurring[int] = Recurring()
    work = Counting()
    assert [known.find("a", {"x": 1}, work), known.find("a", {"x": 1}, work), known.find("b", {"x": 1}, work)] == [
        1
    ] * 3
    assert len(work.asked) == 2


def test_true_is_not_one() -> None:
    known: Recurring[int] = Recurring()
    work = Counting()
    known.find("a", [1], work)
    known.find("a", [True], work)
    assert work.asked == [[1], [True]]


def test_what_does_not_last_is_worked_out_anew() -> None:
    known: Recurring[int] = Recurring()
    work = Counting()
    for _ in range(2):
        known.find("a", [1], work, lasts=lambda _answer: False)
    assert len(work.asked) == 2


def test_memory_is_bounded() -> None:
    known: Recurring[int] = Recurring()
    work = Counting()
    known.find("a", ["first"], work)
    large = ["x" * (MAX_PART + 1)]
    known.find("a", large, work)
    known.find("a", large, work)
    assert len(work.asked) == 3  # too large to be remembered
    for number in range(MAX_BYTES // (MAX_PART - 100) + 1):
        known.find("a", [f"{number:0{MAX_PART - 200}}"], work)
    asked = len(work.asked)
    known.find("a", ["first"], work)
    assert len(work.asked) == asked + 1  # all were forgotten when they became too many


def test_what_held_of_an_equal_part_is_not_asked_again() -> None:
    noted, asked = Noted(), Counting()

    def test(part: Any) -> bool:
        return asked(part) == 1

    assert noted.holds("a", {"x": 1}, test)
    assert noted.holds("a", {"x": 1}, test)
    assert noted.holds("b", {"x": 1}, test)
    assert noted.holds("a", {"x": True}, test)
    assert len(asked.asked) == 3
    assert not noted.holds("a", {}, test)
    assert not noted.holds("a", {}, test)
    assert len(asked.asked) == 5


def test_notes_are_bounded() -> None:
    noted, asked = Noted(), Counting()
    for number in range(MAX_NOTED + 1):
        noted.holds("a", [number], lambda part: bool(asked(part)))
    noted.holds("a", [0], lambda part: bool(asked(part)))
    assert len(asked.asked) == MAX_NOTED + 2
