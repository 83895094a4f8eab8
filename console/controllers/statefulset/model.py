"""Typed values of a StatefulSet and the actions that a plan consists of. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from common.api.intstr import scaled
from common.api.meta import Object, is_deleting
from common.api.pods import is_available, is_ready, phase

from .identity import ordinal_of


@dataclass(frozen=True, slots=True)
class Spec:
    """What a StatefulSet asks for. `start` is the first ordinal; `partition` counts from it."""

    replicas: int
    start: int
    ordered: bool
    rolling: bool
    partition: int
    max_unavailable: int
    min_ready_seconds: int

    @classmethod
    def of(cls, owner: Object) -> Spec:
        spec = owner["spec"]
        replicas = 1 if spec.get("replicas") is None else int(spec["replicas"])
        strategy = spec.get("updateStrategy") or {}
        rolling = strategy.get("rollingUpdate") or {}
        # Rounded down, but never to nothing: no pod could be replaced at all.
        unavailable = scaled(rolling.get("maxUnavailable", 1), replicas, round_up=False)
        return cls(
            replicas=replicas,
            start=int((spec.get("ordinals") or {}).get("start") or 0),
            ordered=spec.get("podManagementPolicy") != "Parallel",
            rolling=strategy.get("type", "RollingUpdate") == "RollingUpdate",
            partition=int(rolling.get("partition") or 0),
            max_unavailable=max(unavailable, 1),
            min_ready_seconds=int(spec.get("minReadySeconds") or 0),
        )

    @property
    def ordinals(self) -> range:
        return range(self.start, self.start + self.replicas)


@dataclass(frozen=True, slots=True)
class World:
    """What a plan is made from. `pods` are the StatefulSet's own, `claims` those of its pods by name, as far as they
    exist; `current` is the revision that was rolled out last, `update` the one of the template."""

    owner: Object
    current: Object
    update: Object
    pods: Sequence[Object]
    claims: Mapping[str, Object]
    now: datetime


@dataclass(frozen=True, slots=True)
class Members:
    """The pods by ordinal: those that are asked for, and those to go, the highest ordinal first."""

    wanted: dict[int, Object]
    condemned: list[tuple[int, Object]]

    @classmethod
    def of(cls, world: World, spec: Spec) -> Members:
        found = {}
        for pod in world.pods:
            ordinal = ordinal_of(world.owner, pod)
            if ordinal is not None:
                found[ordinal] = pod
        surplus = sorted((ordinal for ordinal in found if ordinal not in spec.ordinals), reverse=True)
        return cls(
            {ordinal: found[ordinal] for ordinal in spec.ordinals if ordinal in found},
            [(ordinal, found[ordinal]) for ordinal in surplus],
        )


def is_running_and_ready(pod: Object) -> bool:
    return phase(pod) == "Running" and is_ready(pod)


def is_usable(pod: Object | None, spec: Spec, now: datetime) -> bool:
    """Available and here to stay."""
    return (
        pod is not None
        and is_running_and_ready(pod)
        and is_available(pod, spec.min_ready_seconds, now)
        and not is_deleting(pod)
    )


@dataclass(frozen=True, slots=True)
class CreateClaim:
    claim: Object
    pod: str


@dataclass(frozen=True, slots=True)
class OwnClaim:
    """Write who owns a claim: its deletion takes the claim along."""

    claim: Object
    references: list[Object]


@dataclass(frozen=True, slots=True)
class CreatePod:
    pod: Object


@dataclass(frozen=True, slots=True)
class LabelPod:
    """Give a pod the labels that its identity has."""

    pod: Object
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class DeletePod:
    """`ended` when the pod has ended by itself and makes room for its replacement."""

    pod: Object
    ended: bool = False


Action: TypeAlias = CreateClaim | OwnClaim | CreatePod | LabelPod | DeletePod
