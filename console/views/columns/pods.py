"""Pods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from common.api import kinds, pods, podstate
from common.api.meta import Object
from console.views import amounts, status
from console.views.status import Tone
from console.views.usage import use

from .column import AGE, LABELS, NAME, NAMESPACE, Table, dim, number, once_a_row, state, text
from .used import used, used_order

_requests = once_a_row(pods.requests)
_status = once_a_row(status.pod_status)


def _pod_ready(pod: Object) -> str:
    ready, count = podstate.ready_containers(pod)
    return f"{ready}/{count}"


def _pod_ready_tone(pod: Object) -> Tone:
    ready, count = podstate.ready_containers(pod)
    if ready == count:
        return Tone.OK
    return Tone.DIM if pods.is_terminal(pod) else Tone.WARN


def _restarts_tone(pod: Object) -> Tone:
    return Tone.WARN if podstate.restarts(pod) else Tone.DIM


def _requested(resource: str) -> Callable[[Object], str]:
    return lambda pod: amounts.amount(resource, _requests(pod).get(resource))


def _requested_order(resource: str) -> Callable[[Object], Any]:
    return lambda pod: -_requests(pod).get(resource, 0)


def _strain(resource: str) -> Callable[[Object], Tone]:
    """A pod near its limit: throttled soon, or ended for its memory."""

    def tone(pod: Object) -> Tone:
        found = use(pod)
        if found is None:
            return Tone.DIM
        limits = [((item.get("resources") or {}).get("limits") or {}).get(resource) for item in _containers(pod)]
        bounds = [amounts.parsed(limit) for limit in limits]
        if not bounds or None in bounds:
            return Tone.TEXT
        bound = sum((value for value in bounds if value is not None), Fraction())
        return Tone.WARN if bound and dict(found.items())[resource] >= bound * 9 / 10 else Tone.TEXT

    return tone


def _containers(pod: Object) -> list[Object]:
    return list((pod.get("spec") or {}).get("containers") or ())


def _ip(pod: Object) -> str:
    return next(iter(pods.ips(pod)), "-")


POD_COLUMNS = (
    NAMESPACE,
    replace(NAME, least=18),
    text("READY", _pod_ready, tone=_pod_ready_tone, letter="R"),
    state("STATUS", _status, letter="S"),
    number("RS", podstate.restarts, drop=3, letter="T", tone=_restarts_tone),
    text("CPU", used("cpu"), right=True, drop=5, letter="C", sort=used_order("cpu"), tone=_strain("cpu")),
    text("MEM", used("memory"), right=True, drop=5, letter="M", sort=used_order("memory"), tone=_strain("memory")),
    text("IP", _ip, drop=6, letter="I", tone=dim),
    text("NODE", lambda pod: pods.node_name(pod) or "-", drop=4, letter="O", tone=dim),
    AGE,
    text("CPU/R", _requested("cpu"), right=True, wide=True, drop=7, sort=_requested_order("cpu"), tone=dim),
    text("MEM/R", _requested("memory"), right=True, wide=True, drop=7, sort=_requested_order("memory"), tone=dim),
    text("ALL IPS", lambda pod: ",".join(pods.ips(pod)) or "-", wide=True, drop=8, tone=dim),
    LABELS,
)

TABLES = {
    kinds.PODS: Table(POD_COLUMNS, _status),
}
