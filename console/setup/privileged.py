"""`python -m console.setup.privileged up|down|purge ACT…`: what setup runs through sudo when its user is not root.

It does what `host` and `removal` do for root in setup's own process; the caller holds the lock meanwhile.
"""

from __future__ import annotations

import sys

from common.clock import SystemClock
from common.settings import Home

from .host import HostSetup
from .plan import Act
from .removal import HostRemoval
from .report import Report, SetupError


def main(argv: list[str]) -> int:
    """The acts given, or the privileged part of the way down."""
    home, clock = Home.from_environment(), SystemClock()
    report = Report(clock)
    command, *acts = argv
    try:
        if command == "up":
            setup = HostSetup(home, report, clock)
            for act in acts:
                setup.run(Act(act))
        else:
            HostRemoval(home, report, clock).run(purge=command == "purge")
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 4 if error.missing else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
