"""`python -m console.setup.spawn PIDFILE LOG PROGRAM ARG…`: detach, write down who we are, become the program.

Runs between setup and what it starts; ends at once in the caller, lives on as the program.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .processes import Identity


def main(argv: list[str]) -> None:
    pid_file, log, *program = argv
    ready, written = os.pipe()
    if os.fork():
        os.close(written)
        # The caller looks at the pid file as soon as we end, so it must be there.
        os._exit(0 if os.read(ready, 1) else 1)
    os.setsid()
    os.chdir("/")
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    identity = Identity.of(os.getpid())
    if identity is None:
        raise SystemExit("/proc does not show this process")
    identity.write(Path(pid_file))
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.write(written, b"x")
    # The caller's lock and pipes must not live on in a daemon.
    os.closerange(3, 65536)
    os.execvp(program[0], program)  # noqa: S606 - a shell would be one more process


if __name__ == "__main__":
    main(sys.argv[1:])
