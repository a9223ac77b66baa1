"""The index follows what we committed, and takes no content from the working tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitferry.repos import index
from gitferry.repos.content import EXECUTABLE, FILE, Entry
from gitferry.repos.git import Git, GitError
from gitferry.tests.repo import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.init(tmp_path / "repo")
    made.write_all({"a": "1\n", "b": "1\n", "dir/x": "1\n"})
    made.commit("one")
    return made


def blob(repo: Repo, text: str) -> Entry:
    return Entry(FILE, repo.git("hash-object", "-w", "--stdin", stdin=text))


def test_entries_follow_and_the_rest_stays(repo: Repo) -> None:
    repo.write("b", "staged\n")
    repo.git("add", "b")
    repo.write("a", "2\n")
    index.follow(Git(repo.root), {"a": blob(repo, "2\n"), "dir/x": None, "dir": blob(repo, "file\n")})
    staged = repo.staged()
    assert repo.git("show", ":a") == "2"
    assert repo.git("show", ":b") == "staged"
    assert repo.git("show", ":dir") == "file"
    assert "dir/x" not in staged


def test_an_edit_made_meanwhile_is_not_staged(repo: Repo) -> None:
    repo.write("a", "edited since\n")
    index.follow(Git(repo.root), {"a": blob(repo, "ours\n")})
    assert repo.git("show", ":a") == "ours"
    assert repo.read("a") == "edited since\n"


def test_the_stat_data_is_fresh(repo: Repo) -> None:
    repo.write("a", "2\n")
    index.follow(Git(repo.root), {"a": blob(repo, "2\n")})
    assert "mtime: 0:0" not in repo.git("ls-files", "--debug", "a")


def test_a_path_behind_a_link_follows_and_the_others_are_fresh(repo: Repo) -> None:
    repo.delete("dir/x")
    repo.write("away/x", "2\n")
    repo.link("dir", "away")
    repo.write("a", "2\n")
    index.follow(Git(repo.root), {path: blob(repo, "2\n") for path in ("a", "dir/x", "dir/deep/y")})
    assert repo.git("show", ":dir/x") == repo.git("show", ":dir/deep/y") == "2"
    assert "mtime: 0:0" not in repo.git("ls-files", "--debug", "a")


def test_a_held_lock_is_an_error_and_stays(repo: Repo) -> None:
    lock = repo.path(".git/index.lock")
    lock.write_text("")
    with pytest.raises(GitError, match=r"index\.lock"):
        index.follow(Git(repo.root), {"a": None})
    assert lock.exists()


# -- what it holds


def read_one(repo: Repo, path: str) -> index.Staged:
    return index.read(Git(repo.root), [path])[path]


def test_an_entry_is_read_as_it_is_staged(repo: Repo) -> None:
    repo.write("a", "staged\n", executable=True)
    repo.git("add", "a")
    repo.write("a", "edited since\n")
    assert read_one(repo, "a") == index.Staged("a", Entry(EXECUTABLE, blob(repo, "staged\n").oid))


def test_what_is_not_in_the_index_is_left_out(repo: Repo) -> None:
    repo.write("new", "untracked\n")
    repo.git("rm", "-q", "--cached", "b")
    assert index.read(Git(repo.root), ["a", "b", "new", "dir"]).keys() == {"a"}
    assert index.read(Git(repo.root), []) == {}


def test_an_intended_file_has_the_entry_of_an_empty_one(repo: Repo) -> None:
    repo.write("new", "content\n")
    repo.git("add", "--intent-to-add", "new")
    assert read_one(repo, "new").entry == Entry(FILE, index.INTENDED)


@pytest.mark.parametrize("theirs", ["theirs\n", None])
def test_an_unmerged_path_is_there_without_an_entry(repo: Repo, theirs: str | None) -> None:
    repo.git("switch", "-qc", "other")
    if theirs is None:
        repo.git("rm", "-q", "a")
    else:
        repo.write("a", theirs)
    repo.commit("theirs")
    repo.git("switch", "-q", "main")
    repo.write("a", "ours\n")
    repo.commit("ours")
    assert repo.try_git("merge", "other").returncode == 1
    assert read_one(repo, "a").entry is None


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_an_unmerged_path_of_one_stage_is_there_without_an_entry(repo: Repo, stage: int) -> None:
    left = blob(repo, "left\n").oid
    repo.git("rm", "-q", "--cached", "a")
    repo.git("update-index", "--index-info", stdin=f"100644 {left} {stage}\ta\n")
    assert read_one(repo, "a").entry is None


def test_odd_names_are_read_by_letter(repo: Repo) -> None:
    names = ["*", ":(top)a", "tab\there", "line\nbreak", "ü", "latin-\udce9"]
    for name in names:
        repo.write(name, f"{name!r}\n")
    repo.git("add", "--all")
    assert index.read(Git(repo.root), names).keys() == set(names)
    for name in names:
        assert index.read(Git(repo.root), [name]).keys() == {name}


def test_many_paths_are_read_in_one_go(repo: Repo) -> None:
    names = [f"many/{number}" for number in range(300)]
    repo.write_all(dict.fromkeys(names, "same\n"))
    repo.git("add", "--all")
    assert index.read(Git(repo.root), names).keys() == set(names)


# -- what is hidden from git


FLAGS = [(), ("assume-unchanged",), ("skip-worktree",), ("assume-unchanged", "skip-worktree")]


@pytest.mark.parametrize("flags", FLAGS)
def test_a_hidden_path_is_hidden_again_after_it_followed(repo: Repo, flags: tuple[str, ...]) -> None:
    for flag in flags:
        repo.git("update-index", f"--{flag}", "a", "dir/x")
    tags = repo.git("ls-files", "-v")
    git, paths = Git(repo.root), ["a", "b", "dir/x"]
    found = index.read(git, paths)
    assert found["a"].assume_unchanged is ("assume-unchanged" in flags)
    assert found["a"].skip_worktree is ("skip-worktree" in flags)
    index.follow(git, {path: blob(repo, "2\n") for path in paths})
    index.hide(git, list(found.values()))
    assert repo.git("ls-files", "-v") == tags
    assert repo.git("show", ":a") == "2"


def test_names_that_are_not_utf8_are_hidden_again(repo: Repo) -> None:
    name = "latin-\udce9"
    repo.write(name, "1\n")
    repo.git("add", "--all")
    index.hide(Git(repo.root), [index.Staged(name, None, skip_worktree=True)])
    assert read_one(repo, name).skip_worktree


# -- what a sparse checkout has in the index alone


def tags(repo: Repo) -> dict[str, str]:
    """Each path's tag as `git ls-files -v` gives it: S is skip-worktree."""
    return {line[2:]: line[0] for line in repo.git("-c", "core.quotePath=false", "ls-files", "-v").splitlines()}


