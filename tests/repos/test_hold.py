"""A hold covers its task's files and no neighbour's."""

from __future__ import annotations

import pytest

from gitferry.repos.hold import Hold
from gitferry.repos.tasks import Kind


@pytest.mark.parametrize(
    ("unit", "kind", "path", "covered"),
    [
        ("a/b.md", "file", "a/b.md", True),
        ("a/b.md", "file", "a/b.md/inner", False),  # a directory that stands for it now is another task's
        ("a/b.md", "file", "a/b.mdx", False),
        ("a", "directory", "a/b.md", True),
        ("a", "directory", "a/deep/b.md", True),
        ("a", "directory", "a", True),  # a file that stands for the directory
        ("a", "directory", "ab/c.md", False),
        ("a", "directory", "z/a/b.md", False),
        (".", "repository", "a/b.md", True),
        (".", "repository", ".gitignore", True),
    ],
)
def test_a_hold_covers_what_its_task_holds(unit: str, kind: Kind, path: str, covered: bool) -> None:
    assert Hold(unit, kind, (), "", (), "").covers(path) is covered
