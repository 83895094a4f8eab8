"""What others have to say of a request: mutating policies, mutating webhooks, then the standards for pods that its
namespace asks for, policies, validating webhooks.

Without a webhook for a request everything is decided in the caller's turn of the event loop: nothing here waits then.
With one it is not, and whoever asked has to look again at what it decided on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from common.api import kinds
from common.api.meta import Object
from console.apiserver.podsecurity import PodSecurity

from .bindings import VALIDATING, is_bound
from .figures import Figures
from .matching import EXEMPT, Asked, Scope
from .mutations import Mutations
from .policies import Policies
from .rounds import Rounds
from .webhooks import Webhooks

_ASKED = (
    kinds.MUTATINGADMISSIONPOLICYBINDINGS, kinds.VALIDATINGADMISSIONPOLICYBINDINGS,
    kinds.MUTATINGWEBHOOKCONFIGURATIONS, kinds.VALIDATINGWEBHOOKCONFIGURATIONS,
)  # fmt: skip
"""Without an object of these kinds nobody but the standards for pods has a say."""
Readmit = Callable[[Object], Object]
"""Makes of what others left a valid object, or raises what is wrong with it."""


class Extension:
    def __init__(self, scope: Scope, standards: PodSecurity) -> None:
        self._scope = scope
        self._standards = standards
        self._figures = Figures()
        self._mutations = Mutations(scope)
        self._policies = Policies(scope, self._figures)
        self._webhooks = Webhooks(scope, self._figures)

    def lines(self) -> Iterator[str]:
        """What was decided, for /metrics."""
        yield from self._standards.lines()
        yield from self._figures.lines()

    def concerns(self, asked: Asked) -> bool:
        """Whether anybody has rules for such a request, by its name and labels alone: conditions are not asked."""
        if asked.row.resource in EXEMPT:
            return False
        return self._webhooks.concern(asked) or is_bound(*VALIDATING, asked, self._scope)

    async def admit(self, asked: Asked, readmit: Readmit | None, warnings: list[str]) -> Object | None:
        """The object as others left it (None for a DELETE). `readmit` is None where nothing can be changed. Raises
        what refuses the request."""
        if asked.row.resource in EXEMPT:
            return asked.new
        if not self._asks_anybody():
            await self._standards.check(asked, warnings)
            return asked.new
        rounds = Rounds()
        asked = await self._mutated(asked, readmit, warnings, rounds)
        if rounds.next():
            asked = await self._mutated(asked, readmit, warnings, rounds)
        await self._standards.check(asked, warnings)
        await self._policies.check(asked, warnings)
        await self._webhooks.ask_together(asked, warnings)
        return asked.new

    def _asks_anybody(self) -> bool:
        """Whether there is anybody to ask at all: in most clusters nobody is."""
        return any(True for kind in _ASKED for _ in self._scope.lookup.items(kind))

    async def _mutated(self, asked: Asked, readmit: Readmit | None, warnings: list[str], rounds: Rounds) -> Asked:
        """The request after one round of those who may change it."""
        before = asked.new
        if before is not None and readmit is not None:
            asked = await self._mutations.mutate(asked, rounds)
        asked = await self._webhooks.mutate(asked, warnings, rounds)
        if readmit is not None and asked.new is not None and asked.new is not before:
            asked = replace(asked, new=readmit(asked.new))
        return asked
