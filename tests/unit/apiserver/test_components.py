"""ComponentStatuses say how the store is."""

from __future__ import annotations

from common.api.kinds import COMPONENTSTATUSES
from console.apiserver.components import Components


def test_all_parts_are_healthy_until_the_store_is_not() -> None:
    fault = ""
    components = Components(lambda: fault)
    found = components.every(COMPONENTSTATUSES, "", {})
    assert [item["metadata"]["name"] for item in found] == ["scheduler", "controller-manager", "etcd-0"]
    assert [item["conditions"] for item in found] == [[{"type": "Healthy", "status": "True", "message": "ok"}]] * 3
    fault = "disk full"
    store = components.one(COMPONENTSTATUSES, "", "etcd-0", {})
    assert store is not None
    assert store["conditions"] == [{"type": "Healthy", "status": "False", "error": "disk full"}]
    assert components.one(COMPONENTSTATUSES, "", "nothing", {}) is None
