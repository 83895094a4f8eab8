"""What the console needs to make machines nodes over SSH; `console.cli.machines` does it. Passwords are arguments of
the moment and are kept nowhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Act(StrEnum):
    INSTALL = "install"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Wanted:
    """`target` is [USER@]HOST[:PORT]; `accept` the fingerprint of a key that was shown and accepted."""

    act: Act
    target: str
    password: str
    accept: str = ""

    def __repr__(self) -> str:
        return f"Wanted({self.act} {self.target})"


class Failed(Exception):
    """What went wrong and what to do. `fingerprint` is set when all that is missing is trust in the machine's key."""

    def __init__(self, message: str, fingerprint: str = "") -> None:
        super().__init__(message)
        self.fingerprint = fingerprint


class Machines(Protocol):
    def work(self, wanted: Wanted, say: Callable[[str], None], *, dry_run: bool) -> str:
        """Carry it out, or with `dry_run` only say the plan; the node's name, if it is one now. Blocks. Raises
        Failed."""
        ...
