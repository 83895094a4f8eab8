"""Text changed in the user's own editor, without a trace on a disk: the file lives in memory, for its owner alone.

The console and the command line use it. What a killed process has left there goes with the next edit.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - a tmpfs, and the folder in it is ours alone
_PREFIX = "quarterdeck-edit-"
# No file beside the text: vim keeps what was copied and undone in the home folder else.
_DISCREET = dict.fromkeys(("vim", "nvim"), ("-i", "NONE", "-n", "--cmd", "set noundofile nobackup nowritebackup"))


class EditFailed(ValueError):
    """The editor could not be used; the message says why, and nothing of the text."""


def edit(content: bytes, name: str, environment: Mapping[str, str] = os.environ, memory: Path = MEMORY) -> bytes:
    """The text as the user leaves it. `name` is what the file is called. Blocks, with the terminal lent to the editor.

    A newline at the end that editors add to a text that had none is taken off again.
    """
    command = _command(environment)
    _sweep(memory)
    with _folder(memory) as folder:
        path = folder / name
        path.touch(0o600)
        path.write_bytes(content)
        try:
            code = subprocess.run([*command, str(path)], check=False).returncode
        except OSError as error:
            raise EditFailed(f"{command[0]} cannot be started: {error.strerror or error}; set EDITOR") from None
        if code:
            raise EditFailed(f"{command[0]} ended with exit code {code}; nothing was changed")
        changed = path.read_bytes()
    if not content.endswith(b"\n") and changed.endswith(b"\n"):
        changed = changed[:-1]
    return changed


def _command(environment: Mapping[str, str]) -> list[str]:
    wish = environment.get("VISUAL") or environment.get("EDITOR") or "vi"
    try:
        words = shlex.split(wish)
    except ValueError as error:
        raise EditFailed(f"EDITOR is no command: {error}") from None
    program = shutil.which(words[0]) if words else None
    if program is None:
        raise EditFailed(f"there is no editor {wish!r}: set EDITOR")
    kind = Path(program).resolve().name.partition(".")[0]
    return [*words, *_DISCREET.get(kind, ())]


@contextlib.contextmanager
def _folder(memory: Path) -> Iterator[Path]:
    if not is_memory(memory):
        raise EditFailed(f"{memory} is not in memory, and a secret is not written to a disk: mount a tmpfs there")
    folder = Path(tempfile.mkdtemp(dir=memory, prefix=f"{_PREFIX}{os.getpid()}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def is_memory(folder: Path) -> bool:
    """Whether the kernel says that the folder is on a tmpfs."""
    with contextlib.suppress(OSError):
        real = folder.resolve()
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
        inside = [(len(mount[1]), mount[2]) for mount in mounts if real.is_relative_to(mount[1])]
        return max(inside, default=(0, ""))[1] in {"tmpfs", "ramfs"}
    return False


def _sweep(memory: Path) -> None:
    """Folders of processes that are gone."""
    for folder in memory.glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if folder.stat().st_uid == os.getuid() and not Path("/proc", owner).exists():
            shutil.rmtree(folder, ignore_errors=True)
