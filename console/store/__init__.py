"""Durable objects, their history and who watches them: what etcd and the watch cache are to Kubernetes.

`Store` keeps every object in memory and in one SQLite file; `open_store` reads it back. The API server's verbs are the
only users.
"""

from .database import StoreError
from .entries import Entry, Event
from .store import Changed, Store, open_store
from .watch import Watcher

__all__ = ["Changed", "Entry", "Event", "Store", "StoreError", "Watcher", "open_store"]
