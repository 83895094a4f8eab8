"""What `pip install` of the wheel gives works outside of a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_wheel_has_all_that_the_demo_needs(tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(ROOT)]
    subprocess.run(install, check=True, timeout=100, capture_output=True)
    assert sorted(path.name for path in site.iterdir() if path.suffix != ".dist-info" and path.name != "bin") == [
        "common", "console", "nodeagent",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(site), "QUARTERDECK_HOME": str(tmp_path / "home")}
    # From the wheel's folder, so that nothing of the checkout is on the path.
    code = "from console.cli import machine; import pathlib; print(machine.EXAMPLE, *machine.EXAMPLE.iterdir())"
    found = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert found.stdout.split() == [
        str(site / "console/examples/hello"),
        str(site / "console/examples/hello/hello.yaml"),
    ]
