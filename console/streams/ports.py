"""What a port-forward leads to: `LOCAL:REMOTE` pairs, and from an object to a ready pod and a port of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from common.api import meta, selectors
from common.api.meta import Object
from common.api.pods import is_ready, is_terminal, node_name

HIGHEST = 65535


class NoTarget(Exception):
    """There is nowhere to forward to; the message says why."""


@dataclass(frozen=True, slots=True)
class Pair:
    """`local` 0 takes any free port; `remote` is a number or the name of a port."""

    local: int
    remote: str

    def __str__(self) -> str:
        return f"{self.local or ''}:{self.remote}"


def parse(text: str) -> Pair:
    """`REMOTE`, `LOCAL:REMOTE` or `:REMOTE`; ValueError names what is wrong."""
    local, colon, remote = text.strip().partition(":")
    if not colon:
        remote = local
        local = local if local.isdecimal() else ""
    if not remote or ":" in remote:
        raise ValueError(f"{text!r}: a forward is REMOTE, LOCAL:REMOTE or :REMOTE")
    if remote.isdecimal() and not 0 < int(remote) <= HIGHEST:
        raise ValueError(f"{text!r}: {remote} is no port: allowed are 1 to {HIGHEST}, or a port's name")
    if local and not (local.isascii() and local.isdecimal() and int(local) <= HIGHEST):
        raise ValueError(f"{text!r}: {local!r} is no local port: allowed are 0 to {HIGHEST}")
    return Pair(int(local or 0), remote)


def offered(obj: Object) -> list[str]:
    """The ports that an object names, as what stands behind LOCAL:."""
    spec = obj.get("spec") or {}
    if obj.get("kind") == "Service":
        return [str(port["port"]) for port in spec.get("ports") or ()]
    pod = spec.get("template", {}).get("spec", {}) if "template" in spec else spec
    ports = [port for container in pod.get("containers") or () for port in container.get("ports") or ()]
    return [str(port["containerPort"]) for port in ports if port.get("protocol", "TCP") == "TCP"]


def selector(obj: Object) -> selectors.Selector | None:
    """Which pods belong to it; None when it selects none."""
    chosen = (obj.get("spec") or {}).get("selector")
    if not isinstance(chosen, dict) or not chosen:
        return None
    return selectors.from_labels(chosen) if obj.get("kind") == "Service" else selectors.from_label_selector(chosen)


def usable(pod: Object) -> bool:
    """Whether new connections may go there."""
    return is_ready(pod) and not meta.metadata(pod).get("deletionTimestamp") and bool(node_name(pod))


def choose(obj: Object, pods: Iterable[Object]) -> Object:
    """The pod that connections to `obj` go to: the oldest that is ready, so that it stays the same. Raises NoTarget."""
    wanted = selector(obj)
    label = f"{str(obj.get('kind')).lower()}/{meta.name(obj)}"
    if wanted is None:
        raise NoTarget(f"{label} selects no pods")
    found = [pod for pod in pods if wanted.matches(meta.metadata(pod).get("labels") or {})]
    ready = [pod for pod in found if usable(pod)]
    if not ready:
        raise NoTarget(f"no pod of {label} is ready ({len(found)} in all)")
    return min(ready, key=lambda pod: (str(meta.metadata(pod).get("creationTimestamp")), meta.name(pod)))


def check_pod(pod: Object) -> None:
    """A pod that was named itself has only to run. Raises NoTarget."""
    phase = str((pod.get("status") or {}).get("phase") or "Pending")
    if is_terminal(pod) or phase != "Running":
        raise NoTarget(f"unable to forward port because pod is not running. Current status={phase}")


def port_of(obj: Object, pod: Object, remote: str) -> int:
    """The port of the pod that `remote` means: a Service's port leads to its target, all others are the pod's own.
    Raises NoTarget."""
    if obj.get("kind") != "Service":
        return _named(pod, remote)
    spec = obj.get("spec") or {}
    port = next((item for item in spec.get("ports") or () if remote in {str(item["port"]), item.get("name")}), None)
    if port is None:
        raise NoTarget(f"Service {meta.name(obj)} does not have a service port {remote}")
    target: Any = port.get("targetPort") or port["port"]
    return _named(pod, str(target))


def _named(pod: Object, text: str) -> int:
    if text.isdecimal():
        return int(text)
    for container in (pod.get("spec") or {}).get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("name") == text:
                return int(port["containerPort"])
    raise NoTarget(f"pod {meta.name(pod)} has no port named {text!r}")
