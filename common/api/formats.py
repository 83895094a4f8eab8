"""The formats of names and labels, and what is wrong with a text that is none: registry and selectors say the same.

Formats and words are those of the Kubernetes documentation (RFC 1123 names, qualified label keys).
"""

from __future__ import annotations

import re
from functools import lru_cache

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SEARCH_LABEL = "[a-z0-9_]([-_a-z0-9]*[a-z0-9])?"
_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"


class Format:
    """Called with a text it says what is wrong with it: that it is longer than `most` characters, that it breaks the
    rule. `rule` goes on with the regular expression, as Kubernetes' messages do."""

    def __init__(self, regex: str, most: int, rule: str) -> None:
        self._fits = re.compile(regex).fullmatch
        self._most = most
        self.rule = f"{rule}, regex used for validation is '{regex}')"

    def __call__(self, text: str) -> tuple[str, ...]:
        problems = () if len(text) <= self._most else (f"must be no more than {self._most} characters",)
        return problems if self._fits(text) else (*problems, self.rule)


dns_label = Format(
    _LABEL, 63,
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc'",
)  # fmt: skip

dns_1035_label = Format(
    "[a-z]([-a-z0-9]*[a-z0-9])?", 63,
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123'",
)  # fmt: skip

_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com'"
)
dns_subdomain = Format(rf"{_LABEL}(\.{_LABEL})*", 253, _SUBDOMAIN)
"""DNS labels joined by dots (RFC 1123)."""

dns_search = Format(rf"{_SEARCH_LABEL}(\.{_SEARCH_LABEL})*", 253, _SUBDOMAIN)
"""A domain to search in: a DNS subdomain whose labels may have underscores."""

wildcard_subdomain = Format(
    rf"\*\.{_LABEL}(\.{_LABEL})*", 253,
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com'",
)  # fmt: skip

_name_part = Format(
    _NAME, 63,
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc'",
)  # fmt: skip
_QUALIFIED = (
    f"a qualified name {_name_part.rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
)
_EMPTY = ("must be non-empty",)

_value = Format(
    f"({_NAME})?", 63,
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345'",
)  # fmt: skip


@lru_cache(maxsize=8192)
def qualified_name(text: str) -> tuple[str, ...]:
    """A label or annotation key: an optional DNS subdomain and a slash, then at most 63 characters."""
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        return (_QUALIFIED,)
    of_prefix = (dns_subdomain(prefix) if prefix else _EMPTY) if slash else ()
    of_name = _name_part(name) if name else (*_EMPTY, _name_part.rule)
    return (*(f"prefix part {problem}" for problem in of_prefix), *(f"name part {problem}" for problem in of_name))


@lru_cache(maxsize=8192)
def label_value(text: str) -> tuple[str, ...]:
    """Empty, or at most 63 characters that start and end alphanumerically."""
    return _value(text)
