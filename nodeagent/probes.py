"""Making one probe or hook: httpGet, tcpSocket, gRPC and exec, with kubelet's words for what went wrong.

Connections go from the node to the pod's address. A probe never raises; it answers (success, message), success None
when the probe itself could not be made.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Protocol

import aiohttp

from common.api.meta import Object
from common.clock import Clock

from . import grpc_health
from .runtime.base import Runtime, RuntimeFailure

USER_AGENT = "kube-probe/1.36"
MESSAGE_LENGTH = 1024  # characters of a probe's output in an event
BODY_BYTES = 10 * 1024
Result = tuple[bool | None, str]


class Prober(Protocol):
    """Real probes, or scripted ones for nodes that are simulated."""

    async def probe(self, spec: Object, container: Object, container_id: str, address: str) -> Result: ...

    async def hook(
        self, handler: Object, container: Object, container_id: str, address: str, seconds: float | None
    ) -> str: ...

    async def close(self) -> None: ...


class NodeProber:
    def __init__(self, runtime: Runtime, clock: Clock) -> None:
        self._runtime = runtime
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

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
            return None, str(error)
        return None, "missing probe handler"

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
                    code, output = await self._runtime.exec_probe(container_id, command, seconds or 3600.0)
                    return "" if code == 0 else f"command exited with {code}: {output[:MESSAGE_LENGTH]}"
                spec = {**handler, "timeoutSeconds": seconds or 30}
                success, message = await self.probe(spec, container, container_id, address)
                return "" if success else message
        except TimeoutError:
            return f"not finished within {seconds:.0f}s" if seconds is not None else "timed out"
        except RuntimeFailure as failure:
            return failure.message

    async def _exec(self, container_id: str, command: list[str], seconds: float) -> Result:
        try:
            code, output = await self._runtime.exec_probe(container_id, command, seconds)
        except TimeoutError:
            return False, f'command timed out: "{" ".join(command)}" timed out after {seconds:g}s'
        except RuntimeFailure as failure:
            return None, failure.message
        return code == 0, output[:MESSAGE_LENGTH]

    async def _http(self, action: Object, container: Object, address: str, seconds: float) -> Result:
        host = str(action.get("host") or address)
        port = port_number(action.get("port"), container)
        scheme = str(action.get("scheme") or "HTTP").lower()
        url = f"{scheme}://{_bracketed(host)}:{port}/{str(action.get('path') or '/').lstrip('/')}"
        headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Connection": "close"}
        headers.update({str(item.get("name")): str(item.get("value")) for item in action.get("httpHeaders") or ()})
        try:
            async with asyncio.timeout(seconds):
                # A redirect counts as an answer: where it leads may not be this pod.
                async with self._client().get(url, headers=headers, allow_redirects=False) as answer:
                    body = await answer.content.read(BODY_BYTES)
        except TimeoutError:
            return False, f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        except (aiohttp.ClientError, OSError) as error:
            return False, f'Get "{url}": {_dial_error(host, port, error)}'
        if 200 <= answer.status < 400:
            return True, body.decode(errors="replace")[:MESSAGE_LENGTH]
        return False, f"HTTP probe failed with statuscode: {answer.status}"

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Probes do not verify certificates, as kubelet's do not: they ask about life, not about identity.
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connector = aiohttp.TCPConnector(force_close=True, limit=0, ssl=context)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        return self._session


async def _tcp(host: str, port: int, seconds: float) -> Result:
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return False, f"dial tcp {_bracketed(host)}:{port}: i/o timeout"
    except OSError as error:
        return False, _dial_error(host, port, error)
    writer.close()
    return True, ""


async def _grpc(action: Object, address: str, seconds: float) -> Result:
    service = str(action.get("service") or "")
    try:
        async with asyncio.timeout(seconds):
            status = await grpc_health.check(address, int(action.get("port") or 0), service)
    except TimeoutError:
        return False, f"timeout: health rpc did not complete within {seconds:g}s"
    except OSError as error:
        why = _dial_error(address, int(action.get("port") or 0), error)
        return False, f'error: failed to connect service "{_bracketed(address)}:{action.get("port")}": {why}'
    except grpc_health.GrpcError as error:
        return False, f"error: health rpc probe failed: {error}"
    if status == "SERVING":
        return True, "service healthy"
    return False, f'service unhealthy (responded with "{status}")'


def _dial_error(host: str, port: int, error: BaseException) -> str:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, ConnectionRefusedError):
        words = "connect: connection refused"
    elif isinstance(cause, aiohttp.ServerDisconnectedError):
        return "EOF"
    else:
        words = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return f"dial tcp {_bracketed(host)}:{port}: {words}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def port_number(port: object, container: Object) -> int:
    """A port given by number or by the name of a container port; ValueError when there is no such name."""
    if isinstance(port, int):
        return port
    text = str(port)
    if text.isdecimal():
        return int(text)
    for entry in container.get("ports") or ():
        if entry.get("name") == text:
            return int(entry["containerPort"])
    raise ValueError(f"couldn't find port {text!r} among the ports of container {container.get('name')}")
