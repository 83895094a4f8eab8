"""What the user of this console may do, so that nothing is offered that the API would refuse, and why not.

The API server says it itself, a namespace at a time (SelfSubjectRulesReview). What it has not said yet, or not whole
(`incomplete`), is offered: a refusal with its reason is better than a console that hides what is allowed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from common.api.kinds import Resource
from common.api.meta import Key, Object
from common.clock import Clock
from common.errors import ApiError

from . import ours
from .gateway import Gateway

log = logging.getLogger(__name__)

PATH = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
SECONDS = 60.0  # roles change seldom, and the API has the last word anyway
ELSEWHERE = "default"  # the namespace whose rules stand for kinds that have none: the review wants one
_ITSELF = ""

NEEDS: Mapping[str, Sequence[str]] = {
    "logs": ("get pods/log",),
    "logs.previous": ("get pods/log",),
    "shell": ("create pods/exec",),
    "attach": ("create pods/attach",),
    "debug": ("patch pods/ephemeralcontainers", "create pods/attach"),
    "host.shell": ("create nodes/shell",),
    "container.copy": ("create pods/exec",),
    "forward": ("create pods/portforward",),
    "describe": ("get",),
    "yaml": ("get",),
    "events": ("list events",),
    "history": ("list changes.quarterdeck.io",),
    "why": ("get pods/why",),
    "keys": ("get",),
    "scale": ("patch /scale",),
    "scale.up": ("patch /scale",),
    "scale.down": ("patch /scale",),
    "restart": ("patch",),
    "undo": ("patch",),
    "image": ("patch",),
    "suspend": ("patch",),
    "cordon": ("patch",),
    "uncordon": ("patch",),
    "trigger": ("create jobs.batch",),
    "drain.start": ("patch nodes", "create pods/eviction"),
    "adopt": ("create /adopt",),
    "edit": ("get", "update"),
    "delete": ("delete",),
    "write.undo": ("create changes.quarterdeck.io/undo",),
    "change.undo": ("create /undo",),
    "rollout.pause": ("patch",),
    "rollout.resume": ("patch",),
    "rollout.undo": ("create changes.quarterdeck.io/undo",),
    "rollout.logs": ("get pods/log",),
    "keys.apply": ("patch",),
    "keys.undo": ("create changes.quarterdeck.io/undo",),
    "manifest.undo": ("create changes.quarterdeck.io/undo",),
    "endpoint.drain": ("patch pods",),
    "endpoint.weight": ("patch pods",),
}
"""By action: `VERB`, `VERB /SUBRESOURCE` of the kind that is looked at, or `VERB PLURAL.GROUP/SUBRESOURCE`."""


@dataclass(frozen=True, slots=True)
class Need:
    verb: str
    group: str
    plural: str
    subresource: str

    @classmethod
    def of(cls, text: str, resource: Resource) -> Need:
        verb, _, what = text.partition(" ")
        named, _, subresource = what.partition("/")
        plural, _, group = named.partition(".") if named else (resource.plural, "", resource.group)
        return cls(verb, group, plural, subresource)

    @property
    def what(self) -> str:
        group = f".{self.group}" if self.group else ""
        return f"{self.verb} {self.plural}{group}{'/' if self.subresource else ''}{self.subresource}"


@dataclass(frozen=True)
class Rules:
    """The answer about one namespace."""

    rules: Sequence[Object]
    incomplete: bool

    @classmethod
    def of(cls, review: Object) -> Rules | None:
        """None when the server answered something else."""
        status = review.get("status") if isinstance(review, dict) else None
        if not isinstance(status, dict) or "resourceRules" not in status:
            return None
        return cls(tuple(status["resourceRules"] or ()), bool(status.get("incomplete")))

    @property
    def names_matter(self) -> bool:
        return any(rule.get("resourceNames") for rule in self.rules)

    def allow(self, need: Need, name: str) -> bool:
        return self.incomplete or any(_grants(rule, need, name) for rule in self.rules)


def _grants(rule: Object, need: Need, name: str) -> bool:
    names = rule.get("resourceNames") or ()
    if names and name not in names:
        return False
    if not _among(rule.get("verbs"), need.verb) or not _among(rule.get("apiGroups"), need.group):
        return False
    resources = rule.get("resources") or ()
    if not need.subresource:
        return _among(resources, need.plural)
    wanted = {"*", f"{need.plural}/{need.subresource}", f"*/{need.subresource}"}
    return not wanted.isdisjoint(resources)


def _among(listed: Sequence[str] | None, wanted: str) -> bool:
    return bool(listed) and ("*" in (listed or ()) or wanted in (listed or ()))


@dataclass
class _Known:
    rules: Rules | None
    asked: float
    denials: dict[tuple[Resource, str, bool], Mapping[str, str]] = field(default_factory=dict)


class Access:
    """What was said of each namespace that was looked at."""

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self.elsewhere = False
        """Whether this is not a cluster of Quarterdeck, which alone can do some things."""

    @property
    def absent(self) -> Mapping[str, str]:
        """By action: why nobody can do it on this cluster."""
        return ours.DENIED if self.elsewhere else {}

    def due(self, namespace: str) -> bool:
        """Whether it is time to ask about a namespace (again)."""
        known = self._known.get(namespace or ELSEWHERE)
        return known is None or self._clock.monotonic() - known.asked >= SECONDS

    async def ask(self, namespace: str) -> None:
        """Ask the API; without an answer everything is offered."""
        place = namespace or ELSEWHERE
        before = self._known.get(place)
        # Noted before the answer is there, so that nobody asks twice.
        self._known[place] = _Known(before.rules if before else None, self._clock.monotonic())
        review = {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": place},
        }  # fmt: skip
        try:
            answer = await self._gateway.request_json("POST", PATH, body=review)
        except (ApiError, OSError) as error:
            log.debug("the rules of namespace %s are not known: %s", place, error)
            return
        self._known[place] = _Known(Rules.of(answer), self._clock.monotonic())

    def denials(self, resource: Resource, place: Key) -> Mapping[str, str]:
        """By action: why the user may not do it to this object (no name: to objects of the kind there)."""
        known = self._known.get(place.namespace or ELSEWHERE)
        if known is None or known.rules is None:
            return self.absent
        subject = (resource, place.name if known.rules.names_matter else _ITSELF, self.elsewhere)
        if subject not in known.denials:
            where = f" in namespace {place.namespace}" if place.namespace else ""
            denied = _denials(known.rules, resource, place.name, where)
            if self.elsewhere:  # events alone make the history there
                denied = {action: why for action, why in denied.items() if action != "history"}
            known.denials[subject] = {**denied, **self.absent}
        return known.denials[subject]


def _denials(rules: Rules, resource: Resource, name: str, where: str) -> dict[str, str]:
    found = {}
    for action, texts in NEEDS.items():
        for need in (Need.of(text, resource) for text in texts):
            if not rules.allow(need, name):
                found[action] = f"you may not {need.what}{where}"
                break
    return found
