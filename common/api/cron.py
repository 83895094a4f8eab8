"""Cron schedules as CronJobs have them: five fields, names, steps and ranges, `@hourly` and its like, `@every 90m`.

The grammar, the messages and what happens when clocks change are those of the parser that Kubernetes uses: a time that
a day skips is skipped, one that it repeats comes twice. Pure: the caller says after which moment and in which zone.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

YEARS_AHEAD = 5  # a schedule that never comes up in this time (31 February) never does
_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11,
    "dec": 12,
}  # fmt: skip
_DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_ZONE_PART = re.compile(r"[A-Za-z.\-_0-9+]{1,14}")


class ScheduleError(ValueError):
    """The text is no schedule; the message says what of it is wrong."""


class UnknownZone(ValueError):
    """There is no such time zone; the message names it."""


class Schedule(Protocol):
    def after(self, moment: datetime) -> datetime | None:
        """The first time after `moment`, in UTC; None when there is none in the next years."""
        ...

    def latest(self, begin: datetime, end: datetime) -> datetime | None:
        """The last time after `begin` and not after `end`; None when there is none. `begin` is a run or a start."""
        ...


@dataclass(frozen=True, slots=True)
class _Bounds:
    lowest: int
    highest: int
    names: Mapping[str, int]


_MINUTE = _Bounds(0, 59, {})
_HOUR = _Bounds(0, 23, {})
_DAY = _Bounds(1, 31, {})
_MONTH = _Bounds(1, 12, _MONTHS)
_WEEKDAY = _Bounds(0, 6, _DAYS)
_FIELDS = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)


@dataclass(frozen=True, slots=True)
class _Field:
    """The values that match; `star` when the field was left open, so that the other field of days decides."""

    values: frozenset[int]
    star: bool


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed distance, counted from the run before."""

    delay: timedelta

    def after(self, moment: datetime) -> datetime | None:
        return moment.replace(microsecond=0) + self.delay

    def latest(self, begin: datetime, end: datetime) -> datetime | None:
        runs = (end - begin.replace(microsecond=0)) // self.delay
        return begin.replace(microsecond=0) + runs * self.delay if runs > 0 else None


@dataclass(frozen=True, slots=True)
class Calendar:
    """Minutes of a calendar in `zone`."""

    zone: tzinfo
    minute: _Field
    hour: _Field
    day: _Field
    month: _Field
    weekday: _Field

    def after(self, moment: datetime) -> datetime | None:
        time = moment.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        last_year = time.year + YEARS_AHEAD
        while time.year <= last_year:
            local = time.astimezone(self.zone)
            step = self._step(local)
            if step is None:
                return time
            # A clock change can put the start of a day before where we are: never go back.
            time = max(step.astimezone(UTC), time + timedelta(minutes=1))
        return None

    def latest(self, begin: datetime, end: datetime) -> datetime | None:
        # From the end backwards in spans that double: a year of minutes is not walked through.
        span = timedelta(hours=1)
        while True:
            start = max(begin, end - span)
            found = self._last_of(start, end)
            if found is not None or start <= begin:
                return found
            span *= 4

    def _last_of(self, begin: datetime, end: datetime) -> datetime | None:
        found = None
        time = self.after(begin)
        while time is not None and time <= end:
            found, time = time, self.after(time)
        return found

    def _step(self, local: datetime) -> datetime | None:
        """Where to look next; None when `local` matches. Hours and minutes pass in real time, whatever clocks show."""
        if local.month not in self.month.values:
            year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
            return datetime(year, month, 1, tzinfo=self.zone)
        if not self._matches_day(local):
            midnight = datetime(local.year, local.month, local.day, tzinfo=self.zone)
            return midnight + timedelta(days=1)
        passed = local.astimezone(UTC)
        if local.hour not in self.hour.values:
            return passed + timedelta(minutes=60 - local.minute)
        if local.minute not in self.minute.values:
            return passed + timedelta(minutes=1)
        return None

    def _matches_day(self, local: datetime) -> bool:
        by_day = local.day in self.day.values
        by_weekday = local.isoweekday() % 7 in self.weekday.values
        if self.day.star or self.weekday.star:
            return by_day and by_weekday
        return by_day or by_weekday


