"""Which objects of a resource a request is about: namespace, label selector, field selector.

For a watch a change is seen through the selection: an object that begins to match is ADDED, one that ceases to is
DELETED, whatever happened to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import orjson

from common.api import selectors
from common.api.meta import Object, labels
from common.api.selectors import Selector
from common.errors import BadRequest
from console.registry.row import METADATA_FIELDS, Row
from console.store import Entry, Event
from console.store.entries import make_tombstone

_PLAIN = re.compile(r"[A-Za-z0-9._/-]+")
_NO_TEXT = re.compile(r"true|false|-?\d+(\.\d+)?(e[+-]?\d+)?")


def _is_text(value: str) -> bool:
    """Whether only a text of JSON can be equal to the value of a field selector, no number and no boolean."""
    return _PLAIN.fullmatch(value) is not None and _NO_TEXT.fullmatch(value) is None


def _fields(row: Row) -> Mapping[str, str]:
    """What fields may be named in a selector for this version of a kind, and what they are called where it is kept."""
    if row.view is not None and row.view.fields:
        return row.view.fields
    return {path: path for path in row.fields}


def _unknown(row: Row, path: str) -> str:
    if tuple(row.fields) == METADATA_FIELDS and row.custom is None:
        return f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"'
    return row.unselectable.format(path)


@dataclass(frozen=True, slots=True)
class Selection:
    namespace: str = ""
    labels: Selector = selectors.EVERYTHING
    fields: tuple[tuple[str, str, bool], ...] = ()
    read: Callable[[Object, str], str] = selectors.field_value

    @classmethod
    def parse(cls, row: Row, namespace: str | None, label_selector: str, field_selector: str) -> Selection:
        """Raises BadRequest for a selector that is none, or a field that the kind cannot be selected by."""
        try:
            chosen = selectors.parse(label_selector)
            fields = tuple(selectors.parse_fields(field_selector))
        except ValueError as error:
            raise BadRequest(str(error)) from None
        known = _fields(row)
        for path, _, _ in fields:
            if path not in known:
                raise BadRequest(_unknown(row, path))
        named = tuple((known[path], value, equal) for path, value, equal in fields)
        return cls(namespace or "", chosen, named, row.stored.read_field)

    @property
    def is_whole(self) -> bool:
        """No selector: everything in the namespace (or anywhere)."""
        return self.labels.is_empty and not self.fields

    def split(self, row: Row) -> tuple[Selection, Selection | None]:
        """What can be selected of stored objects, and what only of objects that a webhook has converted, if anything:
        fields, of which each version has its own."""
        converted = row.custom is not None and row.custom.webhook is not None
        late = tuple(item for item in self.fields if not item[0].startswith("metadata."))
        if not converted or not late:
            return self, None
        early = tuple(item for item in self.fields if item not in late)
        return replace(self, fields=early), replace(self, fields=late)

    def matches(self, obj: Object) -> bool:
        return self.labels.matches(labels(obj)) and selectors.matches_fields(obj, self.fields, self.read)

    def accepts(self, entry: Entry) -> bool:
        """Of the right namespace already, as the store's lists are."""
        if self.is_whole:
            return True
        # To look for a text in bytes is much cheaper than to decode them, and of many events few are about one object.
        if not entry.is_decoded and not all(text in entry.raw for text in self._texts()):
            return False
        return self.matches(entry.obj)

    def _texts(self) -> list[bytes]:
        """What the bytes of an object that matches have in them."""
        return [orjson.dumps(value) for _, value, equal in self.fields if equal and _is_text(value)]

    def view(self, event: Event) -> Event | None:
        """The change as this selection sees it, None when it does not."""
        if self.namespace and event.entry.key[0] != self.namespace:
            return None
        if self.is_whole:
            return event
        before = event.old is not None and self.matches(event.old.obj)
        after = event.type != "DELETED" and self.matches(event.entry.obj)
        if after:
            return event if before or event.type == "ADDED" else Event("ADDED", event.entry, None)
        if not before or event.old is None:
            return None
        if event.type == "DELETED":
            return event
        return Event("DELETED", make_tombstone(event.old, event.revision), event.old)
