"""A task that is partly outside a sparse checkout can be held, answered and undone as any other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitferry.pushback.outcome import PushStatus, Strategy, Take
from gitferry.pushback.undo import undo
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.shared_file import answer
from gitferry.tests.pushback.sparse_sides import FILES, LINES, Kind, full, hidden, narrow, send, settled
from gitferry.tests.repo import Repo

OURS, THEIRS = LINES.replace("two", "ours"), LINES.replace("two", "theirs")
THEIRS_FAR = LINES.replace("five", "theirs")


@pytest.fixture
def remote(empty_remote: Repo) -> Repo:
    return empty_remote


@pytest.fixture
def there(remote: Repo, clone: Callable[..., Repo]) -> Side:
    """Everything is checked out here."""
    return full(remote, clone("there"))


@pytest.fixture
def here(there: Side, clone: Callable[..., Repo]) -> Side:
    """Sparse."""
    side = Side(narrow(clone("here"), Kind.CONE))
    healthy(side.sync())
    return side


STRATEGIES = {
    Strategy.FAIL: (OURS, THEIRS),
    Strategy.TAKE_LOCAL: (OURS, OURS),
    Strategy.TAKE_REMOTE: (THEIRS, THEIRS),
}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_conflict_in_a_task_that_is_half_outside(here: Side, there: Side, remote: Repo, strategy: Strategy) -> None:
    local, upstream = STRATEGIES[strategy]
    here.repo.write("half/a.txt", OURS)
    send(there, {"half/a.txt": THEIRS, "half/data/x.txt": THEIRS, "half/data/new.txt": "new\n"})
    here.pushback["conflict_strategy"] = strategy
    for _ in range(3):
        assert here.sync().state == ("conflict" if strategy is Strategy.FAIL else "healthy")
        assert here.repo.read("half/a.txt") == local
        assert remote.tree("main")["half/a.txt"] == upstream.encode()
        assert not here.repo.exists("half/data/x.txt")
        assert hidden(here.repo) >= {path for path in here.repo.tree() if path.startswith("half/data/")}
    if strategy is Strategy.FAIL:
        assert here.repo.status() == " M half/a.txt"
        here.repo.write("half/a.txt", THEIRS)
        healthy(here.sync())
    settled(here, remote)


def test_both_sides_merge_in_a_task_that_is_half_outside(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("half/a.txt", OURS)
    send(there, {"half/a.txt": THEIRS_FAR, "half/data/x.txt": THEIRS})
    here.pushback["conflict_strategy"] = "merge"
    healthy(here.sync())
    merged = OURS.replace("five", "theirs")
    assert here.repo.read("half/a.txt") == merged
    assert remote.tree("main")["half/a.txt"] == merged.encode()
    assert remote.tree("main")["half/data/x.txt"] == THEIRS.encode()
    settled(here, remote)


def test_the_users_own_commits_meet_changes_outside(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("half/a.txt", OURS)
    here.repo.git("commit", "-qam", "mine")
    send(there, {"half/data/x.txt": THEIRS, "out/b.txt": None})
    here.pushback["conflict_strategy"] = "merge"
    healthy(here.sync())
    assert remote.tree("main")["half/a.txt"] == OURS.encode()
    assert remote.tree("main")["half/data/x.txt"] == THEIRS.encode()
    assert "out/b.txt" not in remote.tree("main")
    settled(here, remote)


@pytest.mark.parametrize("text", [None, OURS], ids=["deleted", "edited"])
def test_what_the_user_commits_outside_while_it_is_held_travels(
    here: Side, there: Side, remote: Repo, text: str | None
) -> None:
    here.repo.write("half/a.txt", OURS)
    send(there, {"half/a.txt": THEIRS})
    here.sync()
    if text is None:
        here.repo.git("rm", "-q", "--cached", "--sparse", "half/data/x.txt")
    else:
        oid = here.repo.git("hash-object", "-w", "--stdin", stdin=text)
        here.repo.git("update-index", "--cacheinfo", f"100644,{oid},half/data/x.txt")
        here.repo.git("update-index", "--skip-worktree", "half/data/x.txt")
    here.repo.git("commit", "-q", "-m", "mine")
    wanted = None if text is None else text.encode()
    for _ in range(2):
        told = here.sync()
        assert here.task(told, "half").push_status is PushStatus.CONFLICT
        assert remote.tree("main")["half/a.txt"] == THEIRS.encode()
        assert remote.tree("main").get("half/data/x.txt") == wanted
    healthy(answer(here, told, Take.LOCAL, "half"))
    assert remote.tree("main")["half/a.txt"] == OURS.encode()
    assert remote.tree("main").get("half/data/x.txt") == wanted
    settled(here, remote)


def undone(here: Side, there: Side, changes: dict[str, str | None]) -> str:
    """Pull what `there` changes and undo it; return the operation that undid it."""
    send(there, changes)
    done = healthy(here.sync())
    assert done.operation is not None
    outcome = undo(here.settings, done.operation.id, host=here.host)
    assert outcome.error is None and outcome.operation is not None
    return outcome.operation.id


PULLED: dict[str, str | None] = {
    "half/a.txt": THEIRS,
    "half/data/x.txt": THEIRS,
    "half/data/y.txt": None,
    "half/data/new.txt": "new\n",
    "out/a.txt": THEIRS,
}


def test_an_undone_pull_waits_and_can_be_undone_itself(here: Side, there: Side, remote: Repo) -> None:
    operation = undone(here, there, PULLED)
    tip, files = remote.tip("main"), here.repo.worktree()
    assert here.repo.read("half/a.txt") == LINES
    for _ in range(3):
        outcome = here.sync()
        assert {here.task(outcome, task).push_status for task in ("half", "out")} == {"pending"}
        assert (remote.tip("main"), here.repo.worktree()) == (tip, files)
    assert undo(here.settings, operation, host=here.host).error is None
    healthy(here.sync())
    assert remote.tip("main") == tip
    assert here.repo.read("half/a.txt") == THEIRS
    settled(here, remote)


def test_an_undone_pull_is_pushed_by_hand_with_what_is_outside(here: Side, there: Side, remote: Repo) -> None:
    undone(here, there, PULLED)
    healthy(here.sync(all_tasks=True, by_hand=True))
    assert remote.tree("main") == {path: text.encode() for path, text in FILES.items()}
    settled(here, remote)


def test_an_undone_task_that_is_restored_is_what_the_remote_has(here: Side, there: Side, remote: Repo) -> None:
    undone(here, there, PULLED)
    tip = remote.tip("main")
    here.repo.git("restore", "half/a.txt")
    here.sync()
    assert remote.tip("main") == tip
    assert here.task(here.sync(), "out").push_status == "pending"
    assert here.repo.status() == ""


def test_an_undone_task_whose_outside_the_remote_changes_stays_undone(here: Side, there: Side, remote: Repo) -> None:
    undone(here, there, {"half/a.txt": THEIRS})
    send(there, {"half/data/x.txt": THEIRS, "half/data/new.txt": "new\n"})
    for _ in range(3):
        here.sync()
        assert remote.tree("main")["half/a.txt"] == THEIRS.encode()
        assert here.repo.read("half/a.txt") == LINES
