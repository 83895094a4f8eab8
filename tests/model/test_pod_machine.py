"""A pod machine against a scripted engine that crashes, loses containers, answers late and goes away.

Whatever happens, the machine never contradicts itself, never starts what must not start, and, once things are quiet,
ends where its pod should be: running, through, or gone.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nodeagent.state import events
from nodeagent.state import instructions as do
from nodeagent.state.container import Phase
from nodeagent.state.machine import PodMachine
from nodeagent.state.moment import Moment
from nodeagent.state.spec import ContainerKind, container_hash

START = datetime(2026, 1, 1, tzinfo=UTC)
CODES = st.sampled_from([0, 1, 137])


class Engine:
    """What exists, and answers that are still on their way."""

    def __init__(self) -> None:
        self.up = True
        self.containers: dict[str, events.Seen] = {}
        self.pending: list[do.Instruction] = []
        self.starts: list[tuple[str, int]] = []

    def running(self) -> list[str]:
        return [key for key, item in self.containers.items() if item.running]

    def die(self, key: str, code: int) -> events.Event:
        old = self.containers[key]
        self.containers[key] = replace(old, running=False, exit_code=code)
        return events.ContainerDied(key, code, "") if old.container else events.SandboxDied(key)

    def answer(self, instruction: do.Instruction) -> events.Event | None:  # noqa: C901 - one case a kind
        if not self.up:
            return self.refuse(instruction)
        match instruction:
            case do.PrepareVolumes():
                return events.VolumesReady()
            case do.StartSandbox(attempt):
                self.containers[f"box-{attempt}"] = events.Seen(f"box-{attempt}", "", attempt, running=True)
                return events.SandboxStarted(f"box-{attempt}", (f"10.42.0.{attempt + 1}",))
            case do.ResetSandbox(key):
                self.containers.pop(key, None)
                return events.SandboxGone()
            case do.EnsureImage(name, image):
                return events.ImageReady(name, image, "sha256:1")
            case do.StartContainer(name, attempt):
                key = f"{name}-{attempt}"
                self.starts.append((name, attempt))
                spec_hash = container_hash({"name": name, "image": f"{name}:1"})
                self.containers[key] = events.Seen(key, name, attempt, running=True, spec_hash=spec_hash)
                return events.ContainerStarted(name, attempt, key, "")
            case do.StopContainer(_, _, key, kill):
                found = self.containers.get(key)
                return self.die(key, 137 if kill else 143) if found is not None and found.running else None
            case do.RemoveContainer(key):
                self.containers.pop(key, None)
                return None
            case do.RunHook(name, attempt, _, hook):
                return events.HookDone(name, attempt, hook)
            case do.RunProbe(name, attempt, _, kind):
                return events.ProbeDone(name, attempt, kind, success=True)
            case do.Drain():
                return events.Drained()
            case do.TearDown(keep):
                self.containers = {key: item for key, item in self.containers.items() if keep and item.container}
                return events.TornDown()
        return None

    def refuse(self, instruction: do.Instruction) -> events.Event | None:
        from nodeagent.executor import failed

        return failed(instruction, "EngineUnavailable", "gone")


class PodMachineModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.mono = 0.0
        self.engine = Engine()
        self.reported: list[Any] = []
        self.gone = False
        self.deleted = False
        self.restart_counts: dict[str, int] = {}

    @property
    def now(self) -> Moment:
        return Moment(START + timedelta(seconds=self.mono), self.mono)

    @initialize(
        policy=st.sampled_from(["Always", "OnFailure", "Never"]),
        inits=st.integers(0, 2),
        sidecar=st.booleans(),
        apps=st.integers(1, 2),
        probes=st.booleans(),
        hooks=st.booleans(),
        whole=st.booleans(),
    )
    def assign(self, policy: str, inits: int, sidecar: bool, apps: int, probes: bool, hooks: bool, whole: bool) -> None:
        def container(name: str, **more: Any) -> dict[str, Any]:
            return {"name": name, "image": f"{name}:1", **more}

        app: dict[str, Any] = {}
        if probes:
            app["readinessProbe"] = {"exec": {}, "periodSeconds": 1}
            app["livenessProbe"] = {"exec": {}, "periodSeconds": 2, "failureThreshold": 2}
        if hooks:
            app["lifecycle"] = {"preStop": {"exec": {}}, "postStart": {"exec": {}}}
        if whole:  # one exit code of something_dies restarts the whole pod
            codes = {"operator": "In", "values": [1]}
            app["restartPolicy"] = policy
            app["restartPolicyRules"] = [{"action": "RestartAllContainers", "exitCodes": codes}]
        extra = [container("side", restartPolicy="Always")] if sidecar else []
        self.spec = {
            "metadata": {"name": "web", "namespace": "default", "uid": "u1"},
            "spec": {
                "restartPolicy": policy,
                "initContainers": [*extra, *(container(f"init{index}") for index in range(inits))],
                "containers": [container(f"app{index}", **app) for index in range(apps)],
            },
        }
        self.policy = policy
        self._begin()

    def _begin(self) -> None:
        self.machine = PodMachine(self.spec, ("192.0.2.1",), self.now)
        self.tell(events.Assigned(self.spec))
        if self.engine.up:
            self.tell(events.Observed(tuple(self.engine.containers.values())))

    def tell(self, event: events.Event) -> None:
        for instruction in self.machine.handle(event, self.now):
            match instruction:
                case do.ReportStatus(status):
                    self._check_report(status)
                case do.ReportGone():
                    assert not self.gone, "gone twice"
                    self.gone = True
                case do.EmitEvent():
                    pass
                case _:
                    self._check_start(instruction)
                    self.engine.pending.append(instruction)

    def _check_start(self, instruction: do.Instruction) -> None:
        state = self.machine.state
        if isinstance(instruction, do.StartContainer):
            assert state.ending is None, "a container is started in a pod that ends"
            assert state.sandbox.id, "a container is started without a sandbox"
            track = state.containers[instruction.container]
            if track.kind is ContainerKind.APP:
                assert all(other.ready for other in state.of_kind(ContainerKind.INIT)), "apps before init containers"

    def _check_report(self, status: Any) -> None:
        if self.reported and self.reported[-1]["phase"] in {"Succeeded", "Failed"}:
            assert status["phase"] == self.reported[-1]["phase"], "a terminal phase was left"
        for entry in [*status["containerStatuses"], *status.get("initContainerStatuses", ())]:
            assert entry["restartCount"] >= self.restart_counts.get(entry["name"], 0), "a restart count fell"
            self.restart_counts[entry["name"]] = entry["restartCount"]
            assert len(entry["state"]) == 1
        self.reported.append(status)

    # What happens

    @precondition(lambda self: self.engine.pending)
    @rule(data=st.data())
    def engine_answers(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.engine.pending) - 1))
        answer = self.engine.answer(self.engine.pending.pop(index))
        if answer is not None:
            self.tell(answer)

    @precondition(lambda self: self.engine.pending)
    @rule(data=st.data())
    def engine_refuses(self, data: st.DataObject) -> None:
        from nodeagent.executor import failed

        index = data.draw(st.integers(0, len(self.engine.pending) - 1))
        answer = failed(self.engine.pending.pop(index), "CreateContainerError", "no")
        if answer is not None:
            self.tell(answer)

    @precondition(lambda self: self.engine.up and self.engine.running())
    @rule(data=st.data(), code=CODES, heard=st.booleans())
    def something_dies(self, data: st.DataObject, code: int, heard: bool) -> None:
        event = self.engine.die(data.draw(st.sampled_from(self.engine.running())), code)
        if heard:
            self.tell(event)

    @rule(name=st.sampled_from(["app0", "app1", "init0", "side"]), attempt=st.integers(0, 2), code=CODES)
    def a_late_event(self, name: str, attempt: int, code: int) -> None:
        key = f"{name}-{attempt}"
        if key in self.engine.containers and self.engine.containers[key].running:
            return
        self.tell(events.ContainerDied(key, code, ""))
        self.tell(events.HookDone(name, attempt + 5, "preStop"))
        self.tell(events.ProbeDone(name, attempt + 5, "liveness", success=False))

    @rule(seconds=st.sampled_from([0.5, 3.0, 11.0, 45.0]))
    def time_passes(self, seconds: float) -> None:
        self.mono += seconds
        self.tell(events.Tick())

    @precondition(lambda self: self.engine.up)
    @rule()
    def engine_goes_away(self) -> None:
        self.engine.up = False
        self.tell(events.EngineLost())

    @precondition(lambda self: not self.engine.up)
    @rule(killed_all=st.booleans())
    def engine_comes_back(self, killed_all: bool) -> None:
        self._engine_back(killed_all=killed_all)

    def _engine_back(self, *, killed_all: bool) -> None:
        self.engine.up = True
        if killed_all:
            for key in self.engine.running():
                self.engine.die(key, 255)
        self.tell(events.Observed(tuple(self.engine.containers.values())))

    @rule()
    def agent_restarts(self) -> None:
        """Everything in flight is cut off, before or after it had its effect; the last status is in the API."""
        if self.gone:
            return
        self.engine.pending.clear()
        if self.reported:
            self.spec = {**self.spec, "status": self.reported[-1]}
        self._begin()

    @rule(grace=st.sampled_from([0, 1, 30]))
    def is_deleted(self, grace: int) -> None:
        self.deleted = True
        stamp = {"deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": grace}
        self.spec = {**self.spec, "metadata": {**self.spec["metadata"], **stamp}}
        self.tell(events.Assigned(self.spec))

    @rule()
    def is_released(self) -> None:
        self.tell(events.Released())

    @invariant()
    def consistent(self) -> None:
        if hasattr(self, "machine"):
            self.machine.validate()

    def teardown(self) -> None:
        """Let everything go quiet: the engine works, every answer comes, time passes."""
        if not hasattr(self, "machine"):
            return
        if not self.engine.up:
            self._engine_back(killed_all=False)
        self.tell(events.Observed(tuple(self.engine.containers.values())))
        for _ in range(400):
            self._init_containers_finish()
            if self.engine.pending:
                answer = self.engine.answer(self.engine.pending.pop(0))
                if answer is not None:
                    self.tell(answer)
            elif self.machine.wake_at is not None and not self._settled():
                self.mono = max(self.machine.wake_at, self.mono)
                self.tell(events.Tick())
            else:
                break
            self.machine.validate()
        assert self._settled(), "\n".join(self.machine.story()[-25:])

    def _init_containers_finish(self) -> None:
        for track in self.machine.state.of_kind(ContainerKind.INIT):
            if track.phase is Phase.RUNNING and track.id in self.engine.running():
                self.tell(self.engine.die(track.id, 0))

    def _settled(self) -> bool:
        if self.deleted:
            return self.gone and not self.engine.containers
        state = self.machine.state
        if state.ending is not None:
            return not self.engine.running() and (self.machine.state.frozen or self.reported[-1])["phase"] in {
                "Succeeded",
                "Failed",
            }
        through = {"Always": set(), "OnFailure": {0}, "Never": {0, 1, 137, 143, 255}}[self.policy]
        return all(
            track.phase is Phase.RUNNING or (track.ended is not None and track.ended.exit_code in through)
            for track in state.apps
        )


PodMachineModel.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
TestPodMachine = PodMachineModel.TestCase
