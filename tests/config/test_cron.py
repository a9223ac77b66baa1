"""Cron lines, as crontab(5) means them."""

from __future__ import annotations

import pytest

from gitferry.config.cron import Cron, check_cron, read_cron


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("* * * * *", Cron("*", "*", "*", "*", "*")),
        ("*/20 8-10 1,15 jan-mar *", Cron("0,20,40", "8,9,10", "1,15", "1,2,3", "*")),
        ("0 3 * * 0", Cron("0", "3", "*", "*", "sun")),
        ("0 3 * * 7", Cron("0", "3", "*", "*", "sun")),
        ("0 3 * * 1-5", Cron("0", "3", "*", "*", "mon,tue,wed,thu,fri")),
        ("0 3 * * Fri-Sun", Cron("0", "3", "*", "*", "sun,fri,sat")),
        ("0 3 * * */2", Cron("0", "3", "*", "*", "sun,tue,thu,sat")),
        ("50/5 0 29 2 *", Cron("50,55", "0", "29", "2", "*")),
    ],
)
def test_lines(line: str, expected: Cron) -> None:
    assert read_cron(line) == expected
    assert check_cron(line) == line


@pytest.mark.parametrize(
    "line",
    [
        *("", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8"),
        *("5-1 * * * *", "*/0 * * * *", "*/x * * * *", "a * * * *", "1,,2 * * * *", "@daily"),
        *("0 0 30 2 *", "0 0 31 4,6 *"),
    ],
)
def test_what_is_no_cron_line(line: str) -> None:
    with pytest.raises(ValueError):
        read_cron(line)
