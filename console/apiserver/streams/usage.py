"""`GET …/persistentvolumeclaims/NAME/usage`: how full the claim's volume is, as the node of a pod that uses it says.

The answer is `{"kind": "VolumeUsage", "apiVersion": "quarterdeck.io/v1", "used", "capacity", "available" (bytes, null
when nobody measures), "node", "time", "message"}`.
"""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from common.api import meta, pods, storage
from common.api.kinds import PODS
from common.api.meta import Object
from common.errors import ApiError, method_not_allowed
from console.apiserver.backends import NodeStreams
from console.apiserver.resources import Request
from console.apiserver.responses import respond
from console.apiserver.verbs import Verbs


async def serve_usage(verbs: Verbs, streams: NodeStreams, request: Request) -> web.StreamResponse:
    if request.http.method != "GET":
        raise method_not_allowed()
    claim = verbs.get(request.row, request.info.namespace, request.info.name).obj
    users = [pod for pod in verbs.context(request.caller).lookup.items(PODS) if _runs_with(pod, claim)]
    answer = await _measured(streams, users, claim)
    return await respond(orjson.dumps(answer), request.form.plain)


def _runs_with(pod: Object, claim: Object) -> bool:
    return bool(pods.node_name(pod)) and not pods.is_terminal(pod) and storage.uses_claim(pod, claim)


async def _measured(streams: NodeStreams, users: list[Object], claim: Object) -> Object:
    message = "no pod uses the claim"
    for node in sorted({pods.node_name(pod) for pod in users}):
        try:
            async with await streams.request(node, "GET", "/stats/summary", {}, None) as response:
                summary = orjson.loads(await response.read()) if response.status == 200 else {}
        except (ApiError, ValueError) as error:
            message = str(error)
            continue
        found = volume_of(summary, claim)
        if found is not None:
            return _usage(node, str(found.get("time") or ""), "", found)
        message = f"node {node} has not measured the volume yet"
    return _usage("", "", message, {})


def volume_of(summary: Any, claim: Object) -> Object | None:
    """The claim's entry in a node's summary."""
    wanted = {"name": meta.name(claim), "namespace": meta.namespace(claim)}
    for pod in summary.get("pods") or ():
        for volume in pod.get("volume") or ():
            if volume.get("pvcRef") == wanted:
                found: Object = volume
                return found
    return None


def _usage(node: str, time: str, message: str, volume: Object) -> Object:
    figures = {field: volume.get(f"{field}Bytes") for field in ("used", "capacity", "available")}
    head = {"kind": "VolumeUsage", "apiVersion": "quarterdeck.io/v1"}
    return {**head, **figures, "node": node, "time": time, "message": message}
