"""Texts that hold bytes in base64: which Go's decoder takes, and where it stops in one that it does not.

Writers of Secrets are told that place; a looser reader here would store what no client of Kubernetes can read back.
"""

from __future__ import annotations

import re

_WHOLE = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_LETTER = re.compile(rb"[A-Za-z0-9+/]")


def first_illegal(text: str) -> int | None:
    """The index of the byte at which Go stops reading, None for a text that it takes; line ends may be anywhere."""
    if _WHOLE.fullmatch(text.replace("\n", "").replace("\r", "")):
        return None
    data = text.encode(errors="replace")
    places = [index for index, byte in enumerate(data) if byte not in b"\r\n"]
    count = 0
    while count < len(places) and _LETTER.match(data, places[count]):
        count += 1
    in_group = count % 4
    if count == len(places):
        return len(data) - in_group  # cut short
    place = places[count]
    if data[place] != ord("=") or in_group < 2:
        return place
    if in_group == 2:
        if count + 1 == len(places):
            return len(data)
        if data[places[count + 1]] != ord("="):
            return places[count + 1] - 1
        count += 1
    return places[count + 1]  # something behind the end
