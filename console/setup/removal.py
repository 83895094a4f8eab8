"""The privileged part of `down`: the agent, what it made in the engine and in the kernel, the engine if it is ours.

Everything is found by our own marks (label, table name, chain, route protocol) or by a recorded identity, never by a
likely name; what is gone already is no error. Each thing leaves the journal when it is gone.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from common import mounts
from common.blocking import Unreachable
from common.clock import Clock
from common.settings import Home

from . import firewall, journal, kernel
from .engine import DEFAULT_SOCKET, LABEL, Engine, EngineError, engine_socket
from .host import EXEC_ROOT, LEFT_BY_ENGINE, HostSetup
from .places import Places
from .plan import Act
from .processes import Identity, running, stop
from .report import Report, SetupError

STOP_SECONDS = 20.0
ROUTE_PROTOCOL = "71"
TABLES = (("ip", "qd"), ("ip6", "qd"))
CHAIN_PREFIX = "QD-"
LINKS = ("qd0", "qdvx4", "qdvx6")


class HostRemoval:
    def __init__(self, home: Home, report: Report, clock: Clock) -> None:
        self._home = home
        self._places = Places(home)
        self._report = report
        self._clock = clock

    def run(self, *, purge: bool) -> None:
        """Raises SetupError when something of ours could not be removed; a later `down` goes on from there."""
        entries = journal.load(self._home)
        if entries.agent:
            self._stop_agent()
            self._clear_engine()
            self._clear_kernel()
            journal.record(self._home, agent=False)
        if entries.image:
            self._remove_image(entries.image)
            journal.record(self._home, image="")
        engine_runs = self._release_engine(entries)
        self._restore(entries, engine_runs=engine_runs)
        if purge:
            for folder in (self._home.agent, self._places.engine_data.parent, self._places.run):
                shutil.rmtree(folder, ignore_errors=True)
            self._places.agent_log.unlink(missing_ok=True)

    def _stop_agent(self) -> None:
        agent = running(self._places.agent_pid)
        if agent:
            self._end(agent, "the agent")
        self._places.agent_pid.unlink(missing_ok=True)
        self._places.agent_socket.unlink(missing_ok=True)

    def _end(self, identity: Identity, what: str) -> None:
        with self._report.step(f"stop {what}", f"process {identity.pid}"):
            if not stop(identity, STOP_SECONDS, self._clock):
                raise SetupError(f"{what} (process {identity.pid}) does not end, not even by SIGKILL")

    def _engine(self) -> Engine | None:
        path = engine_socket()
        try:
            if path is not None and Engine(path).version():
                return Engine(path)
        except (Unreachable, EngineError):
            pass
        return None

    def _cluster_label(self) -> str:
        """The label with our cluster's uid, so that another cluster's containers in the same engine stay."""
        try:
            uid = json.loads(self._home.cluster_file.read_text(encoding="utf-8"))["uid"]
        except (OSError, ValueError, KeyError, TypeError):
            return LABEL
        return f"{LABEL}={uid}"

    def _clear_engine(self) -> None:
        engine = self._engine() or self._revived_engine()
        if engine is None:
            return
        label = self._cluster_label()
        try:
            containers = engine.containers(label)
            if containers:
                with self._report.step(f"remove {len(containers)} containers", f"label {label}"):
                    for container in containers:
                        engine.remove_container(container["Id"])
            for network in engine.networks(label):
                engine.remove_network(network["Id"])
            for volume in engine.volumes(label):
                engine.remove_volume(volume["Name"])
            for found in engine.images(LABEL):
                engine.remove_image(found["Id"])
        except (EngineError, Unreachable) as error:
            raise SetupError(f"what the agent made in the engine cannot be removed: {error}") from error

    def _revived_engine(self) -> Engine | None:
        """Our own engine, started again when it died: its containers outlive it, and only it can end them well."""
        if journal.load(self._home).engine != "process":
            raise SetupError(
                "The Docker Engine does not answer, so containers of this cluster may be left in it.\n"
                "Start it and run `make down` again."
            )
        containers = self._places.engine_data / "containers"
        if not containers.is_dir() or not any(containers.iterdir()):
            return None
        with self._report.step("start the Docker Engine again", "it ended without removing its containers"):
            HostSetup(self._home, self._report, self._clock).run(Act.START_ENGINE)
        return self._engine()

    def _clear_kernel(self) -> None:
        for family, table in TABLES:
            _quiet("nft", "delete", "table", family, table)
        for tool in firewall.FAMILIES.values():
            firewall.remove_chains(tool, CHAIN_PREFIX)
        for version in ("-4", "-6"):
            _quiet("ip", version, "route", "flush", "proto", ROUTE_PROTOCOL)
        for link in LINKS:
            _quiet("ip", "link", "delete", link)
        self._unmount(self._home.agent)

    def _remove_image(self, name: str) -> None:
        engine = self._engine()
        if engine is not None and engine.has_image(name):
            with self._report.step(f"remove image {name}"):
                try:
                    engine.remove_image(name)
                except EngineError as error:
                    raise SetupError(f"image {name} cannot be removed: {error}") from error

    def _release_engine(self, entries: journal.Entries) -> bool:
        """Stop the engine if setup started it and nothing else runs on it; whether one runs afterwards."""
        engine = self._engine()
        others = [] if engine is None else engine.containers(only_running=True)
        if not entries.engine:
            return engine is not None
        if others:
            names = ", ".join(sorted(name_of(container) for container in others))
            self._report.say(f"-- the engine goes on running: other containers run on it ({names})")
            return True
        if entries.engine == "systemd":
            with self._report.step("stop the Docker Engine", "setup started it"):
                _quiet("systemctl", "stop", "docker.socket", "docker.service")
        else:
            identity = running(self._places.engine_pid)
            if identity:
                self._end(identity, "the Docker Engine")
            self._places.engine_pid.unlink(missing_ok=True)
            # A killed engine leaves its mounts; one that starts and stops after it takes only its own away.
            self._unmount(EXEC_ROOT, self._places.engine_data, inclusive=True)
        firewall.remove_engine(entries.before.get("iptables") or {})
        _quiet("ip", "link", "delete", "docker0")
        self._tidy_paths(entries)
        journal.record(self._home, engine="")
        return False

    @staticmethod
    def _unmount(*folders: Path, inclusive: bool = False) -> None:
        for mount in mounts.below(*folders, inclusive=inclusive):
            _quiet("umount", "--lazy", str(mount))

    @staticmethod
    def _tidy_paths(entries: journal.Entries) -> None:
        """What our engine leaves and was not there before it. Folders that another engine may use too go when empty."""
        if entries.engine != "process":
            return
        shutil.rmtree(EXEC_ROOT, ignore_errors=True)
        for path in (EXEC_ROOT.with_suffix(".pid"), DEFAULT_SOCKET):
            path.unlink(missing_ok=True)
        known = set(entries.before.get("paths") or ())
        for path in (Path(text) for text in LEFT_BY_ENGINE if text not in known):
            if path.is_dir():
                remove_empty_folders(path)
            else:
                path.unlink(missing_ok=True)

    def _restore(self, entries: journal.Entries, *, engine_runs: bool) -> None:
        firewall.remove_new_tables(entries.before.get("iptables") or {})
        changed = kernel.restore(entries.before.get("kernel") or {}, engine_runs=engine_runs)
        if changed:
            self._report.say(f"-- kernel settings put back: {', '.join(changed)}")
        if not journal.load(self._home).engine:  # an engine of ours that stays will need it at the next `down`
            journal.record(self._home, before={})


def name_of(container: dict[str, Any]) -> str:
    names = container.get("Names") or [container.get("Id", "")[:12]]
    return str(names[0]).lstrip("/")


def remove_empty_folders(top: Path) -> None:
    """Remove a tree of folders from the leaves up, as far as there are no files in it."""
    for folder in (*sorted(top.rglob("*"), reverse=True), top):
        if folder.is_dir() and not folder.is_symlink():
            with contextlib.suppress(OSError):  # not empty
                folder.rmdir()


def _quiet(*argv: str) -> None:
    """Run a command whose failure means that there is nothing to remove."""
    try:
        subprocess.run(argv, capture_output=True, check=False)
    except FileNotFoundError:
        return
