"""docs/settings.md is what the model says."""

from __future__ import annotations

from pathlib import Path

from gitferry.config.reference import markdown

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_is_what_the_model_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "run `make docs`"


def test_every_table_row_has_four_cells() -> None:
    rows = [line for line in markdown().splitlines() if line.startswith("|")]
    assert len(rows) > 90
    assert {line.replace("\\|", "").count("|") for line in rows} == {5}
