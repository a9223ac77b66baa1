"""A lock is one holder's at a time, and whoever waits for it in vain is told so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitferry.security.file_lock import take


def test_it_is_kept_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "state" / "it.lock"
    descriptor = take(path, 0)
    with pytest.raises(TimeoutError):
        take(path, 0.01)
    os.close(descriptor)
    os.close(take(path, 0))
    assert path.stat().st_mode & 0o077 == 0


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "it.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        take(tmp_path / "it.lock", 0)
    assert not (tmp_path / "elsewhere").exists()
