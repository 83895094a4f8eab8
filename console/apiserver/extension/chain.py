"""What others have to say of a write: mutating webhooks, then policies, then validating webhooks.

Without a webhook for a request everything is decided in the caller's turn of the event loop. With one it is not, and
whoever asked has to look again at what it decided on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from common.api import kinds
from common.api.meta import Object
from console.registry.catalog import Registry
from console.registry.row import Lookup

from .matching import EXEMPT, Asked
from .policies import Policies
from .webhooks import Hook, Webhooks, ask_together

Readmit = Callable[[Object], Object]
"""Makes of what webhooks left a valid object, or raises what is wrong with it."""


class Extension:
    def __init__(self, lookup: Lookup, registry: Registry) -> None:
        self._policies = Policies(lookup, registry)
        self._webhooks = Webhooks(lookup)

    def hooks(self, asked: Asked) -> tuple[list[Hook], list[Hook]] | None:
        """The mutating and the validating webhooks to ask; None when there are none."""
        if asked.row.resource in EXEMPT:
            return None
        mutating = self._webhooks.matching(kinds.MUTATINGWEBHOOKCONFIGURATIONS, asked)
        validating = self._webhooks.matching(kinds.VALIDATINGWEBHOOKCONFIGURATIONS, asked)
        return (mutating, validating) if mutating or validating else None

    def check(self, asked: Asked, warnings: list[str]) -> None:
        """Raises what a policy refuses."""
        if asked.row.resource not in EXEMPT:
            self._policies.check(asked, warnings)

    async def admit(
        self, asked: Asked, hooks: tuple[list[Hook], list[Hook]], readmit: Readmit, warnings: list[str]
    ) -> Object | None:
        """The object as webhooks left it (None for a DELETE). Raises what refuses the request."""
        mutating, validating = hooks
        obj = asked.new
        if mutating:
            changed = await self._mutate(asked, mutating, warnings)
            if changed is not None and changed != obj:
                obj = readmit(changed)
                asked = replace(asked, new=obj)
        self.check(asked, warnings)
        await ask_together(self._webhooks, [hook.about(obj) if obj else hook for hook in validating], warnings)
        return obj

    async def _mutate(self, asked: Asked, hooks: list[Hook], warnings: list[str]) -> Object | None:
        obj = asked.new
        again: list[Hook] = []
        for hook in hooks:
            patched = await self._webhooks.ask(hook.about(obj) if obj else hook, warnings)
            if patched is not None and patched != obj:
                # Those before it that want to see what others changed are asked a second time, and not a third.
                again = [item for item in hooks[: hooks.index(hook)] if item.source["reinvocationPolicy"] == "IfNeeded"]
                obj = patched
        for hook in again:
            patched = await self._webhooks.ask(hook.about(obj) if obj else hook, warnings)
            obj = patched if patched is not None else obj
        return obj
