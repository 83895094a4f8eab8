"""What admission costs a write, and what 200 definitions of users cost discovery: `python -m tests.bench admission`.

A ConfigMap is made and deleted again and again, first by an administrator where nothing has a say, then by an account
whom RBAC allows it, then in a namespace with a quota, then with policies in CEL that are about it. Writes of each sort
take turns, so that whatever else the machine does costs all alike; CPU of the server is compared.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from common.api import meta
from common.api.conditions import is_true
from common.api.kinds import (
    CLUSTERROLEBINDINGS,
    CLUSTERROLES,
    CONFIGMAPS,
    CUSTOMRESOURCEDEFINITIONS,
    NAMESPACES,
    RBAC,
    RESOURCEQUOTAS,
    SERVICEACCOUNTS,
    VALIDATINGADMISSIONPOLICIES,
    VALIDATINGADMISSIONPOLICYBINDINGS,
)
from common.api.meta import Object
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.tls import client_context
from tests.bench.api import Credentials, running, serve
from tests.bench.load import Bench
from tests.bench.report import Figure

ROUNDS, WRITES = 5, 60
"""How often the sorts take turns, and how many writes of each there are in a turn."""
DEFINITIONS = 200
POLICIES = (5, 20)
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
PLAIN, QUOTA = "plain", "quota"


@dataclass(frozen=True)
class Sort:
    """One sort of writes: by whom, and in which namespace."""

    name: str
    client: HttpClient
    space: str


async def _account(client: HttpClient, anonymous: ssl.SSLContext) -> HttpClient:
    """A ServiceAccount that may make ConfigMaps, by a role among others of its."""
    await client.create(SERVICEACCOUNTS, {"metadata": {"name": "writer", "namespace": "default"}})
    rule = {"verbs": ["create", "delete"], "apiGroups": [""], "resources": ["configmaps"]}
    await client.create(CLUSTERROLES, {"metadata": {"name": "writer"}, "rules": [rule]})
    subject = {"kind": "ServiceAccount", "name": "writer", "namespace": "default"}
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "writer"}
    await client.create(
        CLUSTERROLEBINDINGS, {"metadata": {"name": "writer"}, "roleRef": reference, "subjects": [subject]}
    )
    answer = await client.post(SERVICEACCOUNTS, "writer", "token", {}, "default")
    return HttpClient(Endpoint(client.endpoint.url, tls=anonymous, token=answer["status"]["token"]))


async def _policies(client: HttpClient, count: int, space: str) -> None:
    """Policies that are about ConfigMaps of one namespace, each with a variable and two validations."""
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "variables": [{"name": "size", "expression": "object.data.size()"}],
        "validations": [
            {"expression": "variables.size <= 100"},
            {"expression": "object.data.all(key, key.matches('^[a-z]+$'))", "message": "keys are small letters"},
        ],
    }
    chosen = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": space}}}
    for number in range(count):
        name = f"{space}-{number}"
        await client.create(VALIDATINGADMISSIONPOLICIES, {"metadata": {"name": name}, "spec": spec})
        bound = {"policyName": name, "validationActions": ["Deny"], "matchResources": chosen}
        await client.create(VALIDATINGADMISSIONPOLICYBINDINGS, {"metadata": {"name": name}, "spec": bound})


async def _writes(bench: Bench, sorts: list[Sort]) -> list[float]:
    """Milliseconds of the server's CPU for making and deleting an object by each sort."""
    spent, names = [0.0] * len(sorts), itertools.count()
    for turn in range(ROUNDS + 1):
        for index, sort in enumerate(sorts):
            before = bench.seconds()
            await _together(lambda _, sort=sort: _write(sort, f"c-{next(names)}"), WRITES)
            if turn:  # the first turn compiles and gathers what is kept
                spent[index] += bench.seconds() - before
    return [seconds * 1e3 / (ROUNDS * WRITES) for seconds in spent]


async def _together(request: Callable[[int], Awaitable[object]], count: int, connections: int = 10) -> None:
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await request(number)

    await asyncio.gather(*(work() for _ in range(connections)))


async def _write(sort: Sort, name: str) -> None:
    data = dict.fromkeys("abcdefgh", "x" * 50)
    await sort.client.create(CONFIGMAPS, {"metadata": {"name": name, "namespace": sort.space}, "data": data})
    await sort.client.delete(CONFIGMAPS, name, sort.space)


