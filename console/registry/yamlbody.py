"""YAML bodies as Kubernetes reads them: YAML 1.1 scalars without dates and sexagesimal numbers, one document.

Aliases are copied, within a budget of nodes, so that a small text cannot unfold into gigabytes, and nesting ends at a
depth that no object has, as the reader's time grows with its square.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs keep it to themselves
from yaml.resolver import Resolver
from yaml.scanner import ScannerError

from .repeated import Repeated

MAX_NODES = 500_000  # of one document; the largest object that fits a request has about a tenth of that
MAX_DEPTH = 200  # levels of nesting; no real object has 40
MAX_BITS = 1024  # of a whole number, as a floating one has them at most; beyond a few thousand digits none can be shown
_TOO_MANY = f"the YAML document unfolds to more than {MAX_NODES} values"
_TOO_DEEP = f"the document is nested deeper than {MAX_DEPTH} levels"


class _Loader(Composer, CParser, SafeConstructor, Resolver):
    """YAML's safe loader with Kubernetes' idea of scalars.

    The text is read by libyaml, ten times as fast as in Python; nodes are put together in Python, since libyaml's own
    composer ends the process on deep nesting.
    """

    # What Kubernetes' reader takes for booleans besides those of PyYAML.
    bool_values: ClassVar[dict[str, bool]] = {**SafeConstructor.bool_values, "y": True, "n": False}

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        Resolver.__init__(self)
        self._depth = 0
        self._entries = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ValueError(_TOO_DEEP)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Called for every mapping before its entries are copied into those that merge it, so that this bounds them."""
        super().flatten_mapping(node)
        self._entries += len(node.value)
        if self._entries > MAX_NODES:
            raise ValueError(_TOO_MANY)


# The base class shares its tables with every user of yaml: copy before changing.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":int", ":float"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"[-+]?(?:0b[01_]+|0[0-7_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*)\Z"),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]+)?\Z"),
    list("-+0123456789."),
)


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"[yYnN]\Z"), list("yYnN"))


def load(body: bytes) -> Any:
    """The document; ValueError says what is wrong, nesting beyond MAX_DEPTH included. Objects that name a
    key twice are `Repeated`."""
    try:
        loader = _Loader(body.decode())
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"yaml: {_one_line(error)}") from None
    try:
        node = loader.get_single_node()
        return None if node is None else _Converter(loader).convert(node)
    except yaml.MarkedYAMLError as error:
        raise ValueError(_problem(error)) from None
    except yaml.YAMLError as error:
        raise ValueError(f"yaml: {_one_line(error)}") from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    finally:
        loader.dispose()


class _Converter:
    def __init__(self, loader: _Loader) -> None:
        self._loader = loader
        self._left = MAX_NODES
        self._merged: dict[int, int] = {}

    def convert(self, node: yaml.Node) -> Any:
        self._left -= 1
        if self._left < 0:
            raise ValueError(_TOO_MANY)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.convert(item) for item in node.value]
        value = self._loader.construct_object(node)
        if not isinstance(value, str | int | float | bool | type(None)):
            raise ValueError(f"{node.tag} has no counterpart in JSON (line {node.start_mark.line + 1})")
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise ValueError(f"the number is too large (line {node.start_mark.line + 1})")
        # A whole number that YAML wrote as 3.0 is the JSON number 3.
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        merged = self._merge(node)
        result: dict[str, Any] = {}
        own: set[str] = set()
        twice: list[str] = []
        lines: list[int] = []
        for index, (key_node, value_node) in enumerate(node.value):
            name = self._key(key_node)
            if index >= merged:
                if name in own:
                    twice.append(name)
                    lines.append(key_node.start_mark.line + 1)
                own.add(name)
            result[name] = self.convert(value_node)
        return Repeated(result, twice, lines) if twice else result

    def _merge(self, node: yaml.MappingNode) -> int:
        """Put what `<<` refers to in front of the mapping's own entries; returns how many those are. Overriding one of
        them is no repetition."""
        known = self._merged.get(id(node))
        if known is None:
            own = sum(1 for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge")
            self._loader.flatten_mapping(node)
            known = self._merged[id(node)] = len(node.value) - own
        return known

    def _key(self, node: yaml.Node) -> str:
        key = self.convert(node)
        if isinstance(key, dict | list):
            raise ValueError(f"a key is no text (line {node.start_mark.line + 1})")
        if isinstance(key, bool):
            return "true" if key else "false"
        return "null" if key is None else str(key)


def _problem(error: yaml.MarkedYAMLError) -> str:
    """In the words of Kubernetes' reader, which shares its parser and counts lines in a way of its own: from 0, except
    where it could not even tell words apart. The first line goes without saying."""
    marks = (error.context_mark, error.problem_mark)
    line = next((mark.line for mark in marks if mark is not None and mark.line), 0)
    line += bool(line) and isinstance(error, ScannerError)
    return f"yaml: {f'line {line}: ' if line else ''}{error.problem or 'unknown problem parsing YAML content'}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
