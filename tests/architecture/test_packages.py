"""The table of packages in docs/architecture.md, held against the imports of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, imported_names

TOP = ("common", "console", "nodeagent")
MENTION = re.compile(r"`([\w/.]+?)(?:\.py)?`")
ANYTHING = "all of"

# What controllers stand on, and the one module that knows them all.
SHARED = frozenset({"aggregated", "base", "expectations", "ownership", "ownwrites", "podcontrol", "revisions"})
WIRING = "manager"


def table() -> dict[str, str]:
    """What each package may import, in the table's words, by its path without `.py`."""
    rows: dict[str, str] = {}
    for line in (ROOT / "docs/architecture.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[0].startswith("`") and MENTION.match(cells[0]):
            first, *others = MENTION.findall(cells[0])
            folder = first.rpartition("/")[0]
            rows |= {name if "/" in name else f"{folder}/{name}": cells[2] for name in (first, *others)}
    return rows


def modules(package: str) -> list[Path]:
    folder = ROOT / package
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def targets(path: Path) -> list[tuple[str, ...]]:
    """The parts of every name of ours that a module imports, anywhere in it."""
    return [name for name in imported_names(path) if name[0] in TOP]


def imports(package: str) -> set[str]:
    """The packages of ours, as the table calls them, that the modules of one import."""
    found = {"/".join(target[:2]) for path in modules(package) for target in targets(path)}
    return {other for other in found if other != package}


def allowed(package: str, words: str) -> set[str]:
    top = package.partition("/")[0]
    names = [name.replace(".", "/") for name in MENTION.findall(words)]
    return {name if name.split("/")[0] in TOP else f"{top}/{name}" for name in names}


FOLDERS = sorted(
    f"{top}/{path.name}" for top in TOP for path in (ROOT / top).iterdir() if (path / "__init__.py").is_file()
)


@pytest.mark.parametrize("package", FOLDERS)
def test_every_package_is_in_the_table_and_imports_what_it_says(package: str) -> None:
    rows = table()
    assert package in rows, f"docs/architecture.md has no row for {package}"
    if ANYTHING in rows[package]:
        return
    known = allowed(package, rows[package])
    strange = {other for other in imports(package) if other not in known and other.partition("/")[0] not in known}
    assert strange == set()


def test_what_the_table_names_exists() -> None:
    missing = [name for name in table() if not (ROOT / name).is_dir() and not (ROOT / f"{name}.py").is_file()]
    assert missing == []


def test_controllers_know_only_what_they_share() -> None:
    strange = {}
    for path in modules("console/controllers"):
        inner = path.relative_to(ROOT / "console/controllers").with_suffix("").parts
        if inner[0] in (WIRING, "__init__"):
            continue
        taken = {name[2] for name in targets(path) if name[:2] == ("console", "controllers") and len(name) > 2}
        if others := taken - SHARED - {inner[0]}:
            strange["/".join(inner)] = others
    assert strange == {}
