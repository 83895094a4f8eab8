"""Names and uids that are made up."""

from __future__ import annotations

import uuid

from common.api.names import new_uid


def test_a_uid_is_a_random_uuid_that_came_never_before() -> None:
    made = [new_uid() for _ in range(500)]
    assert len(set(made)) == len(made)
    for text in made:
        read = uuid.UUID(text)
        assert (str(read), read.version, read.variant) == (text, 4, uuid.RFC_4122)
