"""Signs what was approved of the signers that every cluster has, and forgets requests that are over."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import ClassVar, Protocol

from common.api.kinds import CERTIFICATESIGNINGREQUESTS
from common.api.meta import Key, Object, format_time, metadata, name, parse_time, resource_version, uid
from common.errors import NotFound
from common.pki import PkiError, parse_certificate
from common.signers import KUBELET_SERVING, SIGNERS, read_request, refusal
from console.controllers.base import Controller, Kit

DECIDED, PENDING = timedelta(hours=1), timedelta(hours=24)  # as Kubernetes: how long requests are kept


class Sign(Protocol):
    """From a signing request in PEM to a certificate under these names; PkiError when it is not well made."""

    def __call__(self, pem: bytes, lifetime: timedelta, /, *, names: tuple[str, ...], server: bool) -> bytes: ...


def _conditions(request: Object) -> dict[str, Object]:
    return {str(item.get("type")): item for item in (request.get("status") or {}).get("conditions") or ()}


def is_due(request: Object) -> bool:
    """Whether it waits for our signature."""
    found = _conditions(request)
    if request["spec"].get("signerName") not in SIGNERS or (request.get("status") or {}).get("certificate"):
        return False
    return "Approved" in found and not found.keys() & {"Denied", "Failed"}


def ends(request: Object) -> datetime | None:
    """When it is forgotten: nobody needs a request for long that was decided on, or whose certificate is over. None for
    one that was approved and waits for a signer of somebody's own."""
    found = _conditions(request)
    if not found:
        return parse_time(str(metadata(request)["creationTimestamp"])) + PENDING
    certificate = (request.get("status") or {}).get("certificate")
    decided = {"Denied", "Failed"} | ({"Approved"} if certificate else set())
    moments = [
        parse_time(str(found[kind]["lastUpdateTime"])) + DECIDED
        for kind in decided & found.keys()
        if found[kind].get("lastUpdateTime")
    ]
    return min([*moments, *_expiry(certificate)], default=None)


def _expiry(certificate: object) -> Iterator[datetime]:
    """When a certificate is over; nothing for what is none."""
    with suppress(PkiError, ValueError):
        yield parse_certificate(base64.b64decode(str(certificate or ""))).not_valid_after_utc


def failure(request: Object, message: str, now: datetime) -> Object:
    """The patch that says that it cannot be signed."""
    moment = format_time(now)
    condition = {
        "type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": message,
        "lastUpdateTime": moment, "lastTransitionTime": moment,
    }  # fmt: skip
    return {"status": {"conditions": [*_conditions(request).values(), condition]}}


class CertificateController(Controller[str]):
    """Keys are names of requests."""

    name: ClassVar[str] = "certificate-controller"
    workers: ClassVar[int] = 1

    def __init__(self, kit: Kit, sign: Sign, lifetime: timedelta) -> None:
        super().__init__(kit)
        self._sign = sign
        self._lifetime = lifetime
        self._requests = self.follow(CERTIFICATESIGNINGREQUESTS, lambda request: [name(request)])

    async def sync(self, key: str) -> None:
        request = self._requests.get(Key("", key))
        if request is None:
            return
        end = ends(request)
        left = 0.0 if end is None else (end - self.clock.now()).total_seconds()
        try:
            if end is not None and left <= 0:
                await self.client.delete(CERTIFICATESIGNINGREQUESTS, key, uid=uid(request))
                return
            if end is not None:
                self.queue.add_after(key, left)
            if is_due(request):
                await self._answer(key, request)
        except NotFound:
            return

    async def _answer(self, key: str, request: Object) -> None:
        patch = await self._signed(request)
        patch["metadata"] = {"resourceVersion": resource_version(request)}
        await self.client.patch(CERTIFICATESIGNINGREQUESTS, key, patch, subresource="status")

    async def _signed(self, request: Object) -> Object:
        spec = request["spec"]
        wanted = timedelta(seconds=spec["expirationSeconds"]) if spec.get("expirationSeconds") else self._lifetime
        pem = base64.b64decode(spec["request"])
        try:
            asked = read_request(pem)
            if why := refusal(spec["signerName"], asked, spec.get("usages") or ()):
                raise PkiError(why)
            server = spec["signerName"] == KUBELET_SERVING
            lifetime = min(wanted, self._lifetime)
            certificate = await asyncio.to_thread(self._sign, pem, lifetime, names=asked.names, server=server)
        except PkiError as error:
            return failure(request, str(error), self.clock.now())
        return {"status": {"certificate": base64.b64encode(certificate).decode()}}
