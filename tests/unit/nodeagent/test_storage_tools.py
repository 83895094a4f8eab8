"""Tools with a time limit, and what is said of servers, capacity and NFS."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from common.clock import FakeClock
from nodeagent.storage.attachments import Staged, VolumeFailure
from nodeagent.storage.commands import TimedOut, Tools
from nodeagent.storage.routes import VolumeRoutes
from nodeagent.storage.stager import Stager
from nodeagent.storage.watch import Figures, Fleet, VolumeWatch, summary_of
from tests.fakes.cluster import until
from tests.fakes.objects import pod
from tests.unit.nodeagent.test_storage import Engine, NoMounts, user, world


async def test_a_tool_that_hangs_is_ended_and_named() -> None:
    tools = Tools()
    with pytest.raises(TimedOut, match=r"^sleep did not end within 0\.1 s$"):
        await tools.run("sleep", "60", seconds=0.1)
    await tools.close()


async def test_what_a_tool_complains_of_is_said() -> None:
    tools = Tools()
    with pytest.raises(VolumeFailure, match=r"ls failed: .*nosuch"):
        await tools.run("ls", "/nosuch", seconds=10)
    with pytest.raises(VolumeFailure, match="nosuchtool is not installed on this node"):
        await tools.run("nosuchtool", seconds=10)
    assert await tools.run("sh", "-c", "echo out; exit 3", seconds=10, check=False) == "out\n"
    await tools.close()


async def test_a_daemon_that_keeps_its_output_open_is_not_waited_for() -> None:
    tools = Tools()
    assert await tools.run("sh", "-c", "sleep 2 & echo mounted", seconds=10) == "mounted\n"
    await tools.close()


async def test_nfs_without_a_kernel_that_has_it_says_so(tmp_path: Path) -> None:
    kernel = tmp_path / "filesystems"
    kernel.write_text("nodev\ttmpfs\n\text4\n")
    stager = Stager(tmp_path, NoMounts(), Engine(), kernel)
    with pytest.raises(VolumeFailure, match="this node's kernel has no NFS client"):
        await stager.stage(user(), world({"nfs": {"server": "files", "path": "/"}}))
    await stager.close()


class Silent(Tools):
    """Servers that answer, or do not."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False

    async def look(self, mount: str, seconds: float) -> tuple[int, ...]:
        if self.away:
            raise TimedOut("its server does not answer within 4 s")
        return (4096, 100, 25, 10, 5)


class Vanishing(Tools):
    """Measures folders, one of which its pod's removal takes away at that moment."""

    vanishing: Path

    async def run(self, *command: str, **_options: object) -> str:  # type: ignore[override]
        self.vanishing.rmdir()
        return "".join(f"7\t{path}\n" for path in command if path.startswith("/"))


async def test_pods_are_told_once_of_a_server_that_is_away_and_once_that_it_is_back(tmp_path: Path) -> None:
    stager = Stager(tmp_path, NoMounts(), Engine())
    stager.tools = tools = Silent()
    subject = pod("web")
    subject["metadata"]["uid"] = "p1"
    staged = Staged("data", "files", "sshfs.quarterdeck.io", "pv", "/mounts/pv/x", "/mounts/pv")
    stager.staged("p1")["data"] = staged
    told: list[tuple[str, ...]] = []
    clock = FakeClock()
    fleet = Fleet(lambda: [subject], lambda uid: tmp_path / uid, lambda *words: told.append(words), lambda *_: None)
    watch = VolumeWatch(stager, clock, fleet)
    watch.start()
    for away in (False, True, True, False, False):
        tools.away = away
        await clock.advance(5)
    await watch.close()
    await stager.close()
    assert told == [
        ("p1", "Warning", "VolumeConditionAbnormal", "Volume data: its server does not answer within 4 s"),
        ("p1", "Normal", "VolumeConditionNormal", "Volume data: The volume is healthy again"),
    ]
    assert watch.figures(subject) == {"data": ("files", Figures(75 * 4096, 100 * 4096, 25 * 4096, 10, 5))}


