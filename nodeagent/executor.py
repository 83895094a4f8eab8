"""Carries out the pod machine's instructions, and says how each ended as an event. Decides nothing itself."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from common.api import meta
from common.api.meta import Object
from common.api.resizing import figures
from common.clock import Clock

from . import hosts, oom
from .confinement import Confinement
from .environment import Lookup, MissingReference, Surroundings, build, expand, file_references
from .images import Images
from .imagevolumes import ImageVolumes
from .network.base import Network, Policies
from .probes import Prober
from .runtime.base import ContainerInfo, ContainerSpec, ContainerState, Mount, Runtime, RuntimeFailure, SandboxSpec
from .state import events
from .state import instructions as do
from .state.events import Event
from .state.machine import PodMachine
from .state.spec import container_hash, host_network
from .storage.attachments import VolumeFailure
from .storage.stager import Stager
from .tokens import Tokens, TokenUnavailable
from .volumes import Volumes

log = logging.getLogger(__name__)
DRAIN_POLL = 0.1  # seconds between two looks at the connection table
NETWORK_WAIT = 10.0  # a sandbox waits so long for the node's network before that counts as a failure
LOG_TAIL_LINES, LOG_TAIL_BYTES = 80, 2048  # kubelet's bounds for a termination message taken from the log
TERMINATION_PATH = "/dev/termination-log"


@dataclass(frozen=True, slots=True)
class Surface:
    """The parts of the agent that instructions need. `around` gives what the downward API knows of the node;
    `domain` the cluster's DNS domain; `network_ready` is set while pods can be attached;
    `policies` tells those that a new pod begins under."""

    clock: Clock
    runtime: Runtime
    network: Network
    volumes: Volumes | None
    prober: Prober
    lookup: Lookup
    images: Images
    around: Callable[[], Surroundings]
    domain: Callable[[], str]
    network_ready: asyncio.Event
    tokens: Tokens
    policies: Callable[[], Policies] = Policies
    storage: Stager | None = None  # there when `volumes` is
    confinement: Confinement = field(default_factory=Confinement)


class Executor:
    """For one pod. `tell` hands an event to the pod's machine while an instruction is still under way."""

    def __init__(self, machine: PodMachine, surface: Surface, tell: Callable[[Event], None]) -> None:
        self._machine = machine
        self._surface = surface
        self._tell = tell
        self._image_volumes: ImageVolumes | None = None
        if surface.volumes is not None:
            self._image_volumes = ImageVolumes(surface.runtime, surface.images, surface.volumes)
        self._work: dict[type, Callable[[Any], Any]] = {
            do.PrepareVolumes: self._prepare_volumes,
            do.StartSandbox: self._start_sandbox,
            do.ResetSandbox: self._reset_sandbox,
            do.EnsureImage: self._ensure_image,
            do.StartContainer: self._start_container,
            do.StopContainer: self._stop_container,
            do.UpdateContainer: self._update_container,
            do.RemoveContainer: self._remove_container,
            do.RunHook: self._run_hook,
            do.RunProbe: self._run_probe,
            do.Drain: self._drain,
            do.TearDown: self._tear_down,
        }

    async def run(self, instruction: do.Instruction) -> Event | None:
        """The event that answers the instruction. A fault of ours becomes that instruction's failure too: the
        machine must never wait for an answer that does not come."""
        try:
            answer: Event | None = await self._work[type(instruction)](instruction)
        except RuntimeFailure as failure:
            return failed(instruction, failure.reason, failure.message)
        except Exception as error:
            log.exception("%s of pod %s", type(instruction).__name__, meta.key(self._pod))
            return failed(instruction, "InternalError", f"{type(error).__name__}: {error}")
        return answer

    @property
    def _pod(self) -> Object:
        return self._machine.pod

    @property
    def _uid(self) -> str:
        return meta.uid(self._pod)

    def around(self) -> Surroundings:
        """What the pod's files and variables may show of it and its node now."""
        surface = self._surface
        node = surface.around()
        addresses = node.host_ips if host_network(self._pod) else self._machine.state.sandbox.addresses
        return Surroundings(node.node_name, node.host_ips, addresses, node.allocatable, surface.tokens.of(self._uid))

    def _container(self, name: str) -> Object:
        return self._machine.state.containers[name].spec

    # Sandbox and volumes

    async def _prepare_volumes(self, _: do.PrepareVolumes) -> Event:
        volumes = self._surface.volumes
        if volumes is not None:
            try:
                await self._surface.tokens.ensure(self._pod)
                if self._surface.storage is not None:
                    await self._surface.storage.stage(self._pod, self._surface.lookup)
                await asyncio.to_thread(volumes.prepare, self._pod, self._surface.lookup, self.around())
            except VolumeFailure as failure:
                return events.VolumesFailed(str(failure))
            except TokenUnavailable as failure:
                return events.VolumesFailed(f"MountVolume.SetUp failed for volume of projected type : {failure}")
        return events.VolumesReady()

    async def _start_sandbox(self, instruction: do.StartSandbox) -> Event:
        surface, pod = self._surface, self._pod
        if (pod.get("spec") or {}).get("resourceClaims"):
            # Without a driver nobody would give the pod its devices, and it must not run as if it had them.
            raise RuntimeFailure("FailedPrepareDynamicResources", "no driver of devices is registered on this node")
        if (pod.get("spec") or {}).get("hostUsers") is False:
            raise RuntimeFailure(
                "FailedCreatePodSandBox", "can't set spec.hostUsers: runtime does not support user namespaces"
            )
        network = ""
        addresses: tuple[str, ...] = ()
        if not host_network(pod):
            await self._wait_for_network()
            attachment = surface.network.allocate(self._uid)
            network, addresses = attachment.network, attachment.addresses
            await surface.network.isolate(pod, surface.policies())
        sysctls = {
            str(item.get("name")): str(item.get("value"))
            for item in ((pod.get("spec") or {}).get("securityContext") or {}).get("sysctls") or ()
        }
        try:
            name, attempt = hosts.kernel_name(pod, surface.domain()), instruction.attempt
        except ValueError as error:
            raise RuntimeFailure("FailedCreatePodSandBox", str(error)) from error
        spec = SandboxSpec(pod, network, addresses, name, "", attempt, sysctls, oom.sandbox(), self._runtime())
        sandbox = await surface.runtime.start_sandbox(spec)
        return events.SandboxStarted(sandbox, addresses)

    def _runtime(self) -> str:
        """The engine's runtime that the pod's class names; RuntimeFailure when there is no such class (any more)."""
        name = str((self._pod.get("spec") or {}).get("runtimeClassName") or "")
        if not name:
            return ""
        found = self._surface.lookup.find("runtimeclasses", "", name)
        if found is None:
            raise RuntimeFailure("FailedCreatePodSandBox", f'RuntimeClass "{name}" not found')
        return str(found.get("handler") or "")

    async def _wait_for_network(self) -> None:
        try:
            async with asyncio.timeout(NETWORK_WAIT):
                await self._surface.network_ready.wait()
        except TimeoutError:
            raise RuntimeFailure(
                "NetworkUnavailable", "the node's network is not ready; the node's conditions say why"
            ) from None

    async def _reset_sandbox(self, instruction: do.ResetSandbox) -> Event:
        if instruction.id:
            await self._surface.runtime.remove(instruction.id)
        self._surface.network.release(self._uid)
        return events.SandboxGone()

    async def _tear_down(self, instruction: do.TearDown) -> Event:
        surface = self._surface
        found = await surface.runtime.list_containers(self._uid)
        unwanted = [info for info in found if not info.container or not instruction.keep_containers]
        # Containers before the sandbox whose namespaces they share.
        for info in sorted(unwanted, key=lambda item: not item.container):
            await surface.runtime.remove(info.id)
        surface.network.release(self._uid)
        if surface.storage is not None:
            await surface.storage.unstage(self._uid)
        if surface.volumes is not None:
            await asyncio.to_thread(surface.volumes.remove, self._uid)
        return events.TornDown()

    async def _drain(self, instruction: do.Drain) -> Event:
        surface = self._surface
        deadline = surface.clock.monotonic() + instruction.seconds
        while surface.clock.monotonic() < deadline and await surface.network.established(instruction.addresses):
            await surface.clock.sleep(DRAIN_POLL)
        return events.Drained()

    # Containers

    async def _ensure_image(self, instruction: do.EnsureImage) -> Event:
        name, image = instruction.container, instruction.image
        pulling = functools.partial(self._tell, events.ImagePulling(name, image))
        answer = await self._surface.images.ensure(self._pod, self._container(name), image, pulling)
        if isinstance(answer, events.ImageFailed) or self._image_volumes is None:
            return answer
        failure = await self._image_volumes.have(
            self._pod, self._container(name), image, lambda other: self._tell(events.ImagePulling(name, other))
        )
        return failure or answer

    async def _start_container(self, instruction: do.StartContainer) -> Event:
        name, attempt = instruction.container, instruction.attempt
        try:
            spec = await self._container_spec(name, attempt)
        except (MissingReference, VolumeFailure, OSError) as error:
            return events.ContainerFailed(name, attempt, "CreateContainerConfigError", str(error))
        info = await self._surface.runtime.start_container(spec)
        resources = spec.container.get("resources") or {}
        return events.ContainerStarted(name, attempt, info.id, info.started_at, info.image_id, resources, info.identity)

    async def _update_container(self, instruction: do.UpdateContainer) -> Event:
        wanted = figures(instruction.resources)
        await self._surface.runtime.update(instruction.id, instruction.has, wanted)
        return events.ContainerUpdated(instruction.container, instruction.attempt, instruction.resources)

    async def _container_spec(self, name: str, attempt: int) -> ContainerSpec:
        surface, container = self._surface, self._container(name)
        files = await asyncio.to_thread(self._files, container) if file_references(container) else {}
        around = dataclasses.replace(self.around(), files=files)
        environment = build(self._pod, container, surface.lookup, around)
        mounts: tuple[Mount, ...] = ()
        devices: tuple[Mount, ...] = ()
        if surface.storage is not None:
            entries = [*(container.get("volumeMounts") or ()), *(container.get("volumeDevices") or ())]
            used = [str(entry.get("name")) for entry in entries]
            await surface.storage.ensure(self._pod, surface.lookup, used)
        if surface.volumes is not None:
            mounts = await asyncio.to_thread(self._mounts, surface.volumes, container, attempt, environment)
            devices = tuple(surface.volumes.devices(self._pod, container))
        expanded = {
            **container,
            **{
                key: [expand(part, environment) for part in container[key]]
                for key in ("command", "args")
                if container.get(key)
            },
        }
        sandbox = self._machine.state.sandbox.id
        target = self._target_of(container)
        digest = container_hash(container)
        score = oom.score(self._pod, container, (self.around().allocatable or {}).get("memory", "0"))
        runtime = self._runtime()
        seccomp = await asyncio.to_thread(surface.confinement.seccomp_of, self._pod, container)
        return ContainerSpec(
            self._pod, expanded, sandbox, attempt, environment, mounts, digest, target, score, runtime, devices, seccomp
        )

    def _files(self, container: Object) -> dict[tuple[str, str], str]:
        volumes = self._surface.volumes
        if volumes is None:
            return {}
        texts = {place: volumes.read(self._pod, *place) for place in file_references(container)}
        return {place: text for place, text in texts.items() if text is not None}

    def _target_of(self, container: Object) -> str:
        """The container whose processes an ephemeral one is to see; MissingReference when it does not run."""
        name = str(container.get("targetContainerName") or "")
        if not name:
            return ""
        track = self._machine.state.containers.get(name)
        if track is None or not track.id:
            raise MissingReference(f'unable to find target container "{name}"')
        return track.id

    def _mounts(
        self, volumes: Volumes, container: Object, attempt: int, environment: dict[str, str]
    ) -> tuple[Mount, ...]:
        pod, name = self._pod, str(container.get("name"))
        mounts = list(volumes.mounts(pod, container, environment))
        taken = {mount.target for mount in mounts}
        own = [
            (str(volumes.termination_file(self._uid, name, attempt)),
             str(container.get("terminationMessagePath") or TERMINATION_PATH)),
        ]  # fmt: skip
        if resolv_conf := self._surface.network.resolv_conf(pod):
            own.append((resolv_conf, "/etc/resolv.conf"))
        if not host_network(pod):
            text = hosts.hosts_file(pod, self._machine.state.sandbox.addresses, self._surface.domain())
            own.append((str(volumes.hosts_file(pod, text)), "/etc/hosts"))
        mounts += [Mount(source, target) for source, target in own if target not in taken]
        return tuple(mounts)

    async def _stop_container(self, instruction: do.StopContainer) -> Event | None:
        if await self._surface.runtime.stop(instruction.id, "SIGKILL" if instruction.kill else ""):
            return None  # its death comes as an event of the engine
        info = await self._surface.runtime.inspect(instruction.id)
        if info is None:
            return events.ContainerDied(instruction.id, 137, "")
        return await self.death(info)

    async def _remove_container(self, instruction: do.RemoveContainer) -> None:
        try:
            await self._surface.runtime.remove(instruction.id)
        except RuntimeFailure as failure:
            log.debug("a dead container stays until its pod goes: %s", failure.message)

    async def death(self, info: ContainerInfo) -> Event | None:
        """What an inspected dead container tells; None when it runs."""
        if info.state is ContainerState.RUNNING:
            return None
        if not info.container:
            return events.SandboxDied(info.id)
        message = await self.last_words(info)
        return events.ContainerDied(info.id, info.exit_code, info.finished_at, info.oom_killed, message)

    async def last_words(self, info: ContainerInfo) -> str:
        """The termination message: from the container's file, else from its log when the pod says so."""
        volumes = self._surface.volumes
        if volumes is None:
            return ""
        text = await asyncio.to_thread(volumes.termination_message, self._uid, info.container, info.attempt)
        track = self._machine.state.containers.get(info.container)
        policy = track.spec.get("terminationMessagePolicy") if track is not None else ""
        if text or policy != "FallbackToLogsOnError" or info.exit_code == 0:
            return text
        tail = b""
        try:
            stream = self._surface.runtime.logs(
                info.id, follow=False, tail=LOG_TAIL_LINES, since=None, timestamps=False
            )
            async for chunk in stream:
                tail = (tail + chunk)[-LOG_TAIL_BYTES:]
        except RuntimeFailure as failure:
            return f"the log cannot be read: {failure.message}"
        return tail.decode(errors="replace")

    # Hooks and probes

    def _address(self) -> str:
        return next(iter(self.around().pod_ips), "")

    async def _run_hook(self, instruction: do.RunHook) -> Event:
        container = self._container(instruction.container)
        handler = (container.get("lifecycle") or {}).get(instruction.hook) or {}
        error = await self._surface.prober.hook(
            handler, container, instruction.id, self._address(), instruction.seconds
        )
        return events.HookDone(instruction.container, instruction.attempt, instruction.hook, error)

    async def _run_probe(self, instruction: do.RunProbe) -> Event:
        container = self._container(instruction.container)
        spec = container.get(f"{instruction.kind}Probe") or {}
        result = await self._surface.prober.probe(spec, container, instruction.id, self._address())
        return events.ProbeDone(instruction.container, instruction.attempt, instruction.kind, *result)


def failed(instruction: do.Instruction, reason: str, message: str) -> Event | None:
    """The event that says this instruction did not work."""
    match instruction:
        case do.PrepareVolumes():
            return events.VolumesFailed(message)
        case do.StartSandbox() | do.ResetSandbox():
            return events.SandboxFailed(message, devices=reason == "FailedPrepareDynamicResources")
        case do.EnsureImage(container, image):
            return events.ImageFailed(container, image, reason, message)
        case do.StartContainer(container, attempt):
            return events.ContainerFailed(container, attempt, reason, message)
        case do.UpdateContainer(container, attempt):
            return events.ContainerUpdateFailed(container, attempt, message)
        case do.StopContainer(container, attempt):
            return events.StopFailed(container, attempt, message)
        case do.RunHook(container, attempt, _, hook):
            return events.HookDone(container, attempt, hook, message)
        case do.RunProbe(container, attempt, _, kind):
            return events.ProbeDone(container, attempt, kind, None, message)
        case do.Drain():
            return events.Drained()
        case do.TearDown():
            return events.TearDownFailed(message)
    return None
