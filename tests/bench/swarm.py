"""Docker Swarm on the lab's engines: the peer that we are measured against."""

from __future__ import annotations

from tests.lab.commands import run, wait_until
from tests.lab.host import Host

SERVICE = "bench"


class Swarm:
    """The first host is the manager. `leave` takes everything away again."""

    def __init__(self, hosts: list[Host]) -> None:
        self._hosts = hosts

    def form(self) -> None:
        manager, *workers = self._hosts
        self._docker(manager, "swarm", "init", "--advertise-addr", manager.address)
        token = self._docker(manager, "swarm", "join-token", "-q", "worker").strip()
        for worker in workers:
            self._docker(worker, "swarm", "join", "--token", token, f"{manager.address}:2377")
        wait_until(
            lambda: self._docker(manager, "node", "ls").count("Ready") == len(self._hosts), "the swarm to form", 60, 0.2
        )

    def create(self, image: str, replicas: int) -> None:
        self._docker(self._hosts[0], "service", "create", "--detach", "--no-resolve-image", "--name", SERVICE,
                     "--replicas", str(replicas), image)  # fmt: skip

    def scale(self, replicas: int) -> None:
        self._docker(self._hosts[0], "service", "scale", "--detach", f"{SERVICE}={replicas}")

    def leave(self) -> None:
        self._docker(self._hosts[0], "service", "rm", SERVICE, check=False)
        for host in reversed(self._hosts):
            self._docker(host, "swarm", "leave", "--force", check=False)

    def _docker(self, host: Host, *words: str, check: bool = True) -> str:
        return run("docker", "-H", f"unix://{host.engine_socket}", *words, check=check)
