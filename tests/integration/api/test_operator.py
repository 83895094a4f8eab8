"""Programs of strangers, unchanged: an operator with kopf, and the clients lightkube and kr8s know custom kinds."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from common.api.kinds import DEPLOYMENTS, SERVICES, Resource
from common.client.http import HttpClient
from common.errors import NotFound

from .conftest import Running
from .kubectl import Kubectl

pytestmark = pytest.mark.kubectl

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "operator"
WEBSITES = Resource("examples.quarterdeck.io", "v1", "websites", "Website")
SECONDS = 60  # generous, a loaded machine must not fail a test


@pytest.fixture
async def operator(kubectl: Kubectl, api: Running, tmp_path: Path) -> AsyncIterator[None]:
    await kubectl("apply", "-f", str(EXAMPLE / "crd.yaml"))
    await kubectl("wait", "--for=condition=established", "crd/websites.examples.quarterdeck.io", "--timeout=60s")
    log = (tmp_path / "kopf.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "kopf", "run", "--standalone", "--namespace=default", str(EXAMPLE / "operator.py"),
        env={**os.environ, "KUBECONFIG": str(api.kubeconfig)}, stdout=log, stderr=log,
    )  # fmt: skip
    yield
    process.terminate()
    await process.wait()
    log.close()
    print((tmp_path / "kopf.log").read_text()[-4000:])


@pytest.mark.usefixtures("operator")
async def test_an_operator_runs_unchanged(kubectl: Kubectl, client: HttpClient) -> None:
    await kubectl("apply", "-f", str(EXAMPLE / "website.yaml"))
    wait = ("wait", "website/garden", f"--timeout={SECONDS}s")
    await kubectl(*wait, "--for=jsonpath={.status.address}=http://garden.default")
    deployment = await client.get(DEPLOYMENTS, "garden", "default")
    website = await client.get(WEBSITES, "garden", "default")
    assert deployment["spec"]["replicas"] == 2
    assert deployment["metadata"]["ownerReferences"][0]["uid"] == website["metadata"]["uid"]
    assert (await client.get(SERVICES, "garden", "default"))["spec"]["ports"][0]["port"] == 80
    await kubectl("scale", "website/garden", "--replicas=3")
    await kubectl("wait", "deployment/garden", "--for=jsonpath={.spec.replicas}=3", f"--timeout={SECONDS}s")
    await client.patch(
        DEPLOYMENTS, "garden", {"status": {"replicas": 3, "readyReplicas": 3}}, "default", subresource="status"
    )
    await kubectl(*wait, "--for=jsonpath={.status.ready}=3")
    assert (await kubectl("get", "website")).splitlines()[1].split()[:4] == [
        "garden",
        "3",
        "3",
        "http://garden.default",
    ]
    await kubectl("delete", "website", "garden", f"--timeout={SECONDS}s")
    with pytest.raises(NotFound):
        await client.get(WEBSITES, "garden", "default")
