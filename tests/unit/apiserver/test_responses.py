"""Answers are made of the bytes that the store has; objects are decoded only where somebody asks for more."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest
from aiohttp import web

from common.api.kinds import EVENTS, PODS
from common.api.meta import Object
from console.apiserver.listing import Page
from console.apiserver.negotiation import Form, accepted
from console.apiserver.responses import bounded, encode_entries, encode_list, encode_object, warn
from console.apiserver.selection import Selection
from console.registry.catalog import default_registry
from console.store import Entry

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REGISTRY = default_registry()


class Counted(Entry):
    """Counts how often it was decoded."""

    decoded = 0

    @property
    def obj(self) -> Object:
        Counted.decoded += 1
        return super().obj


def entries(count: int) -> list[Entry]:
    Counted.decoded = 0
    made: list[Entry] = []
    for index in range(count):
        event = {"kind": "Event", "metadata": {"name": f"e{index}"}, "involvedObject": {"name": f"web-{index % 10}"}}
        entry = Counted(("default", f"e{index}"), index, orjson.dumps(event))
        entry.shrink()
        made.append(entry)
    return made


def test_lists_and_objects_are_answered_without_decoding() -> None:
    row, found = REGISTRY.row_for(PODS), entries(50)
    listed = orjson.loads(b"".join(encode_list(row, Page(found, 50), Form(), "", NOW)))  # type: ignore[arg-type]
    assert [item["metadata"]["name"] for item in listed["items"]] == [f"e{index}" for index in range(50)]
    assert encode_object(row, found[0], Form(), "", NOW) == found[0].raw
    assert Counted.decoded == 0


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_a_list_in_pieces_is_the_same_list(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.apiserver.responses.PIECE", 300)
    found = entries(count)
    pieces = list(encode_entries(REGISTRY.row_for(EVENTS), {"resourceVersion": "7"}, found))
    assert all(len(piece) < 600 for piece in pieces)
    assert len(pieces) > count / 4
    listed = orjson.loads(b"".join(pieces))
    assert [item["metadata"]["name"] for item in listed.pop("items")] == [f"e{index}" for index in range(count)]
    assert listed == {"kind": "EventList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}}


def test_tables_decode_each_object_once() -> None:
    form = accepted("application/json;as=Table;v=v1;g=meta.k8s.io")
    encode_list(REGISTRY.row_for(PODS), Page(entries(50), 50), form, "Metadata", NOW)
    assert Counted.decoded == 50


@pytest.mark.parametrize(
    ("selector", "decoded", "matching"),
    [
        ("involvedObject.name=web-3", 5, 5),
        ("involvedObject.name=web", 0, 0),
        ("involvedObject.name!=web-3", 50, 45),
        ("reason=", 50, 50),
    ],
)
def test_a_field_selector_decodes_only_what_has_its_text(selector: str, decoded: int, matching: int) -> None:
    chosen = Selection.parse(REGISTRY.row_for(EVENTS), "default", "", selector)
    assert sum(chosen.accepts(entry) for entry in entries(50)) == matching
    assert Counted.decoded == decoded


def test_warnings_are_told_once_and_within_bounds() -> None:
    assert bounded(["a", "b", "a", ""]) == ["a", "b"]
    long = [f"{number}" + "x" * 999 for number in range(4)]
    assert bounded(long) == long
    cut = bounded([*long, *(f"{number}y" * 300 for number in range(100))])
    assert [len(text) for text in cut[:4]] == [256] * 4
    assert 4096 <= sum(map(len, cut)) < 4096 + 256


def test_a_warning_is_a_line_that_clients_take() -> None:
    response = web.Response()
    warn(response, ['say "a\nb"', '"' * 4096])
    first, second = response.headers.getall("Warning")
    assert first == '299 - "say \\"a b\\""'
    assert len(second) < 8190
