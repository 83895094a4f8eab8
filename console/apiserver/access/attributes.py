"""What is asked of an authorizer, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attributes:
    """One action: on a resource, or with `path` on a path that is no resource's. Verbs as Kubernetes names them."""

    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    field_selector: str = ""

    @property
    def full_resource(self) -> str:
        """`pods`, `pods/log`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True, slots=True)
class Decision:
    """`reason` names the binding that allows it, or what is wrong with one that might."""

    allowed: bool
    reason: str = ""


def describe(user: str, asked: Attributes) -> str:
    """`User "jane" cannot list resource "pods" in API group "" in the namespace "default"`."""
    if asked.path:
        return f'User "{user}" cannot {asked.verb} path "{asked.path}"'
    place = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    return f'User "{user}" cannot {asked.verb} resource "{asked.full_resource}" in API group "{asked.group}" {place}'
