"""Exit codes, and the exception that ends a command with one of them. Scripts rely on these numbers."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    NO_CONTROL_PLANE = 3
    MISSING = 4
    TIMEOUT = 5
    INTERRUPTED = 130


MEANING = {
    Exit.OK: "done",
    Exit.FAILED: "the API refused, or an object or file is not there or wrong",
    Exit.USAGE: "the command line is wrong",
    Exit.NO_CONTROL_PLANE: "no control plane answers",
    Exit.MISSING: "rights or system parts are missing; the message has the command to run",
    Exit.TIMEOUT: "what was waited for did not happen in time",
    Exit.INTERRUPTED: "interrupted (Ctrl-C)",
}
"""`quarterdeck exec` ends with the code of the command that it ran."""


class Failure(Exception):
    """Ends the command: the message goes to stderr as `error: …`."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code
