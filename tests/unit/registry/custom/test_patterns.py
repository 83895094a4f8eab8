"""Regular expressions of users: found as RE2 finds them, and never at the price of all others' time."""

from __future__ import annotations

import re

import pytest

from console.registry.custom import celfunctions
from console.registry.custom.patterns import SHORT, matches
from console.registry.custom.values import validate


@pytest.mark.parametrize(
    "expression",
    ["^(a+)+$", "^(a|a)*$", "^(a?){40}a{40}$", "a?" * 40 + "a" * 40 + "$", "^(?:a*){9}$", "^(a|b|ab)+$", "a*a*a*a*a*b"],
)
def test_no_expression_takes_long(expression: str) -> None:
    text = "a" * 60 + "!"
    assert not matches(expression, text)
    assert not matches(expression, "!" * 5 + text * 2000)
    assert validate({"type": "string", "pattern": expression}, text)


@pytest.mark.parametrize("count", [1, 10_000])
@pytest.mark.parametrize(
    ("expression", "text", "found"),
    [
        ("b+", "xbx", True), ("^b", "xbx", False), ("^(xb?)+$", "xbx", True),
        ("^(xb)+$", "xbx", False), ("é.", "éx", True),
        (r"^(\d|x)+$", "٣", False), (r"^([[:alpha:]]+)+$", "x" * SHORT, True), ("^(x|\n)+$", "x\n", True),
    ],
)  # fmt: skip
def test_what_is_found_does_not_depend_on_the_length(expression: str, text: str, count: int, *, found: bool) -> None:
    assert matches(expression, text * count) is found


def test_what_only_python_knows_still_counts() -> None:
    assert matches("^(?=ab)(a|b)+$", "ab")
    with pytest.raises(re.error):
        matches("(", "a" * (SHORT + 1))


def test_rules_look_for_nothing_that_is_not_there() -> None:
    environment = celfunctions.environment()
    text = "a" * 60 + "!"
    for rule in (
        "self.find('(a+)+$') == ''",
        "self.findAll('(a+)+$').size() == 0",
        "self.findAll('(a+)+$', 1).size() == 0",
    ):
        assert environment.compile(rule).eval(data={"self": text}).value() is True
