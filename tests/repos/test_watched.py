from __future__ import annotations

import shutil
from pathlib import Path

from gitferry.repos.git import Git
from gitferry.repos.watched import ignored
from gitferry.tests.repos.watching import git, repository, until, watching


def test_ignored_directories_are_not_watched_unless_they_hold_tracked_files(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    (root / ".gitignore").write_text("build/\nvendor/\n__pycache__/\n*.log\n")
    for path in ("build/deep/f", "vendor/kept/f", "vendor/other/f", "kept/__pycache__/f", "kept/only/x.log"):
        (root / path).parent.mkdir(parents=True)
        (root / path).write_text("x")
    git(root, "add", ".gitignore")
    git(root, "add", "-f", "vendor/kept/f")
    git(root, "commit", "-qm", "ignore")
    with watching(root) as (watcher, heard):
        # the root, kept, kept/only, vendor, vendor/kept
        assert watcher.coverage("r").directories == 5
        for path in ("build/deep/f", "vendor/other/f", "kept/__pycache__/f", "build/new"):
            (root / path).write_text("y")
        heard.quiet(0.1)
        assert heard.count() == 0
        (root / "vendor" / "kept" / "f").write_text("y")
        (root / "kept" / "only" / "unignored").write_text("y")
        until(lambda: heard.paths() == {"vendor/kept/f", "kept/only/unignored"})
        heard.clear()

        (root / "kept" / "build" / "sub").mkdir(parents=True)
        (root / "kept" / "build" / "sub" / "f").write_text("x")
        shutil.rmtree(root / "build")
        heard.quiet()
        assert heard.count() == 0, "a new ignored directory, and the end of one, are no changes"
        assert watcher.coverage("r").directories == 5


def test_changed_ignore_rules_change_what_is_watched(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    (root / ".gitignore").write_text("build/\n")
    (root / "build").mkdir()
    with watching(root) as (watcher, heard):
        assert watcher.coverage("r").directories == 2
        (root / ".gitignore").write_text("kept/\nnothing/\n")  # `kept` holds a tracked file
        until(lambda: watcher.coverage("r").directories == 3)
        assert heard.everything() >= 1
        heard.clear()
        (root / "build" / "f").write_text("x")
        until(lambda: "build/f" in heard.paths())
        heard.clear()
        (root / ".git" / "info" / "exclude").write_text("build\n")
        until(lambda: watcher.coverage("r").directories == 2)
        assert heard.everything() >= 1


def test_a_file_tracked_below_an_ignored_directory_makes_it_watched(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    (root / ".gitignore").write_text("build/\n")
    (root / "build").mkdir()
    (root / "build" / "f").write_text("x")
    with watching(root, poll=0.1) as (watcher, heard):
        git(root, "add", "-f", "build/f")
        until(lambda: watcher.coverage("r").directories == 3)
        heard.clear()
        (root / "build" / "f").write_text("y")
        until(lambda: "build/f" in heard.paths())


def test_odd_names_are_asked_about_as_they_are(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    (root / ".gitignore").write_text("out\n")
    names = (":(top)x", ":!x", "-d", " lead", "tab\there", 'quo"te', "star*", "new\nline", "\\back")
    for name in names:
        (root / name / "out").mkdir(parents=True)
    with watching(root) as (watcher, heard):
        assert watcher.coverage("r").directories == 2 + len(names)
        for name in names:
            (root / name / "f").write_text("x")
            (root / name / "out" / "f").write_text("x")
        until(lambda: heard.paths() >= {f"{name}/f" for name in names})
        heard.quiet(0.1)
        assert heard.paths() == {f"{name}/f" for name in names}


def test_a_path_that_git_refuses_hides_no_other(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    (root / ".gitignore").write_text("build\n")
    (root / "link").symlink_to("kept")
    asked = ["build", "kept", "link/x", "kept/build", "other"]
    assert sorted(ignored(Git(root), asked)) == ["build", "kept/build", "link/x"]
    assert ignored(Git(tmp_path), asked) == [], "where git knows no rules nothing is left out"


def test_nested_repositories_and_worktrees_are_not_watched(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    repository(root / "nested")
    git(root, "worktree", "add", "-q", str(root / "tree"))
    with watching(root) as (watcher, heard):
        assert watcher.coverage("r").directories == 2
        (root / "nested" / "f").write_text("x")
        (root / "tree" / "f").write_text("x")
        heard.quiet(0.1)
        assert not heard.paths()
        (root / "kept" / "sub").mkdir()
        until(lambda: watcher.coverage("r").directories == 3)
        git(root / "kept" / "sub", "init", "-q")
        until(lambda: watcher.coverage("r").directories == 2)
