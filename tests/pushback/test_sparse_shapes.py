"""A file becomes a directory at the edge of a sparse checkout, or a directory a file or a link: nothing is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gitferry.pushback.outcome import Answer, PushStatus, Take
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.sparse_sides import flags, same_as_git, settled
from gitferry.tests.repo import Repo

#: A link is told from a file by its target: "-> there".
Files = Mapping[str, str]


@pytest.fixture
def remote(empty_remote: Repo) -> Repo:
    return empty_remote


def write(repo: Repo, files: Files) -> None:
    """Make a working tree hold just these files."""
    for path in repo.worktree():
        repo.delete(path)
    put(repo, files)


def put(repo: Repo, files: Files) -> None:
    """Add these files to a working tree."""
    for path, text in files.items():
        if text.startswith("-> "):
            repo.link(path, text.removeprefix("-> "))
        else:
            repo.write(path, text)


def content(repo: Repo, path: str) -> str:
    return f"-> {repo.path(path).readlink()}" if repo.path(path).is_symlink() else repo.read(path)


def publish(writer: Repo, files: Files) -> None:
    """Give the remote these files, and no others."""
    write(writer, files)
    writer.commit("x")
    writer.push("-u", "origin", "main")


def sparse(remote: Repo, root: Path, lines: list[str]) -> Repo:
    """A clone with these patterns, as `git sparse-checkout set --no-cone` writes them."""
    made = Repo.clone(remote.root, root, "--no-checkout")
    made.git("sparse-checkout", "set", "--no-cone", *lines)
    made.git("checkout", "-q", "main")
    return made


EDGES: dict[str, tuple[list[str], Files, Files]] = {
    # what is outside goes, and what comes in its place is inside
    "a file for a directory": (["/*", "!/*", "/a/"], {"a": "1\n"}, {"a/a": "2\n"}),
    "a file for a deep directory": (["/*", "!/*", "/a/"], {"a": "1\n"}, {"a/b/c": "2\n", "a/b/d": "2\n"}),
    "files for a directory": (["/*", "!a"], {"d/a": "1\n", "a": "1\n", "x": "1\n"}, {"d/a": "1\n", "a": "1\n"}),
    "a directory for a file": (["/*", "!/a/"], {"a/a": "1\n", "a/b/c": "1\n"}, {"a": "2\n"}),
    "a directory for a link": (["/*", "!/a/"], {"a/a": "1\n", "d/a": "1\n"}, {"a": "-> d", "d/a": "1\n"}),
    "a directory for a link to nothing": (["/*", "!/a/"], {"a/a": "1\n"}, {"a": "-> d"}),
    # what is inside goes, and what comes in its place is outside
    "a directory outside for a file": (["/*", "!/a/"], {"a": "1\n", "x": "1\n"}, {"a/a": "2\n", "x": "1\n"}),
    "a directory outside for a link": (["/*", "!/a/"], {"a": "-> d", "d/a": "1\n"}, {"a/a": "2\n", "d/a": "1\n"}),
    # what is a pattern for a directory is none for the file in its place
    "a file inside for a directory": (["/*", "!/*/", "/a/*"], {"a/a": "1\n"}, {"a": "2\n"}),
    "a file outside for a directory": (
        ["/*", "!/*", "/a/", "/x"],
        {"a/a": "1\n", "x": "1\n"},
        {"a": "2\n", "x": "1\n"},
    ),
}


@pytest.mark.parametrize("edge", EDGES)
def test_one_crossing_leaves_what_git_leaves(remote: Repo, clone: Callable[..., Repo], edge: str) -> None:
    lines, before, after = EDGES[edge]
    writer = clone("there")
    publish(writer, before)
    here, git = (sparse(remote, writer.root.parent / name, lines) for name in ("here", "git"))
    side = Side(here)
    healthy(side.sync())
    publish(writer, after)
    healthy(side.sync())
    git.pull("--ff-only")
    git.git("read-tree", "-mu", "HEAD")
    same_as_git(side, git)
    settled(side, remote)
    tip, known = remote.tip("main"), flags(here)
    healthy(side.sync())
    assert (remote.tip("main"), flags(here)) == (tip, known)


#: By name: patterns, the remote's files before, the user's own here, the remote's files after, and what is told then.
#: What git ignores keeps a file of the remote's from coming, and nobody needs to choose between the two.
OWN: dict[str, tuple[list[str], Files, Files, Files, str]] = {
    "an edit outside": (["/*", "!/*", "/a/"], {"a": "1\n"}, {"a": "mine\n"}, {"a/a": "2\n"}, "failed"),
    "ignored outside": (["/*", "!/*", "/a/"], {"a": "1\n"}, {"a/own.log": "mine\n"}, {"a/a": "2\n"}, ""),
    "a link outside": (
        ["/*", "!/a/"],
        {"a/a": "1\n", "d/a": "1\n"},
        {"a": "-> d"},
        {"a/a": "2\n", "d/a": "1\n"},
        "failed",
    ),
    "an edit inside": (["/*", "!/*/", "/a/*"], {"a/a": "1\n"}, {"a/a": "mine\n"}, {"a": "2\n"}, "conflict"),
    "new inside": (["/*", "!/*/", "/a/*"], {"a/a": "1\n"}, {"a/new": "mine\n"}, {"a": "2\n"}, "conflict"),
    "ignored inside": (["/*", "!/*/", "/a/*"], {"a/a": "1\n"}, {"a/own.log": "mine\n"}, {"a": "2\n"}, "pending"),
    "an edit that goes outside": (["/*", "!/*", "/a/"], {"a/a": "1\n"}, {"a/a": "mine\n"}, {"a": "2\n"}, "conflict"),
    "new where it goes outside": (["/*", "!/*", "/a/"], {"a/a": "1\n"}, {"a/new": "mine\n"}, {"a": "2\n"}, "conflict"),
    "ignored where all of it is outside": (
        ["/*", "!/*/"],
        {"a/c/d": "1\n"},
        {"a/c/own.log": "mine\n"},
        {"a/c": "2\n"},
        "pending",
    ),
    "ignored where it goes outside": (
        ["/*", "!/*", "/a/"],
        {"a/a": "1\n"},
        {"a/own.log": "mine\n"},
        {"a": "2\n"},
        "pending",
    ),
}


def test_what_git_ignores_in_its_place_takes_back_no_change_of_the_remotes(
    remote: Repo, clone: Callable[..., Repo]
) -> None:
    lines, before, own, after, _ = OWN["ignored where all of it is outside"]
    writer = clone("there")
    publish(writer, {**before, "x": "1\n"})
    here = sparse(remote, writer.root.parent / "here", [*lines, "/x"])
    here.path(".git/info/exclude").write_text("*.log\n")
    side = Side(here, pushback={"conflict_strategy": "take_local"})
    healthy(side.sync())
    put(here, own)
    publish(writer, {**after, "x": "2\n"})
    for _ in range(3):
        side.sync()
        assert (remote.tree("main"), here.read("a/c/own.log")) == (writer.tree(), "mine\n")
    away(side)
    settled(side, remote)


@pytest.mark.parametrize("case", OWN)
def test_what_the_user_has_in_its_place_stays(remote: Repo, clone: Callable[..., Repo], case: str) -> None:
    lines, before, own, after, status = OWN[case]
    writer = clone("there")
    publish(writer, {**before, "x": "1\n"})
    here = sparse(remote, writer.root.parent / "here", [*lines, "/x"])
    here.path(".git/info/exclude").write_text("*.log\n")
    side = Side(here)
    healthy(side.sync())
    put(here, own)
    publish(writer, {**after, "x": "2\n"})
    told = [side.sync() for _ in range(3)]
    assert {outcome.state for outcome in told} <= {"conflict", "healthy"}
    assert {task.push_status for task in told[-1].tasks} == {status} - {""}
    assert all(task.reason for task in told[-1].tasks)
    assert {path: content(here, path) for path in own} == own
    assert (remote.tree("main"), here.read("x"), here.head) == (writer.tree("main"), "2\n", remote.tip("main"))


#: By name: what of the user's own stands where a sparse checkout leaves out a/a.
STANDING: dict[str, Files] = {
    "empty": {},
    "ignored": {"a/a/own.log": "mine\n"},
    "new": {"a/a/own": "mine\n"},
    "a link": {"a": "-> d"},
    "a file": {"a": "mine\n"},
}


def stand(here: Repo, standing: str) -> None:
    put(here, STANDING[standing])
    if standing == "empty":
        here.path("a/a").mkdir(parents=True)


def away(side: Side) -> None:
    """Move away what stands in the place of a/a. git may have noted that a/a is there, and that it is gone now."""
    here = side.repo
    if here.path("a").is_dir() and not here.path("a").is_symlink():
        shutil.rmtree(here.path("a"))
    else:
        here.path("a").unlink()
    healthy(side.sync())
    here.git("sparse-checkout", "reapply")


@pytest.mark.parametrize("changed", [None, {"a/a": "2\n"}, {"a/b": "2\n"}], ids=["as it was", "changed", "moved"])
@pytest.mark.parametrize("strategy", ["take_local", "take_remote"])
@pytest.mark.parametrize("standing", STANDING)
def test_what_stands_where_a_file_was_left_out_does_not_delete_it_for_all(
    remote: Repo, clone: Callable[..., Repo], standing: str, strategy: str, changed: Files | None
) -> None:
    writer = clone("there")
    publish(writer, {"a/a": "1\n", "d/a": "1\n"})
    here = sparse(remote, writer.root.parent / "here", ["/*", "!/a/"])
    here.path(".git/info/exclude").write_text("*.log\n")
    side = Side(here, pushback={"conflict_strategy": strategy})
    healthy(side.sync())
    stand(here, standing)
    own = {path: content(here, path) for path in STANDING[standing]}
    assert here.try_git("commit", "-a", "-m", "git takes no deletion of it").returncode == 1
    if changed is not None:
        publish(writer, {**changed, "d/a": "1\n", "x": "1\n"})
    for _ in range(3):
        told = side.sync()
        assert remote.tree("main") == writer.tree()
        assert {path: content(here, path) for path in own} == own
        assert here.head == remote.tip("main")
    assert all(task.reason for task in told.tasks)
    if standing != "a file" and changed is None:
        assert "something else stands in its place" in (side.task(told, "a/a").reason or "")
    away(side)
    settled(side, remote)
    assert remote.tree("main") == writer.tree()


@pytest.mark.parametrize("standing", STANDING)
def test_nor_does_a_persons_answer(remote: Repo, clone: Callable[..., Repo], standing: str) -> None:
    writer = clone("there")
    publish(writer, {"a/a": "1\n", "d/a": "1\n"})
    here = sparse(remote, writer.root.parent / "here", ["/*", "!/a/"])
    here.path(".git/info/exclude").write_text("*.log\n")
    side = Side(here)
    healthy(side.sync())
    stand(here, standing)
    publish(writer, {"a/a": "2\n", "d/a": "1\n"})
    for take in Take:
        told = side.sync(all_tasks=True)
        seen = {task.id: Answer(take, task.version_seen) for task in told.tasks if task.version_seen is not None}
        side.sync(answers=seen)
        assert remote.tree("main") == writer.tree()
    away(side)
    settled(side, remote)


@pytest.mark.parametrize("standing", ["new", "a link", "a file"])
def test_who_wants_it_in_its_place_says_so_to_git(remote: Repo, clone: Callable[..., Repo], standing: str) -> None:
    writer = clone("there")
    publish(writer, {"a/a": "1\n", "d/a": "1\n"})
    here = sparse(remote, writer.root.parent / "here", ["/*", "!/a/"])
    side = Side(here)
    healthy(side.sync())
    stand(here, standing)
    (path,) = STANDING[standing]
    assert "`git add --sparse` it and commit that" in (side.task(side.sync(), path).reason or "")
    here.git("add", "--sparse", path)
    here.git("commit", "-q", "-m", "in its place")
    healthy(side.sync())
    assert remote.tree("main").keys() == {path, "d/a"}
    assert here.status() == ""


@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("standing", ["empty", "ignored", "new", "a link"])
def test_who_lets_it_go_says_so_to_git(
    remote: Repo, clone: Callable[..., Repo], standing: str, *, changed: bool
) -> None:
    writer = clone("there")
    publish(writer, {"a/a": "1\n", "d/a": "1\n"})
    here = sparse(remote, writer.root.parent / "here", ["/*", "!/a/"])
    here.path(".git/info/exclude").write_text("*.log\n")
    side = Side(here)
    healthy(side.sync())
    stand(here, standing)
    if changed:
        publish(writer, {"a/a": "2\n", "d/a": "1\n"})
    assert "`git rm --cached --sparse`" in (side.task(side.sync(), "a/a").reason or "")
    here.git("rm", "-q", "--cached", "--sparse", "a/a")
    assert "staging" in (side.task(side.sync(), "a/a").reason or "")
    assert here.git("diff", "--cached", "--name-only") == "a/a"
    here.git("commit", "-q", "-m", "it is to go")
    for _ in range(2):
        told = side.sync()
    if changed:
        assert side.task(told, "a/a").push_status is PushStatus.CONFLICT
        side.sync(answers={t.id: Answer(Take.LOCAL, t.version_seen) for t in told.tasks if t.version_seen is not None})
    assert "a/a" not in remote.tree("main")
    assert {path: content(here, path) for path in STANDING[standing]} == STANDING[standing]
