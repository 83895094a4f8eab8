"""StatefulSets: pods with stable names, storage of their own, and an order in which they come and go."""

from .controller import StatefulSetController

__all__ = ["StatefulSetController"]
