"""Which of the standards a namespace asks for: its labels, read as Kubernetes' PodSecurity admission reads them.

Who mistypes a label gets the strictest level for what is enforced and none for what is merely said, so that a slip
neither opens a namespace nor floods its users.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from common.errors import Cause
from console.registry import validation

PREFIX = "pod-security.kubernetes.io/"
PRIVILEGED, BASELINE, RESTRICTED = "privileged", "baseline", "restricted"
LEVELS = (PRIVILEGED, BASELINE, RESTRICTED)
"""From the least strict to the strictest."""
LATEST = "latest"
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Standard:
    """A level in one of its versions; `minor` is that of Kubernetes 1.x, None for the newest."""

    level: str = PRIVILEGED
    minor: int | None = None

    def __str__(self) -> str:
        return f"{self.level}:{LATEST if self.minor is None else f'v1.{self.minor}'}"

    def is_at_most(self, other: Standard) -> bool:
        """Whether it is the same version of a level that is no stricter."""
        return self.minor == other.minor and LEVELS.index(self.level) <= LEVELS.index(other.level)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a namespace asks for, and which of its labels cannot be understood."""

    enforce: Standard = Standard()
    audit: Standard = Standard()
    warn: Standard = Standard()
    problems: tuple[Cause, ...] = ()

    @property
    def says_nothing(self) -> bool:
        """Whether neither audit nor warnings have anything to look at."""
        return not self.problems and self.audit.level == self.warn.level == PRIVILEGED


_NOTHING = Policy()


def policy(labels: Mapping[str, str]) -> Policy:
    """The policy that the labels of a namespace spell."""
    if not any(key.startswith(PREFIX) for key in labels):
        return _NOTHING
    problems: list[Cause] = []
    enforce, audit, warn = (_standard(labels, mode, problems) for mode in ("enforce", "audit", "warn"))
    return Policy(enforce, audit, warn, tuple(problems))


def _standard(labels: Mapping[str, str], mode: str, problems: list[Cause]) -> Standard:
    level, minor = PRIVILEGED, None
    key = f"{PREFIX}{mode}"
    if key in labels:
        level = labels[key]
        if level not in LEVELS:
            problems.append(_problem(key, level, f"must be one of {', '.join(LEVELS)}"))
            level = RESTRICTED if mode == "enforce" else PRIVILEGED
    key = f"{key}-version"
    if labels.get(key, LATEST) != LATEST:
        found = _VERSION.fullmatch(labels[key])
        if found is None:
            problems.append(_problem(key, labels[key], 'must be "latest" or "v1.x"'))
        minor = None if found is None else int(found[1])
    return Standard(level, minor)


def _problem(key: str, value: str, why: str) -> Cause:
    return validation.wrong(f"metadata.labels[{key}]", value, why)
