"""What has to be done on a machine, from its facts alone: steps with their reasons, or a refusal that says what to do.

Level-triggered: what is there already needs no step, so a second run of an interrupted installation goes on, and one of
a finished installation has nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from common.settings import AGENT_PORT
from console.packages import OF_A_NODE, SUPPORTED, missing

from .facts import Facts

LEAST_FREE_KIB = 300 * 1024  # the unpacked release, once more while one replaces another
MOST_SKEW = 120.0  # seconds; certificates are not valid before they were made


class Act(StrEnum):
    PACKAGES = "packages"
    ENGINE = "engine"
    RELEASE = "release"
    SERVICE = "service"
    START = "start"
    RESTART = "restart"
    ADOPT = "adopt"
    LEAVE = "leave"
    STOP = "stop"
    RESET = "reset"
    FILES = "files"


@dataclass(frozen=True, slots=True)
class Step:
    act: Act
    what: str
    why: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """`notes` are for people: what is not as good as it could be."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is done, and what to do about it."""

    message: str


def plan_install(facts: Facts, release: str, stamp: str, *, whole: bool) -> Plan | Refusal:
    """`release` and `stamp` name what is to be installed; `whole` when the release brings its packages along."""
    lacking = missing(facts.programs, OF_A_NODE)
    refusal = _refusal(facts, bool(lacking), whole=whole)
    if refusal:
        return refusal
    steps: list[Step] = []
    if lacking:
        names = tuple(need.package for need in lacking)
        why = "; ".join(f"{need.package} {need.why}" for need in lacking)
        steps.append(Step(Act.PACKAGES, f"install {', '.join(names)}", why, names))
    if not facts.engine:
        steps.append(Step(Act.ENGINE, "start the Docker Engine", "none answers"))
    if facts.release != release:
        how = "with its packages" if whole else "and let pip fetch what it needs, as its Python is another than here"
        steps.append(Step(Act.RELEASE, f"upload release {release} {how}", _was(facts)))
    if facts.stamp != stamp:
        steps.append(Step(Act.SERVICE, "install the service", "it starts the agent with the machine"))
    changed = facts.release != release or facts.stamp != stamp
    if not facts.agent:
        steps.append(Step(Act.START, "start the agent", "it makes the machine a node"))
    elif changed:
        steps.append(Step(Act.RESTART, "restart the agent", "containers go on meanwhile"))
    return Plan((*steps, Step(Act.ADOPT, "adopt it", "over this login, so no code is typed")), _notes(facts))


def plan_remove(facts: Facts, *, node: str) -> Plan | Refusal:
    """Everything that `plan_install` brings but packages and engine. `node` is its name in the cluster, if any."""
    steps: list[Step] = []
    if node:
        steps.append(
            Step(Act.LEAVE, f"remove node {node}", "its pods go elsewhere, its certificate is revoked", (node,))
        )
    if facts.release or facts.stamp:
        steps.append(Step(Act.STOP, "stop the agent", "what it made is taken away next"))
        steps.append(Step(Act.RESET, "remove containers, networks and rules", "the agent's own `reset` knows them"))
        steps.append(Step(Act.FILES, "remove the service, the release and its state", "packages and the engine stay"))
    return Plan(tuple(steps)) if steps else Refusal(f"nothing of Quarterdeck is installed on {facts.hostname}")


def _was(facts: Facts) -> str:
    return f"it has {facts.release}" if facts.release else "it has none"


def _refusal(facts: Facts, lacking: bool, *, whole: bool) -> Refusal | None:
    if lacking and not (facts.apt and facts.os_ids & SUPPORTED):
        wanted = ", ".join(need.program for need in missing(facts.programs, OF_A_NODE))
        return Refusal(
            f"{facts.hostname} runs {facts.system}, which is not Debian or Ubuntu: install {wanted} with its own "
            "package manager, then run this again"
        )
    version = facts.python.partition(" ")[0]
    if _version(version) < (3, 11):
        found = f"Python {version}" if version else "no python3"
        return Refusal(
            f"{facts.hostname} has {found}, and the agent needs Python 3.11 or newer: install it there first"
        )
    if not whole and not facts.venv:
        return Refusal(
            f"Python {version} of {facts.hostname} is another than here and cannot make virtual environments: install "
            "python3-venv there, then run this again"
        )
    if facts.port_taken and not facts.agent:
        return Refusal(
            f"port {AGENT_PORT} of {facts.hostname} is in use by something that is no agent of ours, perhaps a "
            f"kubelet: `ss -ltnp sport = :{AGENT_PORT}` there names it. Stop that, then run this again"
        )
    if 0 < facts.free_kib < LEAST_FREE_KIB:
        return Refusal(
            f"/opt of {facts.hostname} has {facts.free_kib // 1024} MiB free, and the agent needs "
            f"{LEAST_FREE_KIB // 1024} MiB"
        )
    if abs(facts.skew) > MOST_SKEW:
        way = "ahead" if facts.skew > 0 else "behind"
        return Refusal(
            f"the clock of {facts.hostname} is {abs(facts.skew):.0f} s {way} of this machine's: set it, as "
            "certificates and heartbeats go by it"
        )
    return None


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())


def _notes(facts: Facts) -> tuple[str, ...]:
    return () if facts.systemd else (f"{facts.hostname} has no systemd: the agent is started by an init script.",)
