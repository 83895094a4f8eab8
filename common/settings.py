"""Where state lives and what a cluster is configured with."""

from __future__ import annotations

import os
import secrets
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

VERSION = "v1.36.0"
"""The Kubernetes version whose behaviour the API documents; clients decide by it what they may use."""

AGENT_PORT = 10250
API_PORT = 6443
TUNNEL_PORT = 6444
"""Where an agent listens, on its pod gateway addresses, for connections to the `default/kubernetes` Service."""
CLUSTER_DOMAIN = "cluster.local"
NODE_PORTS = range(30000, 32768)


@dataclass(frozen=True, slots=True)
class Home:
    """The folder QUARTERDECK_HOME: all state of a console, and of an agent that `make run` starts."""

    path: Path

    @classmethod
    def from_environment(cls) -> Home:
        """QUARTERDECK_HOME, else `quarterdeck` under the XDG data directory."""
        chosen = os.environ.get("QUARTERDECK_HOME")
        if chosen:
            return cls(Path(chosen).expanduser().absolute())
        data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
        return cls(Path(data).expanduser().absolute() / "quarterdeck")

    @property
    def store(self) -> Path:
        """The SQLite database of the control plane."""
        return self.path / "console" / "store.db"

    @property
    def encryption_keys(self) -> Path:
        """Keys of what is encrypted in the store; mode 0600."""
        return self.path / "console" / "encryption.json"

    @property
    def pki(self) -> Path:
        """Keys and certificates of the cluster; mode 0700."""
        return self.path / "console" / "pki"

    @property
    def cluster_file(self) -> Path:
        return self.path / "console" / "cluster.json"

    @property
    def controllers(self) -> Path:
        """Kubeconfigs of controllers that other packages bring; mode 0700."""
        return self.path / "console" / "controllers"

    @property
    def api_socket(self) -> Path:
        """Where the control plane answers its own user, known by the peer's uid."""
        return self.path / "api.sock"

    @property
    def kubeconfig(self) -> Path:
        return self.path / "kubeconfig"

    @property
    def console_log(self) -> Path:
        return self.path / "console" / "console.log"

    @property
    def series(self) -> Path:
        """Figures over time, so that a restart of the control plane goes on from them."""
        return self.path / "console" / "series.bin"

    @property
    def audit(self) -> Path:
        """The folder of the audit log; mode 0700."""
        return self.path / "console" / "audit"

    @property
    def console_pid(self) -> Path:
        """Locked (flock) by the running control plane, which writes its process id into it."""
        return self.path / "console" / "console.pid"

    @property
    def agent(self) -> Path:
        """State of the agent that was started on this host: keys, last assignment, socket."""
        return self.path / "agent"


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """What all parts of a cluster agree on. Networks come as (IPv4, IPv6); a single-family cluster has one of them."""

    name: str = "quarterdeck"
    pod_cidrs: tuple[str, ...] = ("10.42.0.0/16",)
    service_cidrs: tuple[str, ...] = ("10.43.0.0/16",)
    node_mask_v4: int = 24
    node_mask_v6: int = 64
    cluster_domain: str = CLUSTER_DOMAIN
    scheduler_profile: str = "pack"
    ingress_http_port: int = 80
    ingress_https_port: int = 443
    uid: str = field(default_factory=lambda: secrets.token_hex(8))

    @classmethod
    def dual_stack(cls, name: str = "quarterdeck") -> ClusterConfig:
        """The default: IPv4 ranges as k3s uses them and a random unique local IPv6 prefix (RFC 4193)."""
        prefix = f"fd{secrets.token_hex(1)}:{secrets.token_hex(2)}:{secrets.token_hex(2)}"
        return cls(
            name=name,
            pod_cidrs=("10.42.0.0/16", str(ip_network(f"{prefix}::/56"))),
            service_cidrs=("10.43.0.0/16", str(ip_network(f"{prefix}:ff00::/112"))),
        )

    @classmethod
    def from_json(cls, data: Any) -> ClusterConfig:
        """ValueError or TypeError when that is no configuration."""
        if not isinstance(data, dict):
            raise TypeError(f"expected an object, found {type(data).__name__}")
        known: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
        config = cls(**known)
        config._check()
        return config

    def _check(self) -> None:
        for name, pattern in asdict(type(self)()).items():
            value = getattr(self, name)
            if type(value) is not type(pattern):
                raise TypeError(f"{name}: {value!r} is not of type {type(pattern).__name__}")
        for name, cidrs in (("pod_cidrs", self.pod_cidrs), ("service_cidrs", self.service_cidrs)):
            try:
                self.networks(cidrs)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def networks(self, cidrs: tuple[str, ...]) -> list[IPv4Network | IPv6Network]:
        return [ip_network(cidr) for cidr in cidrs]

    @property
    def families(self) -> tuple[str, ...]:
        """`IPv4` and `IPv6` as Services name them, the primary one first."""
        return tuple(f"IPv{network.version}" for network in self.networks(self.service_cidrs))
