"""Files that setup itself has in QUARTERDECK_HOME."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common.settings import Home


@dataclass(frozen=True, slots=True)
class Places:
    home: Home

    @property
    def run(self) -> Path:
        return self.home.path / "run"

    @property
    def agent_pid(self) -> Path:
        return self.run / "agent.pid"

    @property
    def agent_log(self) -> Path:
        return self.home.path / "agent.log"

    @property
    def agent_socket(self) -> Path:
        return self.home.agent / "agent.sock"

    @property
    def control_plane_pid(self) -> Path:
        return self.run / "console.pid"

    @property
    def engine_pid(self) -> Path:
        return self.run / "engine.pid"

    @property
    def engine_log(self) -> Path:
        return self.home.path / "engine" / "engine.log"

    @property
    def engine_data(self) -> Path:
        """Data of an engine that setup starts itself: never mixed with /var/lib/docker, gone with the home."""
        return self.home.path / "engine" / "data"
