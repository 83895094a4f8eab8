"""The kubeconfig of a control plane, for kubectl and every other client."""

from __future__ import annotations

import base64

import yaml

from .pki import Identity


def kubeconfig(cluster: str, server: str, authority_pem: bytes, identity: Identity) -> bytes:
    """YAML with everything inside; it holds a private key. `server` is a URL."""
    user = f"{cluster}-admin"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": cluster, "cluster": {"server": server, "certificate-authority-data": _text(authority_pem)}}
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _text(identity.certificate_pem),
                    "client-key-data": _text(identity.key_pem),
                },
            }
        ],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
        "current-context": cluster,
    }
    return yaml.safe_dump(document, sort_keys=False).encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
