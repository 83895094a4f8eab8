"""`/stats/summary` in kubelet's shape: the node, and each running container, from cgroup files."""

from __future__ import annotations

from datetime import datetime

from common.api import meta
from common.api.meta import Object, format_time

from .cgroups import Usage, container_usage
from .pods import PodRunner
from .state.container import Phase
from .stats import Machine


def summary(node: str, machine: Machine, runners: list[PodRunner], now: datetime) -> Object:
    """Blocks for some milliseconds with many containers: call it in a thread."""
    moment = format_time(now)
    return {
        "node": {
            "nodeName": node,
            "cpu": {"time": moment, "usageCoreNanoSeconds": int(machine.cpu_seconds * 1e9)},
            "memory": {
                "time": moment,
                "availableBytes": machine.memory_available,
                "usageBytes": machine.memory_used,
                "workingSetBytes": machine.memory_used,
                "rssBytes": machine.memory_rss,
            },
            "fs": {
                "time": moment,
                "capacityBytes": machine.disk,
                "availableBytes": machine.disk_available,
                "usedBytes": machine.disk - machine.disk_available,
            },
            "rlimit": {"time": moment, "maxpid": machine.pids, "curproc": machine.pids_used},
        },
        "pods": [_pod(runner, moment) for runner in runners],
    }


def _pod(runner: PodRunner, moment: str) -> Object:
    state = runner.machine.state
    containers = []
    total = Usage(0, 0, 0, 0)
    for track in state.containers.values():
        usage = container_usage(track.id) if track.phase is Phase.RUNNING else None
        if usage is not None:
            total = Usage(
                total.cpu_nanoseconds + usage.cpu_nanoseconds,
                total.memory + usage.memory,
                total.working_set + usage.working_set,
                total.rss + usage.rss,
            )
            containers.append({"name": track.name, "startTime": track.started_at, **_figures(usage, moment)})
    return {
        "podRef": {"name": meta.name(state.pod), "namespace": meta.namespace(state.pod), "uid": meta.uid(state.pod)},
        "startTime": state.start_time,
        "containers": containers,
        **_figures(total, moment),
    }


def _figures(usage: Usage, moment: str) -> Object:
    return {
        "cpu": {"time": moment, "usageCoreNanoSeconds": usage.cpu_nanoseconds},
        "memory": {
            "time": moment,
            "usageBytes": usage.memory,
            "workingSetBytes": usage.working_set,
            "rssBytes": usage.rss,
        },
    }
