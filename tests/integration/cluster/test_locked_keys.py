"""A control plane whose keys are locked, as a process: it starts with the passphrase, and refuses to without it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from console.cli.exits import Exit

QUARTERDECK = Path(sys.executable).with_name("quarterdeck")
PASSPHRASE = "correct-horse-battery"


async def _serve(home: Path, **environment: str) -> tuple[int, str]:
    """Start, stop when it runs; its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        str(QUARTERDECK), "serve", "--listen", "127.0.0.1:0",
        env={**os.environ, "QUARTERDECK_HOME": str(home), **environment},
        stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    said = ""
    async with asyncio.timeout(60):
        async for line in process.stderr:
            said += line.decode()
            if "the control plane runs" in said and process.returncode is None:
                process.terminate()
                break
        rest = (await process.stderr.read()).decode()
        return await process.wait(), said + rest


async def test_the_passphrase_is_needed_from_the_first_start_with_one(tmp_path: Path) -> None:
    code, _ = await _serve(tmp_path)
    assert code == Exit.OK
    code, said = await _serve(tmp_path, QUARTERDECK_PASSPHRASE=PASSPHRASE)
    assert (code, PASSPHRASE in said) == (Exit.OK, False)
    code, said = await _serve(tmp_path)
    assert (code, "locked with a passphrase: give it in a file of mode 0600" in said) == (Exit.FAILED, True), said
    code, said = await _serve(tmp_path, QUARTERDECK_PASSPHRASE="wrong-horse-battery")
    assert (code, "the passphrase does not open the keys" in said) == (Exit.FAILED, True), said
    assert "horse" not in said
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE)
    file.chmod(0o600)
    code, _ = await _serve(tmp_path, QUARTERDECK_PASSPHRASE_FILE=str(file))
    assert code == Exit.OK
    file.unlink()
    assert not any(PASSPHRASE.encode() in found.read_bytes() for found in tmp_path.rglob("*") if found.is_file())
