"""npm's `@kubernetes/client-node`: one program a topic, each with assertions of its own; its last line says `done`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from . import node
from .server import Server, program


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return node.programs(tmp_path_factory.mktemp("programs"))


@pytest.mark.parametrize("topic", ["dynamic", "patch", "watch", "election", "operator"])
def test_javascript(topic: str, server: Server, space: str, folder: Path) -> None:
    done = program(server.environment, "node", str(folder / f"{topic}.mjs"), space)
    assert done.stdout.endswith(f"{topic}: done\n")


def test_a_javascript_informer_comes_back_after_a_restart(tmp_path: Path, folder: Path) -> None:
    server = Server(tmp_path)
    server.start()

    def kubectl(*words: str) -> None:
        program(server.environment, "kubectl", *words)

    try:
        kubectl("create", "configmap", "old")
        kubectl("label", "configmap", "old", "js=informer")
        informer = subprocess.Popen(
            ["node", str(folder / "informer.mjs"), "default", "new", "old"], env=server.environment,
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        try:
            assert informer.stdout is not None
            assert informer.stdout.readline() == "ready\n"
            server.stop()
            server.start()
            kubectl("delete", "configmap", "old")
            kubectl("create", "configmap", "new")
            kubectl("label", "configmap", "new", "js=informer")
            told, _ = informer.communicate(timeout=60)
        finally:
            informer.kill()
            informer.wait()
        assert (told, informer.returncode) == ("informer: done\n", 0)
    finally:
        server.stop()


def test_the_lock_file_names_no_registry() -> None:
    packages = json.loads((node.PROGRAMS / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert all(package.get("integrity") for name, package in packages.items() if name)
