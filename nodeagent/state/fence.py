"""Whether this node has to stop what must not run twice. Pure.

Somebody else may start a StatefulSet's pod anew once the control plane believes that this node is lost. That must not
happen while the pod runs here, so a node that may be believed lost stops such pods itself, and the control plane waits
until it has (its fencing controller). May be believed lost: the console hears most nodes but not this one. Then either
this node reaches no majority, or one of those it reaches has heard the console lately. A console that is merely gone
looks different: most nodes answer, and none has heard it later than this one. Two nodes have no majority to ask, so
there an operator decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LOOK_AFTER_SECONDS = 3.0  # of the console's silence
LOOK_EVERY_SECONDS = 2.0
LOOK_SECONDS = 3.0  # that a look takes at most
LEASE_SECONDS = 8.0  # cut off for this long, pods are stopped
LEASE_AFTER_START_SECONDS = 3.0  # the agent may have been away when its lease ended
FRESHER_SECONDS = 3.0  # a peer that heard the console so much later than we did
FENCE_GRACE_SECONDS = 5.0  # that a stopped pod gets
LEAST_NODES = 3


def is_cut(silence: float, peers: Mapping[str, float | None]) -> bool:
    """Whether the console may hear most nodes though not this one. `peers` has every other node of the cluster with
    the seconds since it heard the console, None when it does not answer; `silence` is this node's own."""
    nodes = len(peers) + 1
    if nodes < LEAST_NODES:
        return False
    heard = [seconds for seconds in peers.values() if seconds is not None]
    if (len(heard) + 1) * 2 <= nodes:
        return True
    return any(seconds + FRESHER_SECONDS < silence for seconds in heard)


@dataclass
class Fence:
    """What the looks have found so far. `sure` once this node knows that it may run everything: since the agent
    started it heard the console, or found that it is not cut off. Before that, nothing is started that must not run
    twice."""

    sure: bool = False
    _cut_since: float | None = None
    _heard: bool = False

    def heard(self) -> None:
        """The console was heard: all is well."""
        self.sure, self._heard, self._cut_since = True, True, None

    def looked(self, began: float, now: float, silence: float, peers: Mapping[str, float | None]) -> bool:
        """A look that began at `began` is over; whether pods have to be stopped now. Monotonic seconds."""
        if not is_cut(silence, peers):
            self.sure, self._cut_since = True, None
            return False
        if self._cut_since is None:
            self._cut_since = began
        lease = LEASE_SECONDS if self._heard else LEASE_AFTER_START_SECONDS
        return now - self._cut_since >= lease
