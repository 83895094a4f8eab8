"""A Docker Engine for tests: its own data, its own network namespace, its own images. Ends with the test run.

It is always a private one, also where an engine runs already: tests kill, restart and fill it.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

from common.blocking import UnixHttp, Unreachable

IMAGE = "quarterdeck-test/tools:1"
START_SECONDS = 60.0
APPLETS = (
    "sh",
    "cat",
    "echo",
    "env",
    "sleep",
    "true",
    "false",
    "kill",
    "ls",
    "stty",
    "head",
    "seq",
    "touch",
    "id",
    "wc",
)


class TestEngine:
    """`start` and `stop` may be repeated; the data stays until `remove`."""

    __test__ = False

    def __init__(self) -> None:
        # Not pytest's folder: sockets of containerd below it would have too long a name.
        self.folder = Path(tempfile.mkdtemp(prefix="qd-engine-"))
        self.socket = self.folder / "docker.sock"
        self.http = UnixHttp(self.socket)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        assert shutil.which("dockerd"), "dockerd is not installed: apt-get install docker.io"
        folders = [f"--{kind}={self.folder / kind}" for kind in ("data-root", "exec-root", "pidfile")]
        script = 'ip link set lo up && exec dockerd "$@"'
        command = ["unshare", "--net", "sh", "-c", script, "dockerd", "-H", self.url, "--bridge=none", *folders]
        with (self.folder / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            text = (self.folder / "dockerd.log").read_text()[-2000:]
            assert self._process is not None, "it was stopped"
            assert self._process.poll() is None, f"dockerd ended: {text}"
            assert time.monotonic() < deadline, f"dockerd does not answer: {text}"
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            return self.http.request("GET", "/_ping").code == 200
        except Unreachable:
            return False

    def stop(self) -> None:
        """As an operator stops it: its containers end too."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
            self._process = None

    def remove(self) -> None:
        self.stop()
        for mount in sorted(_mounts_below(self.folder), reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=True)
        shutil.rmtree(self.folder)

    def docker(self, *words: str) -> str:
        """Run the docker command against this engine."""
        done = subprocess.run(["docker", "-H", self.url, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
        return done.stdout

    def add_image(self, name: str = IMAGE, **files: bytes) -> None:
        """An image of a static busybox, and of files by path with `__` for a slash."""
        path = "/images/create?fromSrc=-&repo={}&tag={}".format(*name.rsplit(":", 1))
        answer = self.http.request("POST", path, body=tools(files), headers={"Content-Type": "application/x-tar"})
        assert answer.code == 200, answer.body


def tools(files: dict[str, bytes] | None = None) -> bytes:
    """A root file system as a tar archive."""
    busybox = next((path for path in map(Path, ("/bin/busybox", "/usr/bin/busybox")) if path.exists()), None)
    assert busybox is not None, "busybox is not installed: apt-get install busybox-static"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(busybox.resolve(), "bin/busybox")
        for applet in APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        for name, content in (files or {}).items():
            entry = tarfile.TarInfo(name.replace("__", "/"))
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _mounts_below(folder: Path) -> list[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [line.split()[1] for line in lines if line.split()[1].startswith(f"{folder}/")]
