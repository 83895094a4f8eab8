"""What the host has for confining containers: whether AppArmor is on, and the profiles of seccomp in its files.

A container that names a profile must never run without it: one that cannot be had fails with kubelet's words.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from common.api.meta import Object

from .runtime.base import RuntimeFailure
from .runtime.translate import security

_SECCOMP = Path("/var/lib/kubelet/seccomp")  # where Kubernetes' users, and programs that install profiles, put them
_APPARMOR = Path("/sys/module/apparmor/parameters/enabled")


@dataclass(frozen=True, slots=True)
class Confinement:
    """`apparmor` says whether the kernel enforces its profiles; `seccomp` is the folder of the node's profiles."""

    apparmor: bool = False
    seccomp: Path = _SECCOMP

    def seccomp_of(self, pod: Object, container: Object) -> str:
        """The text of the profile of the node's that the container is to have, empty when it is to have none of them;
        RuntimeFailure(CreateContainerError) when it cannot be read. Privileged containers have no profile."""
        profile = security(pod, container, "seccompProfile") or {}
        if profile.get("type") != "Localhost" or (container.get("securityContext") or {}).get("privileged"):
            return ""
        path = self.seccomp / str(profile.get("localhostProfile"))
        try:
            return path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            why = os.strerror(error.errno or 0).lower() if isinstance(error, OSError) else "it is no text"
            message = f'cannot load seccomp profile "{path}": open {path}: {why}'
            raise RuntimeFailure("CreateContainerError", message) from error


def of_host(switch: Path = _APPARMOR) -> Confinement:
    try:
        return Confinement(apparmor=switch.read_text().startswith("Y"))
    except OSError:
        return Confinement()
