"""How the network of a node fails: as a `RuntimeFailure` with the reason `NetworkUnavailable`.

The agent turns it into the node condition of that name, so every message says what failed, where, and what to do.
"""

from __future__ import annotations

from nodeagent.runtime.base import RuntimeFailure


class NetworkFailure(RuntimeFailure):
    def __init__(self, message: str) -> None:
        super().__init__("NetworkUnavailable", message)
