"""The part of `up` that needs no root: control plane, adoption of this host, the example and its answers.

Everything is asked of the API, on its Unix socket; what is there already is found, not made again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from common.api.kinds import DEPLOYMENTS, EVENTS, HOSTS, NODES, PODS, SERVICES
from common.api.meta import Object, name
from common.api.pods import is_active, is_ready
from common.blocking import Api, UnixHttp, Unreachable
from common.clock import Clock
from common.errors import ApiError
from common.settings import Home
from common.waiting import wait_until

from . import answers, journal
from .machine import answers as socket_answers
from .places import Places
from .processes import last_lines, launch, running
from .report import Report, SetupError

START_SECONDS = 60.0
ADOPT_SECONDS = 60.0
READY_SECONDS = 180.0  # three small containers start within seconds; a slow disk and a busy machine take their time
NAMESPACE, EXAMPLE = "default", "hello"


def start_control_plane(home: Home, clock: Clock) -> None:
    """Start one for this home, detached, and wait until it answers. Raises SetupError with the end of its log."""
    places = Places(home)
    journal.record(home, control_plane=True)
    if running(places.control_plane_pid) is None:
        argv = [str(Path(sys.executable).with_name("quarterdeck")), "serve"]
        launch(argv, places.control_plane_pid, home.console_log, {"QUARTERDECK_HOME": str(home.path)})

    def up() -> bool:
        return socket_answers(home.api_socket, "/readyz")

    if not wait_until(lambda: up() or running(places.control_plane_pid) is None, START_SECONDS, clock) or not up():
        log = home.console_log
        raise SetupError(f"The control plane does not answer. The end of {log}:\n{last_lines(log)}")


class ClusterSetup:
    def __init__(self, home: Home, report: Report, clock: Clock) -> None:
        self._home = home
        self._report = report
        self._clock = clock
        self._api = Api(UnixHttp(home.api_socket))

    def adopt(self) -> str:
        """Make this host a node; returns the node's name, Ready."""
        fingerprint = self._own_fingerprint()
        found: list[Object] = []

        def seen() -> bool:
            found[:] = [
                host
                for host in self._items(HOSTS.path())
                if (host.get("status") or {}).get("fingerprint") == fingerprint
            ]
            return bool(found)

        if not wait_until(seen, ADOPT_SECONDS, self._clock):
            raise SetupError("The control plane does not find the agent of this host.", late=True)
        host = found[0]
        if (host.get("status") or {}).get("phase") != "Adopted":
            try:
                host = self._api.send(
                    "POST", HOSTS.path(None, name(host), "adopt"), {"code": ""}, timeout=ADOPT_SECONDS
                )
            except ApiError as error:
                raise SetupError(f"This host cannot be adopted: {error.message}") from error
        node = str((host.get("status") or {}).get("nodeName") or name(host))
        if not wait_until(lambda: self._node_ready(node), ADOPT_SECONDS, self._clock):
            raise SetupError(f"Node {node} does not become Ready: {self._node_trouble(node)}", late=True)
        return node

    def _own_fingerprint(self) -> str:
        try:
            identity = UnixHttp(Places(self._home).agent_socket).request("GET", "/identity").json()
        except Unreachable as error:
            raise SetupError(f"The agent of this host does not answer: {error}") from error
        return str(identity.get("fingerprint") or "")

    def _items(self, path: str, **params: str) -> list[Object]:
        found: list[Object] = self._api.get(path, params)["items"]
        return found

    def _condition(self, node: str) -> Object:
        try:
            conditions = (self._api.get(NODES.path(None, node)).get("status") or {}).get("conditions") or ()
        except ApiError:
            return {}
        return next((each for each in conditions if each.get("type") == "Ready"), {})

    def _node_ready(self, node: str) -> bool:
        return self._condition(node).get("status") == "True"

    def _node_trouble(self, node: str) -> str:
        condition = self._condition(node)
        said = f"{condition.get('reason', 'no report')}: {condition.get('message', '')}"
        return f"{said}\nThe end of the agent's log:\n{last_lines(Places(self._home).agent_log)}"

    def wait_for_example(self, node: str) -> answers.Answers:
        """Until every replica is ready and has answered on every way. Raises SetupError with what is wrong."""
        if not wait_until(self._replicas_ready, READY_SECONDS, self._clock):
            raise SetupError(f"The example does not become ready.\n{self._trouble()}", late=True)
        service = self._api.get(SERVICES.path(NAMESPACE, EXAMPLE))
        found = answers.ways(service, [self._api.get(NODES.path(None, node))])
        asked = answers.Answers(frozenset(name(pod) for pod in self._pods()))

        def all_answered() -> bool:
            missing = [way for way in found if not asked.complete(way)]
            for way in missing:
                asked.ask(way)
            done = sum(map(asked.complete, found))
            self._report.progress(f"{done} of {len(found)} addresses answer from all replicas")
            return done == len(found)

        if not wait_until(all_answered, READY_SECONDS, self._clock):
            raise SetupError("The Service does not answer from all replicas:\n" + "\n".join(asked.lines()), late=True)
        return asked

    def _pods(self) -> list[Object]:
        pods = self._items(PODS.path(NAMESPACE), labelSelector=f"app={EXAMPLE}")
        return [pod for pod in pods if is_active(pod)]

    def _replicas_ready(self) -> bool:
        pods = self._pods()
        self._report.progress(answers.summary({name(pod): state_of(pod) for pod in pods}))
        wanted = int((self._api.get(DEPLOYMENTS.path(NAMESPACE, EXAMPLE)).get("spec") or {}).get("replicas", 1))
        return len(pods) == wanted and all(map(is_ready, pods))

    def _trouble(self) -> str:
        """What the cluster itself says about pods that are not ready: their states and last warnings."""
        lines = [f"  pod {name(pod)}: {state_of(pod)}" for pod in self._pods()]
        warnings = [event for event in self._items(EVENTS.path(NAMESPACE)) if event.get("type") == "Warning"]
        lines += [f"  {event.get('reason')}: {event.get('message')}" for event in warnings[-5:]]
        return "\n".join(lines) or "  There are no pods."


def state_of(pod: Object) -> str:
    """One word on a pod: Ready, why a container waits, or the phase."""
    if is_ready(pod):
        return "Ready"
    status = pod.get("status") or {}
    waiting = ((each.get("state") or {}).get("waiting") or {} for each in status.get("containerStatuses") or ())
    return next((str(each["reason"]) for each in waiting if each.get("reason")), str(status.get("phase") or "Pending"))


ApplyExample = Callable[[Path], None]
"""Applies a folder of manifests; given by the command line, which knows how."""
