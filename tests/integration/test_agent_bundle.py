"""A release of the agent, unpacked: it runs with nothing of this environment's packages."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

from console.install import bundle


def test_the_agent_runs_from_its_bundle_alone(tmp_path: Path) -> None:
    made = bundle.make(whole=True)
    with tarfile.open(fileobj=io.BytesIO(made.data)) as tar:
        tar.extractall(tmp_path, filter="data")
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'lib')!r}); import nodeagent.assemble; "
        "import nodeagent.cli; nodeagent.cli.main(['run', '--help'])"
    )
    # -I and -S: neither this environment's packages nor the user's.
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage: quarterdeck-agent run" in done.stdout


def test_a_release_is_named_by_its_content() -> None:
    first, second = bundle.make(whole=False), bundle.make(whole=False)
    assert first.release == second.release
    assert first.data == second.data
    assert any(pin.startswith("docker==") for pin in first.pins)
