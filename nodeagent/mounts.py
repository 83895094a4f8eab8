"""Memory-backed folders through mount(8)."""

from __future__ import annotations

import subprocess
from pathlib import Path

TIMEOUT = 10  # seconds; a tmpfs is mounted in milliseconds


class SystemMounter:
    def tmpfs(self, path: Path, size: int | None) -> None:
        """OSError with the tool's words when it cannot be mounted, mostly for want of rights."""
        options = "mode=0755,nosuid,nodev" + (f",size={size}" if size is not None else "")
        _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path))

    def unmount(self, path: Path) -> None:
        """Also when something still has a file open there; it goes with the last user."""
        _run("umount", "--lazy", str(path))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode != 0:
        raise OSError(f"{command[0]} failed: {done.stderr.strip() or done.returncode}")
