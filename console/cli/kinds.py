"""Kinds as the server tells them by discovery, found by any of their names as kubectl takes them.

Nothing is built in, so a kind that the server learns later works here at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from common.api.kinds import Resource
from common.api.meta import Object
from common.blocking import Api

from .exits import Exit, Failure

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True, slots=True)
class Kind:
    resource: Resource
    singular: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """`pod`, `deployment.apps`: how kubectl names an object of this kind in its messages."""
        group = self.resource.group
        return f"{self.singular}.{group}" if group else self.singular

    def names(self) -> Iterable[str]:
        """Every word that means this kind, in lower case."""
        plain = (self.resource.plural, self.singular, *self.short_names)
        group, version = self.resource.group, self.resource.version
        for word in plain:
            yield word
            if group:
                yield f"{word}.{group}"
                yield f"{word}.{version}.{group}"


class Kinds:
    """What the server serves."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._kinds = list(kinds)
        self._by_name: dict[str, Kind] = {}
        for kind in self._kinds:
            for word in kind.names():
                self._by_name.setdefault(word, kind)  # the core group comes first and wins, as with kubectl

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds)

    @classmethod
    def of_server(cls, api: Api) -> Kinds:
        documents = [api.get(path, accept=AGGREGATED) for path in ("/api", "/apis")]
        return cls(kind for document in documents for kind in parse_discovery(document))

    def find(self, word: str) -> Kind:
        """The kind of that name; Failure lists what there is."""
        kind = self._by_name.get(word.lower())
        if kind is None:
            known = ", ".join(sorted({kind.resource.plural for kind in self._kinds}))
            raise Failure(f'the server doesn\'t have a resource type "{word}"; it has: {known}')
        return kind

    def expand(self, words: str) -> list[Kind]:
        """`pods,svc` or a category such as `all`."""
        found: list[Kind] = []
        for word in words.split(","):
            if not word:
                raise Failure(f'"{words}" has an empty resource type', Exit.USAGE)
            members = [kind for kind in self._kinds if word.lower() in kind.categories]
            found += members or [self.find(word)]
        return found

    def of_object(self, obj: Object) -> Kind:
        """The kind of a manifest, by apiVersion and kind exactly."""
        version, name = str(obj.get("apiVersion", "")), str(obj.get("kind", ""))
        for kind in self._kinds:
            if kind.resource.api_version == version and kind.resource.kind == name:
                return kind
        raise Failure(
            f'no matches for kind "{name}" in version "{version}"; '
            f"served versions of that kind: {', '.join(self._versions_of(name)) or 'none'}"
        )

    def _versions_of(self, name: str) -> list[str]:
        return [kind.resource.api_version for kind in self._kinds if kind.resource.kind == name]


def parse_discovery(document: Object) -> Iterable[Kind]:
    """The kinds of an APIGroupDiscoveryList, preferred versions first."""
    for group in document.get("items") or ():
        name = str((group.get("metadata") or {}).get("name") or "")
        for version in group.get("versions") or ():
            for entry in version.get("resources") or ():
                yield _kind(name, str(version["version"]), entry)


def _kind(group: str, version: str, entry: Object) -> Kind:
    kind = str((entry.get("responseKind") or {}).get("kind") or "")
    return Kind(
        Resource(group, version, entry["resource"], kind, namespaced=entry.get("scope") == "Namespaced"),
        str(entry.get("singularResource") or kind.lower()),
        tuple(entry.get("shortNames") or ()),
        tuple(entry.get("categories") or ()),
        frozenset(entry.get("verbs") or ()),
    )
