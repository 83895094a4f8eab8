"""Load-balancer addresses of Services: those of the nodes."""

from .controller import ServiceBalancerController

__all__ = ["ServiceBalancerController"]
