"""Addresses as people write them, and hosts that answer or do not."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from common.hosts import join_address, reach, split_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", ("192.0.2.1", 10250)),
        ("192.0.2.1:99", ("192.0.2.1", 99)),
        ("worker-1.example.com", ("worker-1.example.com", 10250)),
        ("worker-1:10251", ("worker-1", 10251)),
        ("fd00::1", ("fd00::1", 10250)),
        ("[fd00::1]", ("fd00::1", 10250)),
        ("[fd00::1]:99", ("fd00::1", 99)),
        ("fe80::1%eth0", ("fe80::1%eth0", 10250)),
    ],
)
def test_addresses_are_read_as_they_are_written(text: str, expected: tuple[str, int]) -> None:
    assert split_address(text) == expected
    assert split_address(join_address(*expected)) == expected


@pytest.mark.parametrize("text", ["", ":", "host:", "host:0", "host:65536", "host:x", "a b", "host/path", "h" * 300])
def test_what_is_no_address_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"port|is not a host name"):
        split_address(text)


def test_a_server_may_ask_for_any_port() -> None:
    assert split_address("127.0.0.1:0", lowest_port=0) == ("127.0.0.1", 0)


async def test_a_host_that_refuses_answers_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert await reach(f"127.0.0.1:{port}", 30.0)
    assert await reach(f"127.0.0.1:{port}", 30.0)


async def test_a_name_that_nobody_has_is_not_reached() -> None:
    assert not await reach("no-such-host.invalid:1", 1.0)


async def test_a_host_by_name_is_resolved() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert await reach(f"localhost:{server.getsockname()[1]}", 30.0)


async def test_an_address_without_a_way_to_it_does_not_answer() -> None:
    assert not await reach("[100::1]:10250", 0.05)


async def test_what_the_kernel_heard_counts_when_the_loop_was_too_busy_to_look() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = asyncio.ensure_future(reach(f"127.0.0.1:{server.getsockname()[1]}", 0.01))
        await asyncio.sleep(0)
        time.sleep(0.1)  # too busy to look
        assert await answer
