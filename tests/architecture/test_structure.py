"""The structure that the documentation draws, held by tests beside the import contracts of pyproject.toml."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path for package in ("common", "console", "nodeagent") for path in (ROOT / package).rglob("*.py"))
MAX_LINES = 600

# Each foreign world has one door.
ONLY_IMPORTERS = {
    "zeroconf": ("common/discovery",),
    "docker": ("nodeagent/runtime/", "console/setup/", "console/cli/"),
    "psutil": ("nodeagent/stats",),
    "sqlite3": ("console/store/",),
    "paramiko": ("console/install/",),
    "textual": ("console/tui/",),
}


def imported(path: Path) -> set[str]:
    """The top-level packages that a module imports anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("package", ONLY_IMPORTERS)
def test_one_door_to_each_foreign_world(package: str) -> None:
    doors = ONLY_IMPORTERS[package]
    users = [str(path.relative_to(ROOT)) for path in MODULES if package in imported(path)]
    assert [user for user in users if not user.startswith(doors)] == []


def test_no_module_is_too_long_to_read() -> None:
    long = {str(path.relative_to(ROOT)): n for path in MODULES if (n := path.read_text().count("\n")) > MAX_LINES}
    assert long == {}


def test_every_module_says_its_job() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []
