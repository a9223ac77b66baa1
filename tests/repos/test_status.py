"""Status against real repositories in every state a path can be in, and the parser against made-up records."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.repos import status as module
from gitferry.repos.content import EXECUTABLE, FILE, SUBMODULE, SYMLINK, Entry
from gitferry.repos.git import Git
from gitferry.repos.status import Change, Status, UnexpectedStatus, hidden, ignored, parse, status, tracked
from gitferry.tests.repo import Repo

LATIN1 = os.fsdecode(b"caf\xe9")  # no UTF-8: a surrogate in its place


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """One commit with a file of every kind."""
    made = Repo.init(tmp_path / "work", "--template=")
    made.write_all({"a.txt": "a\n", "b.txt": "b\n", "empty": "", "dir/x": "x\n", "dir/y": "y\n", "with space": "s\n"})
    made.write("run.sh", "#!/bin/sh\n", executable=True)
    made.link("link", "a.txt")
    made.commit("first")
    return made


def look(repo: Repo, *paths: str) -> dict[str, Change]:
    return dict(status(Git(repo.root), paths or None).changes)


def test_clean_tree_has_no_changes(repo: Repo) -> None:
    assert status(Git(repo.root)) == Status({}, full=True)


def test_edit_is_not_staged_and_names_head_and_index(repo: Repo) -> None:
    repo.write("a.txt", "changed\n")
    entry = Entry(FILE, repo.git("rev-parse", "HEAD:a.txt"))
    assert look(repo) == {"a.txt": Change("a.txt", head=entry, index=entry, worktree_mode=FILE)}
    assert not look(repo)["a.txt"].staged


def test_staged_and_edited_again(repo: Repo) -> None:
    repo.write("a.txt", "staged\n")
    repo.git("add", "a.txt")
    repo.write("a.txt", "more\n")
    change = look(repo)["a.txt"]
    assert change.staged
    assert change.index == Entry(FILE, repo.git("rev-parse", ":a.txt"))
    assert change.head == Entry(FILE, repo.git("rev-parse", "HEAD:a.txt"))


def test_staged_then_put_back_in_the_tree(repo: Repo) -> None:
    repo.write("a.txt", "staged\n")
    repo.git("add", "a.txt")
    repo.write("a.txt", "a\n")
    assert look(repo)["a.txt"].staged


def test_deletions(repo: Repo) -> None:
    repo.delete("a.txt")
    repo.git("rm", "-q", "b.txt")
    found = look(repo)
    assert (found["a.txt"].worktree_mode, found["a.txt"].staged) == (0, False)
    assert (found["b.txt"].worktree_mode, found["b.txt"].staged, found["b.txt"].index) == (0, True, None)


def test_deleted_empty_file_is_a_deletion(repo: Repo) -> None:
    repo.delete("empty")
    change = look(repo)["empty"]
    assert change.worktree_mode == 0
    assert change.head is not None


@pytest.mark.parametrize("name", [":(glob)x", ":!x", "*x", "[x]"])
def test_deleted_empty_file_is_a_deletion_whatever_its_name(repo: Repo, name: str) -> None:
    repo.write(name, "")
    repo.commit()
    repo.delete(name)
    assert set(status(Git(repo.root)).changes) == {name}


def test_untracked_files_have_the_mode_git_add_would_record(repo: Repo) -> None:
    repo.write("new/plain", "")
    repo.write("new/tool", "#!/bin/sh\n", executable=True)
    repo.link("new/link", "nowhere")
    found = look(repo)
    assert {path: change.worktree_mode for path, change in found.items()} == {
        "new/plain": FILE,
        "new/tool": EXECUTABLE,
        "new/link": SYMLINK,
    }
    assert all(change.untracked and not change.staged for change in found.values())
    assert status(Git(repo.root), file_mode=False).changes["new/tool"].worktree_mode == FILE


def test_names_that_quoting_would_break(repo: Repo) -> None:
    names = [LATIN1, "new\nline", 'quo"te', "-dash", "*", "tab\there", " leading", "back\\slash", ":(top)magic"]
    for name in names:
        repo.write(name, "1\n")
    assert set(look(repo)) == set(names)
    repo.commit("odd names")
    for name in names:
        repo.write(name, "2\n")
    assert set(look(repo)) == set(names)
    for name in names:
        assert set(look(repo, name)) == {name}, "a path is no pattern"
    assert set(names) <= set(tracked(Git(repo.root)))


def test_narrow_look_sees_only_its_paths(repo: Repo) -> None:
    repo.write("a.txt", "2\n")
    repo.write("dir/x", "2\n")
    repo.write("dir/new", "2\n")
    repo.write("other", "2\n")
    found = status(Git(repo.root), ["dir", "other", "nothing-here"])
    assert set(found.changes) == {"dir/x", "dir/new", "other"}
    assert not found.full


def test_no_paths_is_nothing_and_many_are_everything(repo: Repo) -> None:
    repo.write("a.txt", "2\n")
    assert status(Git(repo.root), []) == Status({}, full=False)
    many = status(Git(repo.root), [f"none/{number}" for number in range(module.MAX_PATHS + 1)])
    assert (set(many.changes), many.full) == ({"a.txt"}, True)
    long = status(Git(repo.root), ["n" * (module.MAX_PATH_BYTES + 1)])
    assert long.full


def test_type_and_mode_changes(repo: Repo) -> None:
    repo.path("a.txt").unlink()
    repo.link("a.txt", "b.txt")
    repo.path("link").unlink()
    repo.write("link", "now a file\n")
    repo.path("b.txt").chmod(0o755)
    repo.path("run.sh").chmod(0o644)
    assert {path: change.worktree_mode for path, change in look(repo).items()} == {
        "a.txt": SYMLINK,
        "link": FILE,
        "b.txt": EXECUTABLE,
        "run.sh": FILE,
    }


def test_mode_is_not_looked_at_where_the_user_says_so(repo: Repo) -> None:
    repo.git("config", "core.fileMode", "false")
    repo.path("b.txt").chmod(0o755)
    assert look(repo) == {}


def test_file_replaced_by_a_directory_and_the_reverse(repo: Repo) -> None:
    repo.delete("a.txt")
    repo.write("a.txt/inside", "1\n")
    repo.delete("dir/x")
    repo.delete("dir/y")
    repo.write("dir", "a file now\n")
    expected = {"a.txt": 0, "a.txt/inside": FILE, "dir/x": 0, "dir/y": 0, "dir": FILE}
    assert {path: change.worktree_mode for path, change in look(repo).items()} == expected
    narrow = look(repo, "a.txt", "dir")
    assert {path: change.worktree_mode for path, change in narrow.items()} == expected


def test_directory_replaced_by_a_link_out_of_the_tree(repo: Repo, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x").write_text("x\n")
    repo.delete("dir/x")
    repo.delete("dir/y")
    repo.link("dir", str(elsewhere))
    found = look(repo)
    assert {path: change.worktree_mode for path, change in found.items()} == {"dir": SYMLINK, "dir/x": 0, "dir/y": 0}
    assert set(look(repo, "dir/x")) == {"dir/x"}


def test_intent_to_add_is_not_staged(repo: Repo) -> None:
    repo.write("later", "1\n")
    repo.git("add", "--intent-to-add", "later")
    change = look(repo)["later"]
    assert change == Change("later", worktree_mode=FILE, intent_to_add=True)
    assert not change.staged


def test_intent_to_add_and_deleted_is_nothing(repo: Repo) -> None:
    repo.write("later", "1\n")
    repo.git("add", "--intent-to-add", "later")
    repo.delete("later")
    repo.delete("empty")
    assert set(look(repo)) == {"empty"}


def test_intent_to_add_and_deleted_on_an_unborn_branch(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "new", "--template=")
    repo.write("later", "1\n")
    repo.git("add", "--intent-to-add", "later")
    repo.delete("later")
    assert look(repo) == {}


def test_intent_to_add_over_a_staged_deletion(repo: Repo) -> None:
    repo.git("rm", "-q", "--cached", "a.txt")
    repo.git("add", "--intent-to-add", "a.txt")
    change = look(repo)["a.txt"]
    assert change.intent_to_add
    assert change.staged


def test_removed_from_the_index_and_kept_in_the_tree_is_one_change(repo: Repo) -> None:
    repo.git("rm", "-q", "--cached", "run.sh")
    change = look(repo)["run.sh"]
    assert change.head == Entry(EXECUTABLE, repo.git("rev-parse", "HEAD:run.sh"))
    assert (change.index, change.worktree_mode, change.untracked, change.staged) == (None, EXECUTABLE, True, True)


def test_unmerged_paths(repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "side")
    repo.write("a.txt", "side\n")
    repo.git("rm", "-q", "b.txt")
    repo.commit("side")
    repo.git("checkout", "-q", "main")
    repo.write_all({"a.txt": "main\n", "b.txt": "main\n"})
    repo.commit("main")
    assert repo.try_git("merge", "side").returncode != 0
    found = look(repo)
    assert {path: change.unmerged for path, change in found.items()} == {"a.txt": True, "b.txt": True}
    assert found["a.txt"].head == Entry(FILE, repo.git("rev-parse", "HEAD:a.txt"))
    assert all(change.staged for change in found.values())


def test_renames_are_a_deletion_and_an_addition(repo: Repo) -> None:
    repo.git("mv", "a.txt", "renamed")
    found = look(repo)
    assert found["a.txt"].index is None
    assert found["renamed"].head is None


def test_users_status_settings_do_not_change_the_answer(repo: Repo) -> None:
    for key, value in (
        ("status.showUntrackedFiles", "no"),
        ("status.renames", "copies"),
        ("status.showStash", "true"),
        ("status.branch", "true"),
        ("status.relativePaths", "true"),
        ("diff.ignoreSubmodules", "all"),
        ("color.ui", "always"),
    ):
        repo.git("config", key, value)
    repo.write("new", "1\n")
    repo.git("mv", "a.txt", "renamed")
    assert set(look(repo)) == {"new", "a.txt", "renamed"}


def test_ignored_files_are_left_out(repo: Repo) -> None:
    repo.write(".gitignore", "*.tmp\nbuild/\n")
    repo.commit("ignore")
    repo.write_all({"x.tmp": "1\n", "build/y": "1\n", "kept": "1\n"})
    repo.git("config", "status.showIgnored", "true")
    assert set(look(repo)) == {"kept"}


def test_ignored(repo: Repo) -> None:
    repo.write(".gitignore", f"*.tmp\nbuild/\n{LATIN1}\n".encode("utf-8", "surrogateescape"))
    repo.write("tracked.tmp", "1\n")
    repo.git("add", "-f", "tracked.tmp")
    repo.write("nl\n.tmp", "1\n")
    git = Git(repo.root)
    asked = ["x.tmp", "build/", "build/deep/er", "a.txt", "tracked.tmp", "nl\n.tmp", LATIN1]
    assert ignored(git, asked) == {"x.tmp", "build/", "build/deep/er", "nl\n.tmp", LATIN1}
    assert ignored(git, ["a.txt"]) == frozenset()
    assert ignored(git, []) == frozenset()


def test_ignored_is_not_asked_beyond_links_and_in_other_repositories(repo: Repo, tmp_path: Path) -> None:
    repo.write(".gitignore", "*.tmp\n")
    repo.link("out", str(tmp_path))
    Repo.init(repo.root / "nested", "--template=")
    asked = ["out/x.tmp", "out/deep/x.tmp", "nested/x.tmp", "nested/deep/x.tmp", "x.tmp", "out", "nested/"]
    assert ignored(Git(repo.root), asked) == {"x.tmp"}


def test_nested_repositories_are_marked(repo: Repo) -> None:
    inner = Repo.init(repo.root / "inner", "--template=")
    inner.write("file", "1\n")
    Repo.init(repo.root / "born", "--template=").write("file", "1\n")
    Repo(repo.root / "born").commit("one")
    found = look(repo)
    assert found == {
        "inner": Change("inner", untracked=True, nested=True),
        "born": Change("born", untracked=True, nested=True),
    }
    assert look(repo, "inner/file", "born/file") == {}


@pytest.fixture
def with_submodule(repo: Repo, tmp_path: Path) -> Repo:
    library = Repo.init(tmp_path / "library", "--template=")
    library.write("file", "1\n")
    library.commit("library")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.root), "sub")
    repo.commit("submodule")
    return repo


def test_files_of_a_submodule_are_its_own(with_submodule: Repo) -> None:
    with_submodule.write("sub/file", "edited\n")
    with_submodule.write("sub/new", "1\n")
    assert look(with_submodule) == {}
    assert look(with_submodule, "sub/file") == {}
    assert ignored(Git(with_submodule.root), ["sub/file"]) == frozenset()


def test_submodule_at_another_commit_shows_and_staging_it_too(with_submodule: Repo) -> None:
    inner = Repo(with_submodule.root / "sub")
    inner.write("file", "2\n")
    inner.git("commit", "-qam", "two")
    change = look(with_submodule)["sub"]
    assert (change.submodule, change.worktree_mode, change.staged) == (True, SUBMODULE, False)
    with_submodule.git("add", "sub")
    assert look(with_submodule)["sub"].staged


def test_paths_outside_a_sparse_checkout_are_not_deleted(repo: Repo) -> None:
    repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "elsewhere")
    assert not repo.exists("dir/x")
    repo.write("a.txt", "2\n")
    assert set(look(repo)) == {"a.txt"}
    assert look(repo, "dir/x", "dir") == {}
    assert {"dir/x", "dir/y"} <= set(tracked(Git(repo.root)))
    assert hidden(Git(repo.root)) == {"dir/x", "dir/y"}


def test_hidden_names_files_git_was_told_not_to_look_at(repo: Repo) -> None:
    repo.git("update-index", "--assume-unchanged", "a.txt")
    repo.git("update-index", "--skip-worktree", "b.txt")
    repo.write_all({"a.txt": "2\n", "b.txt": "2\n"})
    assert look(repo) == {}
    assert hidden(Git(repo.root)) == {"a.txt", "b.txt"}


def test_unborn_branch(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "new", "--template=")
    repo.write("staged", "1\n")
    repo.git("add", "staged")
    repo.write("loose", "1\n")
    found = look(repo)
    assert found["staged"].head is None
    assert found["staged"].staged
    assert found["loose"].untracked


def test_sha256(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "new", "--template=", "--object-format=sha256")
    repo.write("a", "1\n")
    repo.commit()
    repo.write("a", "2\n")
    change = look(repo)["a"]
    assert change.head is not None
    assert len(change.head.oid) == 64


def test_special_files_are_no_files(repo: Repo) -> None:
    os.mkfifo(repo.root / "pipe")
    assert look(repo) == {}


def test_users_index_is_not_touched(repo: Repo) -> None:
    repo.write("a.txt", "a\n")  # same content, new time stamp: a plain git status would refresh the index
    index = repo.root / ".git" / "index"
    before = (index.read_bytes(), index.stat().st_mtime_ns)
    (repo.root / ".git" / "index.lock").touch()
    assert look(repo) == {}
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before


# -- the parser ---------------------------------------------------------------------------------------------------

names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: not name.endswith("/")
)
oids = st.text("0123456789abcdef", min_size=40, max_size=40)
entries = st.none() | st.builds(Entry, st.sampled_from([FILE, EXECUTABLE, SYMLINK, SUBMODULE]), oids)
modes = st.sampled_from([0, FILE, EXECUTABLE, SYMLINK])


@st.composite
def changes(draw: st.DrawFn) -> Change:
    path = draw(names)
    if draw(st.booleans()):
        nested = draw(st.booleans())
        return Change(path, untracked=True, nested=nested, worktree_mode=0 if nested else FILE)
    head, mode = draw(entries), draw(modes)
    if draw(st.booleans()):
        return Change(path, head=head, worktree_mode=mode, unmerged=True)
    return Change(path, head, draw(entries), mode, intent_to_add=draw(st.booleans()), submodule=draw(st.booleans()))


def printed(change: Change) -> bytes:
    """What git prints of a change: git-status(1), "Changed Tracked Entries" and on."""

    def mode(entry: Entry | None) -> str:
        return f"{entry.mode:06o}" if entry else "000000"

    def oid(entry: Entry | None) -> str:
        return entry.oid if entry else "0" * 40

    if change.untracked:
        words = ["?"]
    elif change.unmerged:
        words = ["u", "UU", "N...", mode(None), mode(change.head), mode(None), f"{change.worktree_mode:06o}"]
        words += [oid(None), oid(change.head), oid(None)]
    else:
        letters = ".A" if change.intent_to_add else "MM"
        words = ["1", letters, "S.M." if change.submodule else "N...", mode(change.head), mode(change.index)]
        words += [f"{change.worktree_mode:06o}", oid(change.head), oid(change.index)]
    path = change.path + ("/" if change.nested else "")
    return " ".join([*words, path]).encode() + b"\0"


@given(st.lists(changes(), unique_by=lambda change: change.path))
def test_parse_reads_what_git_prints(listed: list[Change]) -> None:
    output = b"# branch.oid (initial)\0" + b"".join(map(printed, listed))
    assert dict(parse(output).changes) == {change.path: change for change in listed}


@given(st.binary(max_size=60))
def test_parse_fails_only_in_words(data: bytes) -> None:
    try:
        parse(data)
    except UnexpectedStatus as failure:
        assert failure.hint


@pytest.mark.parametrize(
    "record",
    [
        b"2 R. N... 100644 100644 100644 1 2 R100 to\0from\0",
        b"1 .M N... 100644\0",
        b"1 .M N... 100644 100644 rw 1 2 x\0",
        b"u UU N... 100644\0",
        b"u UU N... 100644 x 100644 100644 1 2 3 p\0",
        b"? /\0",
        b"nonsense\0",
    ],
)
def test_parse_refuses_other_records(record: bytes) -> None:
    with pytest.raises(UnexpectedStatus):
        parse(record)


def test_file_that_vanishes_between_status_and_look_is_forgotten(repo: Repo) -> None:
    found = {"gone": Change("gone", worktree_mode=FILE, untracked=True)}
    module._look_at_untracked(Git(repo.root), found, file_mode=True)
    assert found == {}
