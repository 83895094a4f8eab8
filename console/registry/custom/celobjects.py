"""`Object{…}` and `JSONPatch{…}` in expressions of mutating policies.

The evaluator cannot make objects of types that it does not know, so that such an initializer is rewritten to a map that
carries the name of its type; `plain` checks the names against where the objects stand, and takes them out again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_TYPE = "\x01type"
_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<text>(?:[rR][bB]?|[bB][rR]?)?(?:\"\"\"(?:\\.|.)*?\"\"\"|'''(?:\\.|.)*?'''|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'))
    |(?P<name>`[^`]*`|[A-Za-z_]\w*)
    |(?P<number>\d[\w.]*)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_INITIALIZER = re.compile(r"(?:Object(?:\s*\.\s*[A-Za-z_]\w*)*|JSONPatch)\s*(?=\{)")
_ESCAPED = {
    "__underscores__": "__", "__dot__": ".", "__dash__": "-", "__slash__": "/",
}  # fmt: skip
_WORD = re.compile(r"__(\w+?)__")
OBJECT, JSON_PATCH = "Object", "JSONPatch"


def without_types(text: str) -> str:
    """The expression with maps in place of typed objects."""
    return "".join(_rewritten(text))


def _rewritten(text: str) -> Iterator[str]:
    open_brackets: list[str] = []  # "typed" for the brace of an initializer, else the bracket itself
    expects_name = follows_dot = False
    position = 0
    while position < len(text):
        initializer = None if follows_dot else _INITIALIZER.match(text, position)
        if initializer and _starts_word(text, position):
            name = re.sub(r"\s", "", initializer[0])
            yield f'dyn({{"\\u0001type": "{name}"'
            position = text.index("{", initializer.end() - 1) + 1
            open_brackets.append("typed")
            expects_name = True
            if not _is_closed(text, position):
                yield ", "
            continue
        token = _TOKEN.match(text, position)
        if token is None:  # a text without an end: the evaluator says so
            yield text[position:]
            return
        kind, found = str(token.lastgroup), token[0]
        position = token.end()
        if kind == "other":
            if found in "([{":
                open_brackets.append(found)
            elif found in ")]}" and open_brackets:
                found = "})" if open_brackets.pop() == "typed" else found
            expects_name = found in ",?" and open_brackets[-1:] == ["typed"] and (found == "," or expects_name)
        elif kind == "name" and expects_name:
            found = f'"{_unescaped(found)}"'
            expects_name = False
        follows_dot = found == "." if kind != "space" else follows_dot
        yield found


def _starts_word(text: str, position: int) -> bool:
    return position == 0 or not (text[position - 1].isalnum() or text[position - 1] == "_")


def _is_closed(text: str, position: int) -> bool:
    return text[position:].lstrip()[:1] == "}"


def _unescaped(name: str) -> str:
    """A field's name as objects have it: expressions cannot say all of them."""
    name = name.strip("`")
    for escaped, plain_text in _ESCAPED.items():
        name = name.replace(escaped, plain_text)
    return _WORD.sub(r"\1", name) if _WORD.fullmatch(name) else name


def type_of(value: Any) -> str:
    """The type that a value was made as, empty when it is none of these."""
    return str(value.get(_TYPE, "")) if isinstance(value, dict) else ""


def plain(value: Any, path: str = "") -> Any:
    """The value without the names of types. With `path` each must be that of its place: ValueError when it is not."""
    if isinstance(value, list):
        return [plain(item, path) for item in value]
    if not isinstance(value, dict):
        return value
    named = type_of(value)
    if path and named and named != path:
        raise ValueError(
            f'type mismatch: unexpected type name "{named}", expected "{path}", which matches field name path from '
            "root Object type"
        )
    return {name: plain(item, f"{path}.{name}" if path else "") for name, item in value.items() if name != _TYPE}
