"""What is noted about a request on its way through the API server.

Everybody on that way holds the trail with the caller and adds what it knows; `events` makes an event of it. It is
looked at once more in another thread, so that what it has is never changed after the request has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from common.api.meta import Object
from console.apiserver.history.deltas import Delta
from console.apiserver.requestinfo import RequestInfo


@dataclass(frozen=True, slots=True)
class Recorded:
    """A write as the history has it: its Change, and what that was made of. `old` and `new` are the object before and
    after, None where it was not there; `differences` are those of an update."""

    change: Object
    differences: Sequence[Delta]
    old: Object | None
    new: Object | None


@dataclass(slots=True)
class Trail:
    """`verb` as the authorizer knows it, for paths that are no resource's the method in small letters. `user` is who
    showed a credential, empty for one that is no good; `acting` is as whom the request counts when it is somebody
    else. `annotations` are those of admission. `code` is that of a long answer that has begun."""

    audit_id: str
    received: datetime
    uri: str
    verb: str
    info: RequestInfo | None
    addresses: Sequence[str] = ()
    agent: str = ""
    long_running: bool = False
    user: Object = field(default_factory=dict)
    acting: Object | None = None
    constraint: str = ""
    allowed: bool | None = None
    reason: str = ""
    status: Object = field(default_factory=dict)
    writes: list[Recorded] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)
    code: int = 0
    ended: bool = False

    def acts_as(self, user: Object, constraint: str) -> None:
        """The request counts as that user's. `constraint` is the verb that allowed it, if that was a narrow one."""
        self.acting, self.constraint = user, constraint

    def decided(self, *, allowed: bool, reason: str) -> None:
        """What the authorizer said last: a request may need more than one right."""
        self.allowed, self.reason = allowed, reason

    def failed(self, status: Object) -> None:
        """The Status that the request is answered with."""
        self.status = status

    def wrote(self, write: Recorded) -> None:
        self.writes.append(write)
