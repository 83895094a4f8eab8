"""CPU and memory of containers, and the limits of this machine, from cgroup files of version 1 and 2."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_UNLIMITED = 1 << 60  # version 1 writes "no limit" as a number near 2**63


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu_nanoseconds` counts up from the container's start; the working set is memory that cannot be dropped."""

    cpu_nanoseconds: int
    memory: int  # bytes
    working_set: int
    rss: int


def container_usage(container_id: str, root: Path = ROOT) -> Usage | None:
    """The figures of a running container; None when its cgroup is not found."""
    if (root / "cgroup.controllers").exists():
        folder = _find(root, container_id)
        return _usage_v2(folder) if folder is not None else None
    memory, cpu = _find(root / "memory", container_id), _find(root / "cpuacct", container_id)
    return _usage_v1(memory, cpu) if memory is not None and cpu is not None else None


def _find(root: Path, container_id: str) -> Path | None:
    """Docker's folder for a container with the cgroupfs and with the systemd driver."""
    for name in (f"docker/{container_id}", f"system.slice/docker-{container_id}.scope"):
        if (root / name).is_dir():
            return root / name
    # A dockerd that itself runs in a cgroup makes its containers' folders below that.
    return next(root.glob(f"*/docker/{container_id}"), None)


def _usage_v2(folder: Path) -> Usage:
    cpu, memory = _table(folder / "cpu.stat"), _table(folder / "memory.stat")
    current = _number(folder / "memory.current")
    return Usage(
        cpu.get("usage_usec", 0) * 1000,
        current,
        max(current - memory.get("inactive_file", 0), 0),
        memory.get("anon", 0),
    )


def _usage_v1(memory: Path, cpu: Path) -> Usage:
    table = _table(memory / "memory.stat")
    current = _number(memory / "memory.usage_in_bytes")
    return Usage(
        _number(cpu / "cpuacct.usage"),
        current,
        max(current - table.get("total_inactive_file", 0), 0),
        table.get("total_rss", 0),
    )


def machine_usage(root: Path = ROOT) -> tuple[int | None, int | None]:
    """CPU time in nanoseconds and working set in bytes of all that our cgroup root holds; None for what it does not
    count (memory at the root of a version 2 hierarchy). In a container this is the container, not the machine."""
    if (root / "cgroup.controllers").exists():
        usage = _usage_v2(root)
        return usage.cpu_nanoseconds or None, usage.working_set if (root / "memory.current").exists() else None
    usage = _usage_v1(root / "memory", root / "cpuacct")
    return usage.cpu_nanoseconds or None, usage.working_set or None


def machine_memory_limit(root: Path = ROOT) -> int | None:
    """Bytes that our cgroup root may use; None without a limit."""
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        value = _number(root / name)
        if 0 < value < _UNLIMITED:
            return value
    return None


def machine_cpu_limit(root: Path = ROOT) -> float | None:
    """Cores that our cgroup root may use; None without a limit."""
    words = _words(root / "cpu.max")
    if len(words) == 2 and words[0].isdecimal():
        return int(words[0]) / int(words[1])
    quota, period = _number(root / "cpu/cpu.cfs_quota_us"), _number(root / "cpu/cpu.cfs_period_us")
    return quota / period if quota > 0 and period > 0 else None


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def _number(path: Path) -> int:
    words = _words(path)
    return int(words[0]) if words and words[0].lstrip("-").isdecimal() else 0


def _table(path: Path) -> dict[str, int]:
    words = _words(path)
    return {name: int(value) for name, value in zip(words[::2], words[1::2], strict=False) if value.isdecimal()}
