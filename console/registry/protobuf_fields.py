"""Field numbers of Kubernetes' protobuf messages: facts of the published API.

Types are not repeated here, they are those of the schema. A star marks a field that can be present and zero (a pointer
in Kubernetes' own types): zeroes of all others mean absent. A plus marks a message whose fields are those of the
message around it. A number that is not listed is passed over, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from .protobuf_core import CORE
from .protobuf_extensions import EXTENSIONS
from .protobuf_groups import GROUPS
from .protobuf_volumes import VOLUMES

_MESSAGES = {**GROUPS, **CORE, **VOLUMES, **EXTENSIONS}


@dataclass(frozen=True, slots=True)
class Field:
    """One numbered field. `inlined` names the message whose fields stand in its place."""

    name: str
    may_be_zero: bool = False
    inlined: str = ""


@lru_cache(maxsize=512)
def fields_of(message: str) -> dict[int, Field]:
    """The fields of a message (`core.v1.PodSpec`) by number; KeyError when the message is not known."""
    found: dict[int, Field] = {}
    for token in _MESSAGES[message].split():
        number, _, name = token.partition(":")
        if name.startswith("+"):
            found[int(number)] = Field("", inlined=name[1:])
        else:
            found[int(number)] = Field(name.removesuffix("*"), may_be_zero=name.endswith("*"))
    return found
