"""What a server serves, as its discovery tells: in one document a root since Kubernetes 1.26, before that in one for
each version of each group."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from common.api.kinds import Resource
from common.api.meta import Object
from common.errors import ApiError

log = logging.getLogger(__name__)

Ask = Callable[[str, str], Awaitable[Any]]
"""The document at a path, in what is accepted."""
_JSON = "application/json"
_ACCEPTED = ",".join(
    [f"{_JSON};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")] + [_JSON]
)
_AT_ONCE = 8  # documents of versions


@dataclass(frozen=True, slots=True)
class ApiResource:
    """A resource as discovery describes it."""

    resource: Resource
    singular: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: frozenset[str] = frozenset()
    subresources: frozenset[str] = frozenset()


async def discover(ask: Ask) -> list[ApiResource]:
    """Everything that the server serves, core group first, of each group the preferred version first. A group that does
    not answer, as its own server is away, is left out."""
    roots = [await ask(path, _ACCEPTED) for path in ("/api", "/apis")]
    if all("items" in root for root in roots):
        return [item for root in roots for item in _whole(root)]
    found = [("", str(version)) for version in roots[0].get("versions") or ()]
    for group in roots[1].get("groups") or ():
        first = str((group.get("preferredVersion") or {}).get("version") or "")
        versions = [str(item["version"]) for item in group.get("versions") or ()]
        found += [(str(group["name"]), version) for version in sorted(versions, key=lambda version: version != first)]
    seats = asyncio.Semaphore(_AT_ONCE)

    async def of(group: str, version: str) -> list[ApiResource]:
        path = f"/apis/{group}/{version}" if group else f"/api/{version}"
        try:
            async with seats:
                return list(_parts(group, version, await ask(path, _JSON)))
        except ApiError as error:
            log.debug("%s is left out: %s", path, error)
            return []

    return [item for part in await asyncio.gather(*(of(*names) for names in found)) for item in part]


def _whole(document: Object) -> Iterator[ApiResource]:
    """Of a document that has everything."""
    for group in document["items"]:
        for version in group.get("versions") or ():
            for item in version.get("resources") or ():
                # A resource that has subresources alone tells no kind of its own.
                if kind := (item.get("responseKind") or {}).get("kind"):
                    name, number = str((group.get("metadata") or {}).get("name") or ""), str(version["version"])
                    namespaced = item.get("scope") == "Namespaced"
                    yield ApiResource(
                        Resource(name, number, str(item["resource"]), str(kind), namespaced=namespaced),
                        str(item.get("singularResource") or ""),
                        tuple(item.get("shortNames") or ()),
                        tuple(item.get("categories") or ()),
                        frozenset(item.get("verbs") or ()),
                        frozenset(str(entry["subresource"]) for entry in item.get("subresources") or ()),
                    )


def _parts(group: str, version: str, document: Object) -> Iterator[ApiResource]:
    """Of the document of one version; subresources are named behind their resource there."""
    found: dict[str, ApiResource] = {}
    for item in document.get("resources") or ():
        name, _, subresource = str(item["name"]).partition("/")
        if not subresource:
            found[name] = ApiResource(
                Resource(group, version, name, str(item["kind"]), namespaced=bool(item.get("namespaced"))),
                str(item.get("singularName") or ""),
                tuple(item.get("shortNames") or ()),
                tuple(item.get("categories") or ()),
                frozenset(item.get("verbs") or ()),
            )
        elif name in found:
            found[name] = replace(found[name], subresources=found[name].subresources | {subresource})
    yield from found.values()
