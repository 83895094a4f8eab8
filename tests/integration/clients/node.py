"""The JavaScript programs: what they need is installed by `npm ci`, once for each lock file, and node runs them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

PROGRAMS = Path(__file__).parent / "javascript"
INSTALL_SECONDS = 300


def modules() -> Path:
    """The folder with `node_modules`, in the user's cache. Of two runs that install at once, one is kept."""
    lock = (PROGRAMS / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "quarterdeck-tests"
    folder = cache / f"npm-{hashlib.sha256(lock).hexdigest()[:12]}"
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as made:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PROGRAMS / name, made)
        words = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(
            words, cwd=made, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}"
        kept = Path(made) / "kept"
        kept.mkdir()
        (Path(made) / "node_modules").rename(kept / "node_modules")
        try:
            kept.rename(folder)
        except OSError:
            assert folder.is_dir()  # another run was faster
    return folder


def programs(folder: Path) -> Path:
    """The programs beside their modules: node looks for these next to the program itself."""
    beside = folder / "javascript"
    shutil.copytree(PROGRAMS, beside)
    (beside / "node_modules").symlink_to(modules() / "node_modules")
    return beside
