"""What webhooks and policies of users did to requests, for /metrics, under Kubernetes' names.

Labels are names of webhooks, policies and bindings, which only whoever may configure admission can make more of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from common.exposition import family

CALLING_ERROR, INTERNAL_ERROR, NO_ERROR = "calling_webhook_error", "apiserver_internal_error", "no_error"
_MAX_CODE = 600


class Figures:
    def __init__(self) -> None:
        self._calls: Counter[tuple[str, str, str, str, str]] = Counter()
        self._rejections: Counter[tuple[str, str, str, str, str]] = Counter()
        self._opened: Counter[tuple[str, str]] = Counter()
        self._checks: Counter[tuple[str, str, str, str]] = Counter()

    def called(self, name: str, kind: str, operation: str, code: int, *, rejected: bool) -> None:
        """`kind` is admit or validating, `code` that of the answer."""
        shown = str(min(code, _MAX_CODE))
        self._calls[name, kind, operation, shown, "true" if rejected else "false"] += 1

    def rejected(self, name: str, kind: str, operation: str, error: str, code: int) -> None:
        self._rejections[name, kind, operation, error, str(min(code, _MAX_CODE))] += 1

    def failed_open(self, name: str, kind: str) -> None:
        self._opened[name, kind] += 1

    def judged(self, policy: str, binding: str, error: str, action: str) -> None:
        """A policy had something against a request, or nothing (`action` allow)."""
        self._checks[policy, binding, error, action] += 1

    def lines(self) -> Iterator[str]:
        prefix = "apiserver_admission_webhook"
        names = ("name", "type", "operation", "code", "rejected")
        yield from _counter(f"{prefix}_request_total", "Admission webhook request total, identified by name and broken "
                            "out for each admission type (validating or mutating) and operation.", names,
                            self._calls)  # fmt: skip
        names = ("name", "type", "operation", "error_type", "rejection_code")
        yield from _counter(f"{prefix}_rejection_count", "Admission webhook rejection count, identified by name and "
                            "broken out for each admission type (validating or admit) and operation.", names,
                            self._rejections)  # fmt: skip
        yield from _counter(f"{prefix}_fail_open_count", "Admission webhook fail open count, identified by name and "
                            "broken out for each admission type (validating or mutating).", ("name", "type"),
                            self._opened)  # fmt: skip
        checked = ("policy", "policy_binding", "error_type", "enforcement_action")
        yield from _counter("apiserver_validating_admission_policy_check_total", "Validation admission policy check "
                            "total, labeled by policy and further identified by binding and enforcement action taken.",
                            checked, self._checks)  # fmt: skip


def _counter(name: str, about: str, labels: tuple[str, ...], found: Mapping[Any, int]) -> Iterator[str]:
    values = ((dict(zip(labels, key, strict=True)), count) for key, count in found.items())
    yield from family(name, "counter", about, values)
