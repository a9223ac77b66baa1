"""A cron line of five fields, read as crontab(5) means it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONGEST_MONTH = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


@dataclass(frozen=True, slots=True)
class Cron:
    """The five fields; each is `*` or a comma-separated list of numbers, weekdays of names (`mon,tue`).

    Names, because schedulers disagree on which weekday is 0 (crontab(5): Sunday; APScheduler 3: Monday, its
    issue 286), while all of them read names alike.
    """

    minute: str
    hour: str
    day: str
    month: str
    weekday: str


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    first_name: int = 0


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS, 1),
    _Field("weekday", 0, 7, _WEEKDAYS, 0),
)


def read_cron(line: str) -> Cron:
    """Return the fields of a cron line. Raises ValueError (with a message for a person) where it is wrong."""
    words = line.split()
    if len(words) != len(_FIELDS):
        raise ValueError(f"has {len(words)} fields where a cron line has 5")
    values = [_values(word, field) for word, field in zip(words, _FIELDS, strict=True)]
    days, months = values[2], values[3]
    if days and min(days) > max(_LONGEST_MONTH.get(month, 31) for month in months or {1}):
        raise ValueError("names a day that never comes")
    weekdays = {day % 7 for day in values[4]}
    minute, hour, day, month = (_listed(each) for each in values[:4])
    return Cron(minute, hour, day, month, ",".join(_WEEKDAYS[each] for each in sorted(weekdays)) or "*")


def check_cron(line: str) -> str:
    """Return `line` unchanged when it is a cron line. Raises ValueError as `read_cron` does."""
    read_cron(line)
    return line


def _listed(values: frozenset[int]) -> str:
    return ",".join(str(value) for value in sorted(values)) or "*"


def _values(word: str, field: _Field) -> frozenset[int]:
    """Return the numbers a field allows; none for `*`."""
    if word == "*":
        return frozenset()
    chosen: set[int] = set()
    for part in word.split(","):
        span, slash, step_text = part.partition("/")
        step = 1
        if slash:
            if re.fullmatch("[0-9]{1,2}", step_text) is None or int(step_text) == 0:
                raise ValueError(f"has no step above 0 after / in its {field.name}")
            step = int(step_text)
        low, high = _span(span, field, open_ended=bool(slash))
        chosen.update(range(low, high + 1, step))
    return frozenset(chosen)


def _span(text: str, field: _Field, *, open_ended: bool) -> tuple[int, int]:
    if text == "*":
        # The weekday is 0 to 7 with Sunday twice; a step over all of them must not count it twice.
        return field.low, 6 if field.name == "weekday" else field.high
    first, dash, last = text.partition("-")
    low = _number(first, field)
    if not dash:
        return low, (field.high if open_ended else low)
    high = _number(last, field)
    if field.name == "weekday" and high == 0 and low > 0:
        high = 7
    if high < low:
        raise ValueError(f"has a backward range {text} in its {field.name}")
    return low, high


def _number(text: str, field: _Field) -> int:
    name = text.lower()
    if name in field.names:
        return field.names.index(name) + field.first_name
    if re.fullmatch("[0-9]{1,2}", text) is None or not field.low <= int(text) <= field.high:
        raise ValueError(f"has {text or 'nothing'} as its {field.name}, not {field.low} to {field.high}")
    return int(text)
