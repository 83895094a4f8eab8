"""The controllers: each brings one kind of object from what is to what is asked, and knows only the API.

`all_controllers` is what the control plane starts.
"""

from .manager import Controllers, all_controllers

__all__ = ["Controllers", "all_controllers"]
