"""Closes namespaces that have the label `example.com/closed: "true"`: a NetworkPolicy lets nothing into them."""

from __future__ import annotations

import asyncio

from common.api.kinds import NAMESPACES, NETWORKPOLICIES
from common.api.meta import Key, Object, is_deleting, labels, name
from common.client import Client, Informer
from common.clock import SystemClock
from common.errors import AlreadyExists, NotFound

LABEL = "example.com/closed"
POLICY = "closed"


async def run(client: Client) -> None:
    """Until the process is stopped. What it raises is told by the doctor, and it is started again."""
    changed = asyncio.Event()
    namespaces = Informer(client, NAMESPACES, SystemClock())
    policies = Informer(client, NETWORKPOLICIES, SystemClock())
    for informer in (namespaces, policies):
        informer.listen(lambda _old, _new: changed.set())
    # Listed here first, so that what we may not do is an error of ours, and not one that an informer retries.
    await client.list(NAMESPACES)
    await client.list(NETWORKPOLICIES)
    for informer in (namespaces, policies):
        informer.start()
        await informer.synced.wait()
    while True:
        changed.clear()
        for namespace in list(namespaces.items()):
            await keep(client, namespace, is_there=policies.get(Key(name(namespace), POLICY)) is not None)
        await changed.wait()


async def keep(client: Client, namespace: Object, *, is_there: bool) -> None:
    """Bring the policy of one namespace to what its label says."""
    wanted = labels(namespace).get(LABEL) == "true" and not is_deleting(namespace)
    if wanted == is_there:
        return
    try:
        if wanted:
            spec = {"podSelector": {}, "policyTypes": ["Ingress"]}
            await client.create(NETWORKPOLICIES, {"metadata": {"name": POLICY}, "spec": spec}, name(namespace))
        else:
            await client.delete(NETWORKPOLICIES, POLICY, name(namespace))
    except (AlreadyExists, NotFound):
        return  # the mirror is behind: what has happened meanwhile brings us here again
