"""The authorizer: administrators may do everything, nodes what their pods need, everybody what RBAC gives.

The one place that decides about requests from outside. It keeps its `Policy` at the state that the store shows, so that
a decision never lags behind an answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from common.api.kinds import Resource
from common.api.meta import Key, Object
from common.errors import Forbidden
from common.pki import MASTERS
from console.apiserver.caller import Caller
from console.store import Event, Store

from . import nodes
from .attributes import Attributes, Decision, describe
from .policy import RESOURCES, Grants, Policy

ALLOWED = Decision(True)


class Authorizer:
    def __init__(self, store: Store) -> None:
        self._store = store
        self.policy = Policy()

    def start(self) -> None:
        """Take over what is stored and whatever changes from now on."""
        for resource in RESOURCES:
            for entry in self._store.entries(resource.group_resource):
                self.policy.change(resource, None, entry.obj)
            self._store.follow(resource.group_resource, partial(self._changed, resource))

    def _changed(self, resource: Resource, event: Event) -> None:
        old = None if event.old is None else event.old.obj
        self.policy.change(resource, old, None if event.type == "DELETED" else event.entry.obj)

    def decide(self, caller: Caller, asked: Attributes) -> Decision:
        if MASTERS in caller.groups:
            return ALLOWED
        found = self.grants(caller, asked.namespace).decide(asked)
        if found.allowed or not nodes.is_node(caller.user, caller.groups):
            return found
        verdict = self._of_node(caller, asked)
        if verdict.allowed:
            return ALLOWED
        return Decision(False, "\n".join(filter(None, (verdict.reason, found.reason))))

    def _of_node(self, caller: Caller, asked: Attributes) -> nodes.Verdict:
        node = nodes.node_of(caller.user, caller.groups)
        if not node:
            return nodes.Verdict(False, f'unknown node for user "{caller.user}"')
        return nodes.Verdict(False) if asked.path else nodes.decide(node, asked, Committed(self._store))

    def allows(self, caller: Caller, asked: Attributes) -> bool:
        return self.decide(caller, asked).allowed

    def grants(self, caller: Caller, namespace: str) -> Grants:
        return self.policy.grants(caller.user, caller.groups, namespace)

    def check(self, caller: Caller, asked: Attributes) -> None:
        """Raises Forbidden, in Kubernetes' words."""
        decision = self.decide(caller, asked)
        self.note(caller, decision)
        if not decision.allowed:
            raise refusal(caller, asked, decision.reason)

    @staticmethod
    def note(caller: Caller, decision: Decision) -> None:
        """Have the decision about a request in the audit log."""
        if caller.trail is not None:
            caller.trail.decided(allowed=decision.allowed, reason=decision.reason)


class Committed:
    """Objects as everybody reads them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, resource: Resource, key: Key) -> Object | None:
        entry = self._store.get(resource.group_resource, key.namespace, key.name)
        return None if entry is None else entry.obj

    def items(self, resource: Resource) -> Iterator[Object]:
        return (entry.obj for entry in self._store.entries(resource.group_resource))


def refusal(caller: Caller, asked: Attributes, reason: str = "") -> Forbidden:
    text = describe(caller.user, asked) + (f": {reason}" if reason else "")
    if asked.path:
        return Forbidden(f"forbidden: {text}")
    subject = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    if asked.name:
        subject = f'{subject} "{asked.name}"'
    details = {"name": asked.name, "group": asked.group, "kind": asked.resource}
    return Forbidden(f"{subject} is forbidden: {text}", details={key: value for key, value in details.items() if value})
