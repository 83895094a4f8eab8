"""What every command that talks to the control plane starts from: the connection, the kinds, the namespace."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from common.api.kinds import Resource
from common.api.meta import Object
from common.blocking import Api, UnixHttp
from common.settings import Home

from .exits import Exit, Failure
from .kinds import Kind, Kinds


@dataclass(frozen=True, slots=True)
class Target:
    """What a command is about: one object, or all of a kind when `name` is empty."""

    kind: Kind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind.label}/{self.name}"


class Context:
    """`namespace` is None for all namespaces."""

    def __init__(self, home: Home, namespace: str | None = "default") -> None:
        self.home = home
        self.namespace = namespace
        self.api = Api(UnixHttp(home.api_socket))

    @classmethod
    def of(cls, args: argparse.Namespace) -> Context:
        everywhere = getattr(args, "all_namespaces", False)
        return cls(Home.from_environment(), None if everywhere else args.namespace or "default")

    @cached_property
    def kinds(self) -> Kinds:
        return Kinds.of_server(self.api)

    def path(self, resource: Resource, name: str | None = None, subresource: str | None = None) -> str:
        return resource.path(self.namespace, name, subresource)

    def read(self, target: Target) -> Object:
        found: Object = self.api.get(self.path(target.kind.resource, target.name))
        return found

    def targets(self, words: Sequence[str]) -> list[Target]:
        """`KIND NAME…`, `KIND/NAME…`, `KIND[,KIND]` or a category, as kubectl takes them."""
        if not words:
            raise Failure("name what you mean: KIND, KIND NAME or KIND/NAME", Exit.USAGE)
        if any("/" in word for word in words):
            pairs = [_split(word) for word in words]
            return [Target(self.kinds.find(kind), name) for kind, name in pairs]
        kinds = self.kinds.expand(words[0])
        return [Target(kind, name) for kind in kinds for name in words[1:]] or [Target(kind) for kind in kinds]

    def single(self, words: Sequence[str], *, default_kind: str = "") -> Target:
        """Exactly one object; a lone NAME is of `default_kind`."""
        if default_kind and len(words) == 1 and "/" not in words[0]:
            words = [default_kind, words[0]]
        targets = self.targets(words)
        if len(targets) != 1 or not targets[0].name:
            raise Failure(
                f'"{" ".join(words)}" does not name exactly one object: give KIND NAME or KIND/NAME', Exit.USAGE
            )
        return targets[0]


def _split(word: str) -> tuple[str, str]:
    kind, slash, name = word.partition("/")
    if not slash or not kind or not name or "/" in name:
        raise Failure(f'"{word}": with KIND/NAME every argument has that form, with both parts', Exit.USAGE)
    return kind, name
