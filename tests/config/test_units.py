"""Durations, sizes, percentages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.config import units


@pytest.mark.parametrize(
    ("text", "seconds"), [("300ms", 0.3), ("90s", 90), ("5m", 300), ("1h", 3600), ("2d", 172800), ("1.5h", 5400)]
)
def test_durations(text: str, seconds: float) -> None:
    assert units.read_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "5 m", "-5m", "m", "5M", "1e3s", "367d", "5m\n", "\u0665m", "infs"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError):
        units.read_duration(text)


@pytest.mark.parametrize(("text", "count"), [("1B", 1), ("512KiB", 524288), ("10MiB", 10485760), ("2GiB", 2 << 30)])
def test_sizes(text: str, count: int) -> None:
    assert units.read_size(text) == count
    assert units.write_size(count) == text


@pytest.mark.parametrize("text", ["", "10", "10MB", "1.5MiB", "-1B", "10 MiB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError):
        units.read_size(text)


def test_percentages() -> None:
    assert units.read_percent("10%") == pytest.approx(0.1)
    assert units.write_percent(0.125) == "12.5%"
    for wrong in ("10", "%", "-1%", "1e1%"):
        with pytest.raises(ValueError):
            units.read_percent(wrong)


@given(st.integers(0, 366 * 86400 * 1000))
def test_a_written_duration_reads_the_same(milliseconds: int) -> None:
    assert units.read_duration(units.write_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


@given(st.integers(0, 1 << 39))
def test_a_written_size_reads_the_same(count: int) -> None:
    assert units.read_size(units.write_size(count)) == count
