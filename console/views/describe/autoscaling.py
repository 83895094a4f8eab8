"""HorizontalPodAutoscalers in words."""

from __future__ import annotations

from datetime import datetime

from common.api import autoscaling
from common.api.meta import Object
from console.views import status
from console.views.columns.autoscaling import reference

from .lines import conditions, field, table


def autoscaler(obj: Object, now: datetime) -> list[str]:
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    counts = f"{state.get('currentReplicas', 0)} current | {state.get('desiredReplicas', 0)} desired"
    lines = [
        field("Status", status.autoscaler_status(obj).word),
        field("Scales", reference(obj)),
        field("Targets", autoscaling.targets(obj)),
        field("Replicas", f"{counts} | {spec.get('minReplicas', 1)} to {spec.get('maxReplicas', 0)}"),
        field("Last Change", state.get("lastScaleTime")),
    ]
    return lines + _behavior(spec.get("behavior") or {}) + conditions(obj, now)


def _behavior(behavior: Object) -> list[str]:
    rows = []
    for direction, title in (("scaleUp", "up"), ("scaleDown", "down")):
        rules = behavior.get(direction) or {}
        window = rules.get("stabilizationWindowSeconds")
        rows += [
            (
                title,
                f"{policy['value']}{'%' if policy['type'] == 'Percent' else ' pods'} in {policy['periodSeconds']} s",
                str(rules.get("selectPolicy", "Max")),
                f"{300 if window is None else window} s",
            )
            for policy in rules.get("policies") or ()
        ]
    return ["Behavior:", *table(("WAY", "AT MOST", "SELECT", "WINDOW"), rows)] if rows else []
