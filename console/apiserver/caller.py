"""Who makes a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common.api.meta import Object

from .audit.trail import Trail

AUTHENTICATED = "system:authenticated"
ANONYMOUS, UNAUTHENTICATED = "system:anonymous", "system:unauthenticated"
"""Who shows nothing, and the group of all such."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated user. `source` is how the request came: `local` (a component of the control plane), or the
    transport and user agent of a remote client. `impersonator` is who really asks, when it is not the user. `trail`
    takes down what becomes of the request; parts of the control plane have none."""

    user: str
    groups: frozenset[str] = frozenset()
    source: str = "local"
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()
    impersonator: str = ""
    trail: Trail | None = field(default=None, compare=False, repr=False)

    @property
    def group_list(self) -> list[str]:
        """The groups as they are shown: the one of all authenticated users last."""
        return sorted(self.groups, key=lambda group: (group == AUTHENTICATED, group))

    @property
    def info(self) -> Object:
        """authentication.k8s.io/v1 UserInfo; what is empty is left out."""
        found: Mapping[str, Any] = {
            "username": self.user,
            "uid": self.uid,
            "groups": self.group_list,
            "extra": {key: list(values) for key, values in self.extra},
        }
        return {name: value for name, value in found.items() if value}

    @property
    def is_component(self) -> bool:
        """Whether a part of the control plane asks, not somebody outside: no authorizer is asked about it."""
        return self.source == "local"

    @property
    def manager(self) -> str:
        """The field manager of requests that name none: the program, as Kubernetes takes it from the user agent."""
        if self.is_component:
            return self.user.removeprefix("system:")
        return self.source.partition(" ")[2].partition("/")[0][:128] or "unknown"
