"""`GET …/pods/NAME/log`: the bytes of a container's output, from the agent of its node."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import aiohttp
import orjson
from aiohttp import web

from common.api.meta import format_micro_time, parse_time
from common.errors import Cause, from_status, invalid, method_not_allowed
from console.apiserver.backends import NodeStreams
from console.apiserver.options import parse_bool, parse_int
from console.apiserver.resources import Request
from console.apiserver.verbs import Verbs
from console.registry import validation

from .logsinks import LogSink, PlainSink, WebSocketSink, is_websocket
from .target import check_logs, container_of

_LONGEST_AGO = 1_000_000_000  # seconds; no log is older, and dates have a beginning


async def serve_logs(verbs: Verbs, streams: NodeStreams, request: Request) -> web.StreamResponse:
    info, http = request.info, request.http
    if http.method != "GET":
        raise method_not_allowed()
    pod = verbs.get(request.row, info.namespace, info.name).obj
    container = container_of(pod, http.query.get("container", ""))
    params = log_params(http.query, info.name, verbs.clock.now())
    limit = parse_int(http.query.get("limitBytes"))
    sink: LogSink = WebSocketSink(http) if is_websocket(http) else PlainSink(http)
    node = str(pod["spec"].get("nodeName") or "")
    if not node:
        # As Kubernetes: a pod that nobody runs has said nothing.
        await sink.open()
        return await sink.close()
    check_logs(pod, container, previous="previous" in params)
    path = f"/logs/{info.namespace}/{info.name}/{container}"
    async with await streams.request(node, "GET", path, params, None) as answer:
        if answer.status != 200:
            raise from_status(_status(await answer.read()), answer.status)
        await sink.open()
        try:
            await _copy(answer.content, sink, limit)
        except aiohttp.ClientError:
            # The agent is gone in the middle: the reader must see a cut, not an end.
            if http.transport is not None:
                http.transport.abort()
    return await sink.close()


async def _copy(content: aiohttp.StreamReader, sink: LogSink, limit: int | None) -> None:
    """At most `limit` bytes."""
    async for chunk in content.iter_any():
        await sink.write(chunk if limit is None else chunk[:limit])
        if limit is not None:
            limit -= len(chunk)
            if limit <= 0:
                return


def log_params(query: Mapping[str, str], name: str, now: datetime) -> dict[str, str]:
    """What the agent is asked for; raises Invalid naming the wrong option. `since` is RFC 3339."""
    causes = []
    params = {key: "true" for key in ("follow", "timestamps", "previous") if parse_bool(query.get(key))}
    tail, limit = (parse_int(query.get(option)) for option in ("tailLines", "limitBytes"))
    if tail is not None:
        causes += validation.non_negative("tailLines", tail)
        params["tail"] = str(tail)
    causes += validation.positive("limitBytes", limit)
    seconds, moment = parse_int(query.get("sinceSeconds")), query.get("sinceTime", "")
    if seconds is not None and moment:
        causes.append(
            Cause("", "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified", "FieldValueForbidden")
        )
    elif seconds is not None:
        causes += validation.positive("sinceSeconds", seconds)
        params["since"] = format_micro_time(now - timedelta(seconds=min(max(seconds, 0), _LONGEST_AGO)))
    elif moment:
        try:
            params["since"] = format_micro_time(parse_time(moment))
        except ValueError as error:
            causes.append(Cause("sinceTime", f'Invalid value: "{moment}": {error}'))
    if causes:
        raise invalid("PodLogOptions", "", name, causes)
    return params


def _status(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return {"message": body.decode(errors="replace")[:1000]} if body.strip() else None
