"""Packed bytes are the bytes that were packed, in much less memory where objects are alike, and never in more."""

from __future__ import annotations

import random

import orjson
from hypothesis import given
from hypothesis import strategies as st

from console.store.packing import LARGEST, LEAST, RENEWAL, Packer, unpack


def obj(kind: str, number: int) -> bytes:
    """Objects of a kind have half a kilobyte of text alike."""
    letters = random.Random(kind)
    common = "".join(letters.choices("abcdefghijklmnop0123456789", k=500))
    return orjson.dumps({"kind": kind, "metadata": {"name": f"name-{number}"}, "spec": {"text": common}})


@given(st.lists(st.binary(min_size=0, max_size=4000) | st.integers(0, 9).map(lambda n: obj("a", n)), max_size=20))
def test_what_is_packed_comes_back(raws: list[bytes]) -> None:
    packer = Packer()
    packed = [(raw, packer.pack(raw)) for raw in raws]
    for raw, found in packed:
        if found is not None:
            assert unpack(*found) == raw
            assert len(found[0]) < len(raw)


def test_objects_that_are_alike_take_little() -> None:
    packer = Packer()
    for number in range(10):
        found = packer.pack(obj("a", number))
        assert found is not None
        assert len(found[0]) < 60


def test_objects_larger_than_any_window_come_back() -> None:
    packer = Packer()
    letters = random.Random(1)
    text = "".join(letters.choices("abcdefghijklmnop0123456789", k=LARGEST - 200))
    for number in range(3):
        raw = orjson.dumps({"name": number, "data": text})
        found = packer.pack(raw)
        assert found is None or unpack(*found) == raw


def test_what_does_not_pay_stays_as_it_is() -> None:
    packer = Packer()
    assert packer.pack(b"x" * (LEAST - 1)) is None
    assert packer.pack(b"x" * (LARGEST + 1)) is None
    assert packer.pack(random.Random(1).randbytes(2000)) is not None, "the first is its own pattern"
    assert packer.pack(random.Random(2).randbytes(2000)) is None


def test_a_new_sort_of_objects_becomes_the_pattern() -> None:
    packer = Packer()
    old = [packer.pack(obj("a", number)) for number in range(RENEWAL)]
    strange = [packer.pack(obj("b", number)) for number in range(2)]
    assert strange[1] is not None
    assert len(strange[1][0]) < 60
    assert unpack(*strange[1]) == obj("b", 1)
    assert old[5] is not None
    assert unpack(*old[5]) == obj("a", 5), "what was packed before keeps its pattern"
