"""Which branches the other working trees of a repository have checked out: git lets no two have the same one.

Source: gitrepository-layout(5), `worktrees/<id>`; git-worktree(1).
"""

from __future__ import annotations

from pathlib import Path

from gitferry.repos.state import Place

_BRANCH = "ref: refs/heads/"


def branches_elsewhere(place: Place) -> frozenset[str]:
    """Return the branches that other working trees of the repository at `place` are on. Read from files."""
    try:
        linked = [entry for entry in (place.common_dir / "worktrees").iterdir() if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    found = set()
    for git_dir in (place.common_dir, *linked):
        if git_dir.resolve() != place.git_dir:
            branch = _branch(git_dir / "HEAD")
            if branch is not None:
                found.add(branch)
    return frozenset(found)


def _branch(head: Path) -> str | None:
    try:
        text = head.read_bytes().decode("utf-8", "surrogateescape").strip()
    except OSError:
        return None  # a working tree that is being made or removed
    return text.removeprefix(_BRANCH) if text.startswith(_BRANCH) else None
