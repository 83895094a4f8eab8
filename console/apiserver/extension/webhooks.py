"""Calls of admission webhooks: admission.k8s.io/v1 over HTTPS, and what their answers mean.

A webhook that is gone, slow or wrong costs what its failurePolicy says and never more than its timeout.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import ssl
import uuid
from dataclasses import dataclass, replace
from functools import lru_cache

import aiohttp
import jsonpatch
import orjson

from common.api import kinds, meta
from common.api.meta import Key, Object
from common.errors import ApiError, BadRequest, InternalError, from_status
from console.registry.custom.expressions import EvaluationError
from console.registry.row import Lookup

from .matching import Asked, facts, matches, meets

log = logging.getLogger(__name__)
_MAX_ANSWER = 8 * 1024 * 1024


class CallError(Exception):
    """A webhook gave no answer that could be understood; the message says why."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook that has to be asked, with the request as it wants to see it."""

    source: Object
    asked: Asked

    @property
    def name(self) -> str:
        return str(self.source["name"])

    def about(self, obj: Object) -> Hook:
        """The same question about the stored object as others have changed it meanwhile."""
        return replace(self, asked=replace(self.asked, new=self.asked.row.show(obj)))


class Webhooks:
    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    def matching(self, resource: kinds.Resource, asked: Asked) -> list[Hook]:
        """The webhooks of one kind of configuration that have to be asked, in order. Raises what a condition that
        fails refuses the request with."""
        found = []
        for configuration in sorted(self._lookup.items(resource), key=meta.name):
            for source in configuration.get("webhooks") or ():
                wanted = matches(source, source.get("rules") or (), asked, self._lookup)
                if wanted is not None and self._meets(source, wanted):
                    found.append(Hook(source, wanted))
        return found

    def _meets(self, source: Object, asked: Asked) -> bool:
        conditions = source.get("matchConditions") or ()
        try:
            return not conditions or meets(conditions, facts(asked, self._lookup))
        except EvaluationError as error:
            if source.get("failurePolicy") == "Ignore":
                return False
            raise BadRequest(f"matchConditions of webhook {source['name']!r} failed: {error}") from None

    async def ask(self, hook: Hook, warnings: list[str]) -> Object | None:
        """The object with the webhook's patch, None when it changes nothing. Raises what refuses the request."""
        if hook.asked.dry_run and hook.source.get("sideEffects") not in {"None", "NoneOnDryRun"}:
            raise BadRequest(f'admission webhook "{hook.name}" does not support dry run')
        try:
            response = await self._call(hook)
            patched = None if not response.get("allowed") else _patched(hook.asked, response)
        except CallError as error:
            if hook.source.get("failurePolicy") == "Ignore":
                log.warning("webhook %s failed and is ignored, as it asks for: %s", hook.name, error)
                return None
            raise InternalError(
                f'Internal error occurred: failed calling webhook "{hook.name}": failed to call webhook: {error}'
            ) from None
        warnings += [str(text) for text in response.get("warnings") or ()]
        if not response.get("allowed"):
            raise _denied(hook.name, response.get("status") or {})
        return patched

    async def _call(self, hook: Hook) -> Object:
        uid = str(uuid.uuid4())
        review = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": hook.asked.document(uid)}
        url, server_name = self._address(hook.source["clientConfig"])
        seconds = float(hook.source.get("timeoutSeconds") or 10)
        try:
            context = _trusting(str(hook.source["clientConfig"].get("caBundle") or ""))
            # One connection a call: what trusts another CA must not share it, and a webhook that restarts is met anew.
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=seconds)) as session,
                session.post(
                    url, data=orjson.dumps(review), headers={"Content-Type": "application/json"}, ssl=context,
                    server_hostname=server_name, allow_redirects=False,
                ) as answer,
            ):  # fmt: skip
                body = await answer.content.read(_MAX_ANSWER)
                if answer.status != 200:
                    raise CallError(
                        f"an error on the server ({body[:200].decode(errors='replace')!r}): {answer.status}"
                    )
        except TimeoutError:
            raise CallError(f'Post "{url}": context deadline exceeded after {seconds:g} s') from None
        except (aiohttp.ClientError, OSError, ssl.SSLError, ValueError) as error:
            raise CallError(f'Post "{url}": {error}') from None
        return _response(body, uid)

    def _address(self, config: Object) -> tuple[str, str | None]:
        if config.get("url"):
            return str(config["url"]), None
        service = config.get("service") or {}
        space, name, port = service.get("namespace", ""), service.get("name", ""), service.get("port", 443)
        found = self._lookup.get(kinds.SERVICES, Key(space, name))
        if found is None:
            raise CallError(f'service "{name}" not found')
        address = str((found.get("spec") or {}).get("clusterIP") or "None")
        if address == "None":
            raise CallError(f'service "{name}" has no address of its own')
        host = f"[{address}]" if ":" in address else address
        return f"https://{host}:{port}{service.get('path') or ''}", f"{name}.{space}.svc"


@lru_cache(maxsize=64)
def _trusting(bundle: str) -> ssl.SSLContext:
    if not bundle:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=base64.b64decode(bundle, validate=True).decode("ascii"))
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(f"caBundle is no PEM: {error}") from None


def _response(body: bytes, uid: str) -> Object:
    try:
        review = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise CallError(f"the answer is no JSON: {error}") from None
    response = review.get("response") if isinstance(review, dict) else None
    if not isinstance(response, dict):
        raise CallError("webhook response was absent")
    if response.get("uid") != uid:
        raise CallError(f"expected response.uid={uid!r}, got {response.get('uid')!r}")
    return response


def _patched(asked: Asked, response: Object) -> Object | None:
    patch = response.get("patch")
    if not patch or asked.new is None:
        return None
    if response.get("patchType") != "JSONPatch":
        raise CallError(f"webhook returned response.patchType={response.get('patchType')!r}, allowed is JSONPatch")
    try:
        operations = jsonpatch.JsonPatch(orjson.loads(base64.b64decode(patch, validate=True)))
        result = operations.apply(orjson.loads(orjson.dumps(asked.new)))
    except (ValueError, TypeError, jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise CallError(f"the patch cannot be applied: {error}") from None
    if not isinstance(result, dict):
        raise CallError("the patch leaves no object")
    return asked.row.keep(result)


def _denied(name: str, status: Object) -> ApiError:
    why = status.get("message") or status.get("reason")
    text = f'admission webhook "{name}" denied the request' + (f": {why}" if why else " without explanation")
    code = status.get("code")
    code = code if isinstance(code, int) and 400 <= code < 600 else 400
    error = from_status({"message": text, "reason": status.get("reason"), "details": status.get("details")}, code)
    # A code that no error of ours has is still the caller's fault when it says so.
    return BadRequest(text) if isinstance(error, InternalError) and code < 500 else error


async def ask_together(webhooks: Webhooks, hooks: list[Hook], warnings: list[str]) -> None:
    """Ask validating webhooks at once; the first refusal in their order counts."""
    results = await asyncio.gather(*(webhooks.ask(hook, warnings) for hook in hooks), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
