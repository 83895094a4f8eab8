"""Who makes a request, and who is told of every write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from common.api.meta import Key, Object


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated user. `source` is how the request came: `local` (a component of the control plane), or the
    transport and user agent of a remote client."""

    user: str
    groups: frozenset[str] = frozenset()
    source: str = "local"

    @property
    def manager(self) -> str:
        """The field manager of requests that name none: the program, as Kubernetes takes it from the user agent."""
        if self.source == "local":
            return self.user
        return self.source.partition(" ")[2].partition("/")[0][:128] or "unknown"


@dataclass(frozen=True, slots=True)
class Written:
    """One committed write. `old` is None for a creation, `new` for an object that is gone."""

    caller: Caller
    verb: str
    resource: str  # deployments.apps
    key: Key
    old: Object | None
    new: Object | None


Audit = Callable[[Written], None]
