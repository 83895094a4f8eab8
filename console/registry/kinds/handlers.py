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


def validate_probes(container: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if probe is not None:
            causes += _validate_probe(probe, f"{path}.{name}", readiness=name == "readinessProbe")
    return causes


def _validate_probe(probe: Object, path: str, *, readiness: bool) -> list[Cause]:
    causes = _validate_action(probe, path, _ACTIONS)
    for name in _COUNTS:
        causes += validation.non_negative(f"{path}.{name}", probe.get(name))
    grace = probe.get("terminationGracePeriodSeconds")
    if readiness and grace is not None:
        causes.append(
            validation.wrong(f"{path}.terminationGracePeriodSeconds", grace, "must not be set for readinessProbes")
        )
    elif grace is not None and grace <= 0:
        causes.append(validation.wrong(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0"))
    if not readiness and probe.get("successThreshold", 1) != 1:
        causes.append(validation.wrong(f"{path}.successThreshold", probe["successThreshold"], "must be 1"))
    return causes


def validate_lifecycle(lifecycle: Object, path: str, grace_period: int) -> list[Cause]:
    causes: list[Cause] = []
    for name in ("postStart", "preStop"):
        hook = lifecycle.get(name)
        if hook is None:
            continue
        causes += _validate_action(hook, f"{path}.{name}", _HOOK_ACTIONS)
        sleep = hook.get("sleep")
        if sleep is not None and not 0 <= sleep.get("seconds", 0) <= grace_period:
            causes.append(
                validation.wrong(
                    f"{path}.{name}.sleep",
                    sleep.get("seconds"),
                    f"must be non-negative and less than terminationGracePeriodSeconds ({grace_period}).",
                )
            )
    return causes


def _validate_action(handler: Object, path: str, allowed: tuple[str, ...]) -> list[Cause]:
    chosen = [name for name in allowed if handler.get(name) is not None]
    if not chosen:
        return [validation.required(path, "must specify a handler type")]
    causes = [validation.forbidden(f"{path}.{name}", "may not specify more than 1 handler type") for name in chosen[1:]]
    name = chosen[0]
    action, where = handler[name], f"{path}.{name}"
    match name:
        case "exec":
            return causes + ([] if action.get("command") else [validation.required(f"{where}.command")])
        case "httpGet":
            return causes + _validate_http(action, where)
        case "tcpSocket":
            return causes + _validate_port(action, where)
        case "grpc":
            return causes + validation.port_number(f"{where}.port", action.get("port", 0))
    return causes


def _validate_port(action: Object, path: str) -> list[Cause]:
    return validation.port_number_or_name(f"{path}.port", action.get("port", 0))


def _validate_http(action: Object, path: str) -> list[Cause]:
    causes = [] if action.get("path") else [validation.required(f"{path}.path")]
    causes += _validate_port(action, path)
    causes += validation.one_of(f"{path}.scheme", action.get("scheme"), ("HTTP", "HTTPS"))
    for index, header in enumerate(action.get("httpHeaders") or ()):
        name = header.get("name", "")
        if not _HEADER.fullmatch(name):
            causes.append(
                validation.wrong(
                    f"{path}.httpHeaders[{index}].name",
                    name,
                    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex "
                    "used for validation is '[-A-Za-z0-9]+')",
                )
            )
    return causes
