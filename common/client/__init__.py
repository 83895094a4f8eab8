"""How every component talks to the API: the `Client` protocol, the informer that mirrors a resource, and the HTTP
client. The control plane hands its own components a client that skips the wire but nothing else."""

from .base import READ_ONLY, Client, ObjectList, PatchType, WatchEvent
from .informer import Informer
from .shared import SharedInformers

__all__ = ["READ_ONLY", "Client", "Informer", "ObjectList", "PatchType", "SharedInformers", "WatchEvent"]
