"""`up`, `down` and `purge` from beginning to end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from common.blocking import Unreachable
from common.clock import Clock, SystemClock
from common.errors import ApiError
from common.settings import Home

from . import journal
from .answers import Answers
from .cluster import ApplyExample, ClusterSetup, start_control_plane
from .engine import EngineError
from .host import HostSetup
from .machine import Machine, survey
from .places import Places
from .plan import Act, Plan, Refusal, Step, plan_up
from .processes import running, stop
from .removal import HostRemoval
from .report import Report, SetupError

STOP_SECONDS = 20.0
OWN_FILES = ("console", "run", "api.sock", "kubeconfig", "setup.json", "setup.lock")


@contextmanager
def _errors() -> Iterator[None]:
    """Faults of the parts below, as one kind."""
    try:
        yield
    except (journal.Busy, journal.Unreadable, EngineError) as error:
        raise SetupError(str(error)) from error
    except (ApiError, Unreachable) as error:
        raise SetupError(f"The control plane or the engine failed meanwhile: {error}") from error
    except OSError as error:
        raise SetupError(f"This machine does not let setup work: {error}") from error


class Setup:
    """One run of `up`, `down` or `purge`. All raise SetupError."""

    def __init__(self, home: Home, clock: Clock | None = None, report: Report | None = None) -> None:
        self._home = home
        self._clock = clock or SystemClock()
        self._report = report or Report(self._clock)

    def up(self, example: Path, apply: ApplyExample) -> None:
        """Bring this machine to serving the example; what is there already is left as it is."""
        with _errors(), journal.locked(self._home):
            machine = survey(self._home)
            plan = plan_up(machine)
            if isinstance(plan, Refusal):
                raise SetupError(plan.message, missing=True)
            self._announce(machine, plan)
            self._privileged(machine, plan.privileged)
            self._cluster(plan, example, apply)

    def _announce(self, machine: Machine, plan: Plan) -> None:
        self._report.say(f"Quarterdeck on {machine.system}, state in {self._home.path}")
        for note in plan.notes:
            self._report.say(note)
        if not plan.packages:
            return
        step = plan.steps[0]
        self._report.say(f"To {step.what} with apt-get:")
        for reason in step.why.split("; "):
            self._report.say(f"  - {reason}")
        if machine.terminal and not _agreed("Install these packages?"):
            raise SetupError("Nothing was installed or changed. `quarterdeck demo` needs none of it.", missing=True)

    def _privileged(self, machine: Machine, steps: Sequence[Step]) -> None:
        if machine.root:
            host = HostSetup(self._home, self._report, self._clock)
            for step in steps:
                with self._report.step(step.what, "" if step.arguments else step.why):
                    host.run(step.act)
        elif steps:
            for step in steps:
                self._report.say(f"-- {step.what} ({step.why}), through sudo")
            self._sudo("up", [step.act for step in steps])

    def _sudo(self, command: str, acts: Sequence[Act] = ()) -> None:
        argv = ["sudo", "env", f"QUARTERDECK_HOME={self._home.path}", sys.executable, "-m", "console.setup.privileged"]
        done = subprocess.run([*argv, command, *acts], check=False)
        if done.returncode:
            raise SetupError("The privileged part failed; what it said stands above.", missing=done.returncode == 4)

    def _cluster(self, plan: Plan, example: Path, apply: ApplyExample) -> None:
        for step in plan.steps:
            if step.act is Act.START_CONTROL_PLANE:
                with self._report.step(step.what, step.why):
                    start_control_plane(self._home, self._clock)
        cluster = ClusterSetup(self._home, self._report, self._clock)
        with self._report.step("adopt this host"):
            node = cluster.adopt()
        with self._report.step(f"apply {example}"):
            apply(example)
        with self._report.step("ask the Service until all replicas answered"):
            heard = cluster.wait_for_example(node)
        self._facts(node, heard)

    def _facts(self, node: str, heard: Answers) -> None:
        self._report.say(f"\nThe example runs on node {node}:")
        for line in heard.lines():
            self._report.say(f"  {line}")
        self._report.say(f"\nkubectl: export KUBECONFIG={self._home.kubeconfig}")
        self._report.say("`make run` opens the console, `make down` takes all of this away again.")

    def down(self, *, purge: bool = False) -> None:
        """Remove what `up` started and made; with `purge` the state too."""
        if not self._home.path.exists():
            self._report.say(f"There is nothing: {self._home.path} does not exist.")
            return
        with _errors(), journal.locked(self._home):
            entries = journal.load(self._home)
            self._stop_control_plane()
            if os.geteuid() == 0:
                HostRemoval(self._home, self._report, self._clock).run(purge=purge)
            elif not entries.is_empty or purge:
                self._report.say("-- stop agent and engine and remove what they made, through sudo")
                self._sudo("purge" if purge else "down")
            if entries.packages:
                self._report.say(f"Packages that setup installed stay: {', '.join(entries.packages)}")
            if purge:
                self._purge()
            else:
                self._report.say(f"Down. The state stays in {self._home.path} until `make purge`.")

    def _stop_control_plane(self) -> None:
        """The one that setup started, or one that runs in somebody's terminal: that one is theirs to stop."""
        places = Places(self._home)
        identity = running(places.control_plane_pid)
        if identity:
            with self._report.step("stop the control plane", f"process {identity.pid}"):
                if not stop(identity, STOP_SECONDS, self._clock):
                    raise SetupError(f"The control plane (process {identity.pid}) does not end, not even by SIGKILL")
        places.control_plane_pid.unlink(missing_ok=True)
        journal.record(self._home, control_plane=False)

    def _purge(self) -> None:
        """Delete what is ours by name; a folder that was somebody's before keeps the rest."""
        for name in OWN_FILES:
            path = self._home.path / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        for draft in self._home.path.glob(".setup.json.*"):
            draft.unlink()
        left = sorted(path.name for path in self._home.path.iterdir())
        if left:
            self._report.say(f"Purged. {self._home.path} keeps what is not Quarterdeck's: {', '.join(left)}")
        else:
            self._home.path.rmdir()
            self._report.say(f"Purged: {self._home.path} is gone.")


def _agreed(question: str) -> bool:
    answer = input(f"{question} [Y/n] ").strip().lower()
    return answer in {"", "y", "yes"}
