"""Session messages survive the wire; what is none is refused by name and never crashes."""

import contextlib

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


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda inner: st.dictionaries(st.text(), inner),
    )
)
def test_no_frame_does_worse_than_a_protocol_error(value: object) -> None:
    with contextlib.suppress(session.ProtocolError):
        assert session.decode(orjson.dumps(value).decode()) in MESSAGES
