"""A pod's host name and its `/etc/hosts`."""

from __future__ import annotations

from common.api import meta
from common.api.meta import Object

MAX_NAME = 63
MAX_KERNEL_NAME = 64
_BASE = """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
fe00::\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


def hostname(pod: Object) -> str:
    """The name that overrides all others, `spec.hostname`, else the pod's name cut to what a host name may be."""
    spec = pod.get("spec") or {}
    if spec.get("hostnameOverride"):
        return str(spec["hostnameOverride"])
    name = str(spec.get("hostname") or meta.name(pod))
    return name[:MAX_NAME].rstrip("-.")


def full_name(pod: Object, domain: str) -> str:
    """The name inside the cluster's DNS domain for a pod with a subdomain; empty for others."""
    spec = pod.get("spec") or {}
    subdomain = "" if spec.get("hostnameOverride") else spec.get("subdomain")
    return f"{hostname(pod)}.{subdomain}.{meta.namespace(pod)}.svc.{domain}" if subdomain else ""


def kernel_name(pod: Object, domain: str) -> str:
    """What the pod's kernel calls it. ValueError, in kubelet's words, for a full name that is too long for a kernel."""
    spec = pod.get("spec") or {}
    whole = full_name(pod, domain)
    if not spec.get("setHostnameAsFQDN") or spec.get("hostnameOverride") or not whole:
        return hostname(pod)
    if len(whole) > MAX_KERNEL_NAME:
        raise ValueError(
            f'failed to construct FQDN from pod hostname and cluster domain, FQDN "{whole}" is too long '
            f"({MAX_KERNEL_NAME} characters is the max, {len(whole)} characters requested)"
        )
    return whole


def hosts_file(pod: Object, addresses: tuple[str, ...], domain: str) -> str:
    """The text of the file; hostAliases come last."""
    names = "\t".join(name for name in (full_name(pod, domain), hostname(pod)) if name)
    lines = [f"{address}\t{names}\n" for address in addresses]
    aliases = (pod.get("spec") or {}).get("hostAliases") or ()
    if aliases:
        lines.append("\n# Entries added by HostAliases.\n")
        lines += [f"{alias.get('ip')}\t{chr(9).join(alias.get('hostnames') or ())}\n" for alias in aliases]
    return f"# Kubernetes-managed hosts file.\n{_BASE}{''.join(lines)}"
