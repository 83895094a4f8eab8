"""One thing that is wrong: how bad it is, what it is about, why, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from common.api import kinds
from common.api.kinds import Resource
from common.api.meta import Key, Object, key
from console.views.status import Status, Tone


class Severity(IntEnum):
    """CRITICAL: something does not work now. WARNING: it will not, or only half. NOTICE: somebody wants it so."""

    CRITICAL = 0
    WARNING = 1
    NOTICE = 2


_SHORT = {
    kinds.DEPLOYMENTS: "deploy",
    kinds.SERVICES: "svc",
    kinds.PERSISTENTVOLUMECLAIMS: "pvc",
    kinds.PERSISTENTVOLUMES: "pv",
    kinds.HORIZONTALPODAUTOSCALERS: "hpa",
    kinds.PODDISRUPTIONBUDGETS: "pdb",
    kinds.NAMESPACES: "ns",
}
_TONES = {Severity.CRITICAL: Tone.BAD, Severity.WARNING: Tone.WARN, Severity.NOTICE: Tone.DIM}


@dataclass(frozen=True, slots=True)
class Finding:
    """`problem` is one word, `why` what the cluster says, `advice` the next step. `since` is RFC 3339 or empty."""

    severity: Severity
    problem: str
    resource: Resource
    key: Key
    why: str
    advice: str
    since: str = ""

    @property
    def status(self) -> Status:
        return Status(self.problem, _TONES[self.severity])

    @property
    def about(self) -> str:
        """`pod/web-7c9f`, `pvc/data`: as kubectl takes it."""
        return f"{_SHORT.get(self.resource, self.resource.kind.lower())}/{self.key.name}"


def of(
    obj: Object, resource: Resource, severity: Severity, problem: str, why: str, advice: str, since: str = ""
) -> Finding:
    """A finding about an object."""
    return Finding(severity, problem, resource, key(obj), " ".join(why.split()), advice, since)
