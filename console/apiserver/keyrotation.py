"""KeyRotations: a new key for what the store encrypts on disk. Who may create them is authorization's to say."""

from __future__ import annotations

from common.api.meta import Object
from console.store import Store

from .caller import Caller


class KeyRotations:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def answer(self, _caller: Caller, _question: Object) -> Object:
        """The status, once all is rewritten. Raises ServiceUnavailable when the disk refuses."""
        done = await self._store.rotate_key()
        return {"key": done.key, "rewritten": done.rewritten}
