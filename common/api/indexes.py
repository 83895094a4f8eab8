"""Sets of completion indexes in the API's short form: `1,3-5,7`. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def format_indexes(indexes: Iterable[int]) -> str:
    """The short form: ascending, runs of three and more joined by a hyphen."""
    spans: list[list[int]] = []
    for index in sorted(set(indexes)):
        if spans and index == spans[-1][1] + 1:
            spans[-1][1] = index
        else:
            spans.append([index, index])
    return ",".join(_text(first, last) for first, last in spans)


def _text(first: int, last: int) -> str:
    if first == last:
        return str(first)
    return f"{first},{last}" if last == first + 1 else f"{first}-{last}"


def parse_indexes(text: str, completions: int) -> set[int]:
    """The indexes below `completions`; ValueError, in Kubernetes' words, for anything but ascending spans."""
    found: set[int] = set()
    highest: int | None = None
    for span in text.split(",") if text else ():
        first, last = _span(span, completions)
        if highest is not None and first <= highest:
            raise ValueError(f"non-increasing order, previous: {highest}, current: {first}")
        found.update(range(first, last + 1))
        highest = last
    return found


def known_indexes(text: str, completions: int) -> set[int]:
    """The indexes below `completions` of a text that the API wrote; what lies beyond (a Job made smaller) is left."""
    found: set[int] = set()
    for span in filter(None, text.split(",")):
        first, _, last = span.partition("-")
        found.update(range(int(first), min(int(last or first), completions - 1) + 1))
    return found


def _span(text: str, completions: int) -> tuple[int, int]:
    limits = text.split("-")
    if len(limits) > 2:
        raise ValueError(
            f'the fragment "{text}" violates the requirement that an index interval can have at most two parts '
            "separated by '-'"
        )
    numbers = []
    for limit in limits:
        if not limit.isascii() or not limit.isdigit():
            raise ValueError(f'cannot convert string to integer for index: "{limit}"')
        number = int(limit)
        if number >= completions:
            raise ValueError(f'too large index: "{limit}"')
        numbers.append(number)
    if len(numbers) == 2 and numbers[0] >= numbers[1]:
        raise ValueError(f"non-increasing order, previous: {numbers[0]}, current: {numbers[1]}")
    return numbers[0], numbers[-1]
