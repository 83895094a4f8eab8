"""A control plane as a process, as programs of strangers find it: a kubeconfig, and nothing in the test's own loop."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

READY_SECONDS = 60


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Server:
    """`quarterdeck serve` in a folder of its own. It may be stopped and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def kubeconfig(self) -> Path:
        return self._folder / "home" / "kubeconfig"

    @property
    def environment(self) -> dict[str, str]:
        """For programs that use it."""
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self._folder)}

    def start(self) -> None:
        program = str(Path(sys.executable).with_name("quarterdeck"))
        environment = {**os.environ, "QUARTERDECK_HOME": str(self._folder / "home")}
        with (self._folder / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "serve", "--listen", f"127.0.0.1:{self._port}"],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + READY_SECONDS
        while not self._ready():
            assert time.monotonic() < deadline, (self._folder / "serve.log").read_text()[-3000:]
            time.sleep(0.1)

    def _ready(self) -> bool:
        if not self.kubeconfig.exists():
            return False
        asked = ["kubectl", "get", "--raw", "/readyz"]
        return subprocess.run(asked, env=self.environment, capture_output=True, check=False).returncode == 0

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None


def program(server_environment: dict[str, str], *words: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; an AssertionError with all that it wrote when it fails."""
    done = subprocess.run(
        words, env=server_environment, capture_output=True, text=True, timeout=seconds, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done
