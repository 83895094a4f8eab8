"""The scheduler: gives pending pods a node, and says why when it cannot.

`core` decides, `Scheduler` mirrors pods and nodes, binds through the API and tells.
"""

from .scheduler import Scheduler

__all__ = ["Scheduler"]
