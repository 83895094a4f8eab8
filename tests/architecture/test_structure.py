"""The structure that the documentation draws, held by tests beside the import contracts of pyproject.toml."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.architecture.source import MODULES, ROOT, imported_names, module_name, text, tree

MAX_LINES = 500
_KNOWN = {module_name(path) for path in MODULES}

# Each foreign world has one door.
ONLY_IMPORTERS = {
    "zeroconf": ("common/discovery",),
    "docker": ("nodeagent/runtime/", "console/setup/", "console/cli/"),
    "psutil": ("nodeagent/stats",),
    "sqlite3": ("console/store/",),
    "paramiko": ("console/install/",),
    "textual": ("console/tui/",),
}


@pytest.mark.parametrize("package", ONLY_IMPORTERS)
def test_one_door_to_each_foreign_world(package: str) -> None:
    doors = ONLY_IMPORTERS[package]
    users = [
        str(path.relative_to(ROOT)) for path in MODULES if any(name[0] == package for name in imported_names(path))
    ]
    assert [user for user in users if not user.startswith(doors)] == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Neither late, inside a function, nor for annotations alone, nor through what a package around one imports. What
    forms one stands in the CycleError."""
    TopologicalSorter({module_name(path): _imports(path) for path in MODULES}).prepare()


def _imports(path: Path) -> set[tuple[str, ...]]:
    """The modules of ours that a module imports, and the packages around them, which are loaded before; itself and the
    packages around it left out."""
    own = module_name(path)
    named = {_module_of(name) for name in imported_names(path)}
    around = {name[:length] for name in named for length in range(1, len(name))}
    return named | {name for name in around if name != own[: len(name)]} - {(), own}


def _module_of(name: tuple[str, ...]) -> tuple[str, ...]:
    """Of an imported name, which may stand in it; () when it is not ours."""
    while name and name not in _KNOWN:
        name = name[:-1]
    return name


def test_no_module_is_too_long_to_read() -> None:
    long = {str(path.relative_to(ROOT)): n for path in MODULES if (n := text(path).count("\n")) > MAX_LINES}
    assert long == {}


def test_every_module_says_its_job() -> None:
    silent = [
        str(path.relative_to(ROOT)) for path in MODULES if text(path).strip() and not ast.get_docstring(tree(path))
    ]
    assert silent == []


def test_no_handler_of_a_message_calls_the_one_of_its_base() -> None:
    """Textual itself calls the handlers of all classes of a widget: with such a call the base's would run twice."""
    twice = [
        f"{path.relative_to(ROOT)}: {node.attr}"
        for path in MODULES
        if path.is_relative_to(ROOT / "console" / "tui")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr.startswith("on_") and _is_super(node.value)
    ]
    assert twice == ["console/tui/app.py: on_event"]  # which is no handler, but what calls them


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"
