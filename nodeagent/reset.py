"""Taking away everything an agent made on this host: containers, network, rules, volumes, state."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from common.clock import SystemClock
from common.mounts import below

from .assignment import Assignment
from .mounts import SystemMounter
from .network.node import NodeNetwork
from .proxy.files import folder_for
from .proxy.haproxy import HaproxyProxy
from .runtime.base import RuntimeFailure
from .runtime.docker_engine import DockerRuntime
from .runtime.networks import DockerNetworks
from .session.credentials import read_membership
from .storage.attachments import VolumeFailure
from .volumes import Volumes


async def reset(folder: Path, engine: str) -> list[str]:
    """What could not be removed, for people; empty when nothing is left. Goes on after each problem, but keeps the
    state while containers may be left: it says whose they are."""
    runtime = DockerRuntime(engine, cluster=await asyncio.to_thread(cluster_of, folder))
    problems = []
    try:
        problems += await _remove_containers(runtime)
        network = NodeNetwork(DockerNetworks(runtime.call), folder / "resolv")
        try:
            await network.close(remove=True)
        except RuntimeFailure as failure:
            problems.append(failure.message)
    finally:
        await runtime.close()
    await HaproxyProxy(folder_for(folder), SystemClock()).close(remove=True)
    problems += await asyncio.to_thread(_remove_volumes, Volumes(folder, SystemMounter()))
    problems += await asyncio.to_thread(_unmount_below, folder)
    if not problems:
        await asyncio.to_thread(shutil.rmtree, folder)
    return problems


def cluster_of(folder: Path) -> str:
    """Whose containers are on this host. Two files tell, so that one may be damaged. Blocks."""
    assignment = Assignment(folder)
    assignment.load()
    membership = read_membership(folder / "membership.json")
    return assignment.cluster_uid or (membership.cluster if membership else "")


async def _remove_containers(runtime: DockerRuntime) -> list[str]:
    problems = []
    try:
        found = await runtime.list_containers() if runtime.cluster else []
        for info in sorted(found, key=lambda item: not item.container):
            await runtime.remove(info.id)
        await runtime.remove_sandbox_images()
    except RuntimeFailure as failure:
        problems.append(failure.message)
    return problems


def _remove_volumes(volumes: Volumes) -> list[str]:
    problems = []
    for uid in volumes.known_pods():
        try:
            volumes.remove(uid)
        except (OSError, VolumeFailure) as error:
            problems.append(f"volumes of pod {uid}: {error}")
    return problems


def _unmount_below(folder: Path) -> list[str]:
    mounter = SystemMounter()
    for path in below(folder):
        try:
            mounter.unmount(path)
        except OSError as error:
            return [f"{path} is mounted: {error}"]
    return []
