"""Whether texts match the regular expressions of users, in a time that no text makes long.

Python's own engine tries everything: a text of forty letters keeps it busy for hours with `^(a+)+$`, and with it the
whole control plane. So it gets only what cannot grow: short texts, and expressions that repeat little. The rest is for
RE2, which Kubernetes uses and the evaluator of CEL brings along: it takes longer to begin, but its time only grows with
the text. What RE2 does not understand, or where there is none, is left to Python.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from .celpackage import package
from .formats import pattern

SHORT = 128  # letters; with two repetitions within an expression a few milliseconds at most
# A group that is repeated, or three repetitions of whatever sort: what is none, in a class, does no harm here.
_GROWING = re.compile(r"\)[*+{]|(?:[*+?}].*){3}", re.DOTALL)


def matches(expression: str, text: str) -> bool:
    """Whether an expression is found anywhere in a text. Raises re.error for what is no expression."""
    if len(text) > SHORT or _grows(expression):
        engine = _re2()
        found = None if engine is None else engine.eval(data={"text": text, "expression": expression}).value()
        if isinstance(found, bool):
            return found
    return pattern(expression).search(text) is not None


@lru_cache(maxsize=1024)
def _grows(expression: str) -> bool:
    return _GROWING.search(expression) is not None


@lru_cache(maxsize=1)
def _re2() -> Any:
    cel = package()
    if cel is None:
        return None
    variables = {"text": cel.Type.STRING, "expression": cel.Type.STRING}
    return cel.NewEnv(variables=variables, extensions=[]).compile("text.matches(expression)")
