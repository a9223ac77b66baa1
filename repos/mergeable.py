"""Whether git's attributes let a file be merged by lines. Source: gitattributes(5), "Performing a three-way merge"."""

from __future__ import annotations

import os

from gitferry.repos.git import Git, zsplit
from gitferry.repos.state import Place

_UNSET = frozenset({"unspecified", "unset"})
_BY_LINES = frozenset({"unspecified", "set", "text"})


def mergeable(git: Git, place: Place, path: str) -> bool:
    """Return whether git would merge this file by lines in the repository itself.

    Not so where `merge` is unset or names a driver (its program is the user's affair), nor where a filter stands
    between file and blob: the lines of a git-lfs pointer mean nothing.
    """
    nowhere = {"GIT_INDEX_FILE": str(place.common_dir / "gitferry" / "no-index")}  # as for the filters' attributes
    name = os.fsencode(path) + b"\0"
    done = git.run("check-attr", "-z", "--stdin", "merge", "filter", input=name, extra_env=nowhere)
    items = iter(zsplit(done.stdout))
    values = {attribute: value for _, attribute, value in zip(items, items, items, strict=True)}
    return values["merge"] in _BY_LINES and values["filter"] in _UNSET
