"""A task that is partly outside a sparse checkout goes to review and comes home as any other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitferry.pushback.outcome import PushStatus
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.sparse_sides import FILES, LINES, Kind, full, narrow, send, settled
from gitferry.tests.repo import Repo

BRANCH = "gitferry/here/half"
OURS, THEIRS = LINES.replace("two", "ours"), LINES.replace("four", "theirs")


@pytest.fixture
def remote(empty_remote: Repo) -> Repo:
    return empty_remote


@pytest.fixture
def there(remote: Repo, clone: Callable[..., Repo]) -> Side:
    """Everything is checked out here."""
    return full(remote, clone("there"))


@pytest.fixture
def here(there: Side, clone: Callable[..., Repo]) -> Side:
    """Sparse, and its one edit is in review."""
    side = Side(narrow(clone("here"), Kind.CONE), pushback={"branch_strategy": "feature_branch"})
    healthy(side.sync())
    side.repo.write("half/a.txt", OURS)
    healthy(side.sync())
    return side


def fix_up(there: Side, files: dict[str, str | None]) -> str:
    """Commit on top of the review branch, as a reviewer does."""
    repo = there.repo
    repo.fetch()
    repo.git("switch", "-q", "--detach", f"origin/{BRANCH}")
    for path, text in files.items():
        if text is None:
            repo.delete(path)
        else:
            repo.write(path, text)
    commit = repo.commit("A reviewer's fix-up")
    repo.push("origin", f"HEAD:refs/heads/{BRANCH}")
    repo.git("switch", "-q", "main")
    return commit


def merge(there: Side) -> None:
    """Merge the review branch into the tracked one, as a forge does."""
    there.repo.fetch()
    there.repo.pull("--ff-only")
    there.repo.git("merge", "-q", "--no-ff", "-m", "Merged", f"origin/{BRANCH}")
    there.repo.push()


def test_what_goes_to_review_has_everything_outside(here: Side, there: Side, remote: Repo) -> None:
    expected = {**FILES, "half/a.txt": OURS}
    assert remote.tree(BRANCH) == {path: text.encode() for path, text in expected.items()}
    merge(there)
    healthy(here.sync())
    settled(here, remote)


def test_the_tracked_branch_goes_on_outside_meanwhile(here: Side, there: Side, remote: Repo) -> None:
    here.pushback["conflict_strategy"] = "merge"
    send(there, {"half/data/x.txt": THEIRS, "half/data/new.txt": "new\n", "half/data/y.txt": None})
    for _ in range(2):
        assert here.task(here.sync(), "half").push_status is PushStatus.IN_REVIEW
    assert here.repo.status() == " M half/a.txt"
    merge(there)
    healthy(here.sync())
    settled(here, remote)
    assert remote.tree("main")["half/data/x.txt"] == THEIRS.encode()
    assert "half/data/y.txt" not in remote.tree("main")


@pytest.mark.parametrize(
    "files",
    [
        {"half/data/x.txt": THEIRS},
        {"half/a.txt": OURS.replace("five", "theirs"), "half/data/x.txt": THEIRS, "half/data/new.txt": "new\n"},
        {"half/data/y.txt": None},
        {"half/a.txt": OURS.replace("five", "theirs"), "half/data/y.txt": None},
    ],
    ids=["edited", "edited and new", "deleted", "inside too"],
)
def test_a_reviewers_change_outside_is_never_taken_back(
    here: Side, there: Side, remote: Repo, files: dict[str, str | None]
) -> None:
    tip = fix_up(there, files)
    for _ in range(3):
        here.sync()
        assert remote.tip(BRANCH) == tip
    merge(there)
    for _ in range(2):
        here.sync()
    expected = {path: text for path, text in {**FILES, "half/a.txt": OURS, **files}.items() if text is not None}
    assert remote.tree("main") == {path: text.encode() for path, text in expected.items()}
    assert here.repo.read("half/a.txt") == expected["half/a.txt"]
    assert here.repo.head == remote.tip("main")


def test_an_edit_after_a_reviewers_change_outside_leaves_that_there(here: Side, there: Side, remote: Repo) -> None:
    fix_up(there, {"half/data/x.txt": THEIRS, "half/data/y.txt": None, "half/data/new.txt": "new\n"})
    here.sync()
    here.repo.write("half/a.txt", OURS.replace("one", "and more"))
    for _ in range(2):
        assert here.task(here.sync(), "half").push_status is PushStatus.IN_REVIEW
    tree = remote.tree(BRANCH)
    assert tree["half/a.txt"] == OURS.replace("one", "and more").encode()
    assert (tree["half/data/x.txt"], tree["half/data/new.txt"]) == (THEIRS.encode(), b"new\n")
    assert "half/data/y.txt" not in tree
