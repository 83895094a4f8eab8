"""Keeps pods to the Pod Security Standards that their namespace asks for, as Kubernetes' PodSecurity admission does.

Pods that break what is enforced are refused; of templates, and of what is only warned of, whoever writes them is told.
A namespace whose enforced level becomes stricter is told which of its pods would not be let in again: they stay.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

from common import errors
from common.api import kinds, meta
from common.api.meta import Key, Object
from common.clock import Clock
from common.errors import Forbidden
from common.exposition import family
from console.registry.columns import at
from console.registry.podsecurity import levels, standards
from console.registry.podsecurity.baseline import SECCOMP, SECCOMP_OF
from console.registry.podsecurity.levels import Policy, Standard
from console.registry.row import Lookup

from .extension.matching import Asked

_TEMPLATES = {
    kinds.PODTEMPLATES: "template", kinds.REPLICATIONCONTROLLERS: "spec.template", kinds.REPLICASETS: "spec.template",
    kinds.DEPLOYMENTS: "spec.template", kinds.STATEFULSETS: "spec.template", kinds.DAEMONSETS: "spec.template",
    kinds.JOBS: "spec.template", kinds.CRONJOBS: "spec.jobTemplate.spec.template",
}  # fmt: skip
"""Where kinds that make pods have their template."""
_OF_WHOLE_PODS = frozenset({"", "ephemeralcontainers", "resize"})
"""Subresources of a pod through which its spec is written."""
_MAX_PODS = 3000  # of a namespace that are looked at when its labels change
_MAX_SECONDS = 1.0  # that this may take
_TURN = 100  # pods that are looked at before others get their turn
_SERVED_MINOR = 36


class PodSecurity:
    def __init__(self, lookup: Lookup, clock: Clock) -> None:
        self._lookup = lookup
        self._clock = clock
        self._evaluations: Counter[tuple[str, str, str, str, str, str, str]] = Counter()

    async def check(self, asked: Asked, warnings: list[str]) -> None:
        """Raises Forbidden for a pod and Invalid for a namespace; adds what is to be told to `warnings`."""
        resource = asked.row.stored.resource
        if asked.new is None or asked.operation not in {"CREATE", "UPDATE"}:
            return
        if resource == kinds.PODS:
            self._check_pod(asked, asked.new, warnings)
        elif resource in _TEMPLATES and not asked.subresource:
            self._check_template(asked, at(asked.new, _TEMPLATES[resource]), warnings)
        elif resource == kinds.NAMESPACES and not asked.subresource:
            await self._check_namespace(asked, asked.new, warnings)

    def _policy(self, asked: Asked) -> Policy:
        space = self._lookup.get(kinds.NAMESPACES, Key("", asked.namespace))
        return levels.policy(meta.labels(space or {}))

    def _check_pod(self, asked: Asked, pod: Object, warnings: list[str]) -> None:
        if asked.subresource not in _OF_WHOLE_PODS:
            return
        policy = self._policy(asked)
        if policy.enforce.level == levels.PRIVILEGED and policy.says_nothing:
            self._count(asked, "allow", policy.enforce, "enforce")
            asked.note(f"{levels.PREFIX}enforce-policy", str(policy.enforce))
            return
        if asked.old is not None and not _is_significant(pod, asked.old):
            return
        asked.note(f"{levels.PREFIX}enforce-policy", str(policy.enforce))
        problem = self._judge(asked, policy.enforce, "enforce", pod)
        if problem:
            self._note(asked, policy, pod)
            raise Forbidden(
                f'pods "{asked.name}" is forbidden: violates PodSecurity "{policy.enforce}": {problem}',
                details={"name": asked.name, "kind": kinds.PODS.plural},
            )
        self._tell(asked, policy, pod, warnings)

    def _check_template(self, asked: Asked, template: Object | None, warnings: list[str]) -> None:
        policy = self._policy(asked)
        if template is not None and not policy.says_nothing:
            self._tell(asked, policy, template, warnings)

    def _tell(self, asked: Asked, policy: Policy, holder: Object, warnings: list[str]) -> None:
        self._note(asked, policy, holder)
        problem = self._judge(asked, policy.warn, "warn", holder)
        if problem:
            warnings.append(f'would violate PodSecurity "{policy.warn}": {problem}')

    def _note(self, asked: Asked, policy: Policy, holder: Object) -> None:
        """Say for audits what they are to know."""
        if policy.problems:
            listed = [f"{cause.field}: {cause.message}" for cause in policy.problems]
            text = listed[0] if len(listed) == 1 else f"[{', '.join(listed)}]"
            asked.note(f"{levels.PREFIX}error", f"Failed to parse policy: {text}")
        problem = self._judge(asked, policy.audit, "audit", holder)
        if problem:
            asked.note(f"{levels.PREFIX}audit-violations", f'would violate PodSecurity "{policy.audit}": {problem}')

    def _judge(self, asked: Asked, standard: Standard, mode: str, holder: Object) -> str:
        """What a standard has against a pod or template, in full; empty when nothing."""
        found = standards.findings(standard, holder.get("spec") or {}, meta.annotations(holder))
        if found or mode == "enforce":
            self._count(asked, "deny" if found else "allow", standard, mode)
        return standards.in_full(found)

    async def _check_namespace(self, asked: Asked, space: Object, warnings: list[str]) -> None:
        new, old = levels.policy(meta.labels(space)), levels.policy(meta.labels(asked.old or {}))
        if new.problems and new.problems != old.problems:
            raise errors.invalid(kinds.NAMESPACES.kind, "", asked.name, list(new.problems))
        if asked.old is None or new.enforce == old.enforce or new.enforce.is_at_most(old.enforce):
            return
        if new.enforce.level != levels.PRIVILEGED:
            warnings += await self._violating(asked.name, new.enforce)

    async def _violating(self, space: str, standard: Standard) -> list[str]:
        """What is to be said of the pods that are there already."""
        pods = _one_of_each_first([pod for pod in self._lookup.items(kinds.PODS) if meta.namespace(pod) == space])
        found: dict[str, list[str]] = {}
        deadline, checked = self._clock.monotonic() + _MAX_SECONDS, 0
        for pod in pods[:_MAX_PODS]:
            if checked % _TURN == _TURN - 1:
                await asyncio.sleep(0)
            problems = standards.findings(standard, pod.get("spec") or {}, meta.annotations(pod))
            checked += 1
            if problems:
                found.setdefault(standards.in_short(problems), []).append(meta.name(pod))
            if self._clock.monotonic() > deadline:
                break
        return list(_said_of(space, standard, found, (checked, len(pods))))

    def _count(self, asked: Asked, decision: str, standard: Standard, mode: str) -> None:
        version = "latest"
        if standard.minor is not None and standard.level != levels.PRIVILEGED:
            version = f"v1.{standard.minor}" if standard.minor <= _SERVED_MINOR else "future"
        kind = "pod" if asked.row.stored.resource == kinds.PODS else "controller"
        labels = (decision, standard.level, version, mode, asked.operation.lower(), kind, asked.subresource)
        self._evaluations[labels] += 1

    def lines(self) -> Iterator[str]:
        """What was decided, for /metrics."""
        names = (
            "decision", "policy_level", "policy_version", "mode", "request_operation", "resource", "subresource",
        )  # fmt: skip
        yield from family(
            "pod_security_evaluations_total", "counter",
            "Number of policy evaluations that occurred, not counting ignored or exempt requests.",
            ((dict(zip(names, labels, strict=True)), count) for labels, count in self._evaluations.items()),
        )  # fmt: skip


def _said_of(space: str, standard: Standard, found: dict[str, list[str]], share: tuple[int, int]) -> Iterator[str]:
    if share[0] < share[1]:
        yield "new PodSecurity enforce level only checked against the first {} of {} existing pods".format(*share)
    if found:
        yield f'existing pods in namespace "{space}" violate the new PodSecurity enforce level "{standard}"'
    yield from sorted(f"{_named(names)}: {problem}" for problem, names in found.items())


def _named(names: list[str]) -> str:
    others = len(names) - 1
    more = f" (and {others} other pod{'s' if others > 1 else ''})" if others else ""
    return f"{min(names)}{more}"


def _one_of_each_first(pods: list[Object]) -> list[Object]:
    """Pods of one controller are alike: one of each comes before the others of them."""
    seen: set[str] = set()
    first: list[Object] = []
    others: list[Object] = []
    for pod in pods:
        owner = meta.controller_of(pod)
        uid = str((owner or {}).get("uid") or "")
        (others if uid in seen else first).append(pod)
        if uid:
            seen.add(uid)
    return [*first, *others]


def _is_significant(new: Object, old: Object) -> bool:
    """Whether an update of a pod changed what the standards are about. Of its spec little else can change."""
    if meta.annotations(new).get(SECCOMP) != meta.annotations(old).get(SECCOMP):
        return True
    pairs = [_containers(pod) for pod in (new, old)]
    if pairs[0].keys() - pairs[1].keys():
        return True
    return any(
        container.get("image") != pairs[1][key].get("image")
        or _seccomp_of(new, container) != _seccomp_of(old, container)
        for key, container in pairs[0].items()
    )


def _containers(pod: Object) -> dict[tuple[str, str], Object]:
    spec = pod.get("spec") or {}
    lists = ("initContainers", "containers", "ephemeralContainers")
    return {(field, str(item.get("name"))): item for field in lists for item in spec.get(field) or ()}


def _seccomp_of(pod: Object, container: Object) -> str | None:
    return meta.annotations(pod).get(f"{SECCOMP_OF}{container.get('name')}")
