"""What differs between two commits or trees, as git shows it to people."""

from __future__ import annotations

from collections.abc import Iterable

from gitferry.repos.git import Git


def patch(git: Git, old: str, new: str, paths: Iterable[str] = ()) -> str:
    """Return the difference as git-diff(1) prints it, below `paths` or, without any, everywhere.

    No program of the repository's settings has a hand in it. What is not UTF-8 is replaced. Raises GitError.
    """
    options = ("--no-ext-diff", "--no-textconv", "--no-color")
    done = git.run("--literal-pathspecs", "diff", *options, old, new, "--", *paths)
    return done.stdout.decode("utf-8", "replace")
