"""What nodes, pods and containers use and what comes to Services: collected from the sessions, served by the API, and
kept over restarts."""

from .keeper import Keeper
from .service import Metrics

__all__ = ["Keeper", "Metrics"]
