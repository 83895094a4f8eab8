"""v5.channel.k8s.io as clients speak it: the first byte of each message is its channel. Pure but for the protocols.

Used by everything that opens `exec`, `attach` or `portforward`; the last word of a command is a Status on ERROR.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol

import aiohttp

from common.api.meta import Object
from common.client.http import Params
from common.errors import from_status

PROTOCOL = "v5.channel.k8s.io"
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
CHUNK = 32 * 1024  # bytes sent at once


class Opener(Protocol):
    """Opens WebSockets to the API; `common.client.http.HttpClient` is one."""

    async def websocket(
        self, path: str, params: Params = (), protocols: Sequence[str] = ()
    ) -> aiohttp.ClientWebSocketResponse:
        """Raises what the API refuses with, as ApiError."""
        ...


def status_of(data: bytes) -> Object:
    """The Status in a message on ERROR; empty for anything else."""
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def exit_code(status: Object) -> int:
    """The code in the Status that ends an exec. Raises ApiError when the command never ran."""
    if status.get("status") == "Success":
        return 0
    causes = (status.get("details") or {}).get("causes") or ()
    code = next((each.get("message") for each in causes if each.get("reason") == "ExitCode"), None)
    if code is None or not str(code).isdigit():
        raise from_status(status, int(status.get("code") or 500))
    return int(code)
