"""A pod's host name and its `/etc/hosts`."""

from __future__ import annotations

from common.api import meta
from common.api.meta import Object

MAX_NAME = 63
_BASE = """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
fe00::\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


def hostname(pod: Object) -> str:
    """`spec.hostname`, else the pod's name cut to what a host name may be."""
    name = str((pod.get("spec") or {}).get("hostname") or meta.name(pod))
    return name[:MAX_NAME].rstrip("-.")


def full_name(pod: Object, domain: str) -> str:
    """The name inside the cluster's DNS domain for a pod with a subdomain; empty for others."""
    subdomain = (pod.get("spec") or {}).get("subdomain")
    return f"{hostname(pod)}.{subdomain}.{meta.namespace(pod)}.svc.{domain}" if subdomain else ""


def hosts_file(pod: Object, addresses: tuple[str, ...], domain: str) -> str:
    """The text of the file; hostAliases come last."""
    names = "\t".join(name for name in (full_name(pod, domain), hostname(pod)) if name)
    lines = [f"{address}\t{names}\n" for address in addresses]
    aliases = (pod.get("spec") or {}).get("hostAliases") or ()
    if aliases:
        lines.append("\n# Entries added by HostAliases.\n")
        lines += [f"{alias.get('ip')}\t{chr(9).join(alias.get('hostnames') or ())}\n" for alias in aliases]
    return f"# Kubernetes-managed hosts file.\n{_BASE}{''.join(lines)}"
