"""The Ingress controller: addresses of the proxies into the status, problems into events.

Neighbours: the nodes' HAProxy serves what the same routes say; console/controllers/servicelb has the Services.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from common.api import ingressnode
from common.api.conditions import get_condition
from common.api.ingressclass import our_classes
from common.api.ingressroutes import routes_of
from common.api.kinds import INGRESSCLASSES, INGRESSES, NODES, SECRETS, SERVICES
from common.api.meta import Key, Object, is_deleting, key, name, namespace, resource_version, uid
from common.api.references import tls_references
from common.errors import NotFound
from console.controllers.base import Controller, Kit, finish_all

from .plan import addresses, problems

_ALL = "all"


class IngressController(Controller[str]):
    """One key: hosts and paths are shared, so every Ingress matters to every other."""

    name: ClassVar[str] = "ingress-controller"
    workers: ClassVar[int] = 1

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._told: dict[Key, frozenset[str]] = {}
        self._ingresses = self.follow(INGRESSES, lambda _obj: [_ALL])
        self._classes = self.follow(INGRESSCLASSES, lambda _obj: [_ALL])
        self._services = self.follow(SERVICES, lambda _obj: [_ALL] if self._ingresses.items() else [])
        self._secrets = self.follow(SECRETS, self._keys_of_secret)
        self._nodes = self.mirror(NODES)
        self._nodes.listen(self._node_changed)

    def _keys_of_secret(self, secret: Object) -> list[str]:
        ref = ("secrets", namespace(secret), name(secret))
        return [_ALL] if any(ref in tls_references(ingress) for ingress in self._ingresses.items()) else []

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        if old is None or new is None or _relevant(old) != _relevant(new):
            self.queue.add(_ALL)

    async def sync(self, key: str) -> None:
        routes = routes_of(self._ingresses.items(), our_classes(self._classes.items()))
        found = await asyncio.to_thread(problems, routes, self._services.get, self._secrets.get)
        for ingress in routes.ingresses:
            said = frozenset(problem.message for problem in found[_key(ingress)])
            before = self._told.get(_key(ingress), frozenset())
            for problem in found[_key(ingress)]:
                if problem.message not in before:
                    self.events.warning(INGRESSES, ingress, problem.reason, problem.message)
            self._told[_key(ingress)] = said
        self._told = {key: said for key, said in self._told.items() if key in found}
        wanted = addresses(self._nodes.items())
        await finish_all(self._write(ingress, wanted) for ingress in routes.ingresses)

    async def _write(self, ingress: Object, wanted: list[str]) -> None:
        entries = ((ingress.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
        if [entry.get("ip") for entry in entries] == wanted or is_deleting(ingress):
            return
        patch = {
            "metadata": {"uid": uid(ingress), "resourceVersion": resource_version(ingress)},
            "status": {"loadBalancer": {"ingress": [{"ip": address} for address in wanted] or None}},
        }
        try:
            await self.client.patch(INGRESSES, name(ingress), patch, namespace(ingress), subresource="status")
        except NotFound:
            return
        self.events.normal(INGRESSES, ingress, "Sync", "Scheduled for sync")


_key = key


def _relevant(node: Object) -> object:
    conditions = [get_condition(node, kind) or {} for kind in ("Ready", ingressnode.CONDITION)]
    shown = [(condition.get("status"), condition.get("reason")) for condition in conditions]
    return shown, (node.get("status") or {}).get("addresses"), ingressnode.may_run(node)
