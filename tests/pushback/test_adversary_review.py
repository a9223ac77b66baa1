"""What is sent for review is whole, and what a reviewer took away is not lost here."""

from __future__ import annotations

from gitferry.tests.pushback.adversary import both_have, remote_keeps
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

BODY = "".join(f"line {number:02} of the text\n" for number in range(50))


def reviews(remote: Repo) -> dict[str, dict[str, bytes]]:
    """Return the review branches with their files."""
    return {name: remote.tree(name) for name in remote.refs("refs/heads/gitferry/")}


def test_half_a_rename_is_not_sent_for_review(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there, {"a.md": BODY})
    there.repo.write("a.md", BODY + "theirs\n")
    healthy(there.sync())
    here.repo.path("a.md").rename(here.repo.path("b.md"))
    here.repo.git("add", "b.md")
    here.repo.write("b.md", BODY + "going on\n")
    here.pushback["conflict_strategy"] = "create_pr"
    here.sync()
    assert reviews(remote) == {}
    remote_keeps(remote, "a.md", BODY + "theirs\n")
    here.repo.git("reset", "-q")
    here.sync()
    (files,) = reviews(remote).values()
    assert (files.get("a.md"), files.get("b.md")) == (None, (BODY + "going on\n").encode())


def test_a_review_branch_that_a_reviewer_removed_after_a_crash_takes_nothing_away(
    here: Side, there: Side, remote: Repo
) -> None:
    both_have(here, there, {"a.md": BODY})
    there.repo.write("a.md", BODY + "theirs\n")
    healthy(there.sync())
    here.repo.write("a.md", BODY + "ours\n")
    here.pushback["conflict_strategy"] = "create_pr"
    assert killed_at(here, "review.sent") is None
    (branch,) = reviews(remote)
    remote.git("update-ref", "-d", branch)
    for _ in range(2):
        here.sync()
        assert here.repo.read("a.md") == BODY + "ours\n"
        remote_keeps(remote, "a.md", BODY + "theirs\n")
    assert len(reviews(remote)) <= 1
    here.repo.fsck()
