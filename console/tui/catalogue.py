"""The words of the command bar: which kind `po`, `deploy` or `svc` means, and how a half-typed command goes on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from common.api import kinds
from common.api.kinds import Resource
from common.client.resources import ApiResource

from .ours import GROUP

ALIASES = {"discover": kinds.HOSTS, "history": kinds.CHANGES}
"""Names that kinds have in this console alone."""
HABITS = {
    "cr": kinds.CLUSTERROLES,
    "crb": kinds.CLUSTERROLEBINDINGS,
    "discovery": kinds.HOSTS,
    "dp": kinds.DEPLOYMENTS,
    "eps": kinds.ENDPOINTSLICES,
    "jo": kinds.JOBS,
    "np": kinds.NETWORKPOLICIES,
    "rb": kinds.ROLEBINDINGS,
    "ro": kinds.ROLES,
    "sec": kinds.SECRETS,
}
"""Words that no API server knows but the hands of operators do; not offered, only understood."""
COMMANDS = ("help", "quit")
_MEANT = {"h": "help", "?": "help", "q": "quit", "q!": "quit", "qa": "quit", "exit": "quit"}
_NEAR = 4  # kinds and pages that are named when a word is none
_NAMED = (
    ApiResource(kinds.PODS, "pod", ("po",)),
    ApiResource(kinds.DEPLOYMENTS, "deployment", ("deploy",)),
    ApiResource(kinds.REPLICASETS, "replicaset", ("rs",)),
    ApiResource(kinds.STATEFULSETS, "statefulset", ("sts",)),
    ApiResource(kinds.DAEMONSETS, "daemonset", ("ds",)),
    ApiResource(kinds.CONTROLLERREVISIONS, "controllerrevision"),
    ApiResource(kinds.REPLICATIONCONTROLLERS, "replicationcontroller", ("rc",)),
    ApiResource(kinds.JOBS, "job"),
    ApiResource(kinds.CRONJOBS, "cronjob", ("cj",)),
    ApiResource(kinds.SERVICES, "service", ("svc",)),
    ApiResource(kinds.NODES, "node", ("no",)),
    ApiResource(kinds.NAMESPACES, "namespace", ("ns",)),
    ApiResource(kinds.CONFIGMAPS, "configmap", ("cm",)),
    ApiResource(kinds.SECRETS, "secret"),
    ApiResource(kinds.PERSISTENTVOLUMECLAIMS, "persistentvolumeclaim", ("pvc",)),
    ApiResource(kinds.PERSISTENTVOLUMES, "persistentvolume", ("pv",)),
    ApiResource(kinds.STORAGECLASSES, "storageclass", ("sc",)),
    ApiResource(kinds.EVENTS, "event", ("ev",)),
    ApiResource(kinds.ENDPOINTSLICES, "endpointslice"),
    ApiResource(kinds.LEASES, "lease"),
    ApiResource(kinds.SERVICEACCOUNTS, "serviceaccount", ("sa",)),
    ApiResource(kinds.ROLES, "role"),
    ApiResource(kinds.ROLEBINDINGS, "rolebinding"),
    ApiResource(kinds.CLUSTERROLES, "clusterrole"),
    ApiResource(kinds.CLUSTERROLEBINDINGS, "clusterrolebinding"),
    ApiResource(kinds.HOSTS, "host"),
    ApiResource(kinds.CHANGES, "change"),
)


@dataclass(frozen=True, slots=True)
class Command:
    """What was meant: a kind with its namespaces (none for all) and a filter, or one of COMMANDS or a page with its
    arguments."""

    resource: Resource | None = None
    namespaces: tuple[str, ...] = ()
    query: str = ""
    word: str = ""
    arguments: tuple[str, ...] = ()


class Unknown(Exception):
    """No kind and no command is called so; the message says what is near."""


class Catalogue:
    """What can be listed and opened: until discovery has answered, the kinds that every cluster has. `pages` has the
    word of a page for each word that means it. `scalable` are the kinds (group resources) with a scale subresource."""

    def __init__(self, pages: Mapping[str, str], served: Iterable[ApiResource] = _NAMED) -> None:
        self._pages = pages
        self._commands = (*COMMANDS, *dict.fromkeys(pages.values()))
        self._words: dict[str, Resource] = {}
        self._by_kind: dict[tuple[str, str], Resource] = {}
        self.plurals: list[str] = []
        self.ours = False
        """Whether it is a cluster of Quarterdeck."""
        self.scalable: frozenset[str] = frozenset()
        for item in served:
            self.ours = self.ours or item.resource.group == GROUP
            if "scale" in item.subresources:
                self.scalable |= {item.resource.group_resource}
            if item.verbs and not {"list", "watch"} <= item.verbs:
                continue
            self.plurals.append(item.resource.plural)
            self._add(item)
        for word, resource in {**ALIASES, **HABITS}.items():
            self._words.setdefault(word, self._by_kind.get((resource.group, resource.kind), resource))

    def _add(self, item: ApiResource) -> None:
        resource = item.resource
        self._by_kind.setdefault((resource.group, resource.kind), resource)
        for word in (resource.plural, item.singular, resource.kind.lower(), *item.short_names):
            if word:
                self._words.setdefault(word, resource)
                if resource.group:
                    self._words.setdefault(f"{word}.{resource.group}", resource)

    def by_kind(self, kind: str) -> Resource | None:
        """The resource of a kind, however it is spelled."""
        return self._words.get(kind.lower())

    def referred(self, reference: Mapping[str, object]) -> Resource | None:
        """The resource of an owner reference, or of any reference with `apiVersion` and `kind`."""
        group = str(reference.get("apiVersion") or "").rpartition("/")[0]
        return self._by_kind.get((group, str(reference.get("kind"))))

    def resources(self) -> list[Resource]:
        return list(dict.fromkeys(self._words.values()))

    def resolve(self, text: str) -> Command:
        """The meaning of a command; Unknown when it has none."""
        words = text.split()
        if not words:
            raise Unknown("type a kind, such as pods or deploy")
        word = self._known(_MEANT.get(words[0].lower(), words[0].lower()))
        resource = self._words.get(word)
        # Other words for a page give way to a kind: `clusters` may be somebody's, and `ctx` goes on meaning ours.
        if word in self._commands or (resource is None and word in self._pages):
            return Command(word=self._pages.get(word, word), arguments=tuple(words[1:]))
        if resource is None:
            offered = (*self.plurals, *ALIASES, *self._commands)
            begun = [known for known in offered if known.startswith(word)]
            if len(begun) == 1:  # what the line shows as its only completion
                return self.resolve(" ".join([begun[0], *words[1:]]))
            alike = difflib.get_close_matches(word, offered, _NEAR)
            near = list(dict.fromkeys([*begun, *alike, *(known for known in offered if known.startswith(word[:2]))]))
            hint = f"; near it: {', '.join(near[:_NEAR])}" if near else ""
            raise Unknown(f"no kind and no page is called {word!r}{hint}")
        return _of_kind(resource, words[1:])

    def _known(self, word: str) -> str:
        """The word, or one that it is the plural of where that alone means something."""
        singular = f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")
        return next((item for item in (word, singular) if item in self._words or item in self._pages), word)

    def complete(self, text: str, namespaces: Sequence[str]) -> list[str]:
        """Whole commands that `text` may become, the likeliest first."""
        head, space, tail = text.partition(" ")
        if space:
            resource = self._words.get(head.lower())
            if resource is None or not resource.namespaced or " " in tail or tail.startswith("/"):
                return []
            before, comma, last = tail.rpartition(",")
            taken = before.split(",")
            return [
                f"{head} {before}{comma}{name}" for name in namespaces if name.startswith(last) and name not in taken
            ]
        if not head:
            return ["pods", "deployments", "services", "nodes", "events", "discover"]
        lower = head.lower()
        plurals = [word for word in (*self.plurals, *ALIASES, *self._commands) if word.startswith(lower)]
        exact = self._words.get(lower)
        first = [exact.plural] if exact is not None and exact.plural in self.plurals else []
        return list(dict.fromkeys([*first, *plurals]))


def _of_kind(resource: Resource, words: Sequence[str]) -> Command:
    """What stands behind a kind: namespaces with commas or spaces between them, then `/` and a filter."""
    start = next((index for index, word in enumerate(words) if word.startswith("/")), len(words))
    named = [name for word in words[:start] for name in word.split(",") if name]
    everywhere = not {"all", "-"}.isdisjoint(named)
    return Command(resource, () if everywhere else tuple(dict.fromkeys(named)), " ".join(words[start:])[1:])
