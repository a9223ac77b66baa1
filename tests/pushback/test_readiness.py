"""What makes a repository wait or fail: each says what and what to do, and nothing is changed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitferry.pushback.outcome import Outcome
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

Clone = Callable[..., Repo]


def told(outcome: Outcome, state: str, *words: str) -> None:
    """Assert the state, the words that say why, and that a remedy is given."""
    said = outcome.waiting_for or outcome.error or ""
    assert outcome.state == state, (outcome.state, said, outcome.hint)
    for word in words:
        assert word in said, said
    assert outcome.hint, "no remedy"


def test_not_a_repository(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    told(Side(Repo(tmp_path / "plain")).sync(), "failing", "no git repository")


def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    told(Side(Repo(tmp_path / "gone")).sync(), "failing", "does not exist")


def test_bare(remote: Repo) -> None:
    told(Side(remote).sync(), "failing", "bare")


def test_no_remote(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "alone")
    repo.write("a", "a")
    repo.commit("one")
    told(Side(repo).sync(), "failing", "no upstream")


def test_no_upstream(here: Side) -> None:
    here.repo.git("branch", "--unset-upstream")
    told(here.sync(), "failing", "no upstream")


def test_no_name_for_commits(here: Side, remote: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty = tmp_path / "nothing"
    empty.write_text("")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(empty))
    before = remote.tip("main")
    here.repo.write("a.md", "a\n")
    told(here.sync(), "failing", "no name")
    assert remote.tip("main") == before
    assert here.repo.read("a.md") == "a\n"


@pytest.mark.parametrize("operation", ["merge", "rebase", "cherry-pick", "revert", "bisect"])
def test_an_operation_under_way(here: Side, remote: Repo, operation: str) -> None:
    repo = here.repo
    repo.write("f.md", "base\n")
    healthy(here.sync())
    repo.git("branch", "side")
    repo.write("f.md", "main\n")
    healthy(here.sync())
    if operation == "bisect":
        repo.git("bisect", "start")
    else:
        repo.git("switch", "-q", "side")
        repo.write("f.md", "side\n")
        repo.commit("side")
        if operation == "rebase":
            repo.try_git("rebase", "main")
        else:
            repo.git("switch", "-q", "main")
            arguments = {
                "merge": ["merge", "side"],
                "cherry-pick": ["cherry-pick", "side"],
                "revert": ["revert", "HEAD~1"],
            }
            repo.try_git(*arguments[operation])
    before, tip = repo.worktree(), remote.tip("main")
    told(here.sync(), "waiting", f"a {operation} is under way")
    assert repo.worktree() == before
    assert remote.tip("main") == tip


def test_another_branch_and_a_detached_head(here: Side) -> None:
    here.repo.git("switch", "-q", "-c", "other")
    told(here.sync(), "waiting", "other", "main")
    here.repo.git("switch", "-q", "--detach")
    told(here.sync(), "waiting", "detached")
    here.repo.git("switch", "-q", "main")
    healthy(here.sync())


def test_a_held_index_lock(here: Side, remote: Repo) -> None:
    lock = here.repo.path(".git/index.lock")
    lock.write_text("")
    here.repo.write("a.md", "a\n")
    told(here.sync(), "waiting", "index.lock")
    assert lock.exists()
    lock.unlink()
    healthy(here.sync())
    assert "a.md" in remote.tree("main")


def test_an_emptied_tree_stops_everything(here: Side, remote: Repo) -> None:
    before = remote.tip("main")
    for name in here.repo.worktree():
        here.repo.delete(name)
    told(here.sync(), "waiting", "empty")
    assert remote.tip("main") == before
    here.repo.git("checkout", "-q", "--", ".")
    healthy(here.sync())


def test_most_tasks_deleted_wait_for_a_word(here: Side, remote: Repo) -> None:
    here.repo.write_all({f"n{number}.md": f"{number}\n" for number in range(40)})
    healthy(here.sync())
    here.repo.write("keep.md", "kept\n")
    for number in range(40):
        here.repo.delete(f"n{number}.md")
    here.repo.write("other.md", "goes\n")
    outcome = here.sync()
    assert "n1.md" in remote.tree("main")
    assert "other.md" in remote.tree("main")
    assert here.task(outcome, "n1.md").push_status == "pending"
    healthy(here.sync(all_tasks=True, by_hand=True))
    assert "n1.md" not in remote.tree("main")


def test_a_deletion_that_waits_goes_on_waiting_when_some_come_back(here: Side, remote: Repo) -> None:
    here.repo.write_all({f"n{number}.md": f"{number}\n" for number in range(40)})
    healthy(here.sync())
    for number in range(40):
        here.repo.delete(f"n{number}.md")
    here.sync()
    here.repo.git("checkout", "--", *(f"n{number}.md" for number in range(30)))
    for outcome in (here.save("n0.md"), here.sync()):
        assert here.task(outcome, "n39.md").push_status == "pending"
        assert "n39.md" in remote.tree("main")
    here.repo.git("checkout", "--", ".")
    healthy(here.sync())
    here.repo.delete("n39.md")
    healthy(here.sync())  # one deletion of its own is nothing unusual
    assert "n39.md" not in remote.tree("main")


def test_a_file_over_the_limit_fails_alone(here: Side, remote: Repo) -> None:
    here.pushback = {"limits": {"file": 1000}}
    here.repo.write("big.bin", b"x" * 2000)
    here.repo.write("small.md", "s\n")
    outcome = here.sync()
    state = here.task(outcome, "big.bin")
    assert state.push_status == "failed"
    assert "limit" in (state.reason or "")
    assert "small.md" in remote.tree("main")
    assert "big.bin" not in remote.tree("main")


def test_an_invalid_manifest_fails_alone(here: Side, remote: Repo) -> None:
    here.repo.write("tasks/broken/metadata.json", '{"name": "broken",')
    here.repo.write("tasks/broken/main.js", "x\n")
    outcome = here.sync()
    assert here.task(outcome, "tasks/broken").push_status == "failed"
    assert not any(path.startswith("tasks/broken") for path in remote.tree("main"))
    here.repo.write("tasks/broken/metadata.json", '{"name": "mended"}\n')
    healthy(here.sync())
    assert "tasks/broken/main.js" in remote.tree("main")


def test_upstream_rewritten_waits(here: Side, clone: Clone, remote: Repo) -> None:
    here.repo.write("a.md", "a\n")
    healthy(here.sync())
    admin = clone("admin")
    admin.git("reset", "-q", "--hard", "HEAD~1")
    admin.git("push", "-q", "--force")
    tip = remote.tip("main")
    told(here.sync(), "waiting", "rewritten")
    here.repo.write("b.md", "b\n")
    told(here.sync(), "waiting", "rewritten")
    assert remote.tip("main") == tip


def test_unrelated_histories_wait(here: Side, tmp_path: Path) -> None:
    other = Repo.init(tmp_path / "other")
    other.write("x", "x")
    other.commit("elsewhere")
    other.git("remote", "add", "origin", here.repo.git("remote", "get-url", "origin"))
    other.git("fetch", "-q")
    other.git("branch", "-q", "-u", "origin/main")
    told(Side(other).sync(), "waiting", "unrelated")


def test_a_deleted_branch_at_the_remote_is_never_recreated(here: Side, remote: Repo) -> None:
    remote.git("update-ref", "-d", "refs/heads/main")
    here.repo.write("a.md", "a\n")
    told(here.sync(), "waiting", "no branch")
    told(here.save("a.md"), "waiting", "no branch")
    assert remote.refs("refs/heads/") == {}


def test_another_repository_in_the_place_of_the_tracked_one_waits(here: Side, tmp_path: Path, remote: Repo) -> None:
    here.url = str(remote.root)
    healthy(here.sync())
    here.repo.path(".").rename(tmp_path / "moved away")
    other = Repo.clone(Repo.init(tmp_path / "other.git", "--bare").root, here.repo.root)
    other.write("secret.md", "not for the other remote\n")
    told(here.sync(), "waiting", "the settings say")


def test_an_unreachable_remote_is_offline_and_keeps_the_edit(here: Side, remote: Repo) -> None:
    here.repo.git("remote", "set-url", "origin", "http://127.0.0.1:9/none.git")
    here.repo.write("a.md", "a\n")
    outcome = here.save("a.md")
    assert (outcome.state, outcome.offline, outcome.retry) == ("waiting", True, True)
    here.repo.git("remote", "set-url", "origin", str(remote.root))
    healthy(here.save("a.md"))
    assert remote.tree("main")["a.md"] == b"a\n"


def test_a_network_failure_is_told_also_where_own_commits_wait(here: Side) -> None:
    here.repo.git("remote", "set-url", "origin", "http://127.0.0.1:9/none.git")
    here.repo.write("a.md", "a\n")
    here.repo.commit("mine")
    outcome = here.save("a.md")
    assert (outcome.state, outcome.offline, outcome.retry) == ("waiting", True, True)


def test_a_review_branch_that_is_wished_for_never_becomes_a_push(here: Side, remote: Repo) -> None:
    tip = remote.tip("main")
    here.pushback = {"branch_strategy": "feature_branch"}
    here.repo.write("a.md", "a\n")
    outcome = here.sync()
    assert here.task(outcome, "a.md").push_status == "in_review"
    assert remote.tip("main") == tip


def test_a_refusing_hook_fails_the_push_and_lets_pulls_come(here: Side, clone: Clone, remote: Repo) -> None:
    there = Side(clone("there"))
    healthy(there.sync())
    there.repo.write("theirs.md", "t\n")
    healthy(there.sync())
    remote.hook("pre-receive", "echo no thanks >&2; exit 1")
    here.repo.write("mine.md", "m\n")
    outcome = here.sync()
    assert outcome.state == "failing"
    assert "no thanks" in (outcome.error or "")
    assert here.task(outcome, "mine.md").push_status == "failed"
    assert here.repo.read("theirs.md") == "t\n"
    assert here.repo.read("mine.md") == "m\n"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB, which only root can mount."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    target = tmp_path / "small"
    target.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(target)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("this machine lets nobody mount a file system")
    yield target
    subprocess.run(["umount", str(target)], check=True)


def test_a_full_disk_loses_nothing(small_disk: Path, clone: Clone, remote: Repo) -> None:
    there = Side(clone("there"))
    healthy(there.sync())
    here = Side(Repo.clone(remote.root, small_disk / "here"))
    healthy(here.sync())
    here.repo.write("mine.md", "m\n")
    there.repo.write("theirs.bin", os.urandom(1_000_000))
    healthy(there.sync())
    filler = small_disk / "filler"
    descriptor = os.open(filler, os.O_CREAT | os.O_WRONLY)
    with pytest.raises(OSError, match="No space left"):
        while True:
            os.write(descriptor, bytes(4096))
    os.close(descriptor)
    outcome = here.sync()
    assert outcome.state == "failing", outcome
    assert outcome.hint
    assert here.repo.read("mine.md") == "m\n"
    filler.unlink()
    healthy(here.sync())
    assert here.repo.worktree() == remote.tree("main")
    here.repo.fsck()
