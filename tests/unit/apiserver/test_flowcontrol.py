"""Priority and fairness: where requests belong, who is served at once, who waits, and who is told to come back."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from common.api import meta
from common.api.kinds import FLOWSCHEMAS, PRIORITYLEVELCONFIGURATIONS
from common.clock import SystemClock
from common.errors import TooManyRequests
from console.apiserver.access.attributes import Attributes
from console.apiserver.caller import Caller
from console.apiserver.flowcontrol import levels
from console.apiserver.flowcontrol.dump import priority_levels
from console.apiserver.flowcontrol.levels import Level, dealt
from console.apiserver.flowcontrol.schemas import Schema, candidates
from console.apiserver.flowcontrol.upkeep import described, planned
from console.registry.kinds.flowcontrol_defaults import AUTO_UPDATE, MANDATORY, SUGGESTED

DEFAULTS = [Schema.of(obj) for found in (MANDATORY, SUGGESTED) for obj in found[FLOWSCHEMAS].values()]
AUTHENTICATED = "system:authenticated"
PODS = Attributes("list", "", "v1", "pods", namespace="default")
LEASES = Attributes("update", "coordination.k8s.io", "v1", "leases", namespace="kube-node-lease", name="n")


def caller(user: str, *groups: str) -> Caller:
    return Caller(user, frozenset({AUTHENTICATED, *groups}))


def chosen(who: Caller, asked: Attributes, *more: Schema) -> str:
    found = candidates([*DEFAULTS, *more], who, resources=not asked.path)
    return next(item.schema.name for item in found if item.matches(asked))


def account(name: str) -> Caller:
    space, _, _ = name.partition(":")
    return caller(f"system:serviceaccount:{name}", "system:serviceaccounts", f"system:serviceaccounts:{space}")


@pytest.mark.parametrize(
    ("who", "asked", "expected"),
    [
        (caller("admin", "system:masters"), PODS, "exempt"),
        (caller("jane"), PODS, "global-default"),
        (caller("jane"), Attributes("get", path="/healthz"), "probes"),
        (caller("jane"), Attributes("get", path="/version"), "global-default"),
        (Caller("system:anonymous", frozenset({"system:unauthenticated"})), PODS, "global-default"),
        (caller("system:node:n", "system:nodes"), PODS, "system-nodes"),
        (caller("system:node:n", "system:nodes"), LEASES, "system-node-high"),
        (caller("system:node:n", "system:nodes"), Attributes("update", "", "v1", "nodes", "status", name="n"),
         "system-node-high"),
        (caller("system:kube-scheduler"), PODS, "kube-scheduler"),
        (caller("system:kube-scheduler"), LEASES, "system-leader-election"),
        (account("kube-system:x"), PODS, "kube-system-service-accounts"),
        (account("team:x"), PODS, "service-accounts"),
    ],
)  # fmt: skip
def test_requests_belong_where_the_defaults_put_them(who: Caller, asked: Attributes, expected: str) -> None:
    assert chosen(who, asked) == expected


def schema(name: str, precedence: int, *rules: Any, method: str = "") -> Schema:
    spec: Any = {"matchingPrecedence": precedence, "priorityLevelConfiguration": {"name": "x"}, "rules": list(rules)}
    spec["distinguisherMethod"] = {"type": method} if method else None
    return Schema.of({"metadata": {"name": name, "uid": name}, "spec": spec})


def test_precedence_decides_then_the_name() -> None:
    subjects = [{"kind": "User", "user": {"name": "jane"}}]
    rule = {"subjects": subjects, "resourceRules": [
        {"verbs": ["list"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["default"]},
    ]}  # fmt: skip
    assert chosen(caller("jane"), PODS, schema("b", 7, rule), schema("a", 7, rule), schema("c", 6, rule)) == "c"
    assert chosen(caller("jane"), PODS, schema("b", 7, rule), schema("a", 7, rule)) == "a"
    elsewhere = Attributes("list", "", "v1", "pods")
    assert chosen(caller("jane"), elsewhere, schema("a", 7, rule)) == "global-default"
    prefix = {"subjects": subjects, "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/logs/*"]}]}
    assert chosen(caller("jane"), Attributes("get", path="/logs/x"), schema("a", 7, prefix)) == "a"
    assert chosen(caller("jane"), Attributes("get", path="/logs"), schema("a", 7, prefix)) == "global-default"


def test_flows_are_told_apart_as_the_schema_says() -> None:
    found = [
        schema("a", 7, method=method).distinguisher(caller("jane"), "team") for method in ("ByUser", "ByNamespace", "")
    ]
    assert found == ["jane", "team", ""]


def level(seats: int, queues: int = 0, hand: int = 1, length: int = 1) -> Level:
    made = Level("level")
    response = {"queuing": {"queues": queues, "handSize": hand, "queueLengthLimit": length}} if queues else {}
    made.configure("uid", {"type": "Limited", "limited": {"nominalConcurrencyShares": 1, "limitResponse": response}}, 1)
    made.seats = seats
    return made


async def test_an_exempt_level_has_no_limit() -> None:
    made = Level("exempt")
    made.configure("uid", {"type": "Exempt"}, 100)
    for _ in range(1000):
        await made.enter("s", "")
    assert made.executing == 1000


async def test_without_queues_whoever_finds_no_seat_is_told_to_come_back() -> None:
    made = level(1)
    await made.enter("s", "jane")
    with pytest.raises(TooManyRequests) as error:
        await made.enter("s", "jane")
    assert error.value.retry_after == 1
    assert made.rejected == {("s", "concurrency-limit"): 1}
    made.leave()
    await made.enter("s", "jane")


async def test_what_levels_do_is_a_table_for_people() -> None:
    busy, idle = level(1, queues=4, hand=1, length=1), Level("exempt")
    busy.name = "workload-low"
    await busy.enter("s", "jane")
    waiting = asyncio.ensure_future(busy.enter("s", "jane"))
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests):
        await busy.enter("s", "jane")
    busy.rejected["s", "time-out"] += 2
    lines = priority_levels([busy, idle]).splitlines()
    assert lines[0].startswith("PriorityLevelName, ActiveQueues, IsIdle, IsQuiescing, WaitingRequests, Exec")
    assert lines[1].startswith("exempt,            0,            true,   false,       0,")
    assert [cell.strip() for cell in lines[2].split(",")] == [
        "workload-low", "1", "false", "false", "1", "1", "1", "1", "2", "0",
    ]  # fmt: skip
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_queues_take_turns_so_that_a_flood_delays_nobody_else() -> None:
    made = level(1, queues=64, hand=1, length=50)
    served: list[str] = []

    async def ask(user: str) -> None:
        await made.enter("s", user)
        served.append(user)
        await asyncio.sleep(0)
        made.leave()

    await made.enter("s", "first")
    flood = [asyncio.ensure_future(ask("flood")) for _ in range(20)]
    await asyncio.sleep(0)
    quiet = asyncio.ensure_future(ask("quiet"))
    await asyncio.sleep(0)
    assert dealt("s\0flood", 64, 1) != dealt("s\0quiet", 64, 1)
    made.leave()
    await asyncio.gather(*flood, quiet)
    assert served.index("quiet") <= 1
    assert (made.executing, made.waiting) == (0, 0)


async def test_a_full_queue_takes_nobody_more() -> None:
    made = level(1, queues=1, length=2)
    await made.enter("s", "")
    waiting = [asyncio.ensure_future(made.enter("s", "")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests):
        await made.enter("s", "")
    assert made.rejected == {("s", "queue-full"): 1}
    made.leave()
    await waiting[0]
    made.leave()
    await waiting[1]
    assert made.dispatched["s"] == 3


async def test_waiting_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "WAIT", 0.01)
    made = level(1, queues=1, length=9)
    await made.enter("s", "")
    with pytest.raises(TooManyRequests):
        await made.enter("s", "")
    assert made.rejected == {("s", "time-out"): 1}
    assert made.waiting == 0
    made.leave()
    await made.enter("s", "")


async def test_whoever_goes_while_waiting_leaves_nothing_behind() -> None:
    made = level(1, queues=2, hand=2, length=9)
    await made.enter("s", "")
    gone = asyncio.ensure_future(made.enter("s", "a"))
    seated = asyncio.ensure_future(made.enter("s", "b"))
    third = asyncio.ensure_future(made.enter("s", "c"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    assert made.waiting == 2
    made.leave()  # gives one of them the seat in the moment in which it goes
    seated.cancel()
    third.cancel()
    await asyncio.gather(gone, seated, third, return_exceptions=True)
    assert (made.executing, made.waiting) == (0, 0)
    await made.enter("s", "")


async def test_more_seats_are_taken_at_once() -> None:
    made = level(0, queues=1, length=9)
    waiting = asyncio.ensure_future(made.enter("s", ""))
    await asyncio.sleep(0)
    assert not waiting.done()
    made.configure("uid", {"type": "Limited", "limited": {"nominalConcurrencyShares": 5}}, 50)
    await waiting
    assert made.seats == 60


def test_hands_are_different_queues_and_the_same_each_time() -> None:
    for flow in map(str, range(200)):
        hand = dealt(flow, 16, 4)
        assert len(set(hand)) == 4
        assert set(hand) <= set(range(16))
        assert dealt(flow, 16, 4) == hand
    used = Counter(queue for flow in map(str, range(2000)) for queue in dealt(flow, 16, 4))
    assert len(used) == 16
    assert max(used.values()) < 2 * min(used.values())
    assert sorted(dealt("x", 3, 8)) == [0, 1, 2]


def stored(obj: Any, generation: int = 1, said: str = "true", **spec: Any) -> Any:
    annotations = {AUTO_UPDATE: said} if said else {}
    metadata = {**meta.metadata(obj), "uid": "u", "generation": generation, "annotations": annotations}
    return {**obj, "metadata": metadata, "spec": {**obj["spec"], **spec}}


def plan(found: dict[str, Any], resource: Any = FLOWSCHEMAS) -> dict[str, Any]:
    """What is planned beside making what is not there at all."""
    made = planned(found, MANDATORY[resource], SUGGESTED[resource])
    return {name: obj for name, obj in made.items() if name in found}


def test_what_is_missing_is_made() -> None:
    made = planned({}, MANDATORY[FLOWSCHEMAS], SUGGESTED[FLOWSCHEMAS])
    assert set(made) == set(MANDATORY[FLOWSCHEMAS]) | set(SUGGESTED[FLOWSCHEMAS])
    assert all(obj and meta.annotations(obj) == {AUTO_UPDATE: "true"} for obj in made.values())


def test_mandatory_objects_are_put_right_whatever_they_say() -> None:
    wanted = MANDATORY[FLOWSCHEMAS]["catch-all"]
    assert plan({"catch-all": stored(wanted)}) == {}
    (found,) = plan({"catch-all": stored(wanted, 2, "false", matchingPrecedence=5)}).values()
    assert found["spec"] == wanted["spec"]
    assert meta.annotations(found) == {AUTO_UPDATE: "true"}
    exempt = MANDATORY[PRIORITYLEVELCONFIGURATIONS]["exempt"]
    lent = {"nominalConcurrencyShares": 9, "lendablePercent": 5}
    assert plan({"exempt": stored(exempt, 2, exempt=lent)}, PRIORITYLEVELCONFIGURATIONS) == {}


def test_a_suggestion_is_followed_unless_somebody_meant_otherwise() -> None:
    wanted = SUGGESTED[FLOWSCHEMAS]["service-accounts"]
    changed = {"matchingPrecedence": 77}
    (found,) = plan({"service-accounts": stored(wanted, 2, **changed)}).values()
    assert found["spec"] == wanted["spec"]
    assert plan({"service-accounts": stored(wanted, 2, "false", **changed)}) == {}
    (found,) = plan({"service-accounts": stored(wanted, 2, "", **changed)}).values()
    assert (found["spec"]["matchingPrecedence"], meta.annotations(found)) == (77, {AUTO_UPDATE: "false"})
    (found,) = plan({"service-accounts": stored(wanted, 1, "")}).values()
    assert meta.annotations(found) == {AUTO_UPDATE: "true"}


def test_what_is_suggested_no_longer_goes() -> None:
    other = stored({**SUGGESTED[FLOWSCHEMAS]["probes"], "metadata": {"name": "other"}})
    assert plan({"other": other}) == {"other": None}
    assert plan({"other": stored(other, 1, "")}) == {}


def test_a_schema_says_whether_its_level_exists() -> None:
    clock, obj = SystemClock(), SUGGESTED[FLOWSCHEMAS]["probes"]
    status = described(obj, frozenset({"exempt"}), clock)
    assert status is not None
    (condition,) = status["conditions"]
    moment = condition.pop("lastTransitionTime")
    assert condition == {
        "type": "Dangling", "status": "False", "reason": "Found",
        "message": 'This FlowSchema references the PriorityLevelConfiguration object named "exempt" and it exists',
    }  # fmt: skip
    told = {**obj, "status": {"conditions": [{**condition, "lastTransitionTime": moment}]}}
    assert described(told, frozenset({"exempt"}), clock) is None
    status = described(told, frozenset(), clock)
    assert status is not None
    (condition,) = status["conditions"]
    assert (condition["status"], condition["reason"]) == ("True", "NotFound")
    assert condition["message"].endswith('named "exempt" but there is no such object')
