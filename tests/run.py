"""`make test`: installs what the tests need, runs every suite in order and ends by naming what did not run and why.

A suite that cannot run makes the whole fail with CI=true; elsewhere the rest counts. A missing kubectl is always an
error, because no package of the distribution has a version that can be used.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests import needs

OWN_LAB = "QUARTERDECK_TEST_LAB"
NO_TESTS = 5  # pytest's exit code for an empty folder
FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def present() -> set[str]:
    path = f"{os.environ.get('PATH', '')}:{FOLDERS}"
    return {program for program in (*needs.PACKAGES, "kubectl") if shutil.which(program, path=path)}


def as_root() -> list[str] | None:
    """What to put before a command that needs root; None when there is no way."""
    if os.geteuid() == 0:
        return []
    free = shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    asks = shutil.which("sudo") and sys.stdin.isatty()
    return ["sudo"] if asks or (free and free.returncode == 0) else None


def install(packages: list[str], prefix: list[str] | None) -> None:
    """Install with apt-get after saying what, and asking where there is a terminal."""
    if not packages:
        return
    print(f"The tests need these packages: {', '.join(packages)}", flush=True)
    if prefix is None or shutil.which("apt-get") is None:
        print("They are not installed: that needs root and apt-get.", flush=True)
        return
    if sys.stdin.isatty() and input("Install them? [Y/n] ").strip().lower() not in {"", "y", "yes"}:
        return
    # Level 1 keeps packages from starting services where there is no systemd.
    quiet = [] if os.path.isdir("/run/systemd/system") else ["RUNLEVEL=1"]
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", *quiet, "apt-get", "-qq"]
    subprocess.run([*apt, "update"], check=False)
    subprocess.run([*apt, "-y", "--no-install-recommends", "install", *packages], check=False)


def run_suite(suite: needs.Suite) -> bool:
    """Whether pytest found no failure. What it says is printed when it has ended, so that suites do not mix."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *suite.paths]
    environment = {**os.environ, **({OWN_LAB: suite.lab} if suite.lab else {})}
    with tempfile.TemporaryFile() as output:
        code = subprocess.run(command, env=environment, stdout=output, stderr=output, check=False).returncode
        output.seek(0)
        print(f"\n== {suite.name}\n{output.read().decode(errors='replace')}", flush=True)
    return code in {0, NO_TESTS}


def run_stage(suites: Sequence[needs.Suite], run: Callable[[needs.Suite], bool]) -> list[str]:
    """Run suites side by side; the names of those that failed."""
    if not suites:
        return []
    print(f"\nRunning: {', '.join(suite.name for suite in suites)}", flush=True)
    with ThreadPoolExecutor(len(suites)) as pool:
        return [suite.name for suite, good in zip(suites, pool.map(run, suites), strict=True) if not good]


def main(run: Callable[[needs.Suite], bool] = run_suite) -> int:
    install(needs.packages(present()), as_root())
    there, root = present(), os.geteuid() == 0
    obstacles = {suite: needs.obstacles(suite, there, root=root) for suite in needs.SUITES}
    left_out = [(suite, reasons) for suite, reasons in obstacles.items() if reasons]
    failed: list[str] = []
    for stage in needs.STAGES:
        failed += run_stage([suite for suite in stage if not obstacles[suite]], run)
    return conclude(failed, left_out, kubectl="kubectl" in there, ci=os.environ.get("CI") == "true")


def conclude(failed: list[str], left_out: list[tuple[needs.Suite, list[str]]], *, kubectl: bool, ci: bool) -> int:
    """Say how it ended; the exit code."""
    for suite, reasons in left_out:
        print(f"\nNOT RUN: {suite.name}")
        for reason in reasons:
            print(f"  - {reason}")
    if failed:
        print(f"\nFAILED: {', '.join(failed)}")
    if not kubectl:
        print(f"\nERROR: {needs.KUBECTL}")
    bad = bool(failed) or not kubectl or (ci and bool(left_out))
    if not failed:
        print("\nEverything that ran is green." if left_out else "\nEverything is green.", flush=True)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
