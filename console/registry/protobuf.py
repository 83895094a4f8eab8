"""Protobuf bodies, which kubectl sends for `create`; nothing is ever answered in protobuf."""

from __future__ import annotations

from common.api.meta import Object
from common.errors import UnsupportedMediaType

from .row import Row

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"


def decode(row: Row, body: bytes) -> Object:
    """The object of a protobuf body."""
    raise UnsupportedMediaType(f"{MEDIA_TYPE} is not accepted for {row.resource.group_resource} ({len(body)} bytes)")
