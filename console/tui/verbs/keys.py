"""The verb of Secrets and ConfigMaps: their keys, to be looked at and edited."""

from __future__ import annotations

from common.api import meta
from console.tui.gateway import reread
from console.tui.screens.keys import KeysScreen
from console.tui.stage import TableStage


async def keys(browse: TableStage) -> None:
    obj = browse.current()
    if obj is not None:
        fresh = await reread(browse.session.gateway, browse.view.resource, obj)
        browse.app.push_screen(KeysScreen(browse.session, [*browse.trail(), meta.name(obj)], fresh))
