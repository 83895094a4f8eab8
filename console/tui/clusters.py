"""The clusters that a console may be opened on: the control plane of this machine, and the contexts of a kubeconfig."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .gateway import Connect
from .machines import Machines


@dataclass(frozen=True, slots=True)
class Cluster:
    """`reach` makes the way to it: ValueError says why there is none (a kubeconfig that cannot be used). `machines`
    makes nodes over SSH, where that can be done."""

    name: str
    server: str
    user: str
    reach: Callable[[], Connect]
    machines: Machines | None = None
