"""Classifies requests by the FlowSchemas in the store and seats them at their priority levels.

Follows every change of both kinds in the turn in which it becomes readable: whoever was answered that a schema exists
is classified by it. Without objects, before the first start has made them, everything is exempt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from aiohttp import web

from common.api import meta
from common.api.kinds import FLOWSCHEMAS, PRIORITYLEVELCONFIGURATIONS
from common.exposition import family
from console.apiserver.access.attributes import Attributes
from console.apiserver.caller import Caller
from console.registry.kinds.flowcontrol_defaults import CATCH_ALL
from console.store import Event, Store

from .dump import priority_levels
from .levels import Level, shares_of
from .schemas import BY_NAMESPACE, Candidate, Schema, candidates

SCHEMA_HEADER, LEVEL_HEADER = "X-Kubernetes-PF-FlowSchema-UID", "X-Kubernetes-PF-PriorityLevel-UID"
_KEPT = 4096  # callers, before memory is worth more than time


@dataclass(frozen=True, slots=True)
class Flow:
    """Where a request belongs."""

    schema: Schema
    level: Level
    distinguisher: str

    async def enter(self) -> None:
        """Take a seat, or wait for one. Raises TooManyRequests."""
        if not self.level.try_enter(self.schema.name):
            await self.level.enter(self.schema.name, self.distinguisher)


FLOW: web.RequestKey[Flow] = web.RequestKey("flow", Flow)
"""Where a request has its flow, for its answer."""


def flow_headers(http: web.BaseRequest) -> Mapping[str, str]:
    """What the answer to a request says of its flow."""
    flow = http.get(FLOW)
    return {} if flow is None else {SCHEMA_HEADER: flow.schema.uid, LEVEL_HEADER: flow.level.uid}


def flow_lines(flow: Flow | None) -> str:
    """The same as it goes over the wire."""
    if flow is None:
        return ""
    return f"{SCHEMA_HEADER}: {flow.schema.uid}\r\n{LEVEL_HEADER}: {flow.level.uid}\r\n"


class FlowControl:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._levels: dict[str, Level] = {}
        self._schemas: list[Schema] = []
        self._known: dict[tuple[str, frozenset[str], bool], tuple[tuple[Candidate, ...], Flow | None]] = {}
        """By caller, for resources and for paths: what the schemas have for it, and where all such requests belong, if
        that is one place."""

    def start(self) -> None:
        """Take over what is stored and whatever changes from now on."""
        self._load()
        for resource in (FLOWSCHEMAS, PRIORITYLEVELCONFIGURATIONS):
            self._store.follow(resource.group_resource, self._changed)

    def _changed(self, event: Event) -> None:
        if event.old is None or event.type == "DELETED" or event.old.obj.get("spec") != event.entry.obj.get("spec"):
            self._load()

    def _load(self) -> None:
        self._known.clear()
        found = [entry.obj for entry in self._store.entries(PRIORITYLEVELCONFIGURATIONS.group_resource)]
        total = sum(shares_of(obj["spec"]) for obj in found)
        # A level that was deleted is there until its last request has ended: who holds it gives the seat back to it.
        self._levels = {meta.name(obj): self._levels.get(meta.name(obj)) or Level(meta.name(obj)) for obj in found}
        for obj in found:
            self._levels[meta.name(obj)].configure(meta.uid(obj), obj["spec"], total)
        schemas = [Schema.of(entry.obj) for entry in self._store.entries(FLOWSCHEMAS.group_resource)]
        self._schemas = [schema for schema in schemas if schema.level in self._levels]

    def flow(self, caller: Caller, ask: Callable[[], Attributes], *, resource: bool) -> Flow | None:
        """The flow of a request, for a resource or for a path; None when there is not even the schema for what no other
        matches. `ask` is called for what is asked where that matters."""
        key = (caller.user, caller.groups, resource)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            known = self._known[key] = self._gather(caller, resource=resource)
        found, whole = known
        if whole is not None:
            return whole
        asked = ask()
        chosen = next((item.schema for item in found if item.matches(asked)), None)
        schema = chosen or next((schema for schema in self._schemas if schema.name == CATCH_ALL), None)
        return None if schema is None else self._flow_of(schema, caller, asked.namespace)

    def _gather(self, caller: Caller, *, resource: bool) -> tuple[tuple[Candidate, ...], Flow | None]:
        found = candidates(self._schemas, caller, resources=resource)
        first = next(iter(found), None)
        is_one = first is not None and first.is_whole and first.schema.method != BY_NAMESPACE
        return found, self._flow_of(found[0].schema, caller, "") if is_one else None

    def _flow_of(self, schema: Schema, caller: Caller, namespace: str) -> Flow:
        return Flow(schema, self._levels[schema.level], schema.distinguisher(caller, namespace))

    def dump(self) -> str:
        """What the levels do, for people."""
        return priority_levels(self._levels.values())

    def lines(self) -> Iterator[str]:
        """What the levels do, for /metrics."""
        prefix, levels = "apiserver_flowcontrol", self._levels.values()
        for name, about, figure in (
            ("nominal_limit_seats", "Nominal number of execution seats configured for each priority level", "seats"),
            ("current_executing_requests", ("Number of requests in initial (for a WATCH) or any (for a non-WATCH) "
             "execution stage in the API Priority and Fairness subsystem"), "executing"),
            ("current_inqueue_requests", ("Number of requests currently pending in queues of the API Priority and "
             "Fairness subsystem"), "waiting"),
        ):  # fmt: skip
            values = (({"priority_level": level.name}, getattr(level, figure)) for level in levels)
            yield from family(f"{prefix}_{name}", "gauge", about, values)
        yield from family(
            f"{prefix}_dispatched_requests_total", "counter",
            "Number of requests executed by API Priority and Fairness subsystem",
            (({"flow_schema": schema, "priority_level": level.name}, count)
             for level in levels for schema, count in level.dispatched.items()),
        )  # fmt: skip
        yield from family(
            f"{prefix}_rejected_requests_total", "counter",
            "Number of requests rejected by API Priority and Fairness subsystem",
            (({"flow_schema": schema, "priority_level": level.name, "reason": why}, count)
             for level in levels for (schema, why), count in level.rejected.items()),
        )  # fmt: skip
