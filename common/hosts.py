"""Addresses of agents: how they are written, and whether a host answers at all."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import select
import socket

from common.settings import AGENT_PORT

AGENT_ADDRESS = "quarterdeck.io/agent-address"
"""Annotation of a Node: HOST:PORT at which its agent listens."""
ADOPTION_SECONDS = 60.0  # two round trips of a handshake, and the node's first report
HOST_FINGERPRINT = "quarterdeck.io/host-fingerprint"
"""Annotation of a Node: the certificate that its host was born with, SHA-256 in hex."""
CERTIFICATE_SERIAL = "quarterdeck.io/certificate-serial"
"""Annotation of a Node: serial number of its newest certificate, hex, to be revoked when the node is removed."""

HOLLOW = "quarterdeck.io/hollow"
"""Label of a Node, "true" when it is simulated: it speaks the protocol and runs nothing."""
LATE_SECONDS = 0.25  # between a timer and the moment it is served: more means that this process had no time


def join_address(host: str, port: int) -> str:
    """HOST:PORT, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_address(text: str, default_port: int = AGENT_PORT, *, lowest_port: int = 1) -> tuple[str, int]:
    """Host and port of HOST, HOST:PORT, an IPv6 address or [IPv6]:PORT; ValueError names what is wrong. A server may
    listen on port 0, any free one."""
    text = text.strip()
    try:
        return str(ipaddress.ip_address(text)), default_port
    except ValueError:
        host, colon, port = text.rpartition(":") if ":" in text else (text, "", "")
    if not colon:
        host, port = text, str(default_port)
    if text.startswith("[") and text.endswith("]"):
        host, port = text, str(default_port)
    host = host.removeprefix("[").removesuffix("]")
    if not (port.isascii() and port.isdecimal() and lowest_port <= int(port[:6]) < 65536):
        raise ValueError(f"{text!r}: the port {port!r} is not a number from {lowest_port} to 65535")
    if not host or len(host) > 253 or not all(letter.isalnum() or letter in ".-:%_" for letter in host):
        raise ValueError(f"{text!r}: {host!r} is not a host name or address")
    return host, int(port)


async def reach(address: str, seconds: float) -> bool:
    """Whether the host at HOST:PORT answers, be it with a refusal: its kernel lives, whatever its agent does. What
    counts in the end is what our own kernel has heard, so that a caller too busy to look calls nobody silent."""
    try:
        async with asyncio.timeout(seconds):
            family, where = await _resolve(*split_address(address))
    except (TimeoutError, OSError):
        return False
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.get_running_loop().sock_connect(probe, where)
        except ConnectionRefusedError:
            return True
        except TimeoutError:
            return _answered(probe)
        except OSError:
            return False
    return True


async def _resolve(host: str, port: int) -> tuple[int, tuple[str, int]]:
    """Address family and address; a literal needs no thread, of which there may be none free."""
    try:
        return (socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET), (host, port)
    except ValueError:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return found[0][0], (str(found[0][4][0]), port)


def _answered(probe: socket.socket) -> bool:
    poll = select.poll()  # unlike select, it takes any file descriptor
    poll.register(probe, select.POLLOUT)
    return bool(poll.poll(0)) and probe.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in {0, errno.ECONNREFUSED}
