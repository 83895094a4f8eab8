"""Namespaces, ConfigMaps and Secrets."""

from __future__ import annotations

from common.api import kinds
from common.api.meta import Object
from console.views import status, usage

from .column import AGE, LABELS, NAME, NAMESPACE, Table, dim, number, state, text


def _keys(obj: Object) -> int:
    return len(obj.get("data") or {}) + len(obj.get("binaryData") or {}) + len(obj.get("stringData") or {})


CONFIGMAP_COLUMNS = (NAMESPACE, NAME, number("KEYS", _keys, letter="S"), AGE, LABELS)
SECRET_COLUMNS = (
    NAMESPACE,
    NAME,
    text("TYPE", lambda s: str(s.get("type", "Opaque")), drop=3, letter="S"),
    number("KEYS", _keys),
    AGE,
    LABELS,
)


def _shortcut(namespace: Object) -> str:
    found = usage.number(namespace)
    return str(found.value) if found else "-"


NAMESPACE_COLUMNS = (
    NAME,
    state("STATUS", status.namespace_status, letter="S"),
    text("KEY", _shortcut, drop=3, letter="K", tone=dim),
    AGE,
    LABELS,
)

TABLES = {
    kinds.NAMESPACES: Table(NAMESPACE_COLUMNS, status.namespace_status),
    kinds.CONFIGMAPS: Table(CONFIGMAP_COLUMNS),
    kinds.SECRETS: Table(SECRET_COLUMNS),
}
