"""Making one probe or hook: httpGet, tcpSocket, gRPC and exec, with kubelet's words for what went wrong.

Connections go from the node to the pod's address. A probe never raises: what went wrong is in its result.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import NamedTuple, Protocol

from common.api.meta import Object
from common.clock import Clock

from . import grpc_health
from .httpget import BodyError, HttpGetError, HttpGetter, bracketed, dial_error, port_number
from .runtime.base import Runtime, RuntimeFailure

MESSAGE_LENGTH = 1024  # characters of a probe's output in an event
HOOK_SECONDS = 3600.0  # of a hook that nothing else bounds: after the start, as long as the container lives


class Result(NamedTuple):
    """`success` is None when the probe could not be made; `doubtful` of one that succeeded, and is told of."""

    success: bool | None
    message: str = ""
    doubtful: bool = False


class Prober(Protocol):
    """Real probes, or scripted ones for nodes that are simulated."""

    async def probe(
        self, spec: Object, container: Object, container_id: str, address: str
    ) -> tuple[bool | None, str, bool]: ...

    async def hook(
        self, handler: Object, container: Object, container_id: str, address: str, seconds: float | None
    ) -> str: ...

    async def close(self) -> None: ...


class NodeProber:
    def __init__(self, runtime: Runtime, clock: Clock) -> None:
        self._runtime = runtime
        self._clock = clock
        self._http_getter = HttpGetter()

    async def close(self) -> None:
        await self._http_getter.close()

    async def probe(self, spec: Object, container: Object, container_id: str, address: str) -> Result:
        """Run the probe `spec` against the container; `address` is the pod's primary one."""
        seconds = float(spec.get("timeoutSeconds") or 1)
        try:
            if "exec" in spec:
                return await self._exec(container_id, list(spec["exec"].get("command") or ()), seconds)
            if "httpGet" in spec:
                return await self._http(spec["httpGet"], container, address, seconds)
            if "tcpSocket" in spec:
                action = spec["tcpSocket"]
                port = port_number(action.get("port"), container)
                return await _tcp(str(action.get("host") or address), port, seconds)
            if "grpc" in spec:
                return await _grpc(spec["grpc"], address, seconds)
        except ValueError as error:
            return Result(None, str(error))
        return Result(None, "missing probe handler")

    async def hook(
        self, handler: Object, container: Object, container_id: str, address: str, seconds: float | None
    ) -> str:
        """Run a lifecycle hook; the error, empty for success. `seconds` bounds it."""
        try:
            async with asyncio.timeout(seconds):
                if "sleep" in handler:
                    await self._clock.sleep(float(handler["sleep"].get("seconds") or 0))
                    return ""
                if "exec" in handler:
                    command = list(handler["exec"].get("command") or ())
                    code, output = await self._runtime.exec_probe(container_id, command, seconds or HOOK_SECONDS)
                    return "" if code == 0 else f"command exited with {code}: {output[:MESSAGE_LENGTH]}"
                if "httpGet" in handler:
                    # Whatever is answered, the hook was heard.
                    with contextlib.suppress(BodyError):
                        await self._http_getter.get(handler["httpGet"], container, address, HOOK_SECONDS, "lifecycle")
                    return ""
                return f"invalid handler: {next(iter(handler), 'none')}"
        except TimeoutError:
            return f"not finished within {seconds:.0f}s" if seconds is not None else "timed out"
        except RuntimeFailure as failure:
            return failure.message
        except (HttpGetError, ValueError) as error:
            return str(error)

    async def _exec(self, container_id: str, command: list[str], seconds: float) -> Result:
        try:
            code, output = await self._runtime.exec_probe(container_id, command, seconds)
        except TimeoutError:
            return Result(False, f'command timed out: "{" ".join(command)}" timed out after {seconds:g}s')
        except RuntimeFailure as failure:
            return Result(None, failure.message)
        return Result(code == 0, output[:MESSAGE_LENGTH])

    async def _http(self, action: Object, container: Object, address: str, seconds: float) -> Result:
        try:
            answer = await self._http_getter.get(action, container, address, seconds)
        except HttpGetError as error:
            return Result(False, str(error))
        except BodyError as error:
            return Result(None, str(error))
        if 200 <= answer.status < 300:
            return Result(True, answer.body[:MESSAGE_LENGTH])
        if 300 <= answer.status < 400:
            message = f"Probe terminated redirects, Response body: {answer.body}"
            return Result(True, message[:MESSAGE_LENGTH], doubtful=True)
        return Result(False, f"HTTP probe failed with statuscode: {answer.status}")


async def _tcp(host: str, port: int, seconds: float) -> Result:
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Result(False, f"dial tcp {bracketed(host)}:{port}: i/o timeout")
    except OSError as error:
        return Result(False, dial_error(host, port, error))
    writer.close()
    return Result(True)


async def _grpc(action: Object, address: str, seconds: float) -> Result:
    service = str(action.get("service") or "")
    try:
        async with asyncio.timeout(seconds):
            status = await grpc_health.check(address, int(action.get("port") or 0), service)
    except TimeoutError:
        return Result(False, f"timeout: health rpc did not complete within {seconds:g}s")
    except OSError as error:
        why = dial_error(address, int(action.get("port") or 0), error)
        return Result(False, f'error: failed to connect service "{bracketed(address)}:{action.get("port")}": {why}')
    except grpc_health.GrpcError as error:
        return Result(False, f"error: health rpc probe failed: {error}")
    if status == "SERVING":
        return Result(True, "service healthy")
    return Result(False, f'service unhealthy (responded with "{status}")')
