"""What HAProxy counted, added up over its processes: each starts at zero, the sums here never go back. Pure.

A sample is taken every two seconds; rates are those of the last ten. What an old process finishes after a reload is
not counted.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from common.api.meta import Object

SAMPLE_SECONDS = 2.0
WINDOW_SECONDS = 10.0
COMMAND = "show stat -1 6 -1"  # backends and servers
BACKEND = "BACKEND"


@dataclass(frozen=True, slots=True)
class Counts:
    """`requests` and `errors` (class 5xx) are totals; `sessions` are those of now, `latency` is the mean of the last
    1,024 answers in ms, None before the first."""

    requests: int = 0
    errors: int = 0
    sessions: int = 0
    latency: int | None = None


def parse(text: str) -> dict[tuple[str, str], Counts]:
    """The output of `COMMAND` by proxy and server. ValueError when it is something else."""
    if not text.startswith("# pxname"):
        raise ValueError(f"these are no statistics: {text[:100]!r}")
    found = {}
    for row in csv.DictReader(io.StringIO(text.removeprefix("# "))):
        requests = sum(int(row[f"hrsp_{kind}"] or 0) for kind in ("1xx", "2xx", "3xx", "4xx", "5xx", "other"))
        found[row["pxname"], row["svname"]] = Counts(
            requests=requests,
            errors=int(row["hrsp_5xx"] or 0),
            sessions=int(row["scur"] or 0),
            latency=int(row["rtime"] or 0) if requests else None,
        )
    return found


@dataclass
class Totals:
    """Sums by backend and server, and the samples of the window."""

    _sums: dict[tuple[str, str], Counts] = field(default_factory=dict)
    _last: Mapping[tuple[str, str], Counts] = field(default_factory=dict)
    _window: deque[tuple[float, dict[tuple[str, str], Counts]]] = field(default_factory=deque)

    def add(self, sample: Mapping[tuple[str, str], Counts], now: float, *, same_process: bool) -> None:
        before: Mapping[tuple[str, str], Counts] = self._last if same_process else {}
        for key, counts in sample.items():
            old, total = before.get(key, Counts()), self._sums.get(key, Counts())
            self._sums[key] = Counts(
                total.requests + max(counts.requests - old.requests, 0),
                total.errors + max(counts.errors - old.errors, 0),
                counts.sessions,
                counts.latency if counts.latency is not None else total.latency,
            )
        for key in self._sums.keys() - sample.keys():
            if key[0] not in {proxy for proxy, _ in sample}:
                del self._sums[key]  # its Ingress is gone
        self._last = dict(sample)
        self._window.append((now, dict(self._sums)))
        while len(self._window) > 2 and self._window[1][0] <= now - WINDOW_SECONDS:
            self._window.popleft()

    def figures(self, current: Mapping[tuple[str, str], Counts] | None = None) -> list[Object]:
        """One entry a backend: `namespace`, `ingress`, `service`, `port`, the figures, and `servers` with theirs."""
        found: dict[str, Object] = {}
        shown = self._last if current is None else current
        for (proxy, server), _ in sorted(shown.items()):
            parts = proxy.split(":")
            if len(parts) != 4:
                continue  # HAProxy's own
            names = dict(zip(("namespace", "ingress", "service", "port"), parts, strict=True))
            entry = found.setdefault(proxy, {**names, "servers": []})
            figures = self._figures((proxy, server))
            if server == BACKEND:
                entry.update(figures)
            else:
                address, _, port = server.rpartition("_")
                entry["servers"].append({"address": address, "port": int(port or 0), **figures})
        return list(found.values())

    def _figures(self, key: tuple[str, str]) -> Object:
        total = self._sums.get(key, Counts())
        then, first = (self._window[0][0], self._window[0][1].get(key, Counts())) if self._window else (0.0, Counts())
        seconds = (self._window[-1][0] - then) if self._window else 0.0
        per_second = 1 / seconds if seconds > 0 else 0.0
        return {
            "requests": total.requests,
            "errors": total.errors,
            "requestsPerSecond": round((total.requests - first.requests) * per_second, 2),
            "errorsPerSecond": round((total.errors - first.errors) * per_second, 2),
            "sessions": total.sessions,
            "latency": total.latency,
        }
