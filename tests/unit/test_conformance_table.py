"""The list of conformance cases: each says what holds it or what is missing, and the tests that it names exist."""

from __future__ import annotations

import pytest

from tests.conformance import table

CASES = list(table.cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.area} {case.name}")
def test_a_case_is_held_or_says_what_is_missing(case: table.Case) -> None:
    assert case.held or case.missing
    assert [test for test in case.held if not table.exists(test)] == []


def test_no_case_is_listed_twice() -> None:
    names = [(case.area, case.name) for case in CASES]
    assert len(names) == len(set(names))


def test_a_test_that_is_not_there_is_found_out() -> None:
    assert table.exists("tests/unit/test_conformance_table.py::test_no_case_is_listed_twice")
    assert not table.exists("tests/unit/test_conformance_table.py::test_nothing")
    assert not table.exists("tests/unit/test_nothing.py::test_nothing")


def test_the_page_is_up_to_date() -> None:
    assert table.DOCUMENT.read_text() == table.document(), "run `python -m tests.conformance`"
