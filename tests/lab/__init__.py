"""Several real hosts on one machine, for tests: `python -m tests.lab --help`.

A host is a set of namespaces (pid, mount, network, uts, ipc, cgroup) with an overlay root over this machine's, its own
Docker Engine, SSH server, addresses and cgroups. All hosts are joined by one bridge on which multicast works. What
leaves this machine stays in namespaces that the lab made, and `down` takes all of it away.

Needs root, cgroup v1 and the packages that `tests.lab.needs` names.
"""

from tests.lab.lab import Lab, LabError

__all__ = ["Lab", "LabError"]
