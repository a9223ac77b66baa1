"""One file that two clones have, and what a reviewer does to the branch on which one of them offers its edit."""

from __future__ import annotations

from gitferry.tests.pushback.kit import Side
from gitferry.tests.repo import Repo

NAME, BRANCH, OTHER = "notes.md", "gitferry/b/notes.md", "other.md"
BASE = "".join(f"line {number}\n" for number in range(12))
OURS = BASE.replace("line 1\n", "ours\n")
FIXED = OURS.replace("line 9\n", "a reviewer's\n")

#: What the clones have, and the settings of the one that offers.
FILES = {NAME: BASE, OTHER: BASE}
OFFERS = {"branch_strategy": "feature_branch", "conflict_strategy": "merge"}


def branches(remote: Repo) -> dict[str, str]:
    """Return the remote's branches without the tracked one, by name."""
    refs = remote.refs("refs/heads/")
    return {name.removeprefix("refs/heads/"): oid for name, oid in refs.items() if name != "refs/heads/main"}


def at_review(a: Side, name: str, text: str, branch: str = BRANCH) -> str:
    """Commit on top of a review branch, as a reviewer does, and return the commit."""
    a.repo.fetch()
    a.repo.git("switch", "-q", "--detach", f"origin/{branch}")
    a.repo.write(name, text)
    commit = a.repo.commit("A reviewer's fix-up")
    a.repo.push("origin", f"HEAD:refs/heads/{branch}")
    a.repo.git("switch", "-q", "main")
    return commit
