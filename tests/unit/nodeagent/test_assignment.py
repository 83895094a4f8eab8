"""The mirror of what the control plane assigned, in memory and on disk."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest

from common.session import Sync
from nodeagent.assignment import Assignment, Change


def item(uid: str, name: str = "", **more: Any) -> dict[str, Any]:
    return {"metadata": {"uid": uid, "namespace": "default", "name": name or uid}, **more}


def uids(assignment: Assignment, resource: str) -> set[str]:
    return {entry["metadata"]["uid"] for entry in assignment.objects(resource)}


def test_full_sync_forgets_what_it_does_not_list() -> None:
    assignment = Assignment(None)
    assignment.apply(Sync(1, full=True, objects={"pods": [item("a"), item("b")], "services": [item("s")]}))
    assignment.apply(Sync(2, full=True, objects={"pods": [item("b")]}))
    assert uids(assignment, "pods") == {"b"}
    assert assignment.objects("services") == []


def test_increment_adds_changes_and_removes() -> None:
    assignment = Assignment(None)
    assignment.apply(Sync(1, full=True, objects={"pods": [item("a"), item("b")]}))
    assignment.apply(Sync(2, objects={"pods": [item("c"), item("a", spec=1)]}, removed={"pods": ["b", "unknown"]}))
    assert uids(assignment, "pods") == {"a", "c"}
    assert assignment.by_uid("pods", "a") == item("a", spec=1)
    assert assignment.find("pods", "default", "b") is None


def test_a_namesake_made_before_its_predecessor_went_keeps_the_name() -> None:
    assignment = Assignment(None)
    assignment.apply(Sync(1, full=True, objects={"pods": [item("old", "web")]}))
    assignment.apply(Sync(2, objects={"pods": [item("new", "web")]}))
    assignment.apply(Sync(3, removed={"pods": ["old"]}))
    assert assignment.find("pods", "default", "web") == item("new", "web")


def test_listeners_hear_what_moved() -> None:
    assignment = Assignment(None)
    heard: list[Change] = []
    assignment.listen(heard.append)
    assignment.join("cluster", "node", {"name": "x"})
    assignment.join("cluster", "node", {"name": "x"})
    assignment.apply(Sync(1, objects={"pods": [item("a")], "secrets": []}, removed={"services": ["s"]}))
    assignment.release(["a"])
    assert heard == [Change(frozenset({"cluster"})), Change(frozenset({"pods", "services"})), Change(released=("a",))]


def test_applied_versions_only_rise() -> None:
    assignment = Assignment(None)
    heard: list[int] = []
    assignment.listen_applied(heard.append)
    first = assignment.apply(Sync(7))
    second = assignment.apply(Sync(1))
    assignment.mark_applied(second)
    assignment.mark_applied(first)
    assert first < second
    assert heard == [second]


async def test_a_restart_finds_everything(tmp_path: Path) -> None:
    assignment = Assignment(tmp_path)
    assignment.join("cluster", "node-1", {"pod_cidrs": ["10.42.0.0/16"]})
    assignment.apply(
        Sync(1, full=True, objects={"pods": [item("a")], "secrets": [item("s", data={"password": "aHVudGVyMg=="})]})
    )
    await assignment.save()

    again = Assignment(tmp_path)
    again.load()
    assert (again.cluster_uid, again.node_name, again.config) == ("cluster", "node-1", {"pod_cidrs": ["10.42.0.0/16"]})
    assert again.pods_known
    assert uids(again, "pods") == {"a"}
    assert again.find("secrets", "default", "s") == item("s", data={"password": "aHVudGVyMg=="})


async def test_secrets_are_sealed_and_files_private(tmp_path: Path) -> None:
    assignment = Assignment(tmp_path)
    assignment.apply(Sync(1, full=True, objects={"secrets": [item("s", data={"password": "aHVudGVyMg=="})]}))
    await assignment.save()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert all(b"aHVudGVyMg" not in path.read_bytes() for path in files)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


@pytest.mark.parametrize(
    "damage", [b"", b'[{"metadata": {"uid', b"\x00\xff\x00", b"null", b"{}", b"[1]", b'[{"spec": {}}]']
)
async def test_a_damaged_pods_file_means_unknown_not_empty(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assignment = Assignment(tmp_path)
    assignment.apply(Sync(1, full=True, objects={"pods": [item("a")], "services": [item("s")]}))
    await assignment.save()
    (tmp_path / "assignment" / "pods.json").write_bytes(damage)

    again = Assignment(tmp_path)
    again.load()
    assert not again.pods_known
    assert uids(again, "services") == {"s"}
    assert "pods.json cannot be used" in caplog.text


@pytest.mark.parametrize("victim", ["seal.key", "assignment/secrets.sealed"])
async def test_damaged_secrets_cost_only_the_secrets(
    tmp_path: Path, victim: str, caplog: pytest.LogCaptureFixture
) -> None:
    assignment = Assignment(tmp_path)
    assignment.apply(Sync(1, full=True, objects={"pods": [item("a")], "secrets": [item("s")]}))
    await assignment.save()
    path = tmp_path / victim
    path.write_bytes(path.read_bytes()[:-3])

    again = Assignment(tmp_path)
    again.load()
    assert again.objects("secrets") == []
    assert again.pods_known
    assert "secrets.sealed cannot be used" in caplog.text
    again.apply(Sync(1, full=True, objects={"secrets": [item("t")]}))
    await again.save()


async def test_a_write_that_fails_is_done_later(tmp_path: Path) -> None:
    assignment = Assignment(tmp_path)
    (tmp_path / "assignment").write_text("in the way")
    assignment.apply(Sync(1, full=True, objects={"pods": [item("a")]}))
    with pytest.raises(OSError, match="assignment"):
        await assignment.save()
    (tmp_path / "assignment").unlink()
    await assignment.save()
    again = Assignment(tmp_path)
    again.load()
    assert uids(again, "pods") == {"a"}


def test_another_cluster_starts_with_nothing() -> None:
    assignment = Assignment(None)
    assignment.join("one", "node", {})
    assignment.apply(Sync(1, full=True, objects={"pods": [item("a")]}))
    assignment.join("two", "node", {})
    assert assignment.objects("pods") == []


async def test_what_was_being_saved_when_the_agent_stopped_is_saved_by_its_last_save(tmp_path: Path) -> None:
    assignment = Assignment(tmp_path)
    keeper = asyncio.get_running_loop().create_task(assignment.keep_saved())
    assignment.apply(Sync(1, full=True, objects={"pods": [item("a")], "services": [item("s")], "nodes": [item("n")]}))
    for _ in range(3):  # into the middle of the first file
        await asyncio.sleep(0)
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)
    await assignment.save()
    again = Assignment(tmp_path)
    again.load()
    assert [uids(again, resource) for resource in ("pods", "services", "nodes")] == [{"a"}, {"s"}, {"n"}]


@pytest.mark.parametrize("damage", [b"[]", b"null", b'{"uid": 3, "node": "a", "config": {}}', b'{"uid": "c"}'])
def test_a_damaged_cluster_file_is_no_membership(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "assignment" / "cluster.json"
    path.parent.mkdir()
    path.write_bytes(damage)
    assignment = Assignment(tmp_path)
    assignment.load()
    assert (assignment.cluster_uid, assignment.node_name, assignment.config) == ("", "", {})
    assert f"{path} cannot be used" in caplog.text
