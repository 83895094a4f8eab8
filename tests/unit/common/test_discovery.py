"""What comes off the local network is hostile until proven otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.discovery import Advertisement
from common.discovery.interfaces import Interface, choose
from common.discovery.record import MAX_ADDRESSES, MAX_VALUE, usable_addresses

HOST = Advertisement("worker-1", "ab" * 32, 10250, "0.1.0", "Docker 29.1", "amd64", 8, 16 << 30, "c1", "worker-1")


def wire(advertisement: Advertisement) -> dict[bytes, bytes | None]:
    return {key.encode(): value.encode() for key, value in advertisement.to_properties().items()}


def test_a_record_reads_as_it_was_written() -> None:
    assert Advertisement.from_properties(wire(HOST), HOST.port) == HOST
    assert Advertisement.from_json(HOST.to_json()) == HOST
    assert "adopted-by" in HOST.to_properties()


def test_each_string_fits_a_txt_record() -> None:
    assert all(len(f"{key}={value}") <= 255 for key, value in HOST.to_properties().items())


@pytest.mark.parametrize("fingerprint", [b"", b"abc", b"xy" * 32, b"../" * 22])
def test_without_a_fingerprint_there_is_no_host(fingerprint: bytes) -> None:
    with pytest.raises(ValueError, match="fingerprint"):
        Advertisement.from_properties({**wire(HOST), b"fingerprint": fingerprint}, 10250)


@pytest.mark.parametrize(
    ("field", "value"),
    [(b"cpu", b"-1"), (b"cpu", b"1e9"), (b"memory", b"9" * 400), (b"memory", "٣".encode()), (b"cpu", b"")],
)
def test_figures_out_of_range_are_refused_by_name(field: bytes, value: bytes) -> None:
    with pytest.raises(ValueError, match=field.decode()):
        Advertisement.from_properties({**wire(HOST), field: value}, 10250)


def test_control_characters_and_length_are_cut() -> None:
    evil = Advertisement.from_properties(
        {**wire(HOST), b"name": b"\x1b[2JWorker One\n" + b"x" * 300, b"engine": b"\x1b]0;pwn\x07" + b"y" * 300}, 10250
    )
    assert evil.name.startswith("2jworker-one-")
    assert len(evil.name) <= 63
    assert evil.engine.startswith("]0;pwnyyy")
    assert len(evil.engine) <= MAX_VALUE


def test_a_host_without_a_usable_name_is_named_by_its_fingerprint() -> None:
    assert Advertisement.from_properties({**wire(HOST), b"name": b"\xff\xfe"}, 10250).name == "ab" * 6


@given(st.dictionaries(st.binary(max_size=40), st.none() | st.binary(max_size=300), max_size=40), st.integers())
def test_any_record_gives_a_clean_host_or_a_value_error(properties: dict[bytes, bytes | None], port: int) -> None:
    try:
        host = Advertisement.from_properties({**wire(HOST), **properties}, port)
    except ValueError:
        return
    assert all(ord(letter) >= 32 for value in host.to_json().values() if isinstance(value, str) for letter in value)


def test_any_json_identity_that_is_not_one_is_refused() -> None:
    for data in (None, [], "x", {"fingerprint": 1}, {**HOST.to_json(), "port": 0}):
        with pytest.raises(ValueError, match=r"identity|fingerprint|port"):
            Advertisement.from_json(data)


def test_addresses_are_ordered_and_useless_ones_left_out() -> None:
    found = usable_addresses(
        ["fe80::1%eth0", "fd00::2", "192.0.2.1", "junk", "::", "224.0.0.251", "fe80::2", "192.0.2.1", "169.254.1.1"]
    )
    assert found == ("192.0.2.1", "fd00::2", "fe80::1%eth0", "169.254.1.1")
    assert len(usable_addresses(f"192.0.2.{number}" for number in range(200))) == MAX_ADDRESSES


def test_bridges_and_links_of_containers_are_not_the_hosts_own() -> None:
    choice = choose(
        [
            Interface("lo", 1, ("127.0.0.1", "::1")),
            Interface("eth0", 2, ("192.0.2.1", "fd00::1", "fe80::1")),
            Interface("docker0", 3, ("172.17.0.1",)),
            Interface("br-0123456789ab", 4, ("172.18.0.1",)),
            Interface("veth12345", 5, ("fe80::5",)),
            Interface("qd0", 6, ("10.42.0.1",)),
            Interface("qdvx4", 8, ("10.42.0.0",)),
            Interface("wlan0", 7, ()),
            Interface("qdr-office", 9, ("198.51.100.1",)),
        ]
    )
    assert choice.speak == ("192.0.2.1", 2, "198.51.100.1")
    assert choice.announce == ("192.0.2.1", "fd00::1", "fe80::1", "198.51.100.1")


def test_a_machine_with_nothing_but_loopback_speaks_there() -> None:
    assert choose([Interface("lo", 1, ("127.0.0.1", "::1"))]).speak == ("127.0.0.1", 1)
    assert choose([]).speak == ()
