"""The real kubectl, run beside the event loop that serves it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


class Kubectl:
    def __init__(self, kubeconfig: Path, home: Path) -> None:
        self.kubeconfig = kubeconfig
        program = shutil.which("kubectl")
        assert program, "kubectl must be on PATH: these tests drive the real one"
        self._program = program
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(home)}

    async def start(self, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            self._program,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**self._environment, **environment},
        )

    async def run(self, *arguments: str, stdin: str = "", **environment: str) -> Result:
        process = await self.start(*arguments, **environment)
        out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return Result(process.returncode, out.decode(), err.decode())

    async def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> str:
        """Standard output of a command that must succeed."""
        result = await self.run(*arguments, stdin=stdin, **environment)
        assert result.code == 0, f"kubectl {' '.join(arguments)}: {result.err}{result.out}"
        return result.out

    async def fails(self, *arguments: str, stdin: str = "") -> str:
        """Standard error of a command that must fail."""
        result = await self.run(*arguments, stdin=stdin)
        assert result.code != 0, f"kubectl {' '.join(arguments)} succeeded: {result.out}"
        return result.err


async def forwarded_port(process: asyncio.subprocess.Process) -> int:
    """The local port of a `kubectl port-forward` that takes any free one."""
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    match = re.search(r"127\.0\.0\.1:(\d+) ->", line)
    assert match, line
    return int(match[1])


async def echoes_large_data(port: int) -> bool:
    """Whether an echo server behind a local port gives 2 MiB back as they were, on four connections at once."""
    data = bytes(range(256)) * 8192

    async def exchange() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        answer = await reader.readexactly(len(data))
        writer.close()
        return answer

    return all(answer == data for answer in await asyncio.gather(*(exchange() for _ in range(4))))
