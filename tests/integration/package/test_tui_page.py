"""The worked example of a page, installed as its reader would, is found by its entry point."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "tui-page"
ROOT = EXAMPLE.parents[2]
PROGRAM = """
from console import plugins
from console.tui.pages import PLUGINS, with_plugins
print(with_plugins(plugins.load(PLUGINS))["images"].aliases)
"""


def test_the_installed_page_is_found(tmp_path: Path) -> None:
    site = tmp_path / "site"
    # A copy, as building leaves files behind.
    copy = shutil.copytree(EXAMPLE, tmp_path / "example")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(copy)]
    subprocess.run(install, check=True, timeout=100, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert result.stdout == "('img',)\n"
