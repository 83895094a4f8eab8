"""What the nodes' balancers counted, added up and shown beside the objects that it is about."""

from .service import Traffic

__all__ = ["Traffic"]
