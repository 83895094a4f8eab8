"""Controllers on the in-memory API."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from common.client import SharedInformers
from common.clock import FakeClock
from common.events import Recorder
from console.controllers.base import Controller, Kit
from tests.fakes.api import FakeApi
from tests.fakes.cluster import quiet


class World:
    """An API, a clock and the controllers that a test starts."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.api = FakeApi(self.clock)
        self.client = self.api.client()
        self._informers = SharedInformers(self.client, self.clock)
        self._recorder = Recorder(self.client, self.clock, "test")
        self._recorder.start()
        self._controllers: list[Controller] = []

    @property
    def kit(self) -> Kit:
        return Kit(self.client, self._informers, self.clock, self._recorder)

    async def start(self, *controllers: Controller) -> None:
        self._controllers += controllers
        self._informers.start()
        for controller in controllers:
            controller.start()
        await self.settle()

    async def settle(self, seconds: float = 0.5) -> None:
        """Let retries with back-off happen too."""
        await quiet(self.api)
        await self.clock.advance(seconds)
        await quiet(self.api)

    async def close(self) -> None:
        for controller in self._controllers:
            await controller.close()
        await self._informers.close()
        await self._recorder.close()
        self.api.assert_untouched()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()
