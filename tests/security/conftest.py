"""A state directory with a vault's database in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitferry.tests.security.vaults import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path / "state")
    yield found
    found.close()
