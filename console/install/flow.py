"""One machine from login to node, and back: looks, plans, carries out, adopts, and says what it does. Blocks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from common.clock import Clock

from . import bundle, service
from .bundle import Bundle
from .facts import Facts
from .hostkeys import KnownHosts
from .plan import Act, Plan, Refusal, plan_install, plan_remove
from .remote import Identity, Machine, look
from .ssh import Credentials, SshError, connect
from .target import Target


class Refused(Exception):
    """Nothing was done; the message says why and what to do."""


class Cluster(Protocol):
    """What an installation needs of the cluster. Errors are `ApiError` and `Unreachable`."""

    def node_of(self, fingerprint: str) -> str:
        """The Node that the host with this certificate is; empty when it is none."""
        ...

    def adopt(self, identity: Identity, address: str) -> str:
        """Make the host a Node; its name."""
        ...

    def leave(self, node: str) -> None:
        """Delete the Node and wait until its agent has let go."""
        ...


class Bundles:
    """Makes each sort of release once, however many machines get it, and threads share it."""

    def __init__(self) -> None:
        self._made: dict[bool, Bundle] = {}
        self._making = threading.Lock()

    def for_machine(self, facts: Facts) -> Bundle:
        whole = bundle.fits(facts.python, facts.arch)
        with self._making:
            if whole not in self._made:
                self._made[whole] = bundle.make(whole=whole)
            return self._made[whole]


@dataclass(frozen=True, slots=True)
class Job:
    """`say` gets each line of progress. `accept` is the fingerprint of a host key that may be taken."""

    target: Target
    credentials: Credentials
    known: KnownHosts
    accept: str
    clock: Clock
    cluster: Cluster
    say: Callable[[str], None]


def install(job: Job, bundles: Bundles, *, dry_run: bool = False) -> str:
    """The name of the Node that the machine is afterwards; empty for a dry run. Raises Refused, SshError and what the
    cluster raises."""
    with connect(job.target, job.credentials, job.known, job.accept) as connection:
        facts = look(connection, job.clock)
        release = bundles.for_machine(facts)
        stamp = service.stamp(systemd=facts.systemd)
        plan = _accepted(plan_install(facts, release.release, stamp, whole=bool(release.python)))
        machine = Machine(connection, facts, job.clock, job.cluster.leave)
        _tell(job, facts, plan)
        if dry_run:
            return ""
        _carry_out(job, plan, machine, release)
        return _adopt(job, machine)


def remove(job: Job, *, dry_run: bool = False) -> None:
    """Take everything away that `install` brought but packages and engine."""
    with connect(job.target, job.credentials, job.known, job.accept) as connection:
        facts = look(connection, job.clock)
        machine = Machine(connection, facts, job.clock, job.cluster.leave)
        plan = _accepted(plan_remove(facts, node=_node(job, machine, facts)))
        _tell(job, facts, plan)
        if not dry_run:
            _carry_out(job, plan, machine, None)


def _accepted(plan: Plan | Refusal) -> Plan:
    if isinstance(plan, Refusal):
        raise Refused(plan.message)
    return plan


def _tell(job: Job, facts: Facts, plan: Plan) -> None:
    engine = f"Docker {facts.engine}" if facts.engine else "no engine runs"
    job.say(f"{facts.system}, {facts.arch}, Python {facts.python or 'none'}, {engine}")
    for step in plan.steps:
        job.say(f"  {step.what}: {step.why}")
    for note in plan.notes:
        job.say(f"  note: {note}")


def _carry_out(job: Job, plan: Plan, machine: Machine, release: Bundle | None) -> None:
    for step in plan.steps:
        if step.act is Act.ADOPT:
            continue
        began = job.clock.monotonic()
        job.say(f"-- {step.what}")
        machine.carry_out(step, release or Bundle("", b"", "", "", ()))
        job.say(f"   done in {job.clock.monotonic() - began:.1f} s")


def _adopt(job: Job, machine: Machine) -> str:
    identity = machine.identity()
    node = job.cluster.node_of(identity.fingerprint)
    if node:
        job.say(f"-- it is node {node} already")
        return node
    if identity.cluster and not identity.code:
        raise Refused(
            f"{identity.name} belongs to another cluster: remove it there, or make it forget that one by "
            f"`quarterdeck host remove {job.target}`"
        )
    job.say("-- adopt it")
    return job.cluster.adopt(identity, job.target.host)


def _node(job: Job, machine: Machine, facts: Facts) -> str:
    """The Node to remove first; an agent that does not answer cannot say which, and its files go all the same."""
    if not facts.agent:
        return ""
    try:
        return job.cluster.node_of(machine.identity().fingerprint)
    except SshError as error:
        job.say(f"  note: its agent does not say what node it is ({error})")
        return ""
