"""Who makes a request."""

from __future__ import annotations

from dataclasses import dataclass

AUTHENTICATED = "system:authenticated"
ANONYMOUS, UNAUTHENTICATED = "system:anonymous", "system:unauthenticated"
"""Who shows nothing, and the group of all such."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated user. `source` is how the request came: `local` (a component of the control plane), or the
    transport and user agent of a remote client. `impersonator` is who really asks, when it is not the user."""

    user: str
    groups: frozenset[str] = frozenset()
    source: str = "local"
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()
    impersonator: str = ""

    @property
    def group_list(self) -> list[str]:
        """The groups as they are shown: the one of all authenticated users last."""
        return sorted(self.groups, key=lambda group: (group == AUTHENTICATED, group))

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
