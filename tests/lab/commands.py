"""Running the system's programs, with errors that tell what was run and what it said."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

# Programs that outlive the call that started them; kept here because they are nobody's until they end.
_started: list[subprocess.Popen[bytes]] = []


class LabError(Exception):
    """The lab could not do something; the message says what and why."""


def run(*command: str, check: bool = True, timeout: float = 60, shown: str = "") -> str:
    """The output of a program; LabError with its complaint when it fails. `shown` stands for the command in it."""
    shown = shown or " ".join(command)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{shown} did not end within {timeout:g} s") from error
    if check and done.returncode != 0:
        raise LabError(f"{shown} ended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, without waiting for it."""
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)
    _started.append(program)
    return program


def reap() -> None:
    """Take note of started programs that have ended."""
    _started[:] = [program for program in _started if program.poll() is None]


def wait_until(
    holds: Callable[[], bool], what: str, seconds: float = 30, pause: float = 0.02, explain: Callable[[], str] = str
) -> None:
    """Poll until the condition holds; LabError names it, and what `explain` finds, when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise LabError(f"waited {seconds:g} s in vain for {what}\n{explain()}".rstrip())
        time.sleep(pause)
