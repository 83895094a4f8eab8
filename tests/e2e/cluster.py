"""A cluster on the lab: agents in the hosts, the control plane on this machine, driven as a user drives it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.lab import Lab, LabError
from tests.lab.commands import run, wait_until
from tests.lab.host import REPOSITORY, Host
from tests.lab.images import web_image

BIN = REPOSITORY / ".venv" / "bin"
AGENT_HOME = "/var/lib/quarterdeck"
CODE = re.compile(r"\b\d{4}-\d{4}\b")
READY_SECONDS = 60.0
API_PORT = 16443  # beside a cluster that the machine may run on the usual port


class Cluster:
    """`start` gives a cluster whose nodes are Ready; `stop` ends every process. State is in the lab's folder."""

    def __init__(self, lab: Lab, port: int = API_PORT) -> None:
        self.lab = lab
        self.port = port
        self.home = lab.folder / "console"
        self.log = lab.folder / "console.log"
        self._console: subprocess.Popen[bytes] | None = None
        self._agents: dict[str, subprocess.Popen[bytes]] = {}

    # -- its parts -------------------------------------------------------------------------------------------------

    def start_console(self) -> None:
        """Start the control plane and wait until its API is ready."""
        with self.log.open("ab") as log:
            self._console = subprocess.Popen(
                [str(BIN / "quarterdeck"), "serve", "--listen", f"127.0.0.1:{self.port}"],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        wait_until(self._answers, "the API to be ready", READY_SECONDS, 0.1, lambda: self.log.read_text()[-3000:])

    def _answers(self) -> bool:
        if self._console is not None and self._console.poll() is not None:
            raise LabError(f"the control plane ended with {self._console.returncode}: {self.log.read_text()[-3000:]}")
        return self.kubeconfig.exists() and "ok" in self.kubectl("get", "--raw", "/readyz", check=False)

    @property
    def console_pid(self) -> int:
        """The process of the control plane."""
        assert self._console is not None
        return self._console.pid

    def kill_console(self) -> None:
        """End the control plane without a chance to say goodbye."""
        self._end_console(signal.SIGKILL)

    def stop_console(self) -> None:
        self._end_console(signal.SIGTERM)

    def _end_console(self, how: signal.Signals) -> None:
        if self._console is not None:
            self._console.send_signal(how)
            self._console.wait(30)
            self._console = None

    def start_agent(self, host: Host, *options: str, environment: dict[str, str] | None = None) -> None:
        variables = {"QUARTERDECK_HOME": AGENT_HOME, **(environment or {})}
        self._agents[host.name] = host.spawn(
            "agent", str(BIN / "quarterdeck-agent"), "run", *options, environment=variables
        )

    def kill_agent(self, host: Host) -> None:
        """SIGKILL for the agent alone; its containers go on."""
        host.run("pkill", "-KILL", "-f", "quarterdeck-agent run", check=False)
        self._agents.pop(host.name).wait(10)

    def pairing_code(self, host: Host) -> str:
        """The code that the host's agent shows its operator now."""
        wait_until(lambda: bool(CODE.search(host.log("agent"))), f"the agent of {host.name} to print a pairing code",
                   READY_SECONDS, 0.1, lambda: host.log("agent")[-2000:])  # fmt: skip
        return CODE.findall(host.log("agent"))[-1]

    def adopt(self, host: Host) -> None:
        """As an operator does: wait until the console lists the host, then type the code."""
        self.wait_discovered(host)
        self.qd("adopt", host.name, "--code", self.pairing_code(host))

    def wait_discovered(self, host: Host) -> None:
        def listed() -> str:
            return self.qd("discover", check=False)

        self.wait(lambda: host.name in listed(), f"{host.name} to be discovered", explain=listed)

    def stop(self) -> None:
        self.stop_console()

    # -- driving it ------------------------------------------------------------------------------------------------

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "QUARTERDECK_HOME": str(self.home), "KUBECONFIG": str(self.kubeconfig)}

    @property
    def kubeconfig(self) -> Path:
        return self.home / "kubeconfig"

    def kubectl(self, *words: str, stdin: str = "", check: bool = True, timeout: float = 60) -> str:
        return self._program(["kubectl", *words], stdin, check, timeout)

    def qd(
        self,
        *words: str,
        stdin: str = "",
        check: bool = True,
        timeout: float = 60,
        environment: dict[str, str] | None = None,
    ) -> str:
        return self._program([str(BIN / "quarterdeck"), *words], stdin, check, timeout, environment or {})

    def _program(
        self, words: list[str], stdin: str, check: bool, timeout: float, environment: dict[str, str] | None = None
    ) -> str:
        done = subprocess.run(
            words,
            env={**self.environment, **(environment or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise LabError(f"{' '.join(words)} ended with {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout + (done.stderr if not check else "")

    def apply(self, *documents: dict[str, Any]) -> None:
        listing = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(listing))

    def get(self, kind: str, name: str, namespace: str = "default") -> dict[str, Any]:
        return dict(json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json")))

    def list(self, kind: str, namespace: str = "default", selector: str = "") -> list[dict[str, Any]]:
        words = ["get", kind, "-n", namespace, "-o", "json", *(["-l", selector] if selector else [])]
        return list(json.loads(self.kubectl(*words))["items"])

    def ready_pods(self, namespace: str, selector: str = "") -> list[dict[str, Any]]:
        """Pods that are Ready and not being deleted."""
        return [
            pod
            for pod in self.list("pods", namespace, selector)
            if "deletionTimestamp" not in pod["metadata"] and _condition(pod, "Ready") == "True"
        ]

    def wait_ready(
        self, namespace: str, count: int, selector: str = "", seconds: float = READY_SECONDS
    ) -> list[dict[str, Any]]:
        """Wait until exactly `count` pods are ready; those pods."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = self.ready_pods(namespace, selector)
            return len(found) == count

        self.wait(there, f"{count} ready pods in {namespace}", seconds,
                  lambda: self.kubectl("get", "pods,events", "-o", "wide", "-n", namespace, check=False))  # fmt: skip
        return found

    def wait_ready_on(self, nodes: set[str], namespace: str, count: int, seconds: float = READY_SECONDS) -> None:
        """Wait until exactly `count` pods are ready, all of them on these nodes."""

        def there() -> bool:
            return [pod["spec"]["nodeName"] in nodes for pod in self.ready_pods(namespace)] == [True] * count

        self.wait(there, f"{count} ready pods on {', '.join(sorted(nodes))}", seconds,
                  lambda: self.kubectl("get", "pods", "-o", "wide", "-n", namespace, check=False))  # fmt: skip

    def wait_answers(self, addresses: Iterable[tuple[str, int]], pods: list[dict[str, Any]], path: str = "/") -> None:
        """Wait until each of these pods, of the test's web server, has answered at each address and port: then the
        tables behind all of them are up to date, which no status says."""
        names = {pod["metadata"]["name"] for pod in pods}
        for address, port in addresses:
            heard: set[str] = set()

            def all_heard(heard: set[str] = heard, address: str = address, port: int = port) -> bool:
                heard.update(_answer(address, port, path) for _ in range(4 * len(names)))
                return names <= heard

            self.wait(all_heard, f"{sorted(names)} to answer at {address} port {port}", 60,
                      lambda heard=heard: f"heard {sorted(heard)}")  # fmt: skip

    def wait(
        self, holds: Callable[[], bool], what: str, seconds: float = READY_SECONDS, explain: Callable[[], str] = str
    ) -> None:
        wait_until(holds, what, seconds, 0.2, explain)

    def node_ready(self, name: str) -> bool:
        return _condition(self._node(name), "Ready") == "True"

    def node_takes_pods(self, name: str) -> bool:
        """Ready, and without a taint: that of a lost node goes a moment after its condition."""
        node = self._node(name)
        return _condition(node, "Ready") == "True" and not any(
            node["spec"].get(field) for field in ("taints", "unschedulable")
        )

    def _node(self, name: str) -> dict[str, Any]:
        """The node, empty when there is none or nobody to ask."""
        try:
            return self.get("node", name)
        except LabError:
            return {}

    # -- looking at the hosts --------------------------------------------------------------------------------------

    def docker(self, host: Host, *words: str, check: bool = True) -> str:
        return run("docker", "-H", f"unix://{host.engine_socket}", *words, check=check)

    def containers(self, host: Host, namespace: str) -> list[str]:
        """Names of all containers, sandboxes included, that the pods of a namespace have on a host."""
        words = ["ps", "-a", "--filter", f"label=io.quarterdeck.pod.namespace={namespace}", "--format", "{{.Names}}"]
        return self.docker(host, *words).split()

    def running(self, host: Host, namespace: str) -> list[str]:
        """Ids of the containers, sandboxes included, of a namespace's pods that run on a host."""
        label = f"label=io.quarterdeck.pod.namespace={namespace}"
        return self.docker(host, "ps", "-q", "--no-trunc", "--filter", label).split()

    def load_images(self, *hosts: Host) -> None:
        """The test images, straight into the hosts' engines."""
        archive = web_image(self.lab.folder / "images")
        for host in hosts:
            self.docker(host, "load", "-q", "-i", str(archive))


def _answer(address: str, port: int, path: str) -> str:
    """The first word of what the web server answers; nobody's name when there is no answer."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode(errors="replace").partition(" ")[0]
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()


def _condition(obj: dict[str, Any], kind: str) -> str:
    conditions = obj.get("status", {}).get("conditions", [])
    return next((str(item["status"]) for item in conditions if item["type"] == kind), "")
