"""Probes and lifecycle hooks: what they may do, how often and for how long."""

from __future__ import annotations

import re

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

_ACTIONS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_ACTIONS = ("exec", "httpGet", "tcpSocket", "sleep")
_COUNTS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_HEADER = re.compile("[-A-Za-z0-9]+")


def validate_probes(container: Object, path: str, grace_period: int) -> list[Cause]:
    causes: list[Cause] = []
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if probe is not None:
            causes += _validate_probe(probe, f"{path}.{name}", grace_period, readiness=name == "readinessProbe")
    return causes


def _validate_probe(probe: Object, path: str, grace_period: int, *, readiness: bool) -> list[Cause]:
    causes = _validate_action(probe, path, _ACTIONS, grace_period)
    for name in _COUNTS:
        causes += validation.non_negative(f"{path}.{name}", probe.get(name))
    grace, where = probe.get("terminationGracePeriodSeconds"), f"{path}.terminationGracePeriodSeconds"
    if grace is not None and grace <= 0:
        causes.append(validation.wrong(where, grace, "must be greater than 0"))
    if readiness and grace is not None:
        causes.append(validation.wrong(where, grace, "must not be set for readinessProbes"))
    if not readiness and probe.get("successThreshold", 1) != 1:
        causes.append(validation.wrong(f"{path}.successThreshold", probe["successThreshold"], "must be 1"))
    return causes


def validate_lifecycle(lifecycle: Object, path: str, grace_period: int) -> list[Cause]:
    """Hooks; a sleep is no longer than the `grace_period` of the pod, in seconds."""
    return [
        cause
        for name in ("postStart", "preStop")
        if lifecycle.get(name) is not None
        for cause in _validate_action(lifecycle[name], f"{path}.{name}", _HOOK_ACTIONS, grace_period)
    ]


def _validate_action(handler: Object, path: str, allowed: tuple[str, ...], grace_period: int) -> list[Cause]:
    chosen = [name for name in allowed if handler.get(name) is not None]
    if not chosen:
        return [validation.required(path, "must specify a handler type")]
    causes = _validate_one(chosen[0], handler[chosen[0]], f"{path}.{chosen[0]}", grace_period)
    return causes + [
        validation.forbidden(f"{path}.{name}", "may not specify more than 1 handler type") for name in chosen[1:]
    ]


def _validate_one(name: str, action: Object, path: str, grace_period: int) -> list[Cause]:
    match name:
        case "exec":
            return [] if action.get("command") else [validation.required(f"{path}.command")]
        case "httpGet":
            return _validate_http(action, path)
        case "sleep":
            return _validate_sleep(int(action.get("seconds") or 0), path, grace_period)
    return _validate_port(action, path)


def _validate_sleep(seconds: int, path: str, grace_period: int) -> list[Cause]:
    if 0 <= seconds <= grace_period:
        return []
    why = f"must be non-negative and less than terminationGracePeriodSeconds ({grace_period})"
    return [validation.wrong(path, seconds, why)]


def _validate_port(action: Object, path: str) -> list[Cause]:
    return validation.port_number_or_name(f"{path}.port", action.get("port", 0))


def _validate_http(action: Object, path: str) -> list[Cause]:
    causes = [] if action.get("path") else [validation.required(f"{path}.path")]
    causes += _validate_port(action, path)
    causes += validation.one_of(f"{path}.scheme", action.get("scheme"), ("HTTP", "HTTPS"))
    for header in action.get("httpHeaders") or ():
        name = header.get("name", "")
        if not _HEADER.fullmatch(name):
            causes.append(
                validation.wrong(
                    f"{path}.httpHeaders",
                    name,
                    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex "
                    "used for validation is '[-A-Za-z0-9]+')",
                )
            )
    return causes
