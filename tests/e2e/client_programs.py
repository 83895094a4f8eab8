"""What programs with each Python client library do with a running pod: LIBRARY NAMESPACE, the kubeconfig from the
environment. Its containers are those of test_clients.py."""

# mypy: ignore-errors
from __future__ import annotations

import asyncio
import os
import sys
from urllib.request import urlopen


def with_kubernetes(space: str) -> None:
    from kubernetes import client, config, watch
    from kubernetes.stream import portforward, stream

    config.load_kube_config()
    core = client.CoreV1Api()

    def execute(*command: str, **more: bool):
        return stream(
            client.CoreV1Api(client.ApiClient()).connect_get_namespaced_pod_exec, "box", space, container="main",
            command=list(command), **{"stdin": False, "stdout": True, "stderr": True, "tty": False, **more},
        )  # fmt: skip

    assert execute("echo", "out") == "out\n"
    talk = execute("sh", "-c", "read line; echo got $line; exit 3", stdin=True, _preload_content=False)
    talk.write_stdin("typed\n")
    talk.run_forever(timeout=20)
    assert (talk.read_stdout(), talk.returncode) == ("got typed\n", 3)
    talk.close()
    assert "begun" in core.read_namespaced_pod_log("box", space, container="main", tail_lines=1)
    lines = watch.Watch().stream(core.read_namespaced_pod_log, "box", space, container="main", follow=True)
    assert next(iter(lines)) == "begun"
    forward = portforward(
        client.CoreV1Api(client.ApiClient()).connect_get_namespaced_pod_portforward, "box", space, ports="8080"
    )
    connection = forward.socket(8080)
    connection.settimeout(20)
    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
    assert b"200" in connection.recv(4096)
    assert core.connect_get_namespaced_pod_proxy_with_path("box:8080", space, "healthz") is not None
    core.create_namespaced_pod_eviction("box", space, {"metadata": {"name": "box"}})


async def with_kubernetes_asyncio(space: str) -> None:
    from kubernetes_asyncio import client, config
    from kubernetes_asyncio.stream import WsApiClient

    await config.load_kube_config()
    async with WsApiClient() as api:
        core = client.CoreV1Api(api)
        command = ["sh", "-c", "echo out; echo err >&2"]
        both = await core.connect_get_namespaced_pod_exec(
            "box", space, container="main", command=command, stdin=False, stdout=True, stderr=True, tty=False
        )
        assert sorted(both.split()) == ["err", "out"]
        several = await asyncio.gather(*(
            core.connect_get_namespaced_pod_exec(
                "box", space, container="main", command=["echo", str(number)],
                stdin=False, stdout=True, stderr=False, tty=False,
            )
            for number in range(5)
        ))  # fmt: skip
        assert several == [f"{number}" for number in range(5)]
    async with client.ApiClient() as api:
        assert "begun" in await client.CoreV1Api(api).read_namespaced_pod_log("box", space, container="main")


def with_lightkube(space: str) -> None:
    from lightkube import Client
    from lightkube.resources.core_v1 import Pod

    client = Client(namespace=space)
    lines = client.log("box", container="main", follow=True)
    assert next(iter(lines)).strip() == "begun"
    pod = client.wait(Pod, "box", for_conditions=["Ready"])
    assert [status.ready for status in pod.status.containerStatuses] == [True, True]
    client.delete(Pod, "box", grace_period=0)


async def with_kr8s(space: str) -> None:
    import kr8s.asyncio.objects

    pod = await kr8s.asyncio.objects.Pod.get("box", namespace=space)
    assert await pod.ready()
    done = await pod.exec(["sh", "-c", "echo out; exit 3"], container="main", check=False)
    assert (done.stdout, done.returncode) == (b"out\n", 3)
    assert [line async for line in pod.logs(container="main", tail_lines=1)] == ["begun"]
    async with pod.portforward(remote_port=8080, local_port="auto") as port:
        answer = await asyncio.to_thread(lambda: urlopen(f"http://127.0.0.1:{port}/").read())
        assert answer.startswith(b"box")
    await pod.delete()
    await pod.wait("delete", timeout=30)


if __name__ == "__main__":
    library, space = sys.argv[1:]
    work = globals()[f"with_{library}"](space)
    if asyncio.iscoroutine(work):
        asyncio.run(work)
    print(f"{library}: done", flush=True)
    os._exit(0)  # some libraries leave threads that wait for ever
