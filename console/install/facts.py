"""What a machine is, from one shell script that changes nothing. `SCRIPT` asks, `parse` reads the answer (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from common.settings import AGENT_PORT
from console.packages import OF_A_NODE

from .places import CURRENT, HOME, STAMP

SCRIPT = f"""
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH; export PATH
say() {{ printf '%s=%s\\n' "$1" "$2"; }}
say hostname "$(uname -n)"; say arch "$(uname -m)"; say kernel "$(uname -r)"; say now "$(date +%s)"
sed -n 's/^\\(ID\\|ID_LIKE\\|PRETTY_NAME\\)=/os_\\1=/p' /etc/os-release 2>/dev/null
say python "$(python3 -c '
import sys, platform
print("%d.%d" % sys.version_info[:2], platform.libc_ver()[0])' 2>/dev/null)"
say venv "$(python3 -c 'import ensurepip' 2>/dev/null && echo yes)"
say apt "$(command -v apt-get)"
if [ -d /run/systemd/system ]; then say systemd yes; fi
for program in {" ".join(need.program for need in OF_A_NODE)}; do
  command -v "$program" >/dev/null 2>&1 && say program "$program"
done
say free_opt "$(df -Pk /opt 2>/dev/null | awk 'NR==2 {{print $4}}')"
say release "$(readlink {CURRENT} 2>/dev/null)"
say stamp "$(cat {STAMP} 2>/dev/null)"
if [ -S /var/run/docker.sock ]; then say engine "$(docker version --format '{{{{.Server.Version}}}}' 2>/dev/null)"; fi
say listener "$( (ss -Hltn 'sport = :{AGENT_PORT}' || true) 2>/dev/null | wc -l)"
say agent "$(test -S {HOME}/agent/agent.sock && echo yes)"
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """`python` is its version and C library, such as `3.11 glibc`, empty when there is none; `free_kib` of /opt;
    `release` the installed agent's, empty when none is; `engine` the version of a running engine; `skew` in seconds,
    positive when its clock is ahead of ours."""

    hostname: str
    arch: str
    system: str
    os_ids: frozenset[str]
    python: str
    venv: bool
    apt: bool
    systemd: bool
    programs: frozenset[str]
    free_kib: int
    release: str
    stamp: str
    engine: str
    port_taken: bool
    agent: bool
    skew: float


def parse(text: str, now: float) -> Facts:
    """`now` is our own time in seconds since 1970. Lines that are missing leave their facts empty."""
    pairs = [line.partition("=")[::2] for line in text.splitlines() if "=" in line]
    values = {key: value.strip().strip("\"'") for key, value in pairs}
    theirs = values.get("now", "")
    return Facts(
        hostname=values.get("hostname", ""),
        arch=values.get("arch", ""),
        system=values.get("os_PRETTY_NAME", "") or "an unknown system",
        os_ids=frozenset([values.get("os_ID", ""), *values.get("os_ID_LIKE", "").split()]) - {""},
        python=values.get("python", ""),
        venv=values.get("venv") == "yes",
        apt=bool(values.get("apt")),
        systemd=values.get("systemd") == "yes",
        programs=frozenset(value for key, value in pairs if key == "program"),
        free_kib=_whole(values.get("free_opt", "")),
        release=values.get("release", "").rpartition("/")[2],
        stamp=values.get("stamp", ""),
        engine=values.get("engine", ""),
        port_taken=_whole(values.get("listener", "")) > 0,
        agent=values.get("agent") == "yes",
        skew=float(theirs) - now if theirs.isdecimal() else 0.0,
    )


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else 0
