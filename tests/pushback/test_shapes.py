"""Repositories as users have them: each shape crosses both ways, or is refused by name and left as it is."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.pushback.outcome import Outcome, PushStatus, State
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

Clone = Callable[..., Repo]


def same(remote: Repo, *sides: Side) -> None:
    """Assert that nobody is ahead or behind, that git sees nothing to do, and that every object is sound."""
    for side in sides:
        assert side.repo.head == remote.tip("main")
        assert side.repo.status() == ""
        side.repo.fsck()
    remote.fsck()


def quiet(remote: Repo, *sides: Side) -> None:
    """Assert that one more sync of everyone changes nothing."""
    tip = remote.tip("main")
    for side in sides:
        before = side.repo.worktree()
        healthy(side.sync())
        assert side.repo.worktree() == before
    assert remote.tip("main") == tip


def refusal(outcome: Outcome) -> str:
    assert outcome.state is State.FAILING, outcome
    return outcome.error or ""


# -- linked worktrees


def test_two_worktrees_of_one_repository_are_both_synced(here: Side, there: Side, remote: Repo, tmp_path: Path) -> None:
    here.repo.git("branch", "second", "main")
    here.repo.push("-u", "origin", "second")
    here.repo.git("worktree", "add", "-q", str(tmp_path / "linked"), "second")
    linked = Side(Repo(tmp_path / "linked"), name="linked")
    healthy(linked.sync())
    here.repo.write("in-first.md", "1\n")
    linked.repo.write_all({"in-second.md": "2\n", "b.sh": "#!/bin/sh\n"})
    healthy(linked.sync())
    healthy(here.sync())
    assert remote.tree("second")["in-second.md"] == b"2\n" and "in-second.md" not in remote.tree("main")
    assert remote.tree("main")["in-first.md"] == b"1\n" and "in-first.md" not in remote.tree("second")
    there.repo.fetch()
    there.repo.git("switch", "-q", "second")
    there.repo.write("in-second.md", "from there\n")
    there.repo.commit("by hand")
    there.repo.push()
    healthy(linked.sync())
    healthy(here.sync())
    assert linked.repo.read("in-second.md") == "from there\n"
    assert not here.repo.exists("in-second.md")
    assert here.repo.status() == linked.repo.status() == ""
    assert here.repo.head == remote.tip("main") and linked.repo.head == remote.tip("second")
    here.repo.fsck()


# -- shallow and partial clones


def test_a_shallow_clone_crosses_both_ways(there: Side, remote: Repo, tmp_path: Path) -> None:
    for number in range(3):
        there.repo.write("notes.md", f"{number}\n")
        healthy(there.sync())
    shallow = Side(Repo.clone(f"file://{remote.root}", tmp_path / "shallow", "--depth=1"))
    assert len(shallow.repo.commits()) == 1
    shallow.repo.write("notes.md", "from the shallow one\n")
    healthy(shallow.sync())
    healthy(there.sync())
    assert there.repo.read("notes.md") == "from the shallow one\n"
    there.repo.write("more.md", "back\n")
    healthy(there.sync())
    healthy(shallow.sync())
    assert shallow.repo.read("more.md") == "back\n"
    same(remote, shallow, there)
    assert shallow.repo.git("rev-parse", "--is-shallow-repository") == "true"
    quiet(remote, shallow, there)


def test_both_sides_of_a_shallow_clone_changed_one_task(there: Side, remote: Repo, tmp_path: Path) -> None:
    there.repo.write("notes.md", "".join(f"{n}\n" for n in range(9)))
    healthy(there.sync())
    shallow = Side(Repo.clone(f"file://{remote.root}", tmp_path / "shallow", "--depth=1"))
    shallow.pushback = {"conflict_strategy": "merge"}
    healthy(shallow.sync())
    there.repo.write("notes.md", "".join(f"{n}\n" for n in ("first", *range(1, 9))))
    healthy(there.sync())
    shallow.repo.write("notes.md", "".join(f"{n}\n" for n in (*range(8), "last")))
    healthy(shallow.sync())
    healthy(there.sync())
    assert there.repo.read("notes.md").split() == ["first", *"1234567", "last"]
    same(remote, shallow, there)


def test_a_partial_clone_is_refused_by_name(remote: Repo, tmp_path: Path) -> None:
    remote.git("config", "uploadpack.allowFilter", "true")
    partial = Side(Repo.clone(f"file://{remote.root}", tmp_path / "partial", "--filter=blob:none"))
    partial.repo.write("notes.md", "mine\n")
    before = partial.repo.refs()
    assert "partial clone" in refusal(partial.sync())
    assert partial.repo.refs() == before and "notes.md" not in remote.tree("main")


# -- other forms of repositories


def test_sha256_objects_are_refused_by_name(tmp_path: Path) -> None:
    bare = Repo.init(tmp_path / "bare.git", "--bare", "--object-format=sha256")
    work = Repo.init(tmp_path / "work", "--object-format=sha256")
    work.write("a", "1\n")
    work.commit()
    work.git("remote", "add", "origin", str(bare.root))
    work.push("-u", "origin", "main")
    work.write("a", "2\n")
    assert "SHA-256" in refusal(Side(work).sync())
    assert bare.tree("main")["a"] == b"1\n"
    assert work.status() == " M a"


def test_refs_in_a_reftable_are_refused_by_name(here: Side, remote: Repo) -> None:
    here.repo.git("config", "core.repositoryformatversion", "1")
    here.repo.git("config", "extensions.refStorage", "reftable")
    tip = remote.tip("main")
    assert "reftable" in refusal(here.sync()).lower() or "refstorage" in refusal(here.sync()).lower()
    assert remote.tip("main") == tip


def test_a_sparse_index_is_refused_by_name(here: Side, remote: Repo) -> None:
    here.repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "tasks")
    tip = remote.tip("main")
    assert "sparse" in refusal(here.sync())
    assert remote.tip("main") == tip


# -- submodules and nested repositories


@pytest.fixture
def module(tmp_path: Path) -> Repo:
    """A repository to be a submodule, with two commits."""
    made = Repo.init(tmp_path / "module")
    for text in ("one\n", "two\n"):
        made.write("file", text)
        made.commit(text)
    return made


@pytest.fixture
def allowed(here: Side, there: Side) -> None:
    for side in (here, there):
        side.repo.git("config", "--global", "protocol.file.allow", "always")


@pytest.fixture
def with_module(here: Side, there: Side, remote: Repo, module: Repo, allowed: None) -> Repo:
    """The submodule `sub`, committed and there on both sides."""
    there.repo.git("submodule", "--quiet", "add", str(module.root), "sub")
    there.repo.commit("a submodule")
    healthy(there.sync())
    healthy(here.sync())
    return module


def test_a_submodule_that_was_added_elsewhere_comes_as_git_brings_it(
    with_module: Repo, here: Side, there: Side, remote: Repo
) -> None:
    assert here.repo.path("sub").is_dir() and not any(here.repo.path("sub").iterdir())
    same(remote, here, there)
    quiet(remote, here, there)
    here.repo.git("submodule", "--quiet", "update", "--init")
    assert here.repo.read("sub/file") == "two\n"
    here.repo.write("notes.md", "beside it\n")
    healthy(here.sync())
    healthy(there.sync())
    same(remote, here, there)


def test_a_submodule_that_was_moved_on_or_edited_stays_here(
    with_module: Repo, here: Side, there: Side, remote: Repo
) -> None:
    gitlink = remote.entries("main")["sub"]
    inner = Repo(there.repo.path("sub"))
    inner.git("checkout", "-q", "HEAD~1")
    inner.write("file", "edited\n")
    inner.write("new", "untracked\n")
    there.repo.write("notes.md", "beside it\n")
    outcome = healthy(there.sync())
    assert "submodules and other repositories are left as they are: sub" in outcome.notes
    assert remote.entries("main")["sub"] == gitlink
    assert inner.read("file") == "edited\n" and inner.exists("new")
    assert there.repo.status() == " M sub"
    quiet(remote, there)
    healthy(here.sync())
    same(remote, here)


def test_a_submodule_that_the_remote_moves_on_is_followed_by_the_index_alone(
    with_module: Repo, here: Side, there: Side, remote: Repo
) -> None:
    here.repo.git("submodule", "--quiet", "update", "--init")
    Repo(there.repo.path("sub")).git("checkout", "-q", "HEAD~1")
    there.repo.commit("moved on")
    healthy(there.sync())
    healthy(here.sync())
    assert here.repo.read("sub/file") == "two\n", "its files are its own"
    assert here.repo.status() == " M sub", "as after git pull"
    tip = remote.tip("main")
    healthy(here.sync())
    assert remote.tip("main") == tip
    here.repo.git("submodule", "--quiet", "update")
    assert here.repo.read("sub/file") == "one\n"
    same(remote, here, there)


def test_a_submodule_that_the_remote_removes_leaves_its_files(
    with_module: Repo, here: Side, there: Side, remote: Repo
) -> None:
    here.repo.git("submodule", "--quiet", "update", "--init")
    there.repo.git("rm", "-q", "sub")
    there.repo.commit("removed")
    healthy(there.sync())
    healthy(here.sync())
    assert here.repo.head == remote.tip("main")
    assert here.repo.read("sub/file") == "two\n"
    assert here.repo.status() == "?? sub/"
    tip = remote.tip("main")
    healthy(here.sync())
    assert remote.tip("main") == tip and "sub" not in remote.entries("main")


def test_a_submodule_being_added_waits_until_it_is_committed(
    here: Side, there: Side, remote: Repo, module: Repo, allowed: None
) -> None:
    here.repo.git("submodule", "--quiet", "add", str(module.root), "sub")
    here.repo.write("notes.md", "beside it\n")
    staged = here.repo.staged()
    healthy(here.sync())
    assert remote.tree("main")["notes.md"] == b"beside it\n"
    assert "sub" not in remote.entries("main") and ".gitmodules" not in remote.entries("main")
    assert {line for line in staged.splitlines()} <= {*here.repo.staged().splitlines()}
    here.repo.commit("a submodule")
    healthy(here.sync())
    assert remote.entries("main")["sub"][0] == "160000"
    healthy(there.sync())
    same(remote, here, there)


def test_a_submodule_that_is_gone_from_the_disk_is_not_removed(
    with_module: Repo, here: Side, there: Side, remote: Repo
) -> None:
    shutil.rmtree(there.repo.path("sub"))
    there.repo.write("notes.md", "beside it\n")
    healthy(there.sync())
    assert remote.entries("main")["sub"][0] == "160000"
    healthy(here.sync())


def test_a_nested_repository_is_left_alone(here: Side, there: Side, remote: Repo) -> None:
    inner = Repo.init(here.repo.path("tasks/inner"))
    inner.write("file", "theirs\n")
    inner.commit()
    empty = Repo.init(here.repo.path("empty"))
    empty.write("file", "not committed\n")
    here.repo.write("notes.md", "beside it\n")
    outcome = healthy(here.sync())
    assert "submodules and other repositories are left as they are: empty, tasks/inner" in outcome.notes
    assert remote.tree("main")["notes.md"] == b"beside it\n"
    assert not [path for path in remote.entries("main") if "inner" in path or "empty" in path]
    there.repo.write("tasks/inner/file", "another\n")
    there.repo.write("more.md", "comes\n")
    healthy(there.sync())
    outcome = here.sync()
    assert here.repo.read("more.md") == "comes\n"
    assert inner.read("file") == "theirs\n", outcome


def test_a_gitlink_without_a_submodule_is_left_alone(here: Side, there: Side, remote: Repo) -> None:
    inner = Repo.init(here.repo.path("inner"))
    inner.write("file", "1\n")
    inner.commit()
    here.repo.git("-c", "advice.addEmbeddedRepo=false", "add", "inner")
    here.repo.git("commit", "-qm", "a gitlink")
    healthy(here.sync())
    healthy(there.sync())
    assert there.repo.path("inner").is_dir()
    inner.write("file", "2\n")
    inner.commit()
    here.repo.write("notes.md", "beside it\n")
    healthy(here.sync())
    healthy(there.sync())
    same(remote, there)
    assert here.repo.status() == " M inner"


def test_a_file_that_became_a_submodule_elsewhere_and_back(
    here: Side, there: Side, remote: Repo, module: Repo, allowed: None
) -> None:
    here.repo.write("sub", "a file\n")
    healthy(here.sync())
    healthy(there.sync())
    there.repo.delete("sub")
    there.repo.git("rm", "-q", "--cached", "sub")
    there.repo.git("submodule", "--quiet", "add", str(module.root), "sub")
    there.repo.commit("a submodule in its place")
    healthy(there.sync())
    healthy(here.sync())
    assert here.repo.path("sub").is_dir()
    same(remote, here, there)
    quiet(remote, here, there)
    there.repo.git("rm", "-q", "-f", "sub")
    there.repo.write("sub", "a file again\n")
    there.repo.commit("and back")
    healthy(there.sync())
    healthy(here.sync())
    assert here.repo.read("sub") == "a file again\n"
    same(remote, here)
    quiet(remote, here, there)


def test_a_file_in_the_place_of_a_submodule_with_files_is_held(
    with_module: Repo, here: Side, there: Side, remote: Repo
) -> None:
    here.repo.git("submodule", "--quiet", "update", "--init")
    there.repo.git("rm", "-q", "-f", "sub")
    there.repo.write("sub", "a file now\n")
    there.repo.commit("a file in its place")
    healthy(there.sync())
    tip = remote.tip("main")
    outcome = here.sync()
    assert here.task(outcome, "sub").reason
    assert here.repo.read("sub/file") == "two\n"
    here.sync()
    assert remote.tip("main") == tip, "that it is not here is no deletion"


# -- names


def test_names_of_every_alphabet_and_of_two_normal_forms(here: Side, there: Side, remote: Repo) -> None:
    names = [
        "caf\u00e9.md",
        "cafe\u0301.md",
        "\u00fcber/\u65e5\u672c\u8a9e",
        os.fsdecode(b"latin-\xe9"),
        "\U0001f600 x",
    ]
    here.repo.write_all({name: f"{number}\n" for number, name in enumerate(names)})
    healthy(here.sync())
    healthy(there.sync())
    assert {name: there.repo.read(name) for name in names} == {name: f"{n}\n" for n, name in enumerate(names)}
    there.repo.write(names[1], "edited\n")
    there.repo.delete(names[3])
    healthy(there.sync())
    healthy(here.sync())
    assert here.repo.read(names[1]) == "edited\n" and here.repo.read(names[0]) == "0\n"
    same(remote, here, there)
    quiet(remote, here, there)


def test_names_that_differ_by_case_alone(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write_all({"A": "upper\n", "a": "lower\n", "Dir/x": "1\n", "dir/x": "2\n"})
    healthy(here.sync())
    healthy(there.sync())
    assert (there.repo.read("A"), there.repo.read("a")) == ("upper\n", "lower\n")
    there.repo.write("a", "edited\n")
    there.repo.delete("Dir/x")
    healthy(there.sync())
    healthy(here.sync())
    assert (here.repo.read("A"), here.repo.read("a"), here.repo.exists("Dir/x")) == ("upper\n", "edited\n", False)
    same(remote, here, there)
    quiet(remote, here, there)


def test_where_git_ignores_case_a_name_it_would_change_is_refused(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("Docs/one.md", "1\n")
    healthy(here.sync())
    here.repo.git("config", "core.ignoreCase", "true")
    here.repo.write_all({"docs/two.md": "2\n", "other.md": "3\n"})
    outcome = here.sync()
    task = here.task(outcome, "docs/two.md")
    assert task.push_status is PushStatus.FAILED and "'Docs'" in (task.reason or "")
    assert remote.tree("main")["other.md"] == b"3\n"
    assert not [path for path in remote.entries("main") if path.endswith("two.md")]
    here.repo.git("add", "docs/two.md")
    here.repo.git("commit", "-qm", "as git spells it")
    assert "Docs/two.md" in here.repo.entries(), "that is what would have been committed"


# -- modes and links


def test_exec_bits_travel(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("run.sh", "#!/bin/sh\n", executable=True)
    healthy(here.sync())
    healthy(there.sync())
    assert os.access(there.repo.path("run.sh"), os.X_OK)
    there.repo.path("run.sh").chmod(0o644)
    healthy(there.sync())
    healthy(here.sync())
    assert not os.access(here.repo.path("run.sh"), os.X_OK)
    assert remote.entries("main")["run.sh"][0] == "100644"
    same(remote, here, there)


def test_exec_bits_that_git_does_not_look_at_stay_as_they_are(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write_all({"plain.sh": "1\n", "run.sh": "1\n"})
    here.repo.path("run.sh").chmod(0o755)
    healthy(here.sync())
    healthy(there.sync())
    there.repo.git("config", "core.fileMode", "false")
    for name in ("plain.sh", "run.sh"):
        there.repo.path(name).chmod(0o755 if name == "plain.sh" else 0o644)
        there.repo.write(name, "2\n", executable=name == "plain.sh")
    there.repo.write("new.sh", "3\n", executable=True)
    healthy(there.sync())
    modes = {name: mode for name, (mode, _) in remote.entries("main").items() if name.endswith(".sh")}
    assert modes == {"plain.sh": "100644", "run.sh": "100755", "new.sh": "100644"}
    healthy(here.sync())
    same(remote, here, there)
    quiet(remote, here, there)


def test_links_of_every_kind(here: Side, there: Side, remote: Repo, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("not ours\n")
    targets = {
        "to-file": "README.md",
        "to-dir": "tasks",
        "dangling": "no/where",
        "out": "../outside",
        "d/up": "..",
    }
    for name, target in targets.items():
        here.repo.link(name, target)
    healthy(here.sync())
    healthy(there.sync())
    assert {name: str(there.repo.path(name).readlink()) for name in targets} == targets
    there.repo.path("dangling").unlink()
    there.repo.write("dangling", "a file now\n")
    there.repo.link("to-file", "dangling")
    there.repo.path("out").unlink()
    healthy(there.sync())
    healthy(here.sync())
    assert here.repo.read("dangling") == "a file now\n" and here.repo.read("to-file") == "a file now\n"
    assert (tmp_path / "outside").read_text() == "not ours\n"
    same(remote, here, there)
    quiet(remote, here, there)


def test_a_directory_becomes_a_link_and_a_directory_again(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write_all({"real/one": "1\n", "real/two": "2\n", "other/one": "o\n"})
    healthy(here.sync())
    healthy(there.sync())
    shutil.rmtree(here.repo.path("real"))
    here.repo.link("real", "other")
    healthy(here.sync(all_tasks=True, by_hand=True))
    assert remote.entries("main")["real"][0] == "120000" and "real/one" not in remote.entries("main")
    healthy(there.sync())
    assert str(there.repo.path("real").readlink()) == "other"
    assert there.repo.read("other/one") == "o\n"
    there.repo.path("real").unlink()
    there.repo.write("real/three", "3\n")
    healthy(there.sync())
    healthy(here.sync())
    assert here.repo.read("real/three") == "3\n" and not here.repo.exists("other/three")
    same(remote, here, there)
    quiet(remote, here, there)


def test_a_link_in_place_of_a_directory_that_the_remote_changes_is_a_conflict(
    here: Side, there: Side, remote: Repo
) -> None:
    here.repo.write_all({"real/a.md": "1\n", "other/a.md": "other\n"})
    healthy(here.sync())
    healthy(there.sync())
    shutil.rmtree(here.repo.path("real"))
    here.repo.link("real", "other")
    there.repo.write_all({"real/a.md": "2\n", "far.md": "far\n"})
    healthy(there.sync())
    assert here.sync().state == "conflict"
    assert here.sync().state == "conflict"
    assert (here.repo.head, here.repo.read("far.md")) == (remote.tip("main"), "far\n")
    assert str(here.repo.path("real").readlink()) == "other" and here.repo.read("other/a.md") == "other\n"
    here.pushback["conflict_strategy"] = "take_local"
    healthy(here.sync())
    healthy(there.sync())
    assert str(there.repo.path("real").readlink()) == "other"
    same(remote, here, there)


def test_without_symbolic_links_they_are_files_and_stay_links(here: Side, there: Side, remote: Repo) -> None:
    there.repo.git("config", "core.symlinks", "false")
    here.repo.link("link", "README.md")
    healthy(here.sync())
    healthy(there.sync())
    assert not there.repo.path("link").is_symlink() and there.repo.read("link") == "README.md"
    assert there.repo.status() == ""
    there.repo.write("link", "tasks")
    healthy(there.sync())
    assert remote.entries("main")["link"][0] == "120000"
    healthy(here.sync())
    assert str(here.repo.path("link").readlink()) == "tasks"
    same(remote, here, there)
    quiet(remote, here, there)


@pytest.mark.parametrize("target", [b"", b"a\0b", b"x" * 5000], ids=["empty", "nul", "long"])
def test_a_link_that_no_system_can_make_keeps_nothing_else(
    here: Side, there: Side, remote: Repo, target: bytes
) -> None:
    oid = there.repo.git("hash-object", "-w", "--stdin", stdin=target)
    there.repo.git("update-index", "--add", "--cacheinfo", f"120000,{oid},odd")
    there.repo.git("commit", "-qm", "an odd link")
    there.repo.write("notes.md", "beside it\n")
    there.repo.git("add", "notes.md")
    there.repo.git("commit", "-qm", "notes")
    there.repo.push()
    tip = remote.tip("main")
    outcome = here.sync()
    assert "symbolic link" in (here.task(outcome, "odd").reason or "")
    assert here.repo.read("notes.md") == "beside it\n"
    here.sync()
    assert remote.tip("main") == tip, "that it is not here is no deletion"


# -- attributes that come from elsewhere


def test_line_ends_that_are_asked_for_elsewhere_make_no_edits_here(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write_all({"a.txt": "1\n2\n", "b.txt": "1\n"})
    healthy(here.sync())
    healthy(there.sync())
    here.repo.write(".gitattributes", "*.txt text eol=crlf\n")
    here.repo.write("b.txt", "1\r\n2\r\n")
    healthy(here.sync())
    tip = remote.tip("main")
    healthy(there.sync())
    assert there.repo.read_bytes("b.txt") == b"1\r\n2\r\n"
    assert there.repo.read_bytes("a.txt") == b"1\n2\n", "as git pull leaves it"
    quiet(remote, here, there)
    assert remote.tip("main") == tip
    there.repo.write("a.txt", "1\n2\n3\n")
    healthy(there.sync())
    healthy(here.sync())
    assert here.repo.read_bytes("a.txt") == b"1\r\n2\r\n3\r\n"
    assert remote.tree("main")["a.txt"] == b"1\n2\n3\n"


def test_attributes_that_speak_of_themselves_are_written_as_git_writes_them(
    here: Side, there: Side, remote: Repo, tmp_path: Path
) -> None:
    third = Repo.clone(remote.root, tmp_path / "third")
    here.repo.write_all({".gitattributes": "* text=auto eol=crlf\n", "d/.gitattributes": "* eol=lf\n", "d/a": "1\n"})
    healthy(here.sync())
    healthy(there.sync())
    third.pull()
    assert third.read_bytes(".gitattributes") == b"* text=auto eol=crlf\r\n"
    assert there.repo.worktree() == third.worktree()
    quiet(remote, here, there)


@pytest.mark.parametrize("attributes", ["*.txt text\n", "*.txt text=auto\n", "*.txt text eol=crlf\n", "*.txt ident\n"])
def test_files_that_were_committed_otherwise_make_no_edits_here(
    here: Side, there: Side, remote: Repo, attributes: str
) -> None:
    here.repo.write_all({"a.txt": "1\r\n$Id: theirs $\r\n", "b.txt": "1\r\n"})
    healthy(here.sync())
    healthy(there.sync())
    # In a commit of its own, as from a forge's editor: nothing is normalised with it.
    oid = here.repo.git("hash-object", "-w", "--stdin", stdin=attributes)
    here.repo.git("update-index", "--add", "--cacheinfo", f"100644,{oid},.gitattributes")
    here.repo.git("commit", "-qm", "attributes alone")
    here.repo.write(".gitattributes", attributes)
    healthy(here.sync())
    tip, tree = remote.tip("main"), there.repo.worktree()
    healthy(there.sync())
    assert there.repo.worktree() == {**tree, ".gitattributes": attributes.encode()}
    quiet(remote, there)
    there.repo.write("a.txt", there.repo.read_bytes("a.txt"))
    healthy(there.save("a.txt"))
    assert remote.tip("main") == tip, "saved again as it was"
    there.repo.write("a.txt", "2\r\n")
    healthy(there.save("a.txt"))
    there.repo.git("add", "a.txt")
    assert remote.entries("main")["a.txt"] == there.repo.entries(there.repo.git("write-tree"))["a.txt"]


def test_attributes_that_go_away_elsewhere_make_no_edits_here(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write_all({".gitattributes": "*.txt text eol=crlf\n", "a.txt": "1\r\n", "b.txt": "1\r\n"})
    healthy(here.sync())
    healthy(there.sync())
    here.repo.delete(".gitattributes")
    here.repo.write("b.txt", "1\n2\n")
    here.repo.git("rm", "-q", "--cached", ".gitattributes")
    here.repo.git("commit", "-qm", "attributes go", "--", ".gitattributes")
    healthy(here.sync())
    assert remote.tree("main")["a.txt"] == b"1\n"
    tip = remote.tip("main")
    healthy(there.sync())
    assert there.repo.read_bytes("b.txt") == b"1\n2\n"
    quiet(remote, there)
    assert remote.tip("main") == tip


def test_a_user_who_normalises_by_hand_is_followed(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write_all({"a.txt": "1\r\n", "b.txt": "1\r\n"})
    healthy(here.sync())
    healthy(there.sync())
    here.repo.write(".gitattributes", "*.txt text\n")
    here.repo.git("add", "--renormalize", ".")
    here.repo.git("add", ".gitattributes")
    here.repo.git("commit", "-qm", "normalised")
    healthy(here.sync())
    assert remote.tree("main")["a.txt"] == b"1\n"
    healthy(there.sync())
    same(remote, here, there)
    quiet(remote, here, there)


# -- what is ignored


def test_a_task_that_comes_to_be_ignored_and_back(here: Side, there: Side, remote: Repo) -> None:
    manifest = json.dumps({"name": "new"})
    here.repo.write_all({".gitignore": "tasks/new/\n", "tasks/new/metadata.json": manifest, "tasks/new/x": "1\n"})
    healthy(here.sync())
    assert not [path for path in remote.entries("main") if path.startswith("tasks/new")]
    here.repo.write(".gitignore", "*.log\n")
    healthy(here.sync())
    healthy(there.sync())
    assert there.repo.read("tasks/new/x") == "1\n"
    there.repo.write(".gitignore", "tasks/new/\n")
    healthy(there.sync())
    healthy(here.sync())
    assert "tasks/new/x" in remote.entries("main"), "ignoring a tracked file takes nothing away"
    here.repo.write("tasks/new/x", "2\n")
    here.repo.write("tasks/new/y", "not tracked\n")
    healthy(here.sync())
    assert remote.tree("main")["tasks/new/x"] == b"2\n" and "tasks/new/y" not in remote.entries("main")
    healthy(there.sync())
    same(remote, here, there)


def test_an_ignored_file_is_neither_carried_nor_overwritten(here: Side, there: Side, remote: Repo) -> None:
    there.repo.write(".git/info/exclude", "secret\n")
    there.repo.write("secret", "mine\n")
    here.repo.write("secret", "theirs\n")
    healthy(here.sync())
    outcome = there.sync()
    assert there.repo.read("secret") == "mine\n", outcome
    assert remote.tree("main")["secret"] == b"theirs\n"


def test_a_tracked_file_that_is_untracked_and_ignored_elsewhere_goes(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("build.out", "1\n")
    healthy(here.sync())
    healthy(there.sync())
    here.repo.git("rm", "-q", "--cached", "build.out")
    here.repo.write(".gitignore", "*.out\n")
    here.repo.commit("ignored from now on", ".gitignore")
    here.repo.git("commit", "-qm", "untracked")
    healthy(here.sync())
    assert here.repo.read("build.out") == "1\n"
    assert "build.out" not in remote.entries("main")
    healthy(there.sync())
    assert not there.repo.exists("build.out"), "as git pull does"
    same(remote, here, there)


# -- large files


def test_a_file_over_the_limit_is_refused_and_travels_once_that_is_raised(
    here: Side, there: Side, remote: Repo
) -> None:
    data = os.urandom(11 << 20)
    here.repo.write("large", data)
    outcome = here.sync()
    task = here.task(outcome, "large")
    assert task.push_status is PushStatus.FAILED and "limits.file" in (task.reason or "")
    assert "large" not in remote.entries("main")
    here.pushback = {"limits": {"file": 200 << 20, "batch": 200 << 20}}
    healthy(here.sync())
    healthy(there.sync())
    assert there.repo.read_bytes("large") == data
    same(remote, here, there)
