"""`/metrics/resource` as kubelet has it: processors and memory that node, pods and containers use, from the summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from common.api.meta import Object, parse_time
from common.exposition import family, head, sample

_NANO = 1e9


@dataclass(frozen=True, slots=True)
class _Family:
    """A metric of node, pods or containers; `figure` gives its value and, where it has one, its time."""

    name: str
    kind: str
    about: str
    figure: Callable[[Object], tuple[float, str]]


def _cpu(entry: Object) -> tuple[float, str]:
    return entry["cpu"]["usageCoreNanoSeconds"] / _NANO, entry["cpu"]["time"]


def _memory(entry: Object) -> tuple[float, str]:
    return entry["memory"]["workingSetBytes"], entry["memory"]["time"]


def _start(entry: Object) -> tuple[float, str]:
    return parse_time(entry["startTime"]).timestamp(), ""


def _pair(of: str) -> tuple[_Family, _Family]:
    return (
        _Family(f"{of}_cpu_usage_seconds_total", "counter",
                f"[STABLE] Cumulative cpu time consumed by the {of} in core-seconds", _cpu),
        _Family(f"{of}_memory_working_set_bytes", "gauge",
                f"[STABLE] Current working set of the {of} in bytes", _memory),
    )  # fmt: skip


_STARTED = _Family(
    "container_start_time_seconds", "gauge", "[STABLE] Start time of the container since unix epoch in seconds", _start
)


def text(summary: Object) -> str:
    pods = [({"namespace": pod["podRef"]["namespace"], "pod": pod["podRef"]["name"]}, pod) for pod in summary["pods"]]
    used = [(labels, pod) for labels, pod in pods if pod["containers"]]
    containers = [
        ({"container": entry["name"], **labels}, entry) for labels, pod in used for entry in pod["containers"]
    ]
    wanted = [(_pair("container"), containers), ((_STARTED,), containers)]
    wanted += [(_pair("node"), [({}, summary["node"])]), (_pair("pod"), used)]
    lines = [line for families, entries in wanted for item in families for line in _lines(item, entries)]
    error = "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise"
    return "".join([*lines, *family("resource_scrape_error", "gauge", error, [({}, 0)])])


def _lines(item: _Family, entries: list[tuple[dict[str, str], Object]]) -> Iterator[str]:
    if entries:
        yield from head(item.name, item.kind, item.about)
    for labels, entry in entries:
        value, time = item.figure(entry)
        yield sample(item.name, labels, value, int(parse_time(time).timestamp() * 1000) if time else None)
