"""What the machine has and uses, and the Node.status made of it. The only importer of psutil.

Container figures come from cgroup files: a sweep of 100 containers costs milliseconds there and a second each through
the engine. All functions block for a few milliseconds.
"""

from __future__ import annotations

import platform
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path

import psutil

from common.api import quantity
from common.api.meta import Object
from common.build import architecture
from common.settings import VERSION

from . import cgroups
from .cgroups import machine_cpu_limit, machine_memory_limit

DEFAULT_MAX_PODS = 110
MEMORY_PRESSURE = 100 * 1024 * 1024  # bytes available; kubelet's memory.available<100Mi
DISK_PRESSURE = 0.10  # share of the file system free; kubelet's nodefs.available<10%
PID_PRESSURE = 0.05  # share of process ids free
SYSTEM_RESERVED = 100 * 1024 * 1024  # bytes kept for agent and engine


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator said the node may give; None takes what the machine has."""

    cpus: float | None = None
    memory: int | None = None  # bytes
    max_pods: int = DEFAULT_MAX_PODS


@dataclass(frozen=True, slots=True)
class Machine:
    """A snapshot of the host. Amounts are cores and bytes; shares are of 1."""

    cpus: float
    memory: int
    memory_available: int
    memory_used: int
    disk: int
    disk_available: int
    pids: int
    pids_used: int
    cpu_seconds: float
    boot_id: str
    memory_rss: int  # what programs hold that no file backs


def measure(folder: Path, limits: Limits) -> Machine:
    """Look at the machine; capacity is the smaller of what psutil sees and what our cgroup may use."""
    memory = psutil.virtual_memory()
    disk = psutil.disk_usage(str(folder if folder.is_dir() else Path("/")))
    cores = float(psutil.cpu_count() or 1)
    times = psutil.cpu_times()
    total = limits.memory or min(memory.total, machine_memory_limit() or memory.total)
    used = cgroups.machine_usage()[1] or 0
    return Machine(
        cpus=limits.cpus or min(cores, machine_cpu_limit() or cores),
        memory=total,
        memory_available=max(min(memory.available, total - used), 0),
        memory_used=memory.total - memory.available,
        disk=disk.total,
        disk_available=disk.free,
        pids=_number(Path("/proc/sys/kernel/pid_max"), 32768),
        pids_used=len(psutil.pids()),
        cpu_seconds=sum(times) - times.idle - getattr(times, "iowait", 0.0),
        boot_id=_text(Path("/proc/sys/kernel/random/boot_id")),
        memory_rss=_anonymous(),
    )


def machine_usage() -> tuple[int, int]:
    """CPU time in nanoseconds and memory in use in bytes, of what `measure` calls the machine."""
    cpu, memory = cgroups.machine_usage()
    if cpu is None:
        times = psutil.cpu_times()
        cpu = int((sum(times) - times.idle - getattr(times, "iowait", 0.0)) * 1e9)
    if memory is None:
        found = psutil.virtual_memory()
        memory = found.total - found.available
    return cpu, memory


def capacity(machine: Machine, limits: Limits) -> Object:
    return {
        "cpu": quantity.format_milli(int(machine.cpus * 1000)),
        "memory": f"{machine.memory // 1024}Ki",
        "ephemeral-storage": f"{machine.disk // 1024}Ki",
        "pods": str(limits.max_pods),
    }


def allocatable(machine: Machine, limits: Limits) -> Object:
    """Capacity without a reserve for agent and engine, of at most a tenth of the memory."""
    reserve = min(SYSTEM_RESERVED, machine.memory // 10)
    return {
        **capacity(machine, limits),
        "memory": f"{(machine.memory - reserve) // 1024}Ki",
        "ephemeral-storage": str(machine.disk * 9 // 10),
    }


def node_info(agent_version: str, engine_version: str, machine: Machine) -> Object:
    return {
        **_identity(),
        "bootID": machine.boot_id,
        "containerRuntimeVersion": f"docker://{engine_version}" if engine_version else "docker://unknown",
        "kubeletVersion": f"{VERSION}+quarterdeck.{agent_version}",
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": architecture(),
    }


@cache
def _identity() -> dict[str, str]:
    """What stays as long as this process runs."""
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    return {
        "machineID": _text(Path("/etc/machine-id")),
        "systemUUID": _text(Path("/sys/class/dmi/id/product_uuid")),
        "kernelVersion": platform.release(),
        "osImage": release.get("PRETTY_NAME", "Linux"),
    }


def labels(name: str) -> dict[str, str]:
    return {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture(),
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": architecture(),
    }


def pressures(machine: Machine) -> dict[str, tuple[bool, str, str]]:
    """Node conditions about resources: type -> (status, reason, message)."""
    memory = machine.memory_available < MEMORY_PRESSURE
    disk = machine.disk_available < machine.disk * DISK_PRESSURE
    pids = machine.pids - machine.pids_used < machine.pids * PID_PRESSURE
    return {
        "MemoryPressure": _sufficiency(memory, "Memory", "memory"),
        "DiskPressure": (disk, "KubeletHasDiskPressure", "kubelet has disk pressure")
        if disk
        else (disk, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        "PIDPressure": _sufficiency(pids, "PID", "PID"),
    }


def _sufficiency(pressed: bool, kind: str, what: str) -> tuple[bool, str, str]:
    word = "insufficient" if pressed else "sufficient"
    return pressed, f"KubeletHas{word.capitalize()}{kind}", f"kubelet has {word} {what} available"


def reachable(found: Iterable[str], pod_cidrs: Iterable[str]) -> tuple[str, ...]:
    """The host's own addresses as others may use them, those of the pods' primary family first. Link-local ones mean
    nothing to other hosts without an interface of theirs."""
    order = [ip_network(cidr).version for cidr in pod_cidrs]
    known = [text for text in found if not ip_address(text).is_link_local]
    return tuple(sorted(known, key=lambda text: (*order, ip_address(text).version).index(ip_address(text).version)))


def host_ips(found: Iterable[str]) -> tuple[str, ...]:
    """The first address of each family: what pods are told of their host (`status.hostIPs`)."""
    first: dict[int, str] = {}
    for text in found:
        first.setdefault(ip_address(text).version, text)
    return tuple(first.values())


def addresses(found: Iterable[str], name: str) -> list[Object]:
    """Node.status.addresses: the host's own addresses and its name."""
    result: list[Object] = [{"type": "InternalIP", "address": address} for address in found]
    return [*result, {"type": "Hostname", "address": name}]


def host_name() -> str:
    """The machine's name as a node may be called: lower case, a DNS name."""
    name = socket.gethostname().lower().rstrip(".")
    cleaned = "".join(letter if letter.isalnum() or letter in "-." else "-" for letter in name).strip("-.")
    return cleaned[:63] or "node"


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _anonymous() -> int:
    words = _text(Path("/proc/meminfo")).split()
    return int(words[words.index("AnonPages:") + 1]) * 1024 if "AnonPages:" in words else 0


def _number(path: Path, default: int) -> int:
    text = _text(path)
    return int(text) if text.isdecimal() else default
