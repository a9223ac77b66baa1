"""A sparse checkout crosses truthfully: what it leaves out is never deleted, never carried and never lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.sparse_sides import (
    FILES,
    LINES,
    MANIFEST,
    Kind,
    flags,
    full,
    hidden,
    narrow,
    same_as_git,
    send,
    settled,
    twin,
)
from gitferry.tests.repo import Repo

OUTSIDE = {path for path in FILES if path.startswith(("out/", "half/data/"))}
OURS, THEIRS = LINES.replace("two", "ours"), LINES.replace("two", "theirs")
THEIRS_FAR = LINES.replace("five", "theirs")


@pytest.fixture
def kind() -> Kind:
    """The usual one; a test that is about both has it as a parameter."""
    return Kind.CONE


both_kinds = pytest.mark.parametrize("kind", list(Kind))


@pytest.fixture
def remote(empty_remote: Repo) -> Repo:
    return empty_remote


@pytest.fixture
def there(remote: Repo, clone: Callable[..., Repo]) -> Side:
    """Everything is checked out here."""
    return full(remote, clone("there"))


@pytest.fixture
def here(there: Side, clone: Callable[..., Repo], kind: Kind) -> Side:
    """Sparse."""
    side = Side(narrow(clone("here"), kind))
    assert hidden(side.repo) == OUTSIDE
    healthy(side.sync())
    return side


# -- what is not there is not deleted


@both_kinds
def test_nothing_travels_from_a_fresh_sparse_clone(here: Side, remote: Repo) -> None:
    tip, before = remote.tip("main"), flags(here.repo)
    healthy(here.sync())
    healthy(here.save("out/a.txt", "half/data", "in/a.txt"))
    assert (remote.tip("main"), flags(here.repo)) == (tip, before)
    settled(here, remote)


@both_kinds
def test_an_edit_inside_travels_and_everything_else_stays(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("in/a.txt", OURS)
    here.repo.write("half/a.txt", OURS)
    here.repo.write("in/new.txt", "new\n")
    here.repo.delete("in/deep/b.txt")
    healthy(here.sync())
    expected = {**FILES, "in/a.txt": OURS, "half/a.txt": OURS, "in/new.txt": "new\n"}
    del expected["in/deep/b.txt"]
    assert remote.tree("main") == {path: text.encode() for path, text in expected.items()}
    settled(here, remote)
    healthy(there.sync())
    assert there.repo.worktree() == remote.tree("main")


#: Changes at the remote, each on top of those before it.
CHANGES: tuple[dict[str, str | None], ...] = (
    {"out/a.txt": THEIRS, "half/data/x.txt": THEIRS},
    {"out/new.txt": "new\n", "out/deeper/new.txt": "new\n", "half/data/z.txt": "z\n", "out/b.txt": None},
    {"in/a.txt": THEIRS, "in/new.txt": "new\n", "in/deep/b.txt": None},
    {"half/a.txt": THEIRS, "half/data/x.txt": "x\n", "out/a.txt": "a\n", "top.md": "new\n"},
    {"more/task.yaml": MANIFEST.format("more"), "half/extra/e.txt": "e\n", "last.md": "1\n"},
    {"half/data/x.txt": None, "half/data/y.txt": None, "half/data/z.txt": None, "half/data": "a file\n"},
    {"half/data": None, "half/data/deep/x.txt": "a directory\n"},
    {"out/new.txt": None, "in/moved.txt": "new\n", "in/new.txt": None, "out/moved.txt": "new\n"},
    {"out/a.txt": None, "out/task.yaml": None, "out/deeper/new.txt": None, "out/moved.txt": None},
)


@both_kinds
def test_a_pull_leaves_what_git_pull_leaves(here: Side, there: Side, remote: Repo) -> None:
    git = twin(here.repo, remote, "git")
    for change in CHANGES:
        send(there, change)
        healthy(here.sync())
        git.pull("--ff-only")
        same_as_git(here, git)
        settled(here, remote)


def test_a_submodule_outside_is_left_out_as_git_leaves_it(here: Side, there: Side, remote: Repo) -> None:
    git = twin(here.repo, remote, "git")
    there.repo.git("update-index", "--add", "--cacheinfo", f"160000,{there.repo.head},out/module")
    there.repo.git("update-index", "--add", "--cacheinfo", f"160000,{there.repo.head},in/module")
    there.repo.git("commit", "-qm", "modules")
    there.repo.push()
    healthy(here.sync())
    git.pull("--ff-only")
    assert flags(here.repo) == flags(git)


# -- files outside that are there


def test_an_edit_of_a_file_outside_that_is_there_travels(here: Side, remote: Repo) -> None:
    here.repo.write("out/a.txt", OURS)
    healthy(here.sync())
    assert remote.tree("main") == {path: text.encode() for path, text in {**FILES, "out/a.txt": OURS}.items()}
    assert (here.repo.read("out/a.txt"), here.repo.status()) == (OURS, "")
    assert hidden(here.repo) == OUTSIDE - {"out/a.txt"}


def test_a_pull_replaces_a_file_outside_that_is_there(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("out/a.txt", FILES["out/a.txt"])
    send(there, {"out/a.txt": THEIRS, "out/b.txt": "theirs\n"})
    healthy(here.sync())
    assert here.repo.read("out/a.txt") == THEIRS
    assert not here.repo.exists("out/b.txt")
    assert (here.repo.status(), hidden(here.repo)) == ("", OUTSIDE - {"out/a.txt"})


def test_an_edit_outside_that_the_remote_changes_too_is_a_conflict(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("out/a.txt", OURS)
    send(there, {"out/a.txt": THEIRS})
    assert here.sync().state == "conflict"
    assert here.sync().state == "conflict"
    assert (here.repo.read("out/a.txt"), remote.tree("main")["out/a.txt"]) == (OURS, THEIRS.encode())
    here.pushback["conflict_strategy"] = "take_local"
    healthy(here.sync())
    assert remote.tree("main")["out/a.txt"] == OURS.encode()


def test_taking_a_file_outside_away_again_is_no_deletion(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("out/a.txt", OURS)
    here.repo.git("status")  # git forgets on disk that it had hidden the file
    healthy(here.sync())
    here.repo.delete("out/a.txt")
    assert here.repo.status() == " D out/a.txt"
    healthy(here.sync())
    assert remote.tree("main")["out/a.txt"] == OURS.encode()
    healthy(there.sync())
    send(there, {"out/a.txt": THEIRS})
    healthy(here.sync())
    settled(here, remote)


def test_a_new_file_outside_waits_and_the_reason_is_told(here: Side, remote: Repo) -> None:
    tip = remote.tip("main")
    here.repo.write("out/new.txt", "new\n")
    task = here.task(here.sync(), "out")
    assert task.push_status == "failed"
    assert task.reason is not None and "out/new.txt is new and outside your sparse checkout" in task.reason
    assert (remote.tip("main"), here.repo.read("out/new.txt")) == (tip, "new\n")
    here.repo.git("add", "--sparse", "out/new.txt")
    here.repo.git("commit", "-qm", "mine")
    healthy(here.sync())
    assert remote.tree("main")["out/new.txt"] == b"new\n"
    assert here.repo.read("out/new.txt") == "new\n"


@both_kinds
def test_a_new_file_outside_travels_once_its_directory_is_inside(here: Side, remote: Repo, kind: Kind) -> None:
    here.repo.write("out/new.txt", "new\n")
    assert here.task(here.sync(), "out").push_status == "failed"
    here.repo.git("sparse-checkout", "add", "out" if kind is Kind.CONE else "/out/")
    healthy(here.sync())
    assert remote.tree("main")["out/new.txt"] == b"new\n"
    settled(here, remote)


def test_a_new_file_outside_that_the_remote_gets_too_is_kept(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("out/new.txt", "ours\n")
    send(there, {"out/new.txt": "theirs\n"})
    assert here.task(here.sync(), "out").push_status == "failed"
    assert here.sync().state == "conflict"
    assert (here.repo.read("out/new.txt"), remote.tree("main")["out/new.txt"]) == ("ours\n", b"theirs\n")


def test_a_deletion_outside_by_git_rm_travels_once_it_is_committed(here: Side, there: Side, remote: Repo) -> None:
    here.repo.git("rm", "-q", "--sparse", "out/b.txt")
    assert here.task(here.sync(), "out").push_status == "pending"
    assert "out/b.txt" in remote.tree("main")
    here.repo.git("commit", "-qm", "gone")
    healthy(here.sync())
    assert "out/b.txt" not in remote.tree("main")
    settled(here, remote)
    healthy(there.sync())
    assert not there.repo.exists("out/b.txt")


# -- the checkout changes between crossings


@pytest.mark.parametrize("held", [False, True])
def test_edits_survive_whatever_is_checked_out_next(
    here: Side, there: Side, remote: Repo, kind: Kind, held: bool
) -> None:
    """An edit waits; its directory is left out, checked out again, and everything is."""
    here.pushback["auto_push"] = held
    here.repo.write("in/a.txt", OURS)
    here.repo.write("in/new.txt", "new\n")
    if held:
        send(there, {"in/a.txt": THEIRS, "in/deep/b.txt": "theirs\n"})
    here.sync()
    for words in (
        ("set", "half/docs") if kind is Kind.CONE else ("set", "/half/docs/"),
        ("add", "out") if kind is Kind.CONE else ("add", "/out/"),
        ("disable",),
    ):
        here.repo.try_git("sparse-checkout", *words)
        send(there, {"out/a.txt": f"{words}\n"})
        here.sync()
        assert (here.repo.read("in/a.txt"), here.repo.read("in/new.txt")) == (OURS, "new\n")
        expected = {**FILES, "out/a.txt": f"{words}\n"}
        expected |= {"in/a.txt": THEIRS, "in/deep/b.txt": "theirs\n"} if held else {}
        assert remote.tree("main") == {path: text.encode() for path, text in expected.items()}
    here.pushback |= {"auto_push": True, "conflict_strategy": "take_local"}
    healthy(here.sync())
    assert remote.tree("main")["in/a.txt"] == OURS.encode()
    assert remote.tree("main")["in/new.txt"] == b"new\n"
    settled(here, remote)


def test_an_emptied_sparse_checkout_waits(here: Side, remote: Repo) -> None:
    tip = remote.tip("main")
    for path in here.repo.worktree():
        here.repo.delete(path)
    assert "the working tree is empty" in (here.sync().waiting_for or "")
    assert remote.tip("main") == tip


@both_kinds
def test_a_first_narrowing_and_its_end(there: Side, clone: Callable[..., Repo], remote: Repo, kind: Kind) -> None:
    side = Side(clone("late"))
    healthy(side.sync())
    tip = remote.tip("main")
    narrow(side.repo, kind)
    healthy(side.sync())
    assert remote.tip("main") == tip
    settled(side, remote)
    side.repo.git("sparse-checkout", "disable")
    healthy(side.sync())
    assert (remote.tip("main"), hidden(side.repo)) == (tip, set())
    settled(side, remote)


def test_patterns_widened_by_hand_count_from_the_next_pull(here: Side, there: Side, remote: Repo, kind: Kind) -> None:
    here.repo.path(".git/info/sparse-checkout").write_text("/*\n")
    healthy(here.sync())
    send(there, {"out/a.txt": THEIRS, "half/a.txt": THEIRS, "out/b.txt": None})
    healthy(here.sync())
    assert here.repo.read("out/a.txt") == THEIRS
    assert hidden(here.repo) == OUTSIDE - {"out/a.txt", "out/b.txt"}
    assert here.repo.status() == ""


@both_kinds
def test_each_linked_worktree_has_its_own_patterns(here: Side, there: Side, remote: Repo, kind: Kind) -> None:
    here.repo.git("branch", "other", "origin/main")
    root = here.repo.root.parent / "linked"
    here.repo.git("worktree", "add", "-q", str(root), "other")
    here.repo.git("branch", "-u", "origin/main", "other")
    linked = Side(Repo(root), name="linked", branch="other", clock=here.clock)
    linked.repo.git("sparse-checkout", "set", *(("--cone", "out") if kind is Kind.CONE else ("--no-cone", "/out/")))
    assert not linked.repo.exists("in/a.txt")
    send(there, {"in/a.txt": THEIRS, "out/a.txt": THEIRS, "out/new.txt": "new\n", "in/new.txt": "new\n"})
    linked.branch = "other"
    healthy(linked.sync())
    healthy(here.sync())
    assert (linked.repo.exists("in/new.txt"), linked.repo.read("out/new.txt")) == (False, "new\n")
    assert (here.repo.read("in/new.txt"), here.repo.exists("out/new.txt")) == ("new\n", False)
    linked.repo.write("out/a.txt", OURS)
    healthy(linked.sync())
    healthy(here.sync())
    settled(linked, remote)
    settled(here, remote)


# -- what is refused by name


def test_a_sparse_index_is_refused_and_the_way_out_is_told(here: Side, kind: Kind) -> None:
    if kind is Kind.CONE:
        here.repo.git("sparse-checkout", "reapply", "--sparse-index")
        outcome = here.sync()
        assert outcome.error is not None and "its index is sparse" in outcome.error
        assert outcome.hint == "git sparse-checkout reapply --no-sparse-index"
        here.repo.git("sparse-checkout", "reapply", "--no-sparse-index")
        healthy(here.sync())
    here.repo.git("config", "sparse.expectFilesOutsideOfPatterns", "true")
    outcome = here.sync()
    assert outcome.error is not None and "it expects files outside its sparse checkout" in outcome.error


def test_while_the_patterns_are_written_the_repository_waits(here: Side) -> None:
    lock = here.repo.path(".git/info/sparse-checkout.lock")
    lock.write_text("")
    assert "info/sparse-checkout.lock is held" in (here.sync().waiting_for or "")
    lock.unlink()
    healthy(here.sync())
