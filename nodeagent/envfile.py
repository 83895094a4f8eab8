"""Files of variables that a container reads from a volume (`fileKeyRef`): the part of a shell's syntax that kubelet
knows.

A line is `NAME='text'`, where the text is taken as it stands and may have several lines; a comment may follow. Blank
lines and lines of comments count for nothing. What is behind the variable that is asked for is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator


def variable(text: str, name: str) -> str | None:
    """The variable's value, None when the file has none of that name. ValueError for a file that is none."""
    lines = iter(enumerate(text.split("\n"), 1))
    for number, line in lines:
        line = line.rstrip("\r").lstrip(" \t")
        if not line or line.startswith("#"):
            continue
        found, separator, rest = line.partition("=")
        if not separator:
            raise _wrong(number, "missing '='")
        if not found or found != found.rstrip(" \t"):
            raise _wrong(number, "whitespace before '='" if found else "empty variable name")
        value = _value(rest, lines, number)
        if found == name:
            return value
    return None


def _value(rest: str, lines: Iterator[tuple[int, str]], number: int) -> str:
    if not rest or rest[0] in " \t":
        return ""  # as in a shell: nothing is assigned, what follows would be a command
    if rest[0] != "'":
        raise _wrong(number, "value must be enclosed in single quotes")
    parts = []
    piece = rest[1:]
    while "'" not in piece:
        parts.append(piece)
        try:
            _, piece = next(lines)
        except StopIteration:
            raise _wrong(number, "unclosed single quote") from None
    last, _, behind = piece.partition("'")
    behind = behind.strip(" \t\r")
    if behind and not behind.startswith("#"):
        raise _wrong(number, "unexpected content after closing quote")
    return "\n".join([*parts, last])


def _wrong(number: int, why: str) -> ValueError:
    return ValueError(f"invalid environment variable format at line {number}: {why}")
