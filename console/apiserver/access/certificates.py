"""Who may approve and sign certificates: the verbs `approve` and `sign` on the signer that a request names."""

from __future__ import annotations

import base64

from common.api import meta
from common.api.kinds import CERTIFICATESIGNINGREQUESTS, Resource
from common.api.meta import Object
from common.errors import Forbidden
from common.pki import MASTERS, organizations
from common.signers import API_CLIENT
from console.apiserver.caller import Caller

from .attributes import Attributes
from .authorizer import Authorizer

_DECISIONS = frozenset({"Approved", "Denied"})


class CertificateGuard:
    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def check(self, caller: Caller, resource: Resource, new: Object, old: Object | None) -> None:
        """Raises Forbidden. `new` is admitted already."""
        if resource != CERTIFICATESIGNINGREQUESTS or caller.is_component:
            return
        if old is None:
            _check_subject(new)
        elif _decisions(new) != _decisions(old):
            self._confirm(caller, new, "approve")
        elif _certificate(new) != _certificate(old):
            self._confirm(caller, new, "sign")

    def _confirm(self, caller: Caller, request: Object, verb: str) -> None:
        signer = str(request["spec"]["signerName"])
        for name in (signer, f"{signer.partition('/')[0]}/*"):
            asked = Attributes(verb, CERTIFICATESIGNINGREQUESTS.group, "*", "signers", name=name)
            if self._authorizer.allows(caller, asked):
                return
        raise _refusal(request, f'user not permitted to {verb} requests with signerName "{signer}"')


def _check_subject(request: Object) -> None:
    """Administrators are not made by a request: that group goes past all authorization."""
    spec = request["spec"]
    if spec["signerName"] == API_CLIENT and MASTERS in organizations(base64.b64decode(spec["request"])):
        raise _refusal(request, f"use of {API_CLIENT} signer with {MASTERS} group is not allowed")


def _decisions(request: Object) -> list[Object]:
    conditions = (request.get("status") or {}).get("conditions") or []
    return [item for item in conditions if item.get("type") in _DECISIONS]


def _certificate(request: Object) -> object:
    return (request.get("status") or {}).get("certificate")


def _refusal(request: Object, why: str) -> Forbidden:
    resource, name = CERTIFICATESIGNINGREQUESTS, meta.name(request)
    details = {"name": name, "group": resource.group, "kind": resource.plural}
    return Forbidden(f'{resource.group_resource} "{name}" is forbidden: {why}', details=details)
