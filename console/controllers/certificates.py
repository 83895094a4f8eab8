"""Signs what was approved of the signers that every cluster has, and forgets requests that are over."""

from __future__ import annotations

import asyncio
import base64
from datetime import datetime, timedelta
from typing import ClassVar, Protocol

from common.api.kinds import CERTIFICATESIGNINGREQUESTS
from common.api.meta import Key, Object, format_time, metadata, name, parse_time, resource_version, uid
from common.errors import NotFound
from common.pki import PkiError
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


def ends(request: Object) -> datetime:
    """When it is forgotten: nobody needs a request for long that was decided on."""
    created = parse_time(str(metadata(request)["creationTimestamp"]))
    moments = [
        parse_time(str(item["lastUpdateTime"])) for item in _conditions(request).values() if item.get("lastUpdateTime")
    ]
    return max(moments) + DECIDED if moments else created + PENDING


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
        left = (ends(request) - self.clock.now()).total_seconds()
        try:
            if left <= 0:
                await self.client.delete(CERTIFICATESIGNINGREQUESTS, key, uid=uid(request))
                return
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
