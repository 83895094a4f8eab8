"""/healthz, /livez and /readyz: one answer out of named checks, as kube-apiserver gives it. Pure.

`?verbose` lists the checks, `?exclude=NAME` leaves one out, a path behind them asks for one alone. What is wrong is
told to whoever reads the log, not to whoever asks: anybody may ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from common.errors import unserved

ALL = frozenset({"/healthz", "/livez", "/readyz"})
_READY_ONLY = frozenset({"/readyz"})
_STARTED = (
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/generic-apiserver-start-informers",
    "poststarthook/priority-and-fairness-config-consumer",
    "poststarthook/priority-and-fairness-filter",
    "poststarthook/start-apiextensions-informers",
    "poststarthook/start-apiextensions-controllers",
    "poststarthook/crd-informer-synced",
    "poststarthook/start-system-namespaces-controller",
    "poststarthook/start-cluster-authentication-info-controller",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
    "poststarthook/priority-and-fairness-config-producer",
    "poststarthook/bootstrap-controller",
    "poststarthook/start-kubernetes-service-cidr-controller",
    "poststarthook/start-kube-aggregator-informers",
    "poststarthook/apiservice-status-local-available-controller",
    "poststarthook/apiservice-status-remote-available-controller",
    "poststarthook/apiservice-registration-controller",
    "poststarthook/apiservice-discovery-controller",
    "poststarthook/kube-apiserver-autoregistration",
    "autoregister-completion",
    "poststarthook/apiservice-openapi-controller",
    "poststarthook/apiservice-openapiv3-controller",
)
"""Kubernetes' names of what `Server.start` has done before it answers the first question; were it to fail, the server
would not be there. Monitoring and Kubernetes' own programs look for them."""


@dataclass(frozen=True, slots=True)
class Check:
    """`fault` says what is wrong, and is empty when nothing is; `paths` are those that ask for it."""

    name: str
    fault: Callable[[], str] = lambda: ""
    paths: frozenset[str] = ALL


@dataclass(frozen=True, slots=True)
class Health:
    healthy: bool
    text: str


def checks(*, store: Callable[[], str], closing: Callable[[], bool]) -> tuple[Check, ...]:
    """What there is to check under the names by which kube-apiserver's are known; `etcd` is our store."""
    return (
        Check("ping"),
        Check("log"),
        Check("etcd", store),
        Check("etcd-readiness", store, _READY_ONLY),
        Check("informer-sync", paths=_READY_ONLY),
        *(Check(name) for name in _STARTED),
        Check("shutdown", lambda: "the server is closing" if closing() else "", _READY_ONLY),
    )


def overall(known: Sequence[Check], path: str, query: Mapping[str, str], excluded: Sequence[str]) -> Health:
    """The answer to one of the three paths."""
    wanted = [check for check in known if path in check.paths]
    lines = [_line(check, excluded) for check in wanted]
    healthy = not any(line.startswith("[-]") for line in lines)
    unknown = [name for name in dict.fromkeys(excluded) if name not in {check.name for check in wanted}]
    if unknown:
        listed = ", ".join(f'"{name}"' for name in unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {listed}")
    lines.append(f"{path.strip('/')} check {'passed' if healthy else 'failed'}")
    text = "ok" if healthy and "verbose" not in query else "\n".join(lines) + "\n"
    return Health(healthy, text)


def _line(check: Check, excluded: Sequence[str]) -> str:
    if check.name in excluded:
        return f"[+]{check.name} excluded: ok"
    return f"[-]{check.name} failed: reason withheld" if check.fault() else f"[+]{check.name} ok"


def single(known: Sequence[Check], path: str) -> Health:
    """The answer to `/healthz/NAME` and the like; raises NotFound for a check that there is not."""
    _, root, name = path.split("/", 2)
    for check in known:
        if check.name == name and f"/{root}" in check.paths:
            fault = check.fault()
            return Health(not fault, f"internal server error: {fault}\n" if fault else "ok")
    raise unserved()


def is_health(path: str) -> bool:
    """Whether a path is one of the three or a check behind one."""
    return path in ALL or any(path.startswith(f"{root}/") for root in ALL)
