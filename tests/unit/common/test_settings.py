"""What a cluster is configured with is checked when it is read."""

from __future__ import annotations

from typing import Any

import pytest

from common.settings import ClusterConfig


def test_a_configuration_survives_its_way_through_json() -> None:
    config = ClusterConfig.dual_stack()
    data = {key: list(value) if isinstance(value, tuple) else value for key, value in config.to_json().items()}
    assert ClusterConfig.from_json(data) == config


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "expected an object, found list"),
        (None, "expected an object, found NoneType"),
        ({"name": 5}, "name: 5 is not of type str"),
        ({"node_mask_v4": "24"}, "node_mask_v4: '24' is not of type int"),
        ({"pod_cidrs": "10.42.0.0/16"}, "pod_cidrs: '10.42.0.0/16' is not of type tuple"),
        ({"pod_cidrs": ["10.42.0.1/16"]}, r"pod_cidrs: 10\.42\.0\.1/16 has host bits set"),
        ({"service_cidrs": ["x"]}, "service_cidrs: 'x' does not appear to be"),
        ({"colour": "blue"}, "unexpected keyword argument 'colour'"),
    ],
)
def test_what_is_none_names_the_field(data: Any, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        ClusterConfig.from_json(data)
