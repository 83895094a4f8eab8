"""The files that start the agent on a machine: launcher, and systemd unit or init script. Pure."""

from __future__ import annotations

import hashlib

from .places import COMMAND, CURRENT, HOME, INIT, LOG, UNIT

PID = "/run/quarterdeck-agent.pid"

# The release's own packages come first, and nothing of the machine's site-packages is needed.
LAUNCHER = f"""#!/bin/sh
QUARTERDECK_HOME=${{QUARTERDECK_HOME:-{HOME}}}
PYTHONPATH={CURRENT}/lib
PYTHONNOUSERSITE=1
export QUARTERDECK_HOME PYTHONPATH PYTHONNOUSERSITE
python={CURRENT}/venv/bin/python
[ -x "$python" ] || python=python3
exec "$python" -c 'import sys; from nodeagent.cli import main; sys.exit(main())' "$@"
"""

SYSTEMD = f"""[Unit]
Description=Quarterdeck node agent
Wants=network-online.target docker.service
After=network-online.target docker.service

[Service]
ExecStart={COMMAND} run
# Its containers belong to the engine and outlive it: only the agent itself is stopped.
KillMode=process
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
"""

SYSV = f"""#!/bin/sh
### BEGIN INIT INFO
# Provides:          quarterdeck-agent
# Required-Start:    $network $remote_fs
# Required-Stop:     $network $remote_fs
# Should-Start:      docker
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Quarterdeck node agent
### END INIT INFO
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
alive() {{
  [ -f {PID} ] && kill -0 "$(cat {PID})" 2>/dev/null && tr '\\0' ' ' <"/proc/$(cat {PID})/cmdline" | grep -q nodeagent
}}
case "$1" in
  start)
    alive && exit 0
    start-stop-daemon --start --background --make-pidfile --pidfile {PID} --output {LOG} --startas {COMMAND} -- run
    ;;
  stop)
    alive || exit 0
    pid=$(cat {PID})
    kill -TERM "$pid"
    tries=100
    while [ $tries -gt 0 ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; tries=$((tries - 1)); done
    kill -0 "$pid" 2>/dev/null && kill -KILL "$pid"
    rm -f {PID}
    ;;
  restart|force-reload) "$0" stop; "$0" start ;;
  status) alive && echo running || {{ echo stopped; exit 3; }} ;;
  *) echo "usage: $0 start|stop|restart|status" >&2; exit 2 ;;
esac
"""


def files(*, systemd: bool) -> dict[str, tuple[str, int]]:
    """Content and mode by path."""
    service = {UNIT: (SYSTEMD, 0o644)} if systemd else {INIT: (SYSV, 0o755)}
    return {COMMAND: (LAUNCHER, 0o755), **service}


def stamp(*, systemd: bool) -> str:
    """Names the content of these files, so that an installation is known to be up to date."""
    content = "\0".join(text for text, _ in files(systemd=systemd).values())
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def control(verb: str, *, systemd: bool) -> str:
    """The command that starts, stops or restarts the agent."""
    return f"systemctl {verb} quarterdeck-agent.service" if systemd else f"{INIT} {verb}"


def enable(*, systemd: bool) -> str:
    """The command that makes it start with the machine; where there is no init system that knows it, nothing does."""
    if systemd:
        return "systemctl daemon-reload && systemctl enable --quiet quarterdeck-agent.service"
    return "if command -v update-rc.d >/dev/null; then update-rc.d quarterdeck-agent defaults >/dev/null; fi"


def disable(*, systemd: bool) -> str:
    if systemd:
        return "systemctl disable --quiet quarterdeck-agent.service || true"
    return "if command -v update-rc.d >/dev/null; then update-rc.d -f quarterdeck-agent remove >/dev/null || true; fi"
