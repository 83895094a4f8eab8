"""The table of docs/conformance.md: every area names tests, and the tests that it names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "conformance.md").read_text().splitlines()
    if line.startswith("| [sig-")
]


def test_every_area_has_a_row() -> None:
    areas = {area for cells in ROWS for area in re.findall(r"\[(sig-[a-z-]+)\]", cells[0])}
    assert areas >= {
        "sig-apps", "sig-node", "sig-storage", "sig-scheduling", "sig-auth", "sig-cli", "sig-instrumentation",
    }  # fmt: skip


@pytest.mark.parametrize("cells", ROWS, ids=lambda cells: cells[0])
def test_what_holds_an_area_exists_and_tests(cells: list[str]) -> None:
    assert len(cells) == 4
    named = re.findall(r"`(tests/[^`]+)`", cells[2])
    assert named
    for path in named:
        text = (ROOT / path).read_text()
        assert re.search(r"^((async )?def test_|Test\w+ = )", text, re.MULTILINE), path
