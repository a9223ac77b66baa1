from __future__ import annotations

from pathlib import Path

from gitferry.repos.watch import Watcher
from gitferry.tests.repos.watching import Heard, git, repository, until, watching


def test_the_users_git_commands_give_hints_of_refs_and_come_to_an_end(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    with watching(root) as (_watcher, heard):
        commands = (
            ("commit", "-q", "--allow-empty", "-m", "second"),
            ("branch", "deep/er/topic"),
            ("branch", "-D", "deep/er/topic"),
            ("gc", "-q"),
            ("update-ref", "refs/remotes/origin/main", "HEAD"),
            ("checkout", "-q", "-b", "other"),
            ("update-index", "--chmod=+x", "kept/a.txt"),
        )
        for command in commands:
            heard.clear()
            git(root, *command)
            until(lambda: bool(heard.hints), f"{command} gave no hint")
            heard.quiet()
            assert not heard.calls, f"{command} changed no file"
            assert len(heard.hints) < 60, command
        heard.clear()
        git(root, "status")
        git(root, "log")
        git(root, "update-ref", "refs/gitferry/base/main", "HEAD")
        (root / ".git" / "index.lock").touch()
        (root / ".git" / "index.lock").unlink()
        (root / ".git" / "FETCH_HEAD").write_text("")
        heard.quiet()
        assert heard.count() == 0, "reading, our own record and locks are no news"


def test_a_branch_in_a_new_directory_of_refs_is_followed(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    with watching(root) as (_watcher, heard):
        git(root, "branch", "team/topic")
        heard.clear()
        git(root, "commit", "-q", "--allow-empty", "-m", "second")
        git(root, "update-ref", "refs/heads/team/topic", "HEAD")
        until(lambda: bool(heard.hints))


def test_states_of_operations_are_hints(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    with watching(root) as (_watcher, heard):
        for name in ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG"):
            heard.clear()
            (root / ".git" / name).write_text("x")
            until(lambda: bool(heard.hints))
            heard.quiet(0.05)
            heard.clear()
            (root / ".git" / name).unlink()
            until(lambda: bool(heard.hints))
        heard.clear()
        (root / ".git" / "rebase-merge").mkdir()
        until(lambda: bool(heard.hints))


def test_two_worktrees_of_one_repository_both_hear_of_their_refs(tmp_path: Path) -> None:
    main = repository(tmp_path / "main")
    tree = tmp_path / "tree"
    git(main, "worktree", "add", "-q", str(tree))
    heard = Heard()
    watcher = Watcher(heard.change, heard.refs)
    try:
        watcher.add("main", main, main / ".git", main / ".git")
        watcher.add("tree", tree, main / ".git" / "worktrees" / "tree", main / ".git")
        git(tree, "commit", "-q", "--allow-empty", "-m", "x")
        until(lambda: {"main", "tree"} <= set(heard.hints))
        heard.quiet()
        watcher.remove("main")
        heard.clear()
        git(tree, "commit", "-q", "--allow-empty", "-m", "y")
        until(lambda: "tree" in heard.hints)
        assert "main" not in heard.hints
    finally:
        watcher.close()
