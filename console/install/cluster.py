"""The cluster through its API, as `flow.Cluster`. Blocks."""

from __future__ import annotations

from urllib.parse import quote

from common.api import meta
from common.api.kinds import HOSTS, NODES
from common.api.meta import name
from common.blocking import Api
from common.clock import Clock
from common.errors import NotFound
from common.hosts import ADOPTION_SECONDS, HOST_FINGERPRINT, join_address
from common.waiting import wait_until

from .flow import Refused
from .remote import Identity

LEAVE_SECONDS = 60.0


class ApiCluster:
    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock

    def node_of(self, fingerprint: str) -> str:
        for node in self._api.get(NODES.path())["items"]:
            if meta.annotations(node).get(HOST_FINGERPRINT) == fingerprint:
                return name(node)
        return ""

    def adopt(self, identity: Identity, address: str) -> str:
        hosts = self._api.get(HOSTS.path())["items"]
        found = [host for host in hosts if (host.get("status") or {}).get("fingerprint") == identity.fingerprint]
        # A host that mDNS has not shown, or never will, is looked for at the address that SSH was reached at.
        host = name(found[0]) if found else join_address(address, identity.port)
        path = HOSTS.path(None, quote(host, safe=""), "adopt")
        adopted = self._api.send("POST", path, {"code": identity.code}, timeout=ADOPTION_SECONDS)
        node = str((adopted.get("status") or {}).get("nodeName") or name(adopted))
        if not wait_until(lambda: self._ready(node), ADOPTION_SECONDS, self._clock):
            raise Refused(f"node {node} does not become Ready: `quarterdeck describe node {node}` says why")
        return node

    def _ready(self, node: str) -> bool:
        try:
            found = self._api.get(NODES.path(None, node))
        except NotFound:
            return False
        conditions = (found.get("status") or {}).get("conditions") or ()
        return any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions)

    def leave(self, node: str) -> None:
        self._api.send("DELETE", NODES.path(None, node))
        if not wait_until(lambda: self._gone(node), LEAVE_SECONDS, self._clock):
            raise Refused(f"node {node} does not go: `quarterdeck describe node {node}` says why")

    def _gone(self, node: str) -> bool:
        try:
            self._api.get(NODES.path(None, node))
        except NotFound:
            return True
        return False
