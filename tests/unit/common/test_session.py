"""Session messages survive the wire; what is none is refused by name and never crashes."""

import contextlib
import dataclasses
from typing import get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import session

MESSAGES = [
    session.Open("uid", 3, "instance", "n1", {"name": "c"}, "2026-01-01T00:00:00Z"),
    session.Welcome("0.1", {"status": {}}, "2026-01-01T00:00:00Z"),
    session.Refused("old-epoch", "another console has taken over"),
    session.Heartbeat(9),
    session.Sync(1, full=True, objects={"pods": [{"metadata": {"name": "a"}}]}, removed={"pods": ["u"]}),
    session.Applied(4),
    session.Release(["u1"]),
    session.Report(5, pods=[{"uid": "u"}], node=None, gone=["x"], events=[{}]),
    session.Report(6, node={"conditions": []}),
    session.Ack(5),
    session.TunnelOpen(1),
    session.TunnelClose(1, "reset"),
    session.TunnelWindow(1, 65536),
    session.Usage(1.5, node={"cpu": 1, "memory": 2}),
    session.Renew("CSR"),
    session.Renewed("PEM"),
    session.TokenNeeded("u1", "", 3600),
    session.TokenGiven("u1", "vault", 3600, "secret", "2026-01-01T00:00:00Z"),
    session.Leave(),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_round_trip(message: session.Message) -> None:
    assert session.decode(session.encode(message)) == message


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "not JSON"),
        ("[]", "not an object with a type"),
        ('{"type": 3}', "not an object with a type"),
        ('{"type": "Nope"}', "unknown type"),
        ('{"type": "Ack"}', "Ack"),
        ('{"type": "Ack", "seq": "1"}', "Ack.seq has the wrong type str"),
        ('{"type": "Ack", "seq": true}', "Ack.seq has the wrong type bool"),
        ('{"type": "Sync", "generation": 1, "objects": []}', "Sync.objects has the wrong type list"),
    ],
)
def test_a_hostile_frame_is_refused_by_name(text: str, complaint: str) -> None:
    with pytest.raises(session.ProtocolError, match=complaint):
        session.decode(text)


def test_a_newer_peer_may_send_more_fields() -> None:
    assert session.decode('{"type": "Ack", "seq": 1, "new": {}}') == session.Ack(1)


KINDS = get_args(session.Message)
_VALUES = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=4)
    | st.lists(st.integers(0, 9) | st.text(max_size=2), max_size=2)
    | st.dictionaries(st.text(max_size=2), st.none(), max_size=2)
)  # fmt: skip


@st.composite
def frames(draw: st.DrawFn) -> dict[str, object]:
    """Some of the fields of a message, with whatever values, and a field that it does not have."""
    kind = draw(st.sampled_from(KINDS))
    given_fields = draw(st.sets(st.sampled_from([*(item.name for item in dataclasses.fields(kind)), "new"])))
    return {**{name: draw(_VALUES) for name in sorted(given_fields)}, "type": kind.__name__}


@given(frames())
def test_a_frame_is_a_message_with_its_fields_or_a_protocol_error(frame: dict[str, object]) -> None:
    with contextlib.suppress(session.ProtocolError):
        message = session.decode(orjson.dumps(frame).decode())
        assert type(message).__name__ == frame["type"]
        known = {item.name for item in dataclasses.fields(message)}
        assert all(getattr(message, name) == frame[name] for name in known & frame.keys())


def test_every_message_makes_the_round_trip_in_these_tests() -> None:
    assert {type(message) for message in MESSAGES} == set(KINDS)
