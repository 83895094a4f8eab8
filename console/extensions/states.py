"""What is known of a controller of another package, and when it is started again. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from common.api.kinds import PLUGINS
from common.api.meta import Object, format_time

GROUP = "quarterdeck.controllers"
"""The entry point group."""
USERS = "quarterdeck:controllers"
"""The group that all of their users belong to."""
READY = b"ready\n"
STARTING, RUNNING, FAILING = "Starting", "Running", "Failing"
FIRST_DELAY = 1.0  # seconds until a controller that ended is started again, doubled with each end
LONGEST_DELAY = 300.0  # as a container's: what is broken costs no more than a start in five minutes
HEALTHY_SECONDS = 60.0  # of running, after which what was before counts no more


def user_of(name: str) -> str:
    """As whom a controller asks the API."""
    return f"quarterdeck:controller:{name}"


@dataclass(frozen=True, slots=True)
class State:
    """Of one controller. `package` is the distribution that it comes with, `since` when the phase began, `failures`
    how often it ended without having run well in between, `restarts` how often in all."""

    name: str
    package: str
    since: datetime
    phase: str = STARTING
    message: str = ""
    failures: int = 0
    restarts: int = 0

    def began(self, now: datetime) -> State:
        """It was found and runs. One that failed just now has to run a while before that is said of it."""
        return self if self.failures else replace(self, phase=RUNNING, message="", since=now)

    def ran_well(self, now: datetime) -> State:
        return replace(self, phase=RUNNING, message="", failures=0, since=now) if self.failures else self

    def ended(self, why: str, now: datetime) -> State:
        since = self.since if self.phase == FAILING else now
        return replace(
            self, phase=FAILING, message=why, since=since, failures=self.failures + 1, restarts=self.restarts + 1
        )

    @property
    def delay(self) -> float:
        """Seconds until it is started again."""
        return float(min(FIRST_DELAY * 2 ** min(self.failures - 1, 20), LONGEST_DELAY)) if self.failures else 0.0

    def to_object(self) -> Object:
        """As the API shows it."""
        status: Object = {
            "group": GROUP, "package": self.package, "user": user_of(self.name), "phase": self.phase,
            "restarts": self.restarts, "since": format_time(self.since),
        }  # fmt: skip
        if self.message:
            status["message"] = self.message
        head = {"apiVersion": PLUGINS.api_version, "kind": PLUGINS.kind}
        return {**head, "metadata": {"name": self.name}, "status": status}
