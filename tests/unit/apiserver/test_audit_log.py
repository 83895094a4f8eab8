"""The files of the audit log, and what comes back into them after a crash."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import aiohttp
import orjson
import pytest

from common import auditlog
from common.api.kinds import CONFIGMAPS, DEPLOYMENTS
from common.api.meta import Object
from common.auditlog import AuditFile, every_line, files, follow, newest_lines
from common.clock import SystemClock
from common.settings import ClusterConfig
from console.apiserver.audit import auditor
from console.apiserver.audit.events import CHANGES, COMPLETE, Ended, render
from console.apiserver.audit.trail import Trail
from console.apiserver.caller import Caller
from console.apiserver.history.record import Write, recorded
from console.apiserver.server import ApiServer
from console.registry.catalog import default_registry
from console.store import Store, open_store

from .identity import audited

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def lines(folder: Path) -> list[bytes]:
    return [line.rstrip(b"\n") for line in every_line(folder)]


# The files


def test_what_is_appended_stays_over_a_restart(tmp_path: Path) -> None:
    for text in (b"one\n", b"two\n"):
        file = AuditFile(tmp_path / "audit")
        file.append(text, NOW)
        file.close()
    assert lines(tmp_path / "audit") == [b"one", b"two"]
    assert (tmp_path / "audit" / "audit.log").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "audit").stat().st_mode & 0o777 == 0o700


def test_files_are_bounded_and_the_oldest_go(tmp_path: Path) -> None:
    file = AuditFile(tmp_path, limit=10, kept=2)
    for number in range(10):
        file.append(b"line-%d\n" % number, NOW + timedelta(seconds=number))
    file.close()
    assert lines(tmp_path) == [b"line-7", b"line-8", b"line-9"]
    assert len(files(tmp_path)) == 3


def test_a_line_that_was_cut_spoils_no_other(tmp_path: Path) -> None:
    (tmp_path / "audit.log").write_bytes(b'whole\n{"kind":"Ev')
    file = AuditFile(tmp_path)
    file.append(b"next\n", NOW)
    file.close()
    assert lines(tmp_path) == [b"whole", b'{"kind":"Ev', b"next"]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = AuditFile(tmp_path)
    file.append(b"before\n", NOW)

    def half(handle: int, data: memoryview) -> None:
        os.write(handle, data[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(auditlog, "_write", half)
        with pytest.raises(OSError, match="No space"):
            file.append(b"refused\n", NOW)
    file.append(b"after\n", NOW)
    file.close()
    assert lines(tmp_path) == [b"before", b"after"]


def test_the_newest_lines_are_whole_and_in_order_over_files(tmp_path: Path) -> None:
    (tmp_path / "audit-20260101T000000.000000.log").write_bytes(b"aaaa\nbbbb\n")
    (tmp_path / "audit.log").write_bytes(b"cccc\n")
    assert list(newest_lines(tmp_path, 12)) == [b"bbbb\n", b"cccc\n"]
    assert list(newest_lines(tmp_path / "none", 12)) == []


# After a crash


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    registry = default_registry()
    volatile = frozenset(row.resource.group_resource for row in registry.rows() if not row.durable)
    store = await open_store(tmp_path / "store.db", volatile)
    yield store
    await store.close()


async def run(store: Store, folder: Path, *requests: tuple[str, str, Object | None]) -> list[str]:
    """What an API server answers from its start to its end: the audit ids."""
    socket = folder.parent / "api.sock"
    server = ApiServer(store, default_registry(), SystemClock(), ClusterConfig(), audit=folder)
    await server.start(socket)
    found = []
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket))) as session:
        for method, path, body in requests:
            media = "application/merge-patch+json" if method == "PATCH" else "application/json"
            headers = {"Content-Type": media, "Impersonate-User": "anna", "Impersonate-Group": "system:masters"}
            async with session.request(method, f"http://a{path}", json=body, headers=headers) as answer:
                assert answer.status < 300, await answer.text()
                found.append(answer.headers["Audit-Id"])
    await server.close()
    return found


MAPS = CONFIGMAPS.path("default")


async def test_writes_that_a_crash_kept_out_come_from_the_history(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    first, *lost = await run(
        store, folder, ("POST", MAPS, {"metadata": {"name": "a"}, "data": {"x": "1"}}),
        ("PATCH", f"{MAPS}/a", {"data": {"x": "2"}}), ("DELETE", f"{MAPS}/a", None),
    )  # fmt: skip
    kept = [line for line in lines(folder) if orjson.loads(line)["auditID"] == first]
    (folder / "audit.log").write_bytes(kept[0] + b"\n")  # as a kill -9 may leave it
    await run(store, folder)
    events = [(await audited(folder, audit_id))[0] for audit_id in lost]
    assert [event["verb"] for event in events] == ["update", "delete"]
    assert {event["impersonatedUser"]["username"] for event in events} == {"anna"}
    assert events[0]["objectRef"]["resource"] == "configmaps"
    (update,), (deletion,) = (orjson.loads(event["annotations"][CHANGES]) for event in events)
    assert (update["before"], update["after"]) == ({"data.x": "1"}, {"data.x": "2"})
    assert deletion["before"]["data"] == {"x": "2"}
    await run(store, folder)  # and nothing of it twice
    assert [len(await audited(folder, audit_id)) for audit_id in (first, *lost)] == [1, 1, 1]


async def test_a_new_log_begins_with_what_the_history_has(store: Store, tmp_path: Path) -> None:
    (made,) = await run(store, tmp_path / "one", ("POST", MAPS, {"metadata": {"name": "a"}}))
    await run(store, tmp_path / "two")
    assert (await audited(tmp_path / "two", made))[0]["responseStatus"]["code"] == 201


async def test_a_log_that_cannot_be_kept_stops_nobody(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "audit").write_text("a file where the folder should be")
    await run(store, tmp_path / "audit", ("POST", MAPS, {"metadata": {"name": "a"}}))
    assert store.get("configmaps", "default", "a") is not None
    assert "audit log cannot be written" in caplog.text


async def test_an_event_that_cannot_be_written_costs_no_other(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def picky(ended: Ended) -> bytes:
        if ended.trail.verb == "patch":
            raise RuntimeError("no way to say this")
        return render(ended)

    monkeypatch.setattr(auditor, "render", picky)
    monkeypatch.setattr(auditor, "BATCH", 1)
    made, lost, gone = await run(
        store, tmp_path / "audit", ("POST", MAPS, {"metadata": {"name": "a"}}),
        ("PATCH", f"{MAPS}/a", {"data": {"x": "2"}}), ("DELETE", f"{MAPS}/a", None),
    )  # fmt: skip
    assert [orjson.loads(line)["auditID"] for line in lines(tmp_path / "audit")] == [made, gone]
    assert f"the event {lost} is missing" in caplog.text


@pytest.mark.parametrize("said", ["5", '[{"other":1}]', '["a"]', "text"])
async def test_an_annotation_of_somebody_else_stops_no_start(store: Store, tmp_path: Path, said: str) -> None:
    folder = tmp_path / "audit"
    folder.mkdir()
    (folder / "audit.log").write_bytes(orjson.dumps({"annotations": {CHANGES: said}}) + b"\n")
    (made,) = await run(store, folder, ("POST", MAPS, {"metadata": {"name": "a"}}))
    assert orjson.loads(lines(folder)[-1])["auditID"] == made


async def test_writes_of_the_control_plane_are_in_the_log_when_the_history_has_them(
    store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "audit"
    server = ApiServer(store, default_registry(), SystemClock(), ClusterConfig(), audit=folder)
    await server.start(tmp_path / "api.sock")
    client = server.local_client("system:autoscaler")
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    await client.create(DEPLOYMENTS, {"metadata": {"name": "web", "namespace": "default"}, "spec": spec})
    await client.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 4}}, "default")
    await server.close()
    (event,) = [orjson.loads(line) for line in lines(folder)]
    assert (event["user"]["username"], event["verb"]) == ("system:autoscaler", "update")
    assert orjson.loads(event["annotations"][CHANGES])[0]["after"] == {"spec.replicas": 4}


def test_following_goes_on_over_a_change_of_the_file(tmp_path: Path) -> None:
    file = AuditFile(tmp_path, limit=12, kept=2)
    file.append(b"earlier\n", NOW)
    steps = iter((b"one\n", b"two\nthree\n", b"four\n"))

    def step() -> None:
        file.append(next(steps), NOW + timedelta(seconds=file_count()))

    def file_count() -> int:
        return len(files(tmp_path))

    with closing(follow(tmp_path, step)) as lines_seen:
        assert list(islice(lines_seen, 4)) == [b"one", b"two", b"three", b"four"]
    file.close()
    assert file_count() == 3


@pytest.mark.parametrize(("code", "told"), [(200, True), (422, True), (503, False)])
def test_what_never_came_to_disk_was_not_written(code: int, *, told: bool) -> None:
    old, new = ({"metadata": {"name": "a", "namespace": "x"}, "data": {"n": text}} for text in ("1", "2"))
    caller = Caller("anna", source="tls kubectl/1.36")
    found = recorded(Write(caller, "update", CONFIGMAPS, old, new), "c1", NOW)
    assert found is not None
    trail = Trail("id", NOW, "/x", "update", None, writes=[found])
    event = orjson.loads(render(Ended(trail, COMPLETE, code, NOW)))
    assert (CHANGES in event.get("annotations", {})) is told
