"""Pods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from common.api import kinds, pods, podstate
from common.api.meta import Object
from console.views import amounts, status
from console.views.status import Tone

from .column import AGE, LABELS, NAME, NAMESPACE, Table, dim, number, state, text


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
    return lambda pod: amounts.amount(resource, pods.requests(pod).get(resource))


def _requested_order(resource: str) -> Callable[[Object], Any]:
    return lambda pod: -pods.requests(pod).get(resource, 0)


def _ip(pod: Object) -> str:
    return next(iter(pods.ips(pod)), "-")


POD_COLUMNS = (
    NAMESPACE,
    NAME,
    text("READY", _pod_ready, tone=_pod_ready_tone, letter="R"),
    state("STATUS", status.pod_status, letter="S"),
    number("RS", podstate.restarts, drop=4, letter="T", tone=_restarts_tone),
    text("CPU/R", _requested("cpu"), right=True, drop=7, letter="C", sort=_requested_order("cpu"), tone=dim),
    text("MEM/R", _requested("memory"), right=True, drop=7, letter="M", sort=_requested_order("memory"), tone=dim),
    text("IP", _ip, drop=6, letter="I", tone=dim),
    text("NODE", lambda pod: pods.node_name(pod) or "-", drop=3, letter="O", tone=dim),
    AGE,
    text("ALL IPS", lambda pod: ",".join(pods.ips(pod)) or "-", wide=True, drop=8, tone=dim),
    LABELS,
)

TABLES = {
    kinds.PODS: Table(POD_COLUMNS, status.pod_status),
}
