"""Durations, sizes and percentages as people write them, and back again."""

from __future__ import annotations

import re

LONGEST = 366 * 86400.0  # seconds: beyond it timers of the operating system overflow

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

DURATION_PATTERN = r"^[0-9]{1,12}(\.[0-9]{1,6})?(ms|s|m|h|d)$"
SIZE_PATTERN = r"^[0-9]{1,12}(B|KiB|MiB|GiB|TiB)$"
PERCENT_PATTERN = r"^[0-9]{1,3}(\.[0-9]{1,3})?%$"


def read_duration(text: str) -> float:
    """Return seconds. Raises ValueError (with a message for a person) unless it is like 300ms, 90s, 5m, 1h or 2d."""
    match = re.fullmatch(DURATION_PATTERN, text)
    if match is None:
        raise ValueError("is no duration")
    seconds = float(text.removesuffix(match[2])) * _SECONDS[match[2]]
    if seconds > LONGEST:
        raise ValueError("is longer than 366d")
    return seconds


def write_duration(seconds: float) -> str:
    """Return the shortest text that `read_duration` reads as `seconds` (to the millisecond)."""
    milliseconds = round(seconds * 1000)
    for unit in ("d", "h", "m", "s"):
        size = round(_SECONDS[unit] * 1000)
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


def read_size(text: str) -> int:
    """Return bytes. Raises ValueError (with a message for a person) unless `text` is like 512KiB or 10MiB."""
    match = re.fullmatch(SIZE_PATTERN, text)
    if match is None:
        raise ValueError("is no size")
    return int(text.removesuffix(match[1])) * _BYTES[match[1]]


def write_size(count: int) -> str:
    """Return the shortest text that `read_size` reads as `count` bytes."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if count and count % _BYTES[unit] == 0:
            return f"{count // _BYTES[unit]}{unit}"
    return f"{count}B"


def read_percent(text: str) -> float:
    """Return a fraction: 0.1 for `10%`. Raises ValueError (with a message for a person) otherwise."""
    if re.fullmatch(PERCENT_PATTERN, text) is None:
        raise ValueError("is no percentage")
    return float(text[:-1]) / 100


def write_percent(fraction: float) -> str:
    """Return the text that `read_percent` reads as `fraction`."""
    return f"{round(fraction * 100, 3):g}%"