def test_what_is_to_be_hidden_is_and_the_rest_is_not(repo: Repo) -> None:
    repo.git("update-index", "--skip-worktree", "a")
    entries = {path: blob(repo, "2\n") for path in ("a", "b", "new,er", "-dash")}
    index.follow(Git(repo.root), entries, skip={"b", "new,er", "-dash"})
    assert tags(repo) == {"a": "H", "b": "S", "dir/x": "H", "new,er": "S", "-dash": "S"}
    assert repo.git("show", ":new,er") == "2"


def test_a_hidden_file_takes_a_directorys_place_and_gives_it_back(repo: Repo) -> None:
    file, inside = blob(repo, "2\n"), blob(repo, "3\n")
    index.follow(Git(repo.root), {"dir": file, "dir/x": None}, skip={"dir"})
    assert tags(repo) == {"a": "H", "b": "H", "dir": "S"}
    index.follow(Git(repo.root), {"dir": None, "dir/y": inside}, skip={"dir/y"})
    assert tags(repo) == {"a": "H", "b": "H", "dir/y": "S"}


def test_more_are_hidden_than_a_command_line_holds(repo: Repo) -> None:
    names = [f"{number:04}-{'n' * 200}" for number in range(1000)]
    index.follow(Git(repo.root), dict.fromkeys(names, blob(repo, "2\n")), skip=set(names))
    found = tags(repo)
    assert {found[name] for name in names} == {"S"}


def test_what_was_left_out_or_brought_meanwhile(repo: Repo) -> None:
    repo.git("update-index", "--skip-worktree", "a")
    index.rehide(Git(repo.root), before={"a", "b"}, after={"b", "dir/x"})
    assert tags(repo) == {"a": "H", "b": "H", "dir/x": "S"}


def test_a_moment_tells_a_written_index_from_the_one_before(repo: Repo) -> None:
    git_dir = repo.path(".git")
    before = index.moment(git_dir)
    assert before is not None and index.moment(git_dir) == before
    (git_dir / "index.lock").touch()
    assert index.moment(git_dir) is None
    (git_dir / "index.lock").unlink()
    repo.git("update-index", "--force-write-index")
    assert index.moment(git_dir) not in (None, before)
    (git_dir / "index").unlink()
    assert index.moment(git_dir) == (0, 0, 0)
