"""Admission webhooks: which are asked about a request, and what their answers mean.

A webhook that is gone, slow or wrong costs what its failurePolicy says and never more than its timeout.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import uuid
from dataclasses import dataclass, replace

import orjson

from common.api import kinds, meta
from common.api.meta import Object
from common.errors import ApiError, BadRequest, Forbidden, InternalError, from_status
from console.registry import jsonpatch
from console.registry.custom.expressions import EvaluationError

from .clients import CallError, post
from .matching import Asked, Facts, Scope, matches

log = logging.getLogger(__name__)
_REVIEWS = {"v1": "admission.k8s.io/v1", "v1beta1": "admission.k8s.io/v1beta1"}


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook that has to be asked, with the request as it wants to see it."""

    source: Object
    asked: Asked

    @property
    def name(self) -> str:
        return str(self.source["name"])


class Webhooks:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def configured(self, resource: kinds.Resource) -> list[Object]:
        """The webhooks of one kind of configuration, in order."""
        configurations = sorted(self._scope.lookup.items(resource), key=meta.name)
        return [source for configuration in configurations for source in configuration.get("webhooks") or ()]

    def concern(self, asked: Asked) -> bool:
        """Whether any webhook is about a request, whatever its conditions say."""
        configured = (kinds.MUTATINGWEBHOOKCONFIGURATIONS, kinds.VALIDATINGWEBHOOKCONFIGURATIONS)
        sources = [source for resource in configured for source in self.configured(resource)]
        return any(matches(source, source.get("rules") or (), asked, self._scope) is not None for source in sources)

    async def matched(self, source: Object, asked: Asked) -> Hook | None:
        """None when the webhook is not about the request. Raises what a condition that fails refuses it with."""
        row = matches(source, source.get("rules") or (), asked, self._scope)
        if row is None:
            return None
        asked = await asked.in_version(row, self._scope.conversions)
        conditions = source.get("matchConditions") or ()
        try:
            met = not conditions or Facts(asked, self._scope).meets(conditions)
        except EvaluationError as error:
            if source.get("failurePolicy") == "Ignore":
                return None
            resource = asked.row.resource
            raise Forbidden(
                f'{resource.group_resource} "{asked.name}" is forbidden: {error}',
                details={"name": asked.name, "group": resource.group, "kind": resource.plural},
            ) from None
        return Hook(source, asked) if met else None

    async def ask(self, hook: Hook, warnings: list[str]) -> Object | None:
        """The object with the webhook's patch, in the version it was shown; None when it changes nothing. Raises what
        refuses the request."""
        if hook.asked.dry_run and hook.source.get("sideEffects") not in {"None", "NoneOnDryRun"}:
            raise BadRequest(f'admission webhook "{hook.name}" does not support dry run')
        try:
            response = await self._call(hook)
            patched = None if not response.get("allowed") else _patched(hook.asked, response)
        except CallError as error:
            if hook.source.get("failurePolicy") == "Ignore":
                log.warning("webhook %s failed and is ignored, as it asks for: %s", hook.name, error)
                return None
            raise InternalError(f'Internal error occurred: failed calling webhook "{hook.name}": {error}') from None
        said = response.get("warnings")
        warnings += [str(text) for text in said] if isinstance(said, list) else []
        if not response.get("allowed"):
            status = response.get("status")
            raise _denied(hook.name, status if isinstance(status, dict) else {})
        return patched

    async def _call(self, hook: Hook) -> Object:
        uid = str(uuid.uuid4())
        versions = hook.source.get("admissionReviewVersions") or ()
        version = next((_REVIEWS[item] for item in versions if item in _REVIEWS), _REVIEWS["v1"])
        review = {"kind": "AdmissionReview", "apiVersion": version, "request": hook.asked.document(uid)}
        seconds = int(hook.source.get("timeoutSeconds") or 10)
        try:
            answer = await post(self._scope.services, hook.source["clientConfig"], review, seconds)
        except CallError as error:
            raise CallError(f"failed to call webhook: {error}") from None
        return _response(answer, uid, version)

    async def ask_together(self, asked: Asked, warnings: list[str]) -> None:
        """Ask all validating webhooks that are about the request at once; the first refusal in their order counts."""
        found = [await self.matched(source, asked) for source in self.configured(kinds.VALIDATINGWEBHOOKCONFIGURATIONS)]
        hooks = [hook for hook in found if hook is not None]
        if not hooks:
            return
        results = await asyncio.gather(*(self.ask(hook, warnings) for hook in hooks), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def mutate(self, asked: Asked, warnings: list[str]) -> Asked:
        """The request as the mutating webhooks leave it."""
        called: list[Object] = []
        again: list[Object] = []
        for source in self.configured(kinds.MUTATINGWEBHOOKCONFIGURATIONS):
            hook = await self.matched(source, asked)
            if hook is None:
                continue
            changed = await self._mutated(hook, asked, warnings)
            if changed is not None:
                # Those before it that want to see what others changed are asked a second time, and not a third.
                again += [item for item in called if item not in again]
                asked = changed
            if source.get("reinvocationPolicy") == "IfNeeded":
                called.append(source)
        for source in (item for item in called if item in again):
            hook = await self.matched(source, asked)
            if hook is not None:
                asked = await self._mutated(hook, asked, warnings) or asked
        return asked

    async def _mutated(self, hook: Hook, asked: Asked, warnings: list[str]) -> Asked | None:
        """The request with what the webhook changed, None when that is nothing."""
        patched = await self.ask(hook, warnings)
        if patched is None or patched == hook.asked.new:
            return None
        if hook.asked.row is asked.row:
            return replace(asked, new=patched)
        back = await self._scope.conversions.shown(asked.row, hook.asked.row.keep(patched))
        return replace(asked, new=back)


def _response(review: Object, uid: str, version: str) -> Object:
    found = (review.get("apiVersion"), review.get("kind"))
    if found != (version, "AdmissionReview") and version == _REVIEWS["v1"]:
        raise CallError(
            f"expected webhook response of {version}, Kind=AdmissionReview, got {found[0]}, Kind={found[1]}"
        )
    response = review.get("response")
    if not isinstance(response, dict):
        raise CallError("webhook response was absent")
    if response.get("uid") != uid and version == _REVIEWS["v1"]:
        raise CallError(f"expected response.uid={uid!r}, got {response.get('uid')!r}")
    return response


def _patched(asked: Asked, response: Object) -> Object | None:
    patch = response.get("patch")
    if not patch or asked.new is None:
        return None
    if response.get("patchType") != "JSONPatch":
        raise CallError(f"webhook returned response.patchType={response.get('patchType')!r}, allowed is JSONPatch")
    try:
        return jsonpatch.apply(asked.new, orjson.loads(base64.b64decode(patch, validate=True)))
    except (ValueError, TypeError, ApiError) as error:
        raise CallError(f"the patch cannot be applied: {error}") from None


def _denied(name: str, status: Object) -> ApiError:
    why = status.get("message") or status.get("reason")
    text = f'admission webhook "{name}" denied the request' + (f": {why}" if why else " without explanation")
    code = status.get("code")
    code = code if isinstance(code, int) and 400 <= code < 600 else 400
    error = from_status({"message": text, "reason": status.get("reason"), "details": status.get("details")}, code)
    # A code that no error of ours has is still the caller's fault when it says so.
    return BadRequest(text) if isinstance(error, InternalError) and code < 500 else error
