"""Credentials that a program of the user's gives (`exec` of a kubeconfig), as clusters of cloud providers want them.

The program is asked when a cluster is opened, before anything is drawn as it may talk to the user on the terminal, and
again when the API no longer takes its token; it keeps and renews what it needs to.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_SECONDS = 60.0  # a login in a browser is done before, or does not belong here
_SAID = 300  # characters of what a program that failed said


class CredentialError(Exception):
    """The program gave nothing that can be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A token, or a certificate with its key in PEM."""

    token: str = ""
    certificate: bytes = b""
    key: bytes = b""


def from_program(entry: Mapping[str, Any]) -> Credential:
    """Ask the program of an `exec` entry. Blocks. Raises CredentialError."""
    command, version = str(entry.get("command") or ""), str(entry.get("apiVersion") or "")
    if version not in _VERSIONS:
        raise CredentialError(f"exec has the apiVersion {version!r}; known are {' and '.join(_VERSIONS)}")
    args, env = entry.get("args") or [], entry.get("env") or []
    if not isinstance(args, list) or not isinstance(env, list) or not all(isinstance(item, dict) for item in env):
        raise CredentialError("exec: args must be a list of texts, env a list of names with values")
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    own = {str(item["name"]): str(item.get("value") or "") for item in env if item.get("name")}
    try:
        done = subprocess.run(
            [command, *map(str, args)],
            env={**os.environ, **own, "KUBERNETES_EXEC_INFO": json.dumps(info)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        hint = str(entry.get("installHint") or "install it, or put it on PATH").strip()
        raise CredentialError(f"exec names the program {command!r}, which is not there: {hint}") from None
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:  # among them output that is no text
        raise CredentialError(f"exec: {command} gave no credential: {error}") from None
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[:_SAID]
        raise CredentialError(f"exec: {command} ended with {done.returncode}: {said or 'it said nothing'}")
    return _credential(command, done.stdout)


def _credential(command: str, output: str) -> Credential:
    try:
        status = json.loads(output)["status"]
        found = Credential(
            str(status.get("token") or ""),
            str(status.get("clientCertificateData") or "").encode(),
            str(status.get("clientKeyData") or "").encode(),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise CredentialError(f"exec: {command} printed no ExecCredential with a status") from None
    if not found.token and not (found.certificate and found.key):
        raise CredentialError(f"exec: {command} gave neither a token nor a certificate with its key")
    return found
