"""Controllers that other packages bring (entry points `quarterdeck.controllers`): each a process of its own."""

from .states import GROUP, USERS
from .supervisor import Found, Supervisor

__all__ = ["GROUP", "USERS", "Found", "Supervisor"]
