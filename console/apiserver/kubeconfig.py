"""The kubeconfig of the cluster's administrator, for kubectl and every other client of Kubernetes."""

from __future__ import annotations

import base64
from pathlib import Path

import yaml

from common.files import write_atomic
from common.pki import Identity


def kubeconfig(server: str, authority_pem: bytes, identity: Identity, cluster: str = "quarterdeck") -> str:
    """YAML with everything embedded, so that the file works wherever it is copied."""

    def embedded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": cluster, "cluster": {"server": server, "certificate-authority-data": embedded(authority_pem)}}
        ],
        "users": [
            {
                "name": identity.common_name,
                "user": {
                    "client-certificate-data": embedded(identity.certificate_pem),
                    "client-key-data": embedded(identity.key_pem),
                },
            }
        ],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": identity.common_name}}],
        "current-context": cluster,
    }
    return yaml.safe_dump(document, sort_keys=False)


def write_kubeconfig(path: Path, text: str) -> None:
    """Mode 0600: it holds a private key. Blocks."""
    write_atomic(path, text.encode(), 0o600)
