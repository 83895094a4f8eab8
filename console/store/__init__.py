"""Durable objects, their history and who watches them: what etcd and the watch cache are to Kubernetes.

`Store` keeps every object in memory and in one SQLite file; `open_store` reads it back. The API server's verbs are the
only users.
"""

from .entries import Entry, Event
from .keyring import is_locked
from .rows import StoreError
from .sealing import Encryption
from .store import Changed, Store, open_store
from .watch import Watcher

__all__ = ["Changed", "Encryption", "Entry", "Event", "Store", "StoreError", "Watcher", "is_locked", "open_store"]
