"""A Job's rules: what a failed pod means, and when enough has succeeded. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from common.api.conditions import get_condition
from common.api.indexes import known_indexes
from common.api.meta import Object, key

from .model import spec_of


@dataclass(frozen=True, slots=True)
class Match:
    """The rule that a failed pod meets. `message` says why a Job fails by it."""

    action: str = "Count"
    message: str = ""

    @property
    def counts(self) -> bool:
        return self.action != "Ignore"


COUNTED = Match()


def match_failure(job: Object, pod: Object) -> Match:
    """The first rule of the pod failure policy that fits; without one a failure counts."""
    policy = spec_of(job).get("podFailurePolicy") or {}
    for index, rule in enumerate(policy.get("rules") or ()):
        why = _exit_code(rule, pod) if rule.get("onExitCodes") is not None else _condition(rule, pod)
        if why:
            action = str(rule["action"])
            return Match(action, f"{why} matching {action} rule at index {index}")
    return COUNTED


def _exit_code(rule: Object, pod: Object) -> str:
    wanted = rule["onExitCodes"]
    for container, code in _failed_containers(pod):
        if wanted.get("containerName") not in {None, container}:
            continue
        if (code in wanted["values"]) == (wanted["operator"] == "In"):
            return f"Container {container} for pod {key(pod)} failed with exit code {code}"
    return ""


def _failed_containers(pod: Object) -> Iterator[tuple[str, int]]:
    status = pod.get("status") or {}
    for field in ("containerStatuses", "initContainerStatuses"):
        for container in status.get(field) or ():
            ended = (container.get("state") or {}).get("terminated")
            if ended is not None and ended.get("exitCode"):
                yield str(container.get("name")), int(ended["exitCode"])


def _condition(rule: Object, pod: Object) -> str:
    for pattern in rule.get("onPodConditions") or ():
        found = get_condition(pod, pattern["type"])
        if found is not None and found.get("status") == (pattern.get("status") or "True"):
            return f"Pod {key(pod)} has condition {pattern['type']}"
    return ""


def met_success_rule(job: Object, succeeded: set[int]) -> str:
    """Why the success policy is met, empty when it is not."""
    policy = spec_of(job).get("successPolicy") or {}
    for index, rule in enumerate(policy.get("rules") or ()):
        counted = succeeded
        needed = rule.get("succeededCount")
        if rule.get("succeededIndexes") is not None:
            named = known_indexes(rule["succeededIndexes"], spec_of(job)["completions"])
            counted = succeeded & named
            needed = len(named) if needed is None else needed
        if needed is not None and len(counted) >= needed:
            return f"Matched rules at index {index}"
    return ""
