"""The resolv.conf of a pod, by its dnsPolicy and dnsConfig, and what this host's own says.

Pure text in, text out, except `read_host`. The limits are Kubernetes': three name servers, 32 search domains, 2048
characters of search list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from common.api import meta
from common.api.meta import Object

MAX_NAMESERVERS = 3
MAX_SEARCHES = 32
MAX_SEARCH_CHARS = 2048
HOST_FILES = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
"""The host's file, and the one behind it where systemd-resolved puts only its stub (127.0.0.53) into the first."""


@dataclass(frozen=True, slots=True)
class ResolvConf:
    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def render(self) -> str:
        lines = [f"nameserver {address}" for address in self.nameservers]
        if self.searches:
            lines.append(f"search {' '.join(self.searches)}")
        if self.options:
            lines.append(f"options {' '.join(self.options)}")
        return "\n".join(lines) + "\n"


def parse(text: str) -> ResolvConf:
    """What a resolv.conf says; unknown lines and addresses that are none are left out, the last `search` counts."""
    nameservers: list[str] = []
    searches: tuple[str, ...] = ()
    options: list[str] = []
    for line in text.splitlines():
        words = line.split("#")[0].split(";")[0].split()
        if len(words) < 2:
            continue
        if words[0] == "nameserver" and _is_address(words[1]):
            nameservers.append(words[1])
        elif words[0] in {"search", "domain"}:
            searches = tuple(word.rstrip(".") for word in words[1:] if word != ".")
        elif words[0] == "options":
            options += words[1:]
    return ResolvConf(tuple(nameservers), searches, tuple(options))


def _is_address(text: str) -> bool:
    try:
        ip_address(text.split("%")[0])
    except ValueError:
        return False
    return True


def is_loopback(text: str) -> bool:
    return ip_address(text.split("%")[0]).is_loopback


def read_host(files: Iterable[Path] = HOST_FILES) -> ResolvConf:
    """This host's resolver settings: the first file that names a server other than a stub on loopback, else the first
    that names any."""
    found = [parse(path.read_text(errors="replace")) for path in files if path.is_file()]
    found = [conf for conf in found if conf.nameservers]
    real = [conf for conf in found if not all(is_loopback(address) for address in conf.nameservers)]
    return next(iter(real or found), ResolvConf())


def for_pod(pod: Object, host: ResolvConf, cluster_servers: tuple[str, ...], domain: str) -> ResolvConf:
    """Name servers, search list and options of a pod. `cluster_servers` are this node's DNS addresses."""
    spec = pod.get("spec") or {}
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    # Kubernetes: a pod in the host's network gets the host's DNS unless it asks otherwise.
    if policy == "ClusterFirst" and spec.get("hostNetwork"):
        policy = "Default"
    if policy == "None":
        base = ResolvConf()
    elif policy == "Default":
        # The host's loopback is not the pod's: through us it reaches the same resolver.
        servers = tuple(address for address in host.nameservers if not is_loopback(address)) or cluster_servers
        base = ResolvConf(servers, host.searches, host.options)
    else:
        namespace = meta.namespace(pod) or "default"
        searches = (f"{namespace}.svc.{domain}", f"svc.{domain}", domain, *host.searches)
        base = ResolvConf(cluster_servers, searches, ("ndots:5",))
    return _merge(base, spec.get("dnsConfig") or {})


def _merge(base: ResolvConf, config: Object) -> ResolvConf:
    options = {option.split(":")[0]: option for option in base.options}
    for option in config.get("options") or ():
        name, value = str(option.get("name") or ""), option.get("value")
        if name:
            options[name] = f"{name}:{value}" if value not in (None, "") else name
    nameservers = _unique([*base.nameservers, *(config.get("nameservers") or ())])[:MAX_NAMESERVERS]
    searches = _unique([*base.searches, *(config.get("searches") or ())])[:MAX_SEARCHES]
    while len(" ".join(searches)) > MAX_SEARCH_CHARS:
        searches = searches[:-1]
    return ResolvConf(nameservers, searches, tuple(options.values()))


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