async def _admission(bench: Bench, anonymous: ssl.SSLContext) -> list[Figure]:
    client = bench.client
    limited = [QUOTA, *(f"policies-{count}" for count in POLICIES)]
    for space in (PLAIN, *limited):
        await client.create(NAMESPACES, {"metadata": {"name": space}})
    hard = {"count/configmaps": "100000", "configmaps": "100000", "requests.cpu": "10", "pods": "10"}
    for space in limited:
        await client.create(RESOURCEQUOTAS, {"metadata": {"name": "quota", "namespace": space}, "spec": {"hard": hard}})
    async with await _account(client, anonymous) as account:
        sorts = [
            Sort("a write that nobody judges", client, PLAIN),
            Sort("with RBAC", account, PLAIN),
            Sort("with RBAC and a quota", account, QUOTA),
        ]
        without = await _writes(bench, sorts)
        named = []
        for count in POLICIES:
            await _policies(client, count, f"policies-{count}")
            named.append(Sort(f"with RBAC, a quota and {count} policies", account, f"policies-{count}"))
        # Policies of other namespaces are looked at too: what they cost whom they are not about is a figure of its own.
        aside = Sort("with RBAC and a quota, 25 policies being about others", account, QUOTA)
        judged = await _writes(bench, [*named, Sort("", client, PLAIN), aside])
    figures = [Figure(sorts[0].name, without[0], "ms")]
    figures += _beside(sorts[1:], without[1:], without[0])
    *policies, plain, others = judged
    figures += _beside([*named, aside], [*policies, others], plain)
    return figures


def _beside(sorts: list[Sort], spent: list[float], plain: float) -> list[Figure]:
    return [
        Figure(sort.name, value, "ms", "a write that nobody judges", plain)
        for sort, value in zip(sorts, spent, strict=True)
    ]


def _definition(number: int) -> Object:
    text = {"type": "string"}
    spec = {"type": "object", "properties": {f"field{index}": text for index in range(20)}}
    schema = {"type": "object", "properties": {"spec": spec, "status": {"type": "object"}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema},
               "subresources": {"status": {}}}  # fmt: skip
    plural, group = f"things{number}", f"group{number % 20}.example.com"
    names = {"plural": plural, "kind": f"Thing{number}", "singular": f"thing{number}"}
    return {"metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}}  # fmt: skip


async def _discovery(bench: Bench) -> list[Figure]:
    """What it takes to learn of everything anew, with definitions of users and before there were any."""
    before = await _documents(bench, "without definitions of users")
    begin = bench.seconds()
    await _together(lambda number: bench.client.create(CUSTOMRESOURCEDEFINITIONS, _definition(number)), DEFINITIONS)
    await _established(bench.client, _definition(DEFINITIONS - 1)["metadata"]["name"])
    made = Figure(f"make {DEFINITIONS} definitions", (bench.seconds() - begin) * 1e3, "ms")
    figures = await _documents(bench, f"with {DEFINITIONS} definitions")
    figures = [
        Figure(item.name, item.value, item.unit, "without", known.value)
        for item, known in zip(figures, before, strict=True)
    ]
    await bench.client.create(CUSTOMRESOURCEDEFINITIONS, _definition(DEFINITIONS))
    await _established(bench.client, _definition(DEFINITIONS)["metadata"]["name"])
    again = await _documents(bench, "after one more definition")
    return [made, *before, *figures, *again]


async def _established(client: HttpClient, name: str) -> None:
    start = await client.list(CUSTOMRESOURCEDEFINITIONS)
    if any(is_true(item, "Established") for item in start.items if meta.name(item) == name):
        return
    chosen = {"resource_version": start.resource_version, "field_selector": f"metadata.name={name}"}
    async with asyncio.timeout(120):
        async for event in client.watch(CUSTOMRESOURCEDEFINITIONS, **chosen):
            if is_true(event.object, "Established"):
                return


async def _documents(bench: Bench, when: str) -> list[Figure]:
    """CPU of the server for discovery, and for the documents of OpenAPI of all groups, as a client fetches them that
    knows nothing."""
    endpoint = bench.client.endpoint
    connector = aiohttp.TCPConnector(ssl=endpoint.tls or True)
    async with aiohttp.ClientSession(endpoint.url, connector=connector) as session:
        begin = bench.seconds()
        for path in ("/api", "/apis"):
            async with session.get(path, headers={"Accept": AGGREGATED}) as answer:
                await answer.read()
        found = [Figure(f"discovery, {when}", (bench.seconds() - begin) * 1e3, "ms")]
        begin = bench.seconds()
        async with session.get("/openapi/v3") as answer:
            index = (await answer.json())["paths"]
        for item in index.values():
            async with session.get(item["serverRelativeURL"]) as answer:
                await answer.read()
        return [*found, Figure(f"OpenAPI, {when}", (bench.seconds() - begin) * 1e3, "ms")]


async def _run() -> list[Figure]:
    credentials = Credentials.make()
    async with running(serve, credentials) as ours:
        found = await _admission(ours, client_context(None, credentials.authority))
    async with running(serve, credentials) as ours:
        return [*found, *await _discovery(ours)]


def figures() -> list[Figure]:
    return asyncio.run(_run())
