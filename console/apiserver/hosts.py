"""POSTs about hosts, which leave the API server for whoever talks to agents."""

from __future__ import annotations

from common.api import meta
from common.api.meta import Object
from common.errors import BadRequest, NotFound, ServiceUnavailable, unserved

from .backends import HostAdmin


class Hosts:
    def __init__(self, admin: HostAdmin | None) -> None:
        self._admin = admin

    async def post_host(self, name: str, subresource: str, body: Object) -> Object:
        """`adopt` takes {"code": text}. A name that is no known host's but may be an address (it has a dot or a colon)
        is looked for there first, as mDNS does not pass routers. Raises what the backend raises, ServiceUnavailable
        when there is none."""
        if self._admin is None:
            raise ServiceUnavailable("this API server is not connected to hosts")
        if subresource != "adopt":
            raise unserved()
        code = body.get("code", "")
        if not isinstance(code, str):
            raise BadRequest(f"code: {code!r} is no text: it is what the agent of the host prints")
        try:
            return await self._admin.adopt(name, code)
        except NotFound:
            if not {".", ":"} & set(name):
                raise
        host = await self._admin.add(name)
        return await self._admin.adopt(meta.name(host), code)
