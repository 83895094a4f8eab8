"""What setup says while it works: a line a step, and one line that changes in place where there is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from common.clock import Clock


class SetupError(Exception):
    """A step failed; the message says what was asked, what was found and what to do. `missing`: rights or parts."""

    def __init__(self, message: str, *, missing: bool = False, late: bool = False) -> None:
        super().__init__(message)
        self.missing = missing
        self.late = late


class Report:
    def __init__(self, clock: Clock, stream: TextIO | None = None) -> None:
        self._clock = clock
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty()
        self._shown = ""

    def say(self, text: str) -> None:
        self._clear()
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def progress(self, text: str) -> None:
        """What is being waited for; on a terminal it replaces the last such line, elsewhere only news is written."""
        if text == self._shown:
            return
        if self._live:
            self._stream.write(f"\r\x1b[K   … {text}")
        else:
            self._stream.write(f"   … {text}\n")
        self._shown = text
        self._stream.flush()

    def _clear(self) -> None:
        if self._live and self._shown:
            self._stream.write("\r\x1b[K")
        self._shown = ""

    @contextmanager
    def step(self, what: str, why: str = "") -> Iterator[None]:
        """Say what is done, then that it is done and how long it took."""
        self.say(f"-- {what}" + (f" ({why})" if why else ""))
        began = self._clock.monotonic()
        yield
        self.say(f"   done in {self._clock.monotonic() - began:.1f} s")
