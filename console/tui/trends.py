"""CPU and memory over time of the object under the cursor, asked for while it stays there: series cannot be watched."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from common.api import meta
from common.api.kinds import Resource
from common.api.meta import Key, Object
from common.clock import Clock
from common.errors import ApiError, Forbidden
from console.views.charts import SERIES, loads_about
from console.views.pulses import Load

from .gateway import Gateway, series_of
from .usage import SECONDS

log = logging.getLogger(__name__)


class Trend:
    """The series of one object. `seconds` is how far back it goes."""

    def __init__(self, gateway: Gateway, clock: Clock, seconds: int = 900) -> None:
        self.seconds = seconds
        self._gateway = gateway
        self._clock = clock
        self._about: tuple[Resource, Key] | None = None
        self._obj: Object = {}
        self._asked: float | None = None
        self._series: Object = {}
        self.refusal = ""
        """Why the API refuses to tell; empty when it does not."""

    def follow(self, resource: Resource, obj: Object | None) -> None:
        """From now on that of this object, if its kind has any."""
        about = (resource, meta.key(obj)) if obj is not None and resource in SERIES else None
        self._obj = {"kind": resource.kind, **obj} if obj is not None else {}
        if about != self._about:
            self._about = about
            self.reset()

    def look_back(self, seconds: int) -> None:
        self.seconds = seconds
        self.reset()

    def reset(self) -> None:
        self._asked, self._series, self.refusal = None, {}, ""

    @property
    def due(self) -> bool:
        """Whether it is time to ask again: for a longer past less often, as it changes less."""
        if self._about is None:
            return False
        pause = max(SECONDS, self.seconds / 720)
        return self._asked is None or self._clock.monotonic() - self._asked >= pause

    async def ask(self) -> None:
        about = self._about
        if about is None:
            return
        self._asked = self._clock.monotonic()
        refusal = ""
        try:
            found = await series_of(self._gateway, SERIES[about[0]], about[1], self.seconds)
        except (ApiError, OSError) as error:
            log.debug("no figures of %s: %s", about[1], error)
            found, refusal = {}, error.message if isinstance(error, Forbidden) else ""
        if about == self._about:
            self._series, self.refusal = found, refusal

    @property
    def series(self) -> Object:
        """What was answered last; empty before, and where nothing is measured."""
        return self._series

    def loads(self) -> Sequence[Load]:
        """CPU and memory, or requests and latency; nothing where nothing was measured."""
        return loads_about(self._series, self._obj)
