"""What only a control plane of Quarterdeck answers. On other people's clusters it is not offered, and the reason is
shown, with what tells the same there."""

from __future__ import annotations

from collections.abc import Mapping

from common.api import kinds
from common.api.kinds import Resource

GROUP = kinds.HOSTS.group
SCHEDULER = "this cluster's scheduler cannot be asked"
_HISTORY = "this cluster keeps no history of writes"
_MACHINES = "this cluster's machines are not Quarterdeck's"
DENIED: Mapping[str, str] = {
    "why": f"{SCHEDULER}; its events tell why a pod waits",
    "chart": "this cluster keeps no figures over time",
    "host.shell": _MACHINES,
    "machine": _MACHINES,
    "adopt": _MACHINES,
    "write.undo": _HISTORY,
    "keys.undo": _HISTORY,
    "rollout.undo": f"{_HISTORY}; roll back to a revision",
    "manifest.undo": _HISTORY,
}
"""By action: why it is not offered."""
_KINDS: Mapping[Resource, str] = {
    kinds.HOSTS: f"{_MACHINES}; :nodes shows them",
    kinds.CHANGES: f"{_HISTORY}; :timeline has its events",
}
_PAGES: Mapping[str, str] = {
    "lb": "this cluster's balancers do not count; :svc shows its Services",
    "fit": f"{SCHEDULER}; :topo shows what is free",
}
NO_FIGURES = "This cluster keeps no figures over time: Quarterdeck's own control plane does."


def missing(resource: Resource | None, page: str) -> str:
    """Why another cluster has no such kind or page; empty when it may."""
    if resource is None:
        return _PAGES.get(page, "")
    return _KINDS.get(resource, "only clusters of Quarterdeck have that") if resource.group == GROUP else ""
