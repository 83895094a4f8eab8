"""The autoscaler: every few seconds it reads size, pods and figures of a target, and acts on `plan`.

Neighbours: console/metrics makes the figures, read as metrics.k8s.io; whatever has a `/scale` can be the target. What
an autoscaler remembers (recommendations, past changes) is in memory: after a restart the present size is its first
recommendation, so that a restart never shrinks a workload at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from common.api import selectors
from common.api.conditions import set_condition
from common.api.kinds import (
    CUSTOMRESOURCEDEFINITIONS,
    HORIZONTALPODAUTOSCALERS,
    LOADBALANCERS,
    POD_METRICS,
    PODS,
    Resource,
)
from common.api.meta import Key, Object, generation, labels, name, namespace, uid
from common.api.selectors import Selector
from common.errors import ApiError, NotFound
from console.controllers.base import Controller, Kit

from . import behavior, rates
from .metrics import Readings
from .model import History
from .plan import Outcome, Said, Target, decide, status_of

SYNC_SECONDS = 5.0
"""Between two looks: as often as there are new figures (Kubernetes looks every 15 s, at figures of that age). How fast
a target may grow does not depend on it: that is in the behavior."""


class HorizontalPodAutoscalerController(Controller[Key]):
    """Keys are HorizontalPodAutoscalers. `resources` are those that a target's kind is looked up in."""

    name: ClassVar[str] = "horizontal-pod-autoscaler"
    workers: ClassVar[int] = 5

    def __init__(self, kit: Kit, resources: Sequence[Resource]) -> None:
        super().__init__(kit)
        self._known = {(resource.group, resource.kind): resource for resource in resources}
        self._autoscalers = self.mirror(HORIZONTALPODAUTOSCALERS)
        self._autoscalers.listen(self._changed)
        self._pods = self.mirror(PODS)
        self._histories: dict[str, History] = {}
        self._selectors: dict[Key, Selector] = {}

    def _changed(self, old: Object | None, new: Object | None) -> None:
        """A changed spec is looked at now; a status, which mostly is our own, when it is time."""
        obj = new if new is not None else old
        if obj is not None and (old is None or new is None or generation(old) != generation(new)):
            self.queue.add(Key(namespace(obj), name(obj)))
        if new is None and old is not None:
            self._histories.pop(uid(old), None)
            self._selectors.pop(Key(namespace(old), name(old)), None)

    async def sync(self, key: Key) -> None:
        autoscaler = self._autoscalers.get(key)
        if autoscaler is None:
            return
        try:
            await self._look(key, autoscaler)
        finally:
            self.queue.add_after(key, SYNC_SECONDS)

    async def _look(self, key: Key, autoscaler: Object) -> None:
        try:
            resource, scale = await self._scale(autoscaler)
        except ApiError as error:
            message = f"the HPA controller was unable to get the target's current scale: {error}"
            self._say(autoscaler, [Said("Warning", "FailedGetScale", str(error))])
            await self._write_condition(autoscaler, "AbleToScale", "FailedGetScale", message)
            return
        text = str((scale.get("status") or {}).get("selector") or "")
        pods = self._select(key, text)
        if (refusal := self._refusal(key, text, pods)) is not None:
            self._say(autoscaler, [Said("Warning", *refusal)])
            reason = "InvalidSelector" if refusal[0] == "SelectorRequired" else refusal[0]
            await self._write_condition(autoscaler, "ScalingActive", reason, _SELECTOR[refusal[0]] or refusal[1])
            return
        readings = await self._readings(autoscaler, text)
        size = int((scale.get("spec") or {}).get("replicas") or 0)
        counted = int((scale.get("status") or {}).get("replicas") or 0)
        target = Target(size, counted, pods, readings)
        now = self.clock.now()
        outcome = decide(autoscaler, target, self._histories.get(uid(autoscaler), History()), now)
        scaled = await self._act(autoscaler, resource, scale, outcome)
        self._histories[uid(autoscaler)] = outcome.history
        self._say(autoscaler, outcome.events)
        await self._write(autoscaler, status_of(autoscaler, outcome, counted, scaled=scaled, now=now))

    # Reading

    async def _scale(self, autoscaler: Object) -> tuple[Resource, Object]:
        """The Scale of the target and the resource that it is of."""
        reference = autoscaler["spec"]["scaleTargetRef"]
        group = str(reference.get("apiVersion") or "").rpartition("/")[0]
        kind, title = str(reference["kind"]), str(reference["name"])
        resource = self._known.get((group, kind)) or await self._custom(group, kind)
        if resource is None:
            version = reference.get("apiVersion") or "v1"
            raise NotFound(f'no matches for kind "{kind}" in group "{group}" (apiVersion {version})')
        return resource, await self.client.get(resource, title, namespace(autoscaler), subresource="scale")

    async def _custom(self, group: str, kind: str) -> Resource | None:
        """The custom resource of that kind."""
        try:
            found = (await self.client.list(CUSTOMRESOURCEDEFINITIONS)).items
        except NotFound:
            return None
        for definition in found:
            spec = definition["spec"]
            if (spec["group"], spec["names"]["kind"]) == (group, kind):
                versions = [item["name"] for item in spec["versions"] if item.get("served")]
                return Resource(group, versions[0], spec["names"]["plural"], kind) if versions else None
        return None

    def _select(self, key: Key, text: str) -> list[Object]:
        """The pods of the target's selector, which is kept: two autoscalers must not have the same pods."""
        if not text:
            self._selectors.pop(key, None)
            return []
        selector = self._selectors[key] = selectors.parse(text)
        return self._pods.select(selector, key.namespace)

    def _refusal(self, key: Key, text: str, pods: Iterable[Object]) -> tuple[str, str] | None:
        """Why the pods of this selector cannot be scaled: reason and message of an event."""
        if not text:
            return "SelectorRequired", "selector is required"
        others = {
            str(other)
            for other, selector in self._selectors.items()
            if other.namespace == key.namespace and any(selector.matches(labels(pod)) for pod in pods)
        } | {str(key)}
        if len(others) == 1:
            return None
        listed = " ".join(sorted(others))
        return "AmbiguousSelector", f"pods by selector {text} are controlled by multiple HPAs: [{listed}]"

    async def _readings(self, autoscaler: Object, selector: str) -> Readings:
        space = namespace(autoscaler)
        try:
            found = (await self.client.list(POD_METRICS, space, label_selector=selector)).items
            balancer = await self.client.get(LOADBALANCERS, "cluster") if rates.asks(autoscaler) else {}
        except ApiError as error:
            return Readings(failure=str(error))
        return Readings(found, rates.values(balancer, space))

    # Acting

    async def _act(self, autoscaler: Object, resource: Resource, scale: Object, outcome: Outcome) -> bool:
        """Change the size; whether that was done."""
        if outcome.rescale is None:
            return False
        now, before = self.clock.now(), int((scale.get("spec") or {}).get("replicas") or 0)
        wanted = {**scale, "spec": {"replicas": outcome.rescale}}
        try:
            await self.client.update(resource, wanted, subresource="scale")
        except ApiError as error:
            text = f"New size: {outcome.rescale}; reason: {outcome.why}; error: {error}"
            outcome.events.append(Said("Warning", "FailedRescale", text))
            message = f"the HPA controller was unable to update the target scale: {error}"
            outcome.set("AbleToScale", "False", "FailedUpdateScale", message, now)
            outcome.desired = before
            return False
        outcome.events.append(
            Said("Normal", "SuccessfulRescale", f"New size: {outcome.rescale}; reason: {outcome.why}")
        )
        message = f"the HPA controller was able to update the target scale to {outcome.rescale}"
        outcome.set("AbleToScale", "True", "SucceededRescale", message, now)
        outcome.history = behavior.remember(autoscaler["spec"], outcome.history, before, outcome.rescale, now)
        return True

    def _say(self, autoscaler: Object, events: Iterable[Said]) -> None:
        for event in events:
            say = self.events.normal if event.type == "Normal" else self.events.warning
            say(HORIZONTALPODAUTOSCALERS, autoscaler, event.reason, event.message)

    async def _write_condition(self, autoscaler: Object, kind: str, reason: str, message: str) -> None:
        status = autoscaler.get("status") or {}
        found = set_condition(status.get("conditions") or [], kind, "False", reason, message, self.clock.now())
        await self._write(autoscaler, {**status, "conditions": found})

    async def _write(self, autoscaler: Object, status: Object) -> None:
        if status == autoscaler.get("status"):
            return
        try:
            await self.client.update(HORIZONTALPODAUTOSCALERS, {**autoscaler, "status": status}, subresource="status")
        except NotFound:
            return  # deleted meanwhile


_SELECTOR = {"SelectorRequired": "the HPA target's scale is missing a selector", "AmbiguousSelector": ""}
