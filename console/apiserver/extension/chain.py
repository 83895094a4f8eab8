"""What others have to say of a request: mutating policies, mutating webhooks, then the standards for pods that its
namespace asks for, policies, validating webhooks.

Without a webhook for a request everything is decided in the caller's turn of the event loop: nothing here waits then.
With one it is not, and whoever asked has to look again at what it decided on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, slots=True)
class Steps:
    """What happens to an object between those who have a say. `readmit` makes of what others left an object of the
    kind again; `check` raises what is wrong with it once nobody changes it any more."""

    readmit: Callable[[Object], Object]
    check: Callable[[Object], None]


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

    async def admit(self, asked: Asked, steps: Steps | None, warnings: list[str]) -> Object | None:
        """The object as others left it (None for a DELETE). `steps` is None where nothing can be changed. Raises
        what refuses the request."""
        is_exempt = asked.row.resource in EXEMPT
        asks = not is_exempt and self._asks_anybody()
        if asks:
            asked = await self._changed(asked, steps, warnings)
        if steps is not None and asked.new is not None:
            steps.check(asked.new)
        if not is_exempt:
            await self._standards.check(asked, warnings)
        if asks:
            await self._policies.check(asked, warnings)
            await self._webhooks.ask_together(asked, warnings)
        return asked.new

    async def _changed(self, asked: Asked, steps: Steps | None, warnings: list[str]) -> Asked:
        rounds = Rounds()
        asked = await self._mutated(asked, steps, warnings, rounds)
        return await self._mutated(asked, steps, warnings, rounds) if rounds.next() else asked

    def _asks_anybody(self) -> bool:
        """Whether there is anybody to ask at all: in most clusters nobody is."""
        return any(map(self._scope.lookup.has_any, _ASKED))

    async def _mutated(self, asked: Asked, steps: Steps | None, warnings: list[str], rounds: Rounds) -> Asked:
        """The request after one round of those who may change it."""
        before = asked.new
        if before is not None and steps is not None:
            asked = await self._mutations.mutate(asked, rounds)
        asked = await self._webhooks.mutate(asked, warnings, rounds)
        if steps is not None and asked.new is not None and asked.new is not before:
            asked = replace(asked, new=steps.readmit(asked.new))
        return asked
