"""What nodes, pods and containers use: collected from the sessions, kept in memory for a while, served by the API."""

from .service import Metrics

__all__ = ["Metrics"]
