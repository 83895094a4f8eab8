"""Signs what was approved of the signer kubernetes.io/kube-apiserver-client, and forgets requests that are over."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar

from common.api.kinds import CERTIFICATESIGNINGREQUESTS
from common.api.meta import Key, Object, format_time, metadata, name, parse_time, resource_version, uid
from common.errors import NotFound
from common.pki import PkiError
from console.controllers.base import Controller, Kit

SIGNER = "kubernetes.io/kube-apiserver-client"
USAGES = frozenset({"client auth", "digital signature", "key encipherment"})
DECIDED, PENDING = timedelta(hours=1), timedelta(hours=24)  # as Kubernetes: how long requests are kept

Sign = Callable[[bytes, timedelta], bytes]
"""From a signing request in PEM and a lifetime to a certificate; PkiError when it is not for a client."""


def _conditions(request: Object) -> dict[str, Object]:
    return {str(item.get("type")): item for item in (request.get("status") or {}).get("conditions") or ()}


def is_due(request: Object) -> bool:
    """Whether it waits for our signature."""
    found = _conditions(request)
    if request["spec"].get("signerName") != SIGNER or (request.get("status") or {}).get("certificate"):
        return False
    return "Approved" in found and not found.keys() & {"Denied", "Failed"}


def ends(request: Object) -> datetime:
    """When it is forgotten: nobody needs a request for long that was decided on."""
    created = parse_time(str(metadata(request)["creationTimestamp"]))
    moments = [
        parse_time(str(item["lastUpdateTime"])) for item in _conditions(request).values() if item.get("lastUpdateTime")
    ]
    return max(moments) + DECIDED if moments else created + PENDING


def wrong_usages(request: Object) -> str:
    """Why the signer does not sign for these usages; empty when it does."""
    usages = set(request["spec"].get("usages") or ())
    if "client auth" not in usages or not usages <= USAGES:
        return f"invalid usages for client certificate: {sorted(usages)}"
    return ""


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
        if why := wrong_usages(request):
            return failure(request, why, self.clock.now())
        wanted = timedelta(seconds=spec["expirationSeconds"]) if spec.get("expirationSeconds") else self._lifetime
        pem = base64.b64decode(spec["request"])
        try:
            certificate = await asyncio.to_thread(self._sign, pem, min(wanted, self._lifetime))
        except PkiError as error:
            return failure(request, str(error), self.clock.now())
        return {"status": {"certificate": base64.b64encode(certificate).decode()}}