def parse(text: str, zone: tzinfo = UTC) -> Schedule:
    """The schedule of a CronJob; ScheduleError when it is none."""
    if text.startswith("@"):
        return _descriptor(text, zone)
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ScheduleError(f"expected exactly {len(_FIELDS)} fields, found {len(fields)}: [{' '.join(fields)}]")
    return Calendar(zone, *(_field(field, bounds) for field, bounds in zip(fields, _FIELDS, strict=True)))


def zone_of(name: str | None) -> tzinfo:
    """The zone of that IANA name, UTC for none; UnknownZone when there is no such zone."""
    if name is None:
        return UTC
    parts = name.split("/")
    if any(part in {".", ".."} or part.startswith("-") or not _ZONE_PART.fullmatch(part) for part in parts):
        raise UnknownZone(f"unknown time zone {name}")
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownZone(f"unknown time zone {name}") from None


def _descriptor(text: str, zone: tzinfo) -> Schedule:
    if text in _DESCRIPTORS:
        return parse(_DESCRIPTORS[text], zone)
    if text.startswith("@every "):
        delay = text.removeprefix("@every ")
        return Every(timedelta(seconds=max(1, int(_seconds(delay, text)))))
    raise ScheduleError(f"unrecognized descriptor: {text}")


def _seconds(delay: str, text: str) -> float:
    """The seconds of a duration as Go writes it: `1h30m`, `90s`."""
    terms = _DURATION.findall(delay)
    if not terms or "".join(number + unit for number, unit in terms) != delay:
        raise ScheduleError(f'failed to parse duration {text}: time: invalid duration "{delay}"')
    return sum(float(number) * _SECONDS[unit] for number, unit in terms)


def _field(text: str, bounds: _Bounds) -> _Field:
    values: set[int] = set()
    star = False
    for part in filter(None, text.split(",")):
        found, is_open = _range(part, bounds)
        values |= found
        star = star or is_open
    return _Field(frozenset(values), star)


def _range(text: str, bounds: _Bounds) -> tuple[set[int], bool]:
    """`number | number-number | * | ?`, with `/step` behind it."""
    span, *steps = text.split("/")
    limits = span.split("-")
    is_open = limits[0] in {"*", "?"}
    if is_open:
        start, end = bounds.lowest, bounds.highest
    else:
        start = _number(limits[0], bounds)
        if len(limits) > 2:
            raise ScheduleError(f"too many hyphens: {text}")
        end = _number(limits[1], bounds) if len(limits) == 2 else start
    step = 1
    if len(steps) > 1:
        raise ScheduleError(f"too many slashes: {text}")
    if steps:
        step = _integer(steps[0])
        # `5/15` is `5-59/15`.
        end = bounds.highest if not is_open and len(limits) == 1 else end
        is_open = is_open and step <= 1
    _check(start, end, step, text, bounds)
    return set(range(start, end + 1, step)), is_open


def _check(start: int, end: int, step: int, text: str, bounds: _Bounds) -> None:
    if start < bounds.lowest:
        raise ScheduleError(f"beginning of range ({start}) below minimum ({bounds.lowest}): {text}")
    if end > bounds.highest:
        raise ScheduleError(f"end of range ({end}) above maximum ({bounds.highest}): {text}")
    if start > end:
        raise ScheduleError(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise ScheduleError(f"step of range should be a positive number: {text}")


def _number(text: str, bounds: _Bounds) -> int:
    named = bounds.names.get(text.lower())
    return _integer(text) if named is None else named


def _integer(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise ScheduleError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    number = int(text)
    if number < 0:
        raise ScheduleError(f"negative number ({number}) not allowed: {text}")
    return number
