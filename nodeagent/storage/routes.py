"""What the control plane asks about volumes: to remove what is stored in one that was released."""

from __future__ import annotations

import orjson
from aiohttp import web

from nodeagent.environment import MissingReference, contents
from nodeagent.runtime.base import RuntimeFailure

from .attachments import VolumeFailure
from .stager import InUse, Stager


class VolumeRoutes:
    """Without a stager (a simulated node) nothing was ever stored, so everything is removed at once."""

    def __init__(self, stager: Stager | None) -> None:
        self._stager = stager

    async def reclaim(self, request: web.Request) -> web.StreamResponse:
        """`POST /volumes/reclaim` with `{"volume": PersistentVolume, "secret": Secret or null}`: 200 when nothing of it
        is left, 409 while pods here use it, 503 with the reason when it cannot be removed now."""
        try:
            body = orjson.loads(await request.read())
            volume, secret = body["volume"], contents(body.get("secret") or {})
            if not isinstance(volume, dict):
                raise TypeError("volume is not an object")
        except (ValueError, KeyError, TypeError, AttributeError, MissingReference) as error:
            raise web.HTTPBadRequest(text=f"this is no volume and its secret: {error}") from error
        if self._stager is None:
            return web.json_response({})
        try:
            await self._stager.reclaim(volume, secret)
        except InUse as failure:
            raise web.HTTPConflict(text=str(failure)) from failure
        except VolumeFailure as failure:
            raise web.HTTPServiceUnavailable(text=str(failure)) from failure
        except RuntimeFailure as failure:
            raise web.HTTPServiceUnavailable(text=failure.message) from failure
        return web.json_response({})
