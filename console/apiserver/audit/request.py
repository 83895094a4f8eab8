"""A request that knows its trail, so that every answer to it names it, whoever of the many handlers begins to send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from .auditor import AUDIT_ID, Auditor
from .trail import Trail

TRAIL = web.RequestKey("trail", Trail)


def factory(auditor: Auditor) -> Callable[..., web.BaseRequest]:
    """What makes the requests of a web.Server."""

    class Followed(web.BaseRequest):
        # aiohttp's own applications hang their signal `on_response_prepare` here; this server has no application.
        async def _prepare_hook(self, response: web.StreamResponse) -> None:
            trail = self.get(TRAIL)
            if trail is not None:
                response.headers[AUDIT_ID] = trail.audit_id
                auditor.started(trail, response.status)

    def make(message: Any, payload: Any, protocol: Any, writer: Any, task: asyncio.Task[None]) -> web.BaseRequest:
        return Followed(message, payload, protocol, writer, task, asyncio.get_running_loop())

    return make
