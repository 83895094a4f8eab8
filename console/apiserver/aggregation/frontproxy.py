"""Who we are to aggregated API servers: a client certificate of an authority of its own, and headers that say for whom
we ask.

They learn what to trust from the ConfigMap `kube-system/extension-apiserver-authentication`. The authority is not the
cluster's: a certificate of that one makes nobody believe headers.
"""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson

from common import tls
from common.api.kinds import CONFIGMAPS, ROLES
from common.api.meta import Object
from common.client.base import Client
from common.errors import NotFound
from common.pki import FRONT_PROXY, Identity
from console.apiserver.caller import Caller
from console.apiserver.extension.clients import trusting

USER, GROUP, EXTRA, UID = "X-Remote-User", "X-Remote-Group", "X-Remote-Extra-", "X-Remote-Uid"
_SPACE, _NAME = "kube-system", "extension-apiserver-authentication"
_READER = "extension-apiserver-authentication-reader"
_SPOKEN = re.compile(r"[^a-z0-9!#$&'*+.^_`|~-]")  # what the name of a header cannot have


@dataclass(frozen=True, slots=True)
class FrontProxy:
    """`clients_pem` is the authority of the API's own clients, `authority_pem` that of `identity`, which gives the
    certificate of the moment."""

    clients_pem: bytes
    authority_pem: bytes
    identity: Callable[[], Identity]

    def context(self, spec: Object) -> ssl.SSLContext:
        """For the server of an APIService with this spec. ValueError for a bundle that is none."""
        return _context(str(spec.get("caBundle") or ""), bool(spec.get("insecureSkipTLSVerify")), self.identity())

    def configuration(self) -> Mapping[str, str]:
        """What the ConfigMap says."""
        lists = {
            "requestheader-allowed-names": [FRONT_PROXY],
            "requestheader-extra-headers-prefix": [EXTRA],
            "requestheader-group-headers": [GROUP],
            "requestheader-uid-headers": [UID],
            "requestheader-username-headers": [USER],
        }
        return {
            "client-ca-file": self.clients_pem.decode(),
            "requestheader-client-ca-file": self.authority_pem.decode(),
            **{name: orjson.dumps(values).decode() for name, values in lists.items()},
        }


@lru_cache(maxsize=64)
def _context(bundle: str, insecure: bool, identity: Identity) -> ssl.SSLContext:
    # Of its own: that of a webhook with the same bundle shows no certificate.
    context = ssl.create_default_context()
    if bundle:
        trusting(bundle)  # says what is wrong with it
        context = ssl.create_default_context(cadata=base64.b64decode(bundle).decode("ascii"))
    if insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    tls.show(context, identity)
    return context


def headers(caller: Caller) -> Iterator[tuple[str, str]]:
    """Who asks, as the aggregated API server reads it."""
    yield USER, caller.user
    if caller.uid:
        yield UID, caller.uid
    for group in caller.group_list:
        yield GROUP, group
    for key, values in caller.extra:
        for value in values:
            yield EXTRA + _header_name(key), value


def _header_name(key: str) -> str:
    """A key as part of a header's name: other characters percent-encoded, as Kubernetes reads them."""
    return _SPOKEN.sub(lambda found: quote(found[0], safe=""), key.lower())


def is_claim(name: str) -> bool:
    """Whether a header says who asks: a client's own word for it goes no further."""
    lower = name.lower()
    return lower in {USER.lower(), GROUP.lower(), UID.lower()} or lower.startswith(EXTRA.lower())


async def publish(client: Client, front: FrontProxy) -> None:
    """Say in the cluster what to trust, and let whoever is bound to it read that."""
    metadata = {"name": _NAME, "namespace": _SPACE}
    await _keep(client, CONFIGMAPS, {"metadata": metadata, "data": dict(front.configuration())}, "data")
    rule: dict[str, Any] = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [_NAME]}
    rule["verbs"] = ["get", "list", "watch"]
    labels = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    role = {"metadata": {"name": _READER, "namespace": _SPACE, "labels": labels}, "rules": [rule]}
    await _keep(client, ROLES, role, "rules")


async def _keep(client: Client, resource: Any, wanted: Object, field: str) -> None:
    name = wanted["metadata"]["name"]
    try:
        found = await client.get(resource, name, _SPACE)
    except NotFound:
        await client.create(resource, wanted, _SPACE)
        return
    if found.get(field) != wanted[field]:
        await client.update(resource, {**found, field: wanted[field]})
