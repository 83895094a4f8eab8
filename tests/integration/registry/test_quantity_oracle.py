"""The stored spelling of quantities against kubectl's own code."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from common.api.quantity import canonical

pytestmark = pytest.mark.kubectl
KUBECTL = shutil.which("kubectl") or "kubectl"
CHOSEN = (
    "0", "0m", "1", "1.0", "0.5", "1.5", "1000m", "1500m", "100u", "1e3", "1E3", "12e2", "1e-3", "1k", "1000k", "1024",
    "1Ki", "0.5Ki", "1.5Ki", "1023Ki", "1024Ki", "1024Mi", "1.5Gi", "0.1Ki", "1000Mi", "2048Mi", "1M", "0.001k", "1n",
    "999999999", "1000000000", "-5", "-1500m", "-2Ki", "3.14159Gi", "1P", "1Ei", "0.0000000001", "1e15",
)  # fmt: skip


def quantities() -> list[str]:
    source = random.Random(1)
    suffixes = ["", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "u"]
    made = [f"{source.randint(0, 5000)}{source.choice(['', '.5', '.25'])}{source.choice(suffixes)}" for _ in range(200)]
    return [*CHOSEN, *made]


def test_spelling_agrees_with_kubectl(tmp_path: Path) -> None:
    given = {f"example.com/q{index}": text for index, text in enumerate(quantities())}
    container = {"name": "a", "image": "a", "resources": {"limits": given}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}
    file = tmp_path / "pod.json"
    file.write_text(json.dumps(pod))
    command = [KUBECTL, "set", "image", "--local", "-f", str(file), "a=b", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["spec"]["containers"][0]["resources"]["limits"]
    wrong = {text: (canonical(text), found[key]) for key, text in given.items() if canonical(text) != found[key]}
    assert wrong == {}
