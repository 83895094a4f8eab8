"""Facts about this machine, gathered without changing anything; `plan` decides by them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from common.blocking import UnixHttp, Unreachable
from common.settings import AGENT_PORT, API_PORT, Home
from console.packages import NEEDS, SEARCH_PATH, is_supported, parse_os_release

from .engine import Engine, EngineError, engine_socket
from .image import IMAGE, is_static
from .places import Places
from .processes import running

CAP_NET_ADMIN, CAP_SYS_ADMIN = 12, 21  # capabilities(7)


@dataclass(frozen=True, slots=True)
class Machine:
    """What setup must know. `engine` is the running engine's version, empty when none answers."""

    system: str
    supported: bool
    root: bool
    sudo: bool  # there is sudo
    sudo_free: bool  # and it asks for no password now
    terminal: bool
    systemd: bool
    locked_down: str  # why a container engine cannot run here, empty when it can
    programs: frozenset[str]
    engine: str
    engine_denied: bool  # an engine is there, but this user may not use it
    image: bool  # the example's image is in the engine, as far as this user can see
    agent: bool
    control_plane: bool
    agent_port_taken: bool
    api_port_taken: bool
    ipv6: bool


def survey(home: Home) -> Machine:
    """Look at everything once."""
    release = parse_os_release(_read(Path("/etc/os-release")))
    engine, denied, image = _engine()
    agent = answers(home.agent / "agent.sock", "/identity")
    control_plane = answers(home.api_socket, "/readyz")
    return Machine(
        system=release.get("PRETTY_NAME", "an unknown system"),
        supported=is_supported(release) and _program("apt-get"),
        root=os.geteuid() == 0,
        sudo=_program("sudo"),
        sudo_free=os.geteuid() != 0 and _program("sudo") and _sudo_is_free(),
        terminal=sys.stdin.isatty() and sys.stdout.isatty(),
        systemd=Path("/run/systemd/system").is_dir(),
        locked_down=_locked_down(),
        programs=survey_programs(),
        engine=engine,
        engine_denied=denied,
        image=image or (denied and agent),
        agent=agent or running(Places(home).agent_pid) is not None,
        control_plane=control_plane,
        agent_port_taken=not agent and _taken(AGENT_PORT),
        api_port_taken=not control_plane and _taken(API_PORT),
        ipv6=Path("/proc/net/if_inet6").exists() and _read(Path("/proc/sys/net/ipv6/conf/all/disable_ipv6")) != "1",
    )


def survey_programs() -> frozenset[str]:
    """Which of the programs in NEEDS are there."""
    return frozenset(need.program for need in NEEDS if _present(need.program))


def answers(path: Path, ask: str) -> bool:
    """Whether somebody answers well on a Unix socket."""
    try:
        return UnixHttp(path, timeout=5).request("GET", ask).code == 200
    except Unreachable:
        return False


def _engine() -> tuple[str, bool, bool]:
    """Version, whether it is denied to this user, whether it has the example's image."""
    path = engine_socket()
    if path is None:
        return "", False, False
    try:
        return Engine(path).version(), False, Engine(path).has_image(IMAGE)
    except (Unreachable, EngineError):
        return "", path.exists() and not os.access(path, os.R_OK | os.W_OK), False


def _sudo_is_free() -> bool:
    return subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0


def _locked_down() -> str:
    """Root of a container that has been denied what an engine needs; for other users sudo will tell."""
    if os.geteuid() != 0:
        return ""
    line = next((line for line in _read(Path("/proc/self/status")).splitlines() if line.startswith("CapEff:")), "")
    held = int(line.split()[1], 16) if line else 0
    names = {CAP_SYS_ADMIN: "CAP_SYS_ADMIN", CAP_NET_ADMIN: "CAP_NET_ADMIN"}
    lacking = [name for bit, name in names.items() if not held >> bit & 1]
    return f"this is a container without {' and '.join(lacking)}" if lacking else ""


def _present(program: str) -> bool:
    if program == "busybox-static":
        return static_busybox() is not None
    return _program(program)


def _program(name: str) -> bool:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SEARCH_PATH}") is not None


def static_busybox() -> Path | None:
    """A busybox that runs in an empty image: statically linked."""
    for folder in ("/bin", "/usr/bin", "/usr/local/bin"):
        path = Path(folder) / "busybox"
        if path.is_file() and is_static(path):
            return path
    return None


def _taken(port: int) -> bool:
    """Whether somebody listens there already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
