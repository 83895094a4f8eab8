"""Counting and starting containers directly on the lab's engines."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import docker

from tests.lab.host import Host


class Engines:
    """One connection to each host's engine."""

    def __init__(self, hosts: list[Host]) -> None:
        self._clients = {host.name: docker.APIClient(base_url=f"unix://{host.engine_socket}") for host in hosts}

    def running(self, label: str, hosts: list[str] | None = None) -> int:
        """How many running containers have a label."""
        names = hosts or list(self._clients)
        return sum(len(self._clients[name].containers(filters={"label": label, "status": "running"})) for name in names)

    def seconds_until(self, holds: Callable[[], bool], limit: float = 120) -> float:
        """How long from now until the condition holds; the limit when it never does."""
        begin = time.monotonic()
        while not holds() and time.monotonic() - begin < limit:
            time.sleep(0.05)
        return time.monotonic() - begin

    def floor(self, image: str, count: int) -> float:
        """Seconds to start `count` containers with nothing but the engines, one in flight a host; they are removed."""
        clients = list(self._clients.values())
        begin = time.monotonic()
        with ThreadPoolExecutor(len(clients)) as pool:
            shares = [pool.submit(_start_many, client, image, count // len(clients)) for client in clients]
            started = [(client, share.result()) for client, share in zip(clients, shares, strict=True)]
        seconds = time.monotonic() - begin
        for client, containers in started:
            for container in containers:
                client.remove_container(container, force=True)
        return seconds

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


def _start_many(client: docker.APIClient, image: str, count: int) -> list[str]:
    containers = []
    for _ in range(count):
        container = client.create_container(image)["Id"]
        client.start(container)
        containers.append(container)
    return containers
