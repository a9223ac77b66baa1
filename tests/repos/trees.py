"""Small words for tests of working trees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gitferry.repos.content import FILE, File

ONE, TWO = File(FILE, b"one\n"), File(FILE, b"two\n")


def expecting(*files: File | None) -> Callable[[File | None], bool]:
    return lambda found: found in files


def names(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*"))
