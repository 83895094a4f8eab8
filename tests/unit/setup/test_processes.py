"""Processes are known by pid and start time, and only they are stopped."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from common.clock import SystemClock
from common.waiting import wait_until
from console.setup.processes import Identity, forget_dead, last_lines, launch, running, stop
from console.setup.report import SetupError

CLOCK = SystemClock()
ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parents[3])}


def test_a_process_is_alive_until_it_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        identity = Identity.of(child.pid)
        assert identity is not None
        assert identity.alive
        child.kill()
        assert wait_until(lambda: not identity.alive, 5, CLOCK)  # a zombie is dead


def test_a_pid_of_another_process_is_not_ours(tmp_path: Path) -> None:
    mine = Identity.of(os.getpid())
    assert mine is not None
    impostor = replace(mine, started=mine.started - 1)
    impostor.write(tmp_path / "a.pid")
    assert Identity.read(tmp_path / "a.pid") == impostor
    assert running(tmp_path / "a.pid") is None
    assert stop(impostor, 0.1, CLOCK)  # must not end this very process
    replace(mine, boot="earlier").write(tmp_path / "a.pid")
    assert running(tmp_path / "a.pid") is None


@pytest.mark.parametrize("text", ["", "1", "a b c", "1 2 3 4"])
def test_a_damaged_pid_file_names_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.pid").write_text(text)
    assert running(tmp_path / "a.pid") is None
    assert running(tmp_path / "none.pid") is None


def test_only_pid_files_of_the_dead_are_removed(tmp_path: Path) -> None:
    mine, dead, other = tmp_path / "mine.pid", tmp_path / "dead.pid", tmp_path / "other"
    mine.write_text(f"{os.getpid()}")
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        dead.write_text(f"{child.pid}\n")
    other.write_text("no pid")
    for path in (mine, dead, other, tmp_path / "none"):
        forget_dead(path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.pid", "other"]


def test_launched_programs_live_on_detached_and_are_found_and_stopped(tmp_path: Path) -> None:
    pid_file, log = tmp_path / "run" / "a.pid", tmp_path / "log" / "a.log"
    script = "import os, sys, time; print('sid', os.getsid(0) == os.getpid(), flush=True); time.sleep(60)"
    launch([sys.executable, "-c", script], pid_file, log, ENVIRONMENT)
    assert wait_until(lambda: running(pid_file) is not None and "sid" in last_lines(log), 10, CLOCK)
    identity = running(pid_file)
    assert identity is not None
    assert last_lines(log) == "sid True"
    assert stop(identity, 5, CLOCK)
    assert running(pid_file) is None


def test_one_that_cannot_keep_its_log_is_an_error_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    with pytest.raises(SetupError, match=r"cannot be started: .*Is a directory"):
        launch([sys.executable, "-c", "pass"], tmp_path / "a.pid", tmp_path / "log", ENVIRONMENT)


def test_one_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    pid_file, log = tmp_path / "a.pid", tmp_path / "a.log"
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    launch([sys.executable, "-c", script], pid_file, log, ENVIRONMENT)
    assert wait_until(lambda: last_lines(log) == "deaf", 10, CLOCK)
    identity = running(pid_file)
    assert identity is not None
    assert stop(identity, 0.2, CLOCK)
    assert not identity.alive


def test_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    assert last_lines(log) == ""
    log.write_text("".join(f"line {number}\n" for number in range(2000)))
    assert last_lines(log, 2) == "line 1998\nline 1999"