async def test_a_folder_that_goes_while_it_is_measured_ends_no_measuring(tmp_path: Path) -> None:
    stager = Stager(tmp_path, NoMounts(), Engine())
    stager.tools = tools = Vanishing()
    subject = pod("web")
    subject["metadata"]["uid"] = "p1"
    subject["spec"]["volumes"] = [{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {}}]
    for volume in ("a", "b"):
        (tmp_path / "p1" / "volumes" / volume).mkdir(parents=True)
    tools.vanishing = tmp_path / "p1" / "volumes" / "a"
    clock = FakeClock()
    watch = VolumeWatch(stager, clock, Fleet(lambda: [subject], lambda uid: tmp_path / uid, print, print))
    watch.start()
    await until(lambda: bool(watch.figures(subject)), lambda: asyncio.sleep(0.01))
    assert set(watch.figures(subject)) == {"b"}
    assert watch.figures(subject)["b"][1].used == 7
    await watch.close()
    await stager.close()


async def test_a_mount_is_made_anew_for_a_container_only_when_it_does_not_answer(tmp_path: Path) -> None:
    stager = Stager(tmp_path, NoMounts(), Engine())
    stager.tools = tools = Silent()
    attributes = {"server": "-bad", "path": "/"}
    csi = {"driver": "sshfs.quarterdeck.io", "volumeHandle": "h", "volumeAttributes": attributes}
    subject = user()
    staged = Staged("data", "data", "sshfs.quarterdeck.io", "pv", "/mounts/pv", "/mounts/pv")
    stager.staged("p1")["data"] = staged
    await stager.ensure(subject, world({"csi": csi}), ["data"])
    tools.away = True
    await stager.ensure(subject, world({"csi": csi}), ["other"])
    with pytest.raises(VolumeFailure, match="is not of the form HOST or USER@HOST"):
        await stager.ensure(subject, world({"csi": csi}), ["data"])
    await stager.close()


class Asked:
    """A request with a body."""

    def __init__(self, body: object) -> None:
        self._body = orjson.dumps(body)

    async def read(self) -> bytes:
        return self._body


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"volume": {"metadata": {"name": "pv"}, "spec": {}}}, 503),
        ({"volume": []}, 400),
        ({}, 400),
        ([], 400),
        ({"volume": {}, "secret": {"kind": "Secret", "data": {"a": "no base64!"}}}, 400),
    ],
)
async def test_a_reclaim_that_is_none_is_refused(tmp_path: Path, body: object, status: int) -> None:
    routes = VolumeRoutes(Stager(tmp_path, NoMounts(), Engine()))
    with pytest.raises(web.HTTPException) as refused:
        await routes.reclaim(Asked(body))  # type: ignore[arg-type]
    assert (refused.value.status, bool(refused.value.text)) == (status, True)


async def test_a_volume_in_use_is_a_conflict_and_a_simulated_node_has_none(tmp_path: Path) -> None:
    stager = Stager(tmp_path, NoMounts(), Engine())
    source = {"csi": {"driver": "local.quarterdeck.io", "volumeHandle": "pvc-1"}}
    await stager.stage(user(), world(source))
    body = {"volume": world(source).find("persistentvolumes", "", "pv"), "secret": None}
    with pytest.raises(web.HTTPConflict):
        await VolumeRoutes(stager).reclaim(Asked(body))  # type: ignore[arg-type]
    assert (await VolumeRoutes(None).reclaim(Asked(body))).status == 200  # type: ignore[arg-type]


def test_the_summary_names_the_claim_of_a_volume() -> None:
    figures = {"data": ("files", Figures(1, 10, 9)), "scratch": ("", Figures(2, 10, 8))}
    found = summary_of(figures, "default", "2026-01-01T00:00:00Z")
    assert [entry.get("pvcRef") for entry in found] == [{"name": "files", "namespace": "default"}, None]
    assert (found[0]["usedBytes"], found[0]["capacityBytes"], found[0]["availableBytes"]) == (1, 10, 9)
