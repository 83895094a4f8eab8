"""Who makes a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

from common.api.meta import Object

from .audit.trail import Trail

AUTHENTICATED = "system:authenticated"
ANONYMOUS, UNAUTHENTICATED = "system:anonymous", "system:unauthenticated"
"""Who shows nothing, and the group of all such."""
_KEPT = 1024  # users, before memory is worth more than time
_Extra: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated user. `source` is how the request came: `local` (a component of the control plane), or the
    transport and user agent of a remote client. `impersonator` is who really asks, when it is not the user. `trail`
    takes down what becomes of the request; parts of the control plane have none."""

    user: str
    groups: frozenset[str] = frozenset()
    source: str = "local"
    uid: str = ""
    extra: _Extra = ()
    impersonator: str = ""
    trail: Trail | None = field(default=None, compare=False, repr=False)

    def leaving(self, trail: Trail) -> Caller:
        """The same one, who makes the request that has this trail."""
        return Caller(self.user, self.groups, self.source, self.uid, self.extra, self.impersonator, trail)

    @property
    def group_list(self) -> tuple[str, ...]:
        """The groups as they are shown: the one of all authenticated users last."""
        return _in_order(self.groups)

    @property
    def info(self) -> Object:
        """authentication.k8s.io/v1 UserInfo; what is empty is left out. It is every reader's: never change it."""
        return _info(self.user, self.uid, self.groups, self.extra)

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


@lru_cache(maxsize=_KEPT)
def _in_order(groups: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(groups, key=lambda group: (group == AUTHENTICATED, group)))


@lru_cache(maxsize=_KEPT)
def _info(user: str, uid: str, groups: frozenset[str], extra: _Extra) -> Object:
    found: Mapping[str, Any] = {
        "username": user,
        "uid": uid,
        "groups": list(_in_order(groups)),
        "extra": {key: list(values) for key, values in extra},
    }
    return {name: value for name, value in found.items() if value}
