"""The log of one container as it grows: whole lines, and after a cut the next one, none lost and none twice.

The API takes up a log at a moment, in whole seconds with some servers, and lines of standard output and error may stand
a little out of order: so what was read last is asked for again, and `Overlap` leaves out what is known of it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import Protocol

from common.api.kinds import PODS
from common.api.meta import Key, format_time, parse_time
from common.client.http import Params
from common.clock import Clock
from common.errors import BadRequest, NotFound, ServiceUnavailable

RETRY_SECONDS = (1.0, 2.0, 4.0, 8.0)  # after a stream broke, again and again; the last of them from then on
REMEMBERED = 20_000  # lines: some seconds of a busy container
OVERLAP = timedelta(seconds=0.5)  # by which standard output and error may be out of order
LONGEST_LINE = 256 * 1024  # bytes that are waited for the end of a line; what is longer comes in pieces


class Streamer(Protocol):
    """Opens streams of the API; `common.client.http.HttpClient` is one."""

    def stream(self, path: str, params: Params = ()) -> AsyncIterator[bytes]:
        """Raises ServiceUnavailable when the connection is cut, ApiError for what the API refuses."""
        ...


class Overlap:
    """Which lines of a log that is taken up again are known. Each begins with its time; the log has them in the order
    in which they were read before, so that the first one that is not known ends the overlap."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._seen: deque[tuple[bytes, int]] = deque(maxlen=most)
        self._known: Counter[tuple[bytes, int]] = Counter()
        self._oldest = b""

    def since(self) -> str:
        """Where the log has to be taken up now, RFC 3339 in whole seconds; empty for where it was begun."""
        self._known.clear()
        self._known.update(self._seen)
        if not self._seen:
            return ""
        try:
            moment = parse_time(self._seen[-1][0].decode(errors="replace"))
        except ValueError:  # a server that gives no times: the whole log again, without what is known of it
            return ""
        # A memory that is full has forgotten what is older than its oldest line, which it knows all the same.
        self._oldest = self._seen[0][0] if len(self._seen) == self._seen.maxlen else b""
        return format_time((moment - OVERLAP).replace(microsecond=0))

    def fresh(self, lines: list[bytes]) -> list[bytes]:
        """The lines without those that were read before the cut; all of them are remembered."""
        entries = [(line.partition(b" ")[0], hash(line)) for line in lines]
        first = 0
        while self._known and first < len(lines):
            entry = entries[first]
            if self._known[entry] > 0:
                self._known[entry] -= 1
            elif entry[0] > self._oldest:
                self._known.clear()
                break
            first += 1
        self._seen.extend(entries[first:])
        return lines[first:]


async def follow(
    client: Streamer, pod: Key, params: Mapping[str, str], overlap: Overlap, clock: Clock, *,
    runs: Callable[[], Awaitable[bool]], told: Callable[[str], None],
) -> AsyncGenerator[list[bytes], None]:  # fmt: skip
    """Whole lines with their times, as many at once as came at once, until the container has ended.

    `params` are those of the API, `overlap` is what was read before, of an earlier run too. While it follows, a stream
    that breaks is taken up again, which is `told`; `runs` says whether a stream that ended did so before its container.
    Raises what the API refuses from the start, as ApiError; without `follow=true` also ServiceUnavailable when the
    connection is cut.
    """
    path = PODS.path(pod.namespace, pod.name, "log")
    asked = {**params, "timestamps": "true"}
    follows = asked.get("follow") == "true"
    failures, begun = 0, False
    while True:
        try:
            stream = client.stream(path, _taken_up(asked, overlap.since()))
            async with aclosing(whole_lines(stream)) as batches:
                async for batch in batches:
                    failures, begun = 0, True
                    if fresh := overlap.fresh(batch):
                        yield fresh
            if not follows or not await runs():
                return
        except (ServiceUnavailable, OSError) as error:
            if not follows:
                raise
            told(f"{error}; trying again")
        except (BadRequest, NotFound):
            if not begun:
                raise
            return  # it has gone meanwhile, with its log
        await clock.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
        failures += 1


def _taken_up(asked: Mapping[str, str], since: str) -> dict[str, str]:
    if not since:
        return dict(asked)
    kept = {key: value for key, value in asked.items() if key not in {"tailLines", "sinceSeconds", "limitBytes"}}
    return {**kept, "sinceTime": since}


async def whole_lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[list[bytes], None]:
    """Lines without their ends, as they come; a last one without an end is given when the stream ends in order."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        if lines:
            yield lines
    if rest:
        yield [rest]
