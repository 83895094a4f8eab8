"""What `up` has to do on this machine, from facts alone: a list of steps, each with its reason, or a refusal that says
exactly what to run instead."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from common.settings import AGENT_PORT, API_PORT
from console.packages import missing

from .machine import Machine

DEMO = "Without an engine `quarterdeck demo` (or `make demo`) shows the console on simulated nodes."


class Act(StrEnum):
    INSTALL = "install"
    START_ENGINE = "start-engine"
    MAKE_IMAGE = "make-image"
    START_AGENT = "start-agent"
    START_CONTROL_PLANE = "start-control-plane"
    ADOPT = "adopt"
    APPLY = "apply"
    WAIT = "wait"


PRIVILEGED = frozenset({Act.INSTALL, Act.START_ENGINE, Act.MAKE_IMAGE, Act.START_AGENT})


@dataclass(frozen=True, slots=True)
class Step:
    act: Act
    what: str
    why: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    @property
    def privileged(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.act in PRIVILEGED)

    @property
    def packages(self) -> tuple[str, ...]:
        return next((step.arguments for step in self.steps if step.act is Act.INSTALL), ())


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is done, and what to do; nothing was changed."""

    message: str


def plan_up(machine: Machine) -> Plan | Refusal:
    """Level-triggered: what is there already needs no step, so a second run has nothing privileged to do."""
    steps = (*_host_steps(machine), *_cluster_steps(machine))
    plan = Plan(steps, _notes(machine))
    return _refusal(machine, plan) or plan


def _host_steps(machine: Machine) -> list[Step]:
    steps: list[Step] = []
    lacking = missing(machine.programs)
    if lacking:
        names = tuple(need.package for need in lacking)
        why = "; ".join(f"{need.package} {need.why}" for need in lacking)
        steps.append(Step(Act.INSTALL, f"install {', '.join(names)}", why, names))
    if not machine.engine and not machine.engine_denied:
        how = "with systemd" if machine.systemd else "directly, as there is no systemd"
        steps.append(Step(Act.START_ENGINE, f"start the Docker Engine {how}", "none is running"))
    if not machine.image:
        steps.append(Step(Act.MAKE_IMAGE, "make the example's image", "no image registry is needed for it"))
    if not machine.agent:
        steps.append(Step(Act.START_AGENT, "start a node agent", "it runs the containers of this host"))
    return steps


def _cluster_steps(machine: Machine) -> list[Step]:
    steps: list[Step] = []
    if not machine.control_plane:
        steps.append(Step(Act.START_CONTROL_PLANE, "start the control plane", "none is running"))
    return [
        *steps,
        Step(Act.ADOPT, "adopt this host", "a host belongs to a cluster only when somebody says so"),
        Step(Act.APPLY, "apply the example", "three replicas behind one Service"),
        Step(Act.WAIT, "ask the Service until all three replicas answered", "only an answer shows that it works"),
    ]


def _notes(machine: Machine) -> tuple[str, ...]:
    return () if machine.ipv6 else ("This machine has no IPv6: the cluster is made for IPv4 alone.",)


def _refusal(machine: Machine, plan: Plan) -> Refusal | None:
    if machine.locked_down and plan.privileged:
        return Refusal(
            f"No container engine can run here: {machine.locked_down}.\n"
            f"Start the container with `--privileged`, or use a virtual machine.\n{DEMO}"
        )
    if plan.packages and not machine.supported:
        wanted = ", ".join(f"{need.program} ({need.why})" for need in missing(machine.programs))
        return Refusal(
            f"{machine.system} is not Debian or Ubuntu, so nothing is installed here by itself.\n"
            f"Install these with its own package manager, then run this again: {wanted}.\n{DEMO}"
        )
    if not machine.agent and machine.agent_port_taken:
        return Refusal(_port(AGENT_PORT, "a node agent", "an agent of another QUARTERDECK_HOME, or a kubelet"))
    if not machine.control_plane and machine.api_port_taken:
        return Refusal(_port(API_PORT, "the API", "a control plane of another QUARTERDECK_HOME, or a Kubernetes"))
    return _no_rights(machine, plan)


def _no_rights(machine: Machine, plan: Plan) -> Refusal | None:
    if not plan.privileged or machine.root or machine.sudo_free or (machine.sudo and machine.terminal):
        return None
    needed = "".join(f"  - {step.what}: {step.why}\n" for step in plan.privileged)
    # Without a terminal sudo cannot ask for a password, and whether it must is known only by trying.
    command = "sudo make run" if machine.sudo else "su -c 'make run'"
    return Refusal(f"Rights of root are needed for this:\n{needed}Run: {command}\n{DEMO}")


def _port(port: int, whose: str, likely: str) -> str:
    return (
        f"Port {port} of this machine is in use, and {whose} needs it. It is likely {likely}; "
        f"`ss -ltnp sport = :{port}` (as root) names the process. Stop that, then run this again."
    )
