"""Admission webhooks: which are asked about a request, and in which order.

A webhook that is gone, slow or wrong costs what its failurePolicy says and never more than its timeout.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

import orjson

from common.api import kinds, meta
from common.api.meta import Object
from common.api.names import new_uid
from common.errors import ApiError, BadRequest, Forbidden, InternalError
from console.registry.custom.expressions import EvaluationError

from . import reviews
from .clients import CallError, post
from .figures import CALLING_ERROR, INTERNAL_ERROR, NO_ERROR, Figures
from .matching import Asked, Facts, Scope, matches
from .rounds import Rounds

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook that may have to be asked. `index` is its place among all of its sort, `asked` the request as it wants
    to see it."""

    index: int
    configuration: str
    source: Object
    mutating: bool
    asked: Asked | None = None

    @property
    def name(self) -> str:
        return str(self.source["name"])

    @property
    def ignores(self) -> bool:
        return self.source.get("failurePolicy") == "Ignore"

    @property
    def kind(self) -> str:
        """As figures name it."""
        return "admit" if self.mutating else "validating"


class Webhooks:
    def __init__(self, scope: Scope, figures: Figures) -> None:
        self._scope = scope
        self._figures = figures

    def _configured(self, *, mutating: bool) -> Iterator[Hook]:
        """The webhooks of one kind of configuration, in order."""
        resource = kinds.MUTATINGWEBHOOKCONFIGURATIONS if mutating else kinds.VALIDATINGWEBHOOKCONFIGURATIONS
        index = 0
        for configuration in sorted(self._scope.lookup.items(resource), key=meta.name):
            for source in configuration.get("webhooks") or ():
                yield Hook(index, meta.name(configuration), source, mutating)
                index += 1

    def concern(self, asked: Asked) -> bool:
        """Whether any webhook is about a request, whatever its conditions say."""
        sources = [hook.source for mutating in (True, False) for hook in self._configured(mutating=mutating)]
        return any(matches(source, source.get("rules") or (), asked, self._scope) is not None for source in sources)

    async def _matched(self, hook: Hook, asked: Asked) -> Hook | None:
        """None when the webhook is not about the request. Raises what a condition that fails refuses it with."""
        row = matches(hook.source, hook.source.get("rules") or (), asked, self._scope)
        if row is None:
            return None
        asked = await asked.in_version(row, self._scope.conversions)
        conditions = hook.source.get("matchConditions") or ()
        try:
            met = not conditions or Facts(asked, self._scope).meets(conditions)
        except EvaluationError as error:
            if hook.ignores:
                return None
            resource = asked.row.resource
            raise Forbidden(
                f'{resource.group_resource} "{asked.name}" is forbidden: {error}',
                details={"name": asked.name, "group": resource.group, "kind": resource.plural},
            ) from None
        return replace(hook, asked=asked) if met else None

    async def _ask(self, hook: Hook, asked: Asked, warnings: list[str], number: int = 0) -> Object | None:
        """The object with the webhook's patch, in the version it was shown; None when it changes nothing. Raises what
        refuses the request."""
        operation = asked.operation
        try:
            found = await self._answer(hook, asked)
        except CallError as error:
            self._figures.called(hook.name, hook.kind, operation, 500, rejected=not hook.ignores)
            if hook.ignores:
                log.warning("webhook %s failed and is ignored, as it asks for: %s", hook.name, error)
                self._figures.failed_open(hook.name, hook.kind)
                sort = "mutation" if hook.mutating else "validating"
                asked.note(f"failed-open.{sort}.webhook.admission.k8s.io/round_{number}_index_{hook.index}", hook.name)
                return None
            self._figures.rejected(hook.name, hook.kind, operation, CALLING_ERROR, 500)
            raise InternalError(f'Internal error occurred: failed calling webhook "{hook.name}": {error}') from None
        for key, value in reviews.annotations_of(hook.name, found).items():
            asked.note(key, value)
        warnings += reviews.warnings_of(found)
        if not found.get("allowed"):
            denied = reviews.denial(hook.name, found)
            self._figures.called(hook.name, hook.kind, operation, denied.code, rejected=True)
            self._figures.rejected(hook.name, hook.kind, operation, NO_ERROR, denied.code)
            raise denied
        self._figures.called(hook.name, hook.kind, operation, 200, rejected=False)
        try:
            return reviews.patched(hook.name, asked.new, found)
        except ApiError:
            self._figures.rejected(hook.name, hook.kind, operation, INTERNAL_ERROR, 0)
            raise

    async def _answer(self, hook: Hook, asked: Asked) -> Object:
        if asked.dry_run and hook.source.get("sideEffects") not in {"None", "NoneOnDryRun"}:
            raise BadRequest(f'admission webhook "{hook.name}" does not support dry run')
        uid = new_uid()
        versions = hook.source.get("admissionReviewVersions") or ()
        version = next((reviews.VERSIONS[item] for item in versions if item in reviews.VERSIONS), reviews.V1)
        review = {"kind": "AdmissionReview", "apiVersion": version, "request": asked.document(uid)}
        seconds = int(hook.source.get("timeoutSeconds") or 10)
        try:
            answer = await post(self._scope.services, hook.source["clientConfig"], review, seconds)
        except CallError as error:
            raise CallError(f"failed to call webhook: {error}") from None
        return reviews.response(answer, uid, version, mutating=hook.mutating)

    async def ask_together(self, asked: Asked, warnings: list[str]) -> None:
        """Ask all validating webhooks that are about the request at once; the first refusal in their order counts."""
        found = [await self._matched(hook, asked) for hook in self._configured(mutating=False)]
        asking = [self._ask(hook, hook.asked, warnings) for hook in found if hook is not None and hook.asked]
        for result in await asyncio.gather(*asking, return_exceptions=True) if asking else ():
            if isinstance(result, BaseException):
                raise result

    async def mutate(self, asked: Asked, warnings: list[str], rounds: Rounds) -> Asked:
        """The request as the mutating webhooks leave it, in one round of asking."""
        for configured in self._configured(mutating=True):
            who = (configured.configuration, configured.index)
            hook = await self._matched(configured, asked) if rounds.takes(who) else None
            if hook is None or hook.asked is None:
                continue
            changed = await self._mutated(hook, hook.asked, asked, warnings, rounds.number)
            rounds.asked(who, changed=changed is not None, again=hook.source.get("reinvocationPolicy") == "IfNeeded")
            asked = changed or asked
        return asked

    async def _mutated(self, hook: Hook, seen: Asked, asked: Asked, warnings: list[str], number: int) -> Asked | None:
        """The request with what the webhook changed, None when that is nothing."""
        patched = await self._ask(hook, seen, warnings, number)
        mutated = patched is not None and patched != seen.new
        told = {"configuration": hook.configuration, "webhook": hook.name, "mutated": mutated}
        asked.note(f"mutation.webhook.admission.k8s.io/round_{number}_index_{hook.index}", orjson.dumps(told).decode())
        if patched is None or not mutated:
            return None
        if seen.row is asked.row:
            return replace(asked, new=patched)
        return replace(asked, new=await self._scope.conversions.shown(asked.row, seen.row.keep(patched)))
