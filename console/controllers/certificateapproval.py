"""Approves requests of nodes for client certificates, where their makers may have them.

As Kubernetes' csrapproving controller: who may `create` the subresource `nodeclient` of certificatesigningrequests may
have a certificate of any node, with `selfnodeclient` one more of their own. Nobody is given these rights here unless an
administrator binds them, as a certificate that was made this way is not known to end with its Node.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import ClassVar, TypeAlias

from common.api.kinds import CERTIFICATESIGNINGREQUESTS
from common.api.meta import Key, Object, format_time, name
from common.errors import Conflict, NotFound
from common.pki import PkiError
from common.signers import KUBELET_CLIENT, read_request, refusal
from console.controllers.base import Controller, Kit

RETRY_SECONDS = 30.0  # until the right may have been given
Allowed: TypeAlias = Callable[[Object], bool]
"""From the spec of a SubjectAccessReview to whether it is allowed."""
_SELF = ("selfnodeclient", "Auto approving self kubelet client certificate after SubjectAccessReview.")
_ANY = ("nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview.")


def ways(request: Object) -> Iterator[tuple[Object, str]]:
    """The reviews of which one must be allowed, each with what to say then; none for what is not a node's request, or
    was decided."""
    spec, status = request["spec"], request.get("status") or {}
    decided = {str(item.get("type")) for item in status.get("conditions") or ()} & {"Approved", "Denied"}
    if spec.get("signerName") != KUBELET_CLIENT or decided or status.get("certificate"):
        return
    try:
        asked = read_request(base64.b64decode(spec["request"]))
    except (PkiError, ValueError):
        return
    if refusal(KUBELET_CLIENT, asked, spec.get("usages") or ()):
        return
    own = asked.common_name == spec.get("username")
    for subresource, message in (_SELF, _ANY) if own else (_ANY,):
        yield _review(spec, subresource), message


def _review(spec: Object, subresource: str) -> Object:
    resource = CERTIFICATESIGNINGREQUESTS
    attributes = {
        "verb": "create", "group": resource.group, "version": "*", "resource": resource.plural,
        "subresource": subresource,
    }  # fmt: skip
    asker = {"user": spec.get("username", ""), "uid": spec.get("uid", "")}
    return {**asker, "groups": spec.get("groups") or [], "extra": spec.get("extra") or {},
            "resourceAttributes": attributes}  # fmt: skip


class CertificateApprovalController(Controller[str]):
    """Keys are names of requests."""

    name: ClassVar[str] = "certificate-approval-controller"
    workers: ClassVar[int] = 1

    def __init__(self, kit: Kit, allowed: Allowed) -> None:
        super().__init__(kit)
        self._allowed = allowed
        self._requests = self.follow(CERTIFICATESIGNINGREQUESTS, lambda request: [name(request)])

    async def sync(self, key: str) -> None:
        request = self._requests.get(Key("", key))
        found = [] if request is None else list(ways(request))
        if request is None or not found:
            return
        for review, message in found:
            if self._allowed(review):
                await self._approve(request, message)
                return
        self.queue.add_after(key, RETRY_SECONDS)

    async def _approve(self, request: Object, message: str) -> None:
        moment = format_time(self.clock.now())
        condition = {
            "type": "Approved", "status": "True", "reason": "AutoApproved", "message": message,
            "lastUpdateTime": moment, "lastTransitionTime": moment,
        }  # fmt: skip
        status = request.get("status") or {}
        approved = {**request, "status": {**status, "conditions": [*(status.get("conditions") or ()), condition]}}
        try:
            await self.client.update(CERTIFICATESIGNINGREQUESTS, approved, subresource="approval")
        except (Conflict, NotFound):
            return  # somebody decided, or it is gone: whatever it is now comes again
