"""A program in a real terminal, driven by keys: tmux draws, the test reads what is on the screen."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.commands import LabError, run, wait_until

PATIENCE = 45.0  # for anything that a screen is to show


class Terminal:
    """Runs from entry to exit of its context, on a tmux server of its own."""

    def __init__(
        self, folder: Path, command: str, environment: Mapping[str, str], columns: int = 80, rows: int = 24
    ) -> None:
        self._socket = folder / "tmux"
        self._command = command
        self._environment = {**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        self._size = ("-x", str(columns), "-y", str(rows))

    def __enter__(self) -> Self:
        # A lone escape is passed on at once, not kept to see whether a sequence follows.
        self._tmux("-f", "/dev/null", "new-session", "-d", *self._size, self._command,
                   ";", "set-option", "-s", "escape-time", "0", environment=self._environment)  # fmt: skip
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is not None and self.alive():
            error.add_note(f"the screen:\n{self.screen()}")
        self._tmux("kill-server", check=False)

    def _tmux(self, *words: str, check: bool = True, environment: Mapping[str, str] | None = None) -> str:
        if environment is None:
            return run("tmux", "-S", str(self._socket), *words, check=check)
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *words], env=dict(environment), capture_output=True, text=True, check=True
        )
        return done.stdout

    def alive(self) -> bool:
        """Whether the program still runs."""
        return self._tmux("list-sessions", check=False) != ""

    def press(self, *keys: str) -> None:
        """Keys by tmux' names: `Enter`, `Escape`, `C-d`, `+`."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def shows(self, *patterns: str, seconds: float = PATIENCE) -> str:
        """Wait until two looks in a row find each regular expression in a line of the screen; what the last one saw.

        One look alone may see a picture half drawn: its top is new, and the rest is of the page before.
        """
        screen, found = "", False

        def settled() -> bool:
            nonlocal screen, found
            screen, before = self.screen(), found
            found = all(re.search(pattern, screen, re.MULTILINE) for pattern in patterns)
            return found and before

        wait_until(settled, f"the screen to show {' and '.join(patterns)}", seconds, 0.05, self.screen)
        return screen

    def moves_to(self, name: str, seconds: float = PATIENCE) -> None:
        """Press `j` or `k` until the cursor is on the first row with this text: as often as the screen asks for, then
        look where that led."""

        def there() -> bool:
            lines = self.screen().splitlines()
            cursor = next((index for index, line in enumerate(lines) if line.startswith("▌")), None)
            row = next((index for index, line in enumerate(lines) if re.match(rf"[▌ ] .*{name}", line)), None)
            if cursor is None or row is None:
                return False
            if cursor != row:
                self.press(*["j" if row > cursor else "k"] * abs(row - cursor))
                with suppress(LabError):  # rows may have moved meanwhile: then again
                    self.shows(rf"^▌.*{name}", seconds=5)
            return cursor == row

        wait_until(there, f"the cursor to be on {name}", seconds, 0.1, self.screen)
