"""The code as syntax trees, each module read once for all tests of the structure."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = tuple(
    sorted(path for package in ("common", "console", "nodeagent") for path in (ROOT / package).rglob("*.py"))
)


@cache
def text(path: Path) -> str:
    return path.read_text()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(text(path))


@cache
def imported_names(path: Path) -> tuple[tuple[str, ...], ...]:
    """The parts of every name that a module imports, anywhere in it; relative ones from the root."""
    package = path.relative_to(ROOT).parent.parts
    found: list[tuple[str, ...]] = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            start = (*base, *(node.module.split(".") if node.module else ()))
            found += [(*start, alias.name) for alias in node.names]
    return tuple(found)


def module_name(path: Path) -> tuple[str, ...]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts
