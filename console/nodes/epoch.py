"""The epoch that fences two control planes of one cluster from each other.

The counter is raised only by an explicit takeover; the instance belongs to this state folder on this machine. So a
restart is the same control plane to the agents, and a copy of the folder, started elsewhere, is another one that they
refuse until somebody decides.
"""

from __future__ import annotations

import hashlib
import platform
import secrets
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

import orjson

from common.files import write_atomic


@dataclass(frozen=True, slots=True)
class Epoch:
    counter: int
    instance: str
    place: str  # machine and folder that the instance belongs to


def load_epoch(file: Path, *, takeover: bool = False) -> Epoch:
    """This control plane's epoch, durable when this returns. ValueError when the file is damaged. Blocks."""
    place = _place(file)
    try:
        stored = Epoch(**orjson.loads(file.read_bytes()))
        if [type(value) for value in astuple(stored)] != [int, str, str]:
            raise TypeError("a field has the wrong type")
    except FileNotFoundError:
        stored = Epoch(1, "", "")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{file} is damaged: {error}; remove it and start with --takeover") from error
    instance = stored.instance if stored.place == place and stored.instance else secrets.token_hex(8)
    epoch = Epoch(stored.counter + (1 if takeover else 0), instance, place)
    if epoch != stored:
        write_atomic(file, orjson.dumps(asdict(epoch)))
    return epoch


def _place(file: Path) -> str:
    machine = Path("/etc/machine-id")
    identity = machine.read_text().strip() if machine.exists() else platform.node()
    return hashlib.sha256(f"{identity}:{file.resolve()}".encode()).hexdigest()[:16]
