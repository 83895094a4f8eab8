"""The agent's side of every connection: server, adoption, session with the control plane, peers, tunnel to the API."""

from .server import CALLER, Role, Server
from .service import Facts, SessionService, Settings

__all__ = ["CALLER", "Facts", "Role", "Server", "SessionService", "Settings"]
