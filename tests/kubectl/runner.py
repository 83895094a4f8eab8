"""Runs rows on a cluster, side by side, each in a folder and a namespace of its own. Needs bash and kubectl.

What a row leaves behind is in its namespace, or is named after it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.kubectl.table import Row, Step

FILES = Path(__file__).parent / "files"
SHARED = "scenery"
WORKERS = 6
COMMAND_SECONDS = 180
UNTIL_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row: empty when all that must be seen was seen."""

    row: Row
    complaint: str


class Runner:
    """Rows on the cluster of `kubeconfig`. `open` makes the shared scenery, `close` removes every namespace."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self._kubeconfig = kubeconfig
        self._folder = folder
        self._mark = os.getpid() % 10000  # what an earlier run left has other names
        self._numbers = count()
        self._pool = ThreadPoolExecutor(WORKERS)
        self._alone = ThreadPoolExecutor(1)

    def open(self) -> None:
        self._prepare(SHARED)
        self._must("kubectl apply -f scenery.yaml --server-side", SHARED)
        self._must("kubectl wait --for=condition=Established crd/widgets.rows.example.com --timeout=30s", SHARED)
        self._must("kubectl apply -f widget.yaml", SHARED)
        self._must("kubectl wait pod/box pod/crash --for=condition=Ready --timeout=60s", SHARED)
        self._must("kubectl rollout status deployment/web --timeout=60s", SHARED)
        self._must("kubectl wait job/sums --for=condition=Complete --timeout=60s", SHARED)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._alone.shutdown(cancel_futures=True)
        self._must("kubectl uncordon -l kubernetes.io/os", SHARED)  # a row that failed may have left it
        self._must("kubectl delete namespace -l rows.example.com/row --timeout=80s", SHARED)
        self._must("kubectl delete -f scenery.yaml --ignore-not-found --timeout=60s", SHARED)

    def start(self, rows: Sequence[Row]) -> dict[str, Future[Outcome]]:
        """Begin all rows, by name: those that may run beside others, then one at a time those that may not."""
        beside = {row.name: self._pool.submit(self._run, row) for row in rows if not row.alone}

        def afterwards(row: Row) -> Outcome:
            wait(beside.values())
            return self._run(row)

        return {**beside, **{row.name: self._alone.submit(afterwards, row) for row in rows if row.alone}}

    def _run(self, row: Row) -> Outcome:
        name = SHARED if row.shared else f"row{self._mark}-{next(self._numbers)}"
        folder = self._prepare(name, row)
        complaint = next((found for step in row.steps if (found := self._try(step, row, name, folder))), "")
        if not row.shared:
            self._must(f"kubectl delete namespace {name} --wait=false", name, folder)
        return Outcome(row, complaint)

    def _prepare(self, namespace: str, row: Row | None = None) -> Path:
        """The folder of a row with its files and a kubeconfig whose context has the row's namespace."""
        folder = self._folder / (f"{namespace}-{next(self._numbers)}" if row and row.shared else namespace)
        shutil.copytree(FILES, folder)
        for name, text in (row.files if row else {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        shutil.copyfile(self._kubeconfig, folder / "kubeconfig")
        setup = f"kubectl config set-context --current --namespace={namespace}"
        if row is None or not row.shared:
            setup += f" && kubectl create namespace {namespace} && kubectl label namespace {namespace} {LABEL}"
        self._must(setup, namespace, folder)
        return folder

    def _must(self, command: str, namespace: str, folder: Path | None = None) -> None:
        step = Step(command, ())
        code, output = self._shell(step.command, namespace, folder or self._folder / namespace)
        if code != 0:
            raise AssertionError(f"{command} ended with {code}: {output}")

    def _try(self, step: Step, row: Row, namespace: str, folder: Path) -> str:
        # Rows that only look are tried again, too: events and figures of the scenery come a moment after it.
        deadline = time.monotonic() + (UNTIL_SECONDS if step.until or row.shared else 0)
        while True:
            code, output = self._shell(step.command, namespace, folder)
            complaints = step.complaints(code, output)
            if not complaints:
                return ""
            if time.monotonic() > deadline:
                return f"$ {step.command}\n{output}\n{'; '.join(complaints)}"
            time.sleep(0.5)

    def _shell(self, command: str, namespace: str, folder: Path) -> tuple[int, str]:
        """Exit code, and what it wrote to both of its outputs."""
        environment = {
            **os.environ, "HOME": str(folder), "KUBECONFIG": str(folder / "kubeconfig"),
            "NS": namespace, "TERM": "dumb",
        }  # fmt: skip
        process = subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", command], env=environment, cwd=folder, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            output, _ = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            output += f"\nnot ended after {COMMAND_SECONDS} s".encode()
        return process.returncode, output.decode(errors="replace")


LABEL = "rows.example.com/row="
