"""Typed values of a Deployment and its ReplicaSets, and the actions that a plan consists of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from common.api.configuration import NOTED, RESTART
from common.api.intstr import scaled
from common.api.meta import Object, is_deleting, labels, metadata, name, uid
from common.api.rollout import AUTO_ROLLBACK, POD_TEMPLATE_HASH, REVISION

REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
ROLLED_BACK_RECORD = "quarterdeck.io/rolled-back"
"""What an automatic rollback notes on its Deployment, as JSON: `to` (the ReplicaSet gone back to), `reason`, `message`
and `rejected` (the ReplicaSets left)."""
# Annotations that say something about the Deployment itself and are not copied to its ReplicaSets.
OWN_ANNOTATIONS = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "deprecated.deployment.rollback.to",
        REVISION,
        REVISION_HISTORY,
        DESIRED_REPLICAS,
        MAX_REPLICAS,
        AUTO_ROLLBACK,
        RESTART,
        NOTED,
        ROLLED_BACK_RECORD,
    }
)
NO_DEADLINE = 2**31 - 1  # the API's "no progress deadline" and "keep all revisions"


@dataclass(frozen=True, slots=True)
class Spec:
    """What a Deployment asks for, with percentages resolved against `replicas`."""

    replicas: int
    rolling: bool
    max_surge: int
    max_unavailable: int
    paused: bool
    min_ready_seconds: int
    deadline: int | None
    history_limit: int | None
    template: Object

    @classmethod
    def of(cls, deployment: Object) -> Spec:
        spec = deployment["spec"]
        replicas = 1 if spec.get("replicas") is None else int(spec["replicas"])
        strategy = spec.get("strategy") or {}
        rolling = strategy.get("type", "RollingUpdate") == "RollingUpdate"
        surge, unavailable = _fenceposts(strategy.get("rollingUpdate") or {}, replicas) if rolling else (0, 0)
        deadline = spec.get("progressDeadlineSeconds")
        limit = spec.get("revisionHistoryLimit")
        return cls(
            replicas=replicas,
            rolling=rolling,
            max_surge=surge,
            max_unavailable=unavailable,
            paused=bool(spec.get("paused")),
            min_ready_seconds=int(spec.get("minReadySeconds") or 0),
            deadline=None if deadline in (None, NO_DEADLINE) else int(deadline),
            history_limit=None if limit in (None, NO_DEADLINE) else int(limit),
            template=spec["template"],
        )

    @property
    def max_total(self) -> int:
        return self.replicas + self.max_surge


def _fenceposts(rolling: Object, replicas: int) -> tuple[int, int]:
    """maxSurge rounds up and maxUnavailable down; were both 0 nothing could ever move, so one may be unavailable."""
    surge = scaled(rolling.get("maxSurge", "25%"), replicas, round_up=True)
    unavailable = scaled(rolling.get("maxUnavailable", "25%"), replicas, round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, replicas)


@dataclass(frozen=True, slots=True)
class Member:
    """One ReplicaSet of the Deployment."""

    obj: Object
    size: int
    replicas: int
    ready: int
    available: int
    terminating: int
    revision: int
    desired: int | None
    max_replicas: int

    @classmethod
    def of(cls, obj: Object) -> Member:
        status = obj.get("status") or {}
        size = obj["spec"].get("replicas")
        return cls(
            obj=obj,
            size=1 if size is None else int(size),
            replicas=int(status.get("replicas") or 0),
            ready=int(status.get("readyReplicas") or 0),
            available=int(status.get("availableReplicas") or 0),
            terminating=int(status.get("terminatingReplicas") or 0),
            revision=_number(obj, REVISION) or 0,
            desired=_number(obj, DESIRED_REPLICAS),
            max_replicas=_number(obj, MAX_REPLICAS) or 0,
        )

    @property
    def name(self) -> str:
        return name(self.obj)

    @property
    def uid(self) -> str:
        return uid(self.obj)

    @property
    def age_key(self) -> tuple[str, str]:
        """Orders from old to new; names decide between those made in the same second."""
        return str(metadata(self.obj).get("creationTimestamp", "")), self.name


def _number(obj: Object, annotation: str) -> int | None:
    text = (metadata(obj).get("annotations") or {}).get(annotation, "")
    return int(text) if text.isdecimal() else None


def same_template(left: Object, right: Object) -> bool:
    """Equal but for the hash label that the controller adds."""
    return _unhashed(left) == _unhashed(right)


def _unhashed(template: Object) -> Object:
    meta = {field: value for field, value in (template.get("metadata") or {}).items() if value is not None}
    meta["labels"] = {field: value for field, value in labels(template).items() if field != POD_TEMPLATE_HASH}
    return {**template, "metadata": meta}


def template_of(member: Member) -> Object:
    """The template as the Deployment had it, without the hash label."""
    template: Object = member.obj["spec"]["template"]
    return _unhashed(template)


@dataclass(frozen=True, slots=True)
class Family:
    """The Deployment's ReplicaSets: the one with its template (if made already) and the others, old to new."""

    new: Member | None
    old: tuple[Member, ...]

    @classmethod
    def of(cls, spec: Spec, replicasets: list[Object]) -> Family:
        members = sorted((Member.of(obj) for obj in replicasets), key=lambda member: member.age_key)
        new = next((member for member in members if same_template(member.obj["spec"]["template"], spec.template)), None)
        return cls(new, tuple(member for member in members if member is not new))

    @property
    def all(self) -> tuple[Member, ...]:
        return self.old if self.new is None else (*self.old, self.new)

    @property
    def active(self) -> tuple[Member, ...]:
        return tuple(member for member in self.all if member.size > 0)

    @property
    def next_revision(self) -> int:
        return max((member.revision for member in self.old), default=0) + 1


@dataclass(frozen=True, slots=True)
class Create:
    """Make the ReplicaSet of the current template."""

    obj: Object


@dataclass(frozen=True, slots=True)
class Scale:
    """Set a ReplicaSet's size (it may be the one it has) and the annotations that record what it was sized for."""

    member: Member
    size: int
    annotations: dict[str, str]


@dataclass(frozen=True, slots=True)
class Annotate:
    """Renew a ReplicaSet's annotations and minReadySeconds from its Deployment."""

    member: Member
    patch: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delete:
    """Forget a revision."""

    member: Member


@dataclass(frozen=True, slots=True)
class SetRevision:
    """Write the revision that the Deployment is at into its annotations."""

    revision: int


@dataclass(frozen=True, slots=True)
class RollBack:
    """Write the Deployment as it is with an earlier revision's template; `reason` and `message` are for people."""

    deployment: Object
    reason: str
    message: str


Action: TypeAlias = Create | Scale | Annotate | Delete | SetRevision | RollBack


def is_cleanable(member: Member) -> bool:
    """Nothing runs in it and it knows so."""
    seen = int((member.obj.get("status") or {}).get("observedGeneration") or 0)
    made = int(metadata(member.obj).get("generation") or 0)
    return member.size == 0 and member.replicas == 0 and made <= seen and not is_deleting(member.obj)
