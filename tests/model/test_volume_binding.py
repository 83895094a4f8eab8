"""Claims and volumes that come, go and are looked at in any order: no volume is two claims', and all comes to rest."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from common.api import meta, storage
from common.api.kinds import PERSISTENTVOLUMECLAIMS
from common.api.meta import Key, Object
from console.controllers.persistentvolume import claims, volumes
from console.controllers.persistentvolume.actions import Action, Create, Patch
from tests.fakes import objects

SIZES = ("1Gi", "2Gi", "5Gi")
CLASSES = ("", "disks", "local")


def merged(target: Any, change: Any) -> Any:
    """A JSON merge patch."""
    if not isinstance(change, dict):
        return change
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class Binding(RuleBasedStateMachine):
    """The world is what the API has; each look plans on it and writes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.claims: dict[Key, Object] = {}
        self.held: dict[str, Object] = {}
        self._numbers = itertools.count(1)
        wait = objects.storage_class("local")
        self._classes = {
            "local": wait,
            "disks": objects.storage_class("disks", provisioner="example.com/x", wait=False),
        }

    # claims.World

    def volume(self, name: str) -> Object | None:
        return self.held.get(name)

    def volumes(self) -> Iterable[Object]:
        return list(self.held.values())

    def classes(self) -> Iterable[Object]:
        return self._classes.values()

    def storage_class(self, name: str) -> Object | None:
        return self._classes.get(name)

    def node(self, name: str) -> Object | None:
        return objects.node(name)

    def users(self, claim: Key) -> Sequence[Object]:
        return ()

    # What people do

    @rule(size=st.sampled_from(SIZES), cls=st.sampled_from(CLASSES), node=st.booleans(), name=st.integers(0, 3))
    def claim(self, size: str, cls: str, node: bool, name: int) -> None:
        key = Key("default", f"claim-{name}")
        if key not in self.claims:
            notes = {storage.SELECTED_NODE: "n1"} if node else {}
            uid = f"uid-{next(self._numbers)}"
            self.claims[key] = objects.claim(key.name, storage_class=cls, size=size, uid=uid, annotations=notes)

    @rule(
        size=st.sampled_from(SIZES), cls=st.sampled_from(CLASSES[:2]), reserved=st.none() | st.integers(0, 3),
        policy=st.sampled_from(["Retain", "Delete"]),
    )  # fmt: skip
    def offer(self, size: str, cls: str, reserved: int | None, policy: str) -> None:
        name = f"pv-{next(self._numbers)}"
        more = {} if reserved is None else {"claim": f"default/claim-{reserved}"}
        made = objects.volume(name, storage_class=cls, size=size, phase="Pending", policy=policy, **more)
        made["metadata"]["uid"] = f"uid-{name}"
        self.held[name] = made

    @rule(data=st.data())
    def delete_claim(self, data: st.DataObject) -> None:
        if self.claims:
            del self.claims[data.draw(st.sampled_from(sorted(self.claims)))]

    @rule(data=st.data())
    def delete_volume(self, data: st.DataObject) -> None:
        free = sorted(name for name, volume in self.held.items() if storage.phase(volume) != "Bound")
        if free:
            del self.held[data.draw(st.sampled_from(free))]

    # What the controller does

    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        keys = [*sorted(self.claims), *sorted(self.held)]
        if keys:
            self._look(data.draw(st.sampled_from(keys)))

    def _look(self, key: Key | str) -> list[Action]:
        if isinstance(key, str):
            actions = volumes.plan(self.held[key], self.claims.get)
        else:
            actions = claims.plan(self.claims[key], self)
        for action in actions:
            self._do(action)
        return actions

    def _do(self, action: Action) -> None:
        if isinstance(action, Create):
            name = meta.name(action.volume)
            made = {**action.volume, "status": {"phase": "Pending"}}
            made["metadata"] = {**made["metadata"], "uid": f"uid-{name}"}
            self.held.setdefault(name, made)
        elif isinstance(action, Patch) and action.resource is PERSISTENTVOLUMECLAIMS:
            key = meta.key(action.obj)
            self.claims[key] = merged(self.claims[key], action.change)
        elif isinstance(action, Patch):
            name = meta.name(action.obj)
            self.held[name] = merged(self.held[name], action.change)

    # What must hold

    @invariant()
    def a_bound_claim_and_its_volume_name_each_other(self) -> None:
        for claim in self.claims.values():
            if storage.phase(claim) != "Bound":
                continue
            volume = self.held.get(storage.spec(claim)["volumeName"])
            assert volume is not None
            assert storage.spec(volume)["claimRef"]["uid"] == meta.uid(claim)
            assert storage.capacity(volume) >= storage.requested(claim)

    @invariant()
    def no_volume_is_the_volume_of_two_claims(self) -> None:
        named = [
            storage.spec(claim)["volumeName"] for claim in self.claims.values() if storage.phase(claim) == "Bound"
        ]  # fmt: skip
        assert len(named) == len(set(named))

    def teardown(self) -> None:
        """Left alone, everything comes to rest, and nothing that fits is left unbound."""
        for _ in range(10):
            written = [
                action
                for key in [*self.claims, *self.held]
                for action in self._look(key)
                if isinstance(action, Patch | Create)
            ]
            if not written:
                break
        assert written == []
        for claim in self.claims.values():
            waits = storage.waits_for_consumer(self.storage_class(storage.class_of(claim)))
            if storage.phase(claim) == "Pending" and not waits:
                assert storage.find_volume(claim, self.held.values()) is None


TestBinding = Binding.TestCase
TestBinding.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
