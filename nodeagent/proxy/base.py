"""What the rest of the agent needs of the proxy. `HaproxyProxy` is real; simulated nodes have none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from common.api.meta import Object

from .plan import Inputs


@dataclass(frozen=True, slots=True)
class ProxyState:
    """How the proxy is: a reason of `common.api.ingressnode`, and what to tell people. `known` False: nobody looked."""

    reason: str
    message: str
    known: bool = True


class Proxy(Protocol):
    changed: Callable[[], None]
    """Called when `state` did."""

    @property
    def state(self) -> ProxyState: ...

    async def sync(self, inputs: Inputs) -> None:
        """Make the proxy do this. Returns when requests go where they are to go, or when that cannot be done (`state`
        says why, and it is tried again): it never raises, and never takes more than some seconds."""
        ...

    async def figures(self) -> list[Object]:
        """What came through each backend; see `stats`."""
        ...

    async def close(self, *, remove: bool) -> None:
        """Leave the proxy running; with `remove` end it and take its files away."""
        ...


class NoProxy:
    """The proxy of a simulated node."""

    def __init__(self) -> None:
        self.changed: Callable[[], None] = lambda: None

    @property
    def state(self) -> ProxyState:
        return ProxyState("", "", known=False)

    async def sync(self, inputs: Inputs) -> None:
        """There is nobody to tell."""

    async def figures(self) -> list[Object]:
        return []

    async def close(self, *, remove: bool) -> None:
        """There is nothing to end."""
