"""Which zone each endpoint serves when a Service asks for `service.kubernetes.io/topology-mode: Auto`. Pure.

Zones get endpoints in proportion to the processors of their nodes: each endpoint serves its own zone at first, then
zones with more than their share give some to those with less. Where a share cannot be met without loading a zone's
endpoints a fifth above the others, or a zone is not known, nobody gets a hint and traffic goes everywhere.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from common.api import meta
from common.api.conditions import is_true
from common.api.meta import Object, labels
from common.api.quantity import parse

ZONE = "topology.kubernetes.io/zone"
_MODES = ("service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints")
_OVERLOAD = 0.2  # how much more than its share an endpoint may be asked to bear
_NO_WORKERS = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")


def is_automatic(service: Object) -> bool:
    """Whether the Service asks for hints by zone; this comes before its `trafficDistribution`."""
    found = meta.annotations(service)
    return next((found[key] for key in _MODES if key in found), "") in {"Auto", "auto"}


def shares_of(nodes: Iterable[Object]) -> dict[str, float]:
    """Each zone's share of the processors of all Ready nodes; empty when there are fewer than two zones, or a node
    does not say its zone or its processors."""
    processors: dict[str, float] = {}
    for node in nodes:
        if not is_true(node, "Ready") or any(label in labels(node) for label in _NO_WORKERS):
            continue
        zone = labels(node).get(ZONE, "")
        cpu = float(parse(str(((node.get("status") or {}).get("allocatable") or {}).get("cpu") or "0")))
        if not zone or cpu <= 0:
            return {}
        processors[zone] = processors.get(zone, 0.0) + cpu
    total = sum(processors.values())
    return {zone: cpu / total for zone, cpu in processors.items()} if len(processors) > 1 else {}


def matters(node: Object | None) -> object:
    """What of a node the shares are made of."""
    cpu = (((node or {}).get("status") or {}).get("allocatable") or {}).get("cpu")
    return None if node is None else (labels(node), is_true(node, "Ready"), cpu)


def hints(zones: Mapping[str, str], shares: Mapping[str, float]) -> dict[str, str]:
    """The zone that each endpoint serves, by its address; empty for no hints. `zones` says where each one is."""
    if not shares or len(shares) > len(zones) or not all(zone in shares for zone in zones.values()):
        return {}
    wanted = {zone: share * len(zones) for zone, share in shares.items()}
    if sum(math.ceil(share / (1 + _OVERLOAD)) for share in wanted.values()) > len(zones):
        return {}
    found = dict(sorted(zones.items()))
    for giver, taker in _moves(Counter(found.values()), wanted):
        moved = next(address for address, zone in found.items() if zone == giver)
        found[moved] = taker
    return found


def _moves(have: Counter[str], wanted: Mapping[str, float]) -> Iterable[tuple[str, str]]:
    """From which zone an endpoint goes to which, until neither side has a whole one to give or to take."""
    surplus = {zone: have[zone] - share for zone, share in wanted.items() if have[zone] > share}
    lack = {zone: share - have[zone] for zone, share in wanted.items() if have[zone] < share}
    while surplus and lack:
        giver = min(surplus, key=lambda zone: (-surplus[zone], zone))
        taker = min(lack, key=lambda zone: (-lack[zone], zone))
        if surplus[giver] < 1 and lack[taker] < 1:
            return
        yield giver, taker
        for table, zone in ((surplus, giver), (lack, taker)):
            table[zone] -= 1
            if table[zone] <= 0:
                del table[zone]
