"""A random state made into repositories, and what git itself would make of it."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from gitferry.tests.pushback.git_states import ATTRIBUTES, Files, Node, Scene
from gitferry.tests.repo import Repo

Entries = dict[str, tuple[str, str]]  # path → mode, object id

_TALKS = """
import sys

def read():
    head = sys.stdin.buffer.read(4)
    if not head:
        sys.exit(0)
    size = int(head, 16)
    return sys.stdin.buffer.read(size - 4) if size else None

def until_flush():
    while (packet := read()) is not None:
        yield packet

def write(*packets):
    for data in packets:
        while data is not None and len(data) > 65000:
            sys.stdout.buffer.write(b"%04x" % 65004 + data[:65000])
            data = data[65000:]
        sys.stdout.buffer.write(b"0000" if data is None else b"%04x" % (len(data) + 4) + data)
    sys.stdout.buffer.flush()

list(until_flush())
write(b"git-filter-server\\n", b"version=2\\n", None)
list(until_flush())
write(b"capability=clean\\n", b"capability=smudge\\n", None)
while True:
    wanted = dict(line.rstrip(b"\\n").split(b"=", 1) for line in until_flush())
    data = b"".join(until_flush())
    print("filtering", wanted, file=sys.stderr)
    write(b"status=success\\n", None, *([data[::-1]] if data else []), None, None)
"""


def drivers(scratch: Path) -> tuple[tuple[str, str], ...]:
    """Return the settings of the filters that the states' attributes name."""
    talks = scratch / "talks.py"
    talks.write_text(_TALKS)
    process = f"{sys.executable} -S -E {talks}"
    there, back = "tr a-y b-z", "tr b-z a-y"
    return (
        ("filter.rot.clean", there),
        ("filter.rot.smudge", back),
        ("filter.must.clean", there),
        ("filter.must.smudge", back),
        ("filter.must.required", "true"),
        ("filter.talks.process", process),
        ("filter.talks.required", "true"),
        ("filter.cleans.clean", "sed -e 's/one/two/' -- "),
        ("filter.smudges.smudge", "cat"),
        ("filter.smudges.required", "true"),
        ("filter.noisy.clean", f"{there}; echo working on %f >&2"),
        ("filter.noisy.smudge", f"{back}; echo working on %f >&2"),
        ("filter.fails.clean", "cat >/dev/null; echo half; exit 1"),
        ("filter.fails-hard.clean", "cat >/dev/null; exit 1"),
        ("filter.fails-hard.smudge", "cat"),
        ("filter.fails-hard.required", "true"),
        ("filter.nowhere-hard.required", "true"),
        ("filter.with space.clean", there),
        ("filter.unset.clean", there),
    )


@contextmanager
def directory() -> Iterator[Path]:
    """Yield a directory that is gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="gitferry-same-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class World:
    """A remote, the clone in which something was done, one that did not move, and one for git alone."""

    remote: Repo
    here: Repo
    there: Repo
    third: Repo
    scratch: Path
    modes: bool  # core.fileMode


def build(scene: Scene, root: Path) -> World | None:
    """Return the state as repositories, None where git itself cannot check its history out."""
    author = Repo.init(root / "author", "--template=")
    write(author, scene.raw)
    author.commit("as it stands", allow_empty=True)
    write(author, scene.base)
    author.try_git("add", "--all")
    if scene.renormalized:
        author.try_git("add", "--renormalize", ".")
    author.git("commit", "--quiet", "--allow-empty", "-m", "with attributes")
    remote = Repo.clone(author.root, root / "remote.git", "--bare", "--template=")
    config = (*scene.config, *drivers(root))
    options = [word for key, value in config for word in ("-c", f"{key}={value}")]
    clones = []
    for name in ("here", "there", "third"):
        clone = Repo.clone(remote.root, root / name, "--no-checkout", "--template=", *options)
        info = clone.path(".git/info")
        info.mkdir(exist_ok=True)
        (info / "attributes").write_text(scene.info)
        if clone.try_git("reset", "--hard", "--quiet").returncode:
            return None
        clones.append(clone)
    here, there, third = clones
    if scene.settled:
        _age(here)
    _change(here, scene)
    return World(remote, here, there, third, root, ("core.filemode", "false") not in scene.config)


def write(repo: Repo, files: Files) -> None:
    """Make these the repository's files, all others gone."""
    for name in sorted(repo.worktree().keys() - files.keys()):
        repo.delete(name)
    for name, node in files.items():
        _put(repo, name, node)


def _put(repo: Repo, name: str, node: Node) -> None:
    if node.link:
        repo.link(name, os.fsdecode(node.data))
    else:
        path = repo.path(name)
        if path.is_symlink():
            path.unlink()
        repo.write(name, node.data, executable=node.executable)


def _age(repo: Repo) -> None:
    """Make all files older than the index, in whole seconds: then git compares times and sizes alone."""
    now = time.time()
    for name in repo.worktree():
        os.utime(repo.path(name), (now - 100, now - 100), follow_symlinks=False)
    repo.try_git("update-index", "-q", "--refresh")


def _change(repo: Repo, scene: Scene) -> None:
    """Bring the working tree from what a checkout made of `base` to `after`."""
    for name in sorted(repo.worktree().keys() - scene.after.keys()):
        repo.delete(name)
    for name, node in scene.after.items():
        before = scene.base.get(name)
        if before != node or not repo.exists(name):
            if (
                before is not None
                and repo.exists(name)
                and node == Node(before.data, node.executable, before.link)
                and not node.link
            ):
                repo.path(name).chmod(0o755 if node.executable else 0o644)
            else:
                _put(repo, name, node)
        elif name in scene.written_again and not repo.path(name).is_symlink():
            data = repo.read_bytes(name)
            repo.write(name, data, executable=bool(repo.path(name).stat().st_mode & stat.S_IXUSR))


@dataclass(frozen=True, slots=True)
class Committed:
    """The tree that `git add -A && git commit` would write, and the paths that git refuses to add with its words."""

    entries: Entries
    refused: dict[str, str]
    again: Entries = field(default_factory=dict)  # of files that nobody edited, where git looks into them all the same


def by_git(world: World) -> Committed:
    """Return what git makes of the state, with neither the user's index nor their objects touched.

    Deleted attributes are added first: whether git still goes by them otherwise hangs on the order of names, and on
    whether a file is as old as the index.
    """
    repo, aside = world.here, world.scratch / "aside"
    shutil.rmtree(aside, ignore_errors=True)
    (aside / "objects").mkdir(parents=True)
    index = aside / "index"
    shutil.copy2(repo.path(".git/index"), index)  # with its time, by which git tells what it has to read
    environment = {
        "GIT_INDEX_FILE": str(index),
        "GIT_OBJECT_DIRECTORY": str(aside / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repo.path(".git/objects")),
    }
    gone = [name for name in repo.entries() if name.endswith(ATTRIBUTES) and not repo.exists(name)]
    if gone:
        # Writing an index, git looks into files as young as it is, and stops where a required filter fails.
        keys = repo.git("config", "--name-only", "--get-regexp", r"^filter\.").splitlines()
        mute = [word for key in keys for word in ("-c", f"{key}=")]
        repo.git(*mute, "update-index", "--force-remove", "--", *gone, env=environment)
    if repo.try_git("add", "--all", env=environment).returncode:
        return _one_by_one(world, environment)
    return Committed(_listed(repo, environment), {})


def _one_by_one(world: World, environment: dict[str, str]) -> Committed:
    """Add every file that was changed by itself: git stops at the first that it cannot add."""
    repo, refused = world.here, {}
    again: Entries = {}
    entries = before = repo.entries()
    for name in sorted({*before, *repo.worktree()}):
        repo.git("read-tree", "--empty", env=environment)
        if name in before:
            mode, oid = before[name]
            row = f"{mode} {oid} 0\t".encode() + os.fsencode(name) + b"\0"
            repo.git("update-index", "-z", "--index-info", stdin=row, env=environment)
        done = repo.try_git("--literal-pathspecs", "add", "--all", "--", name, env=environment)
        if done.returncode:
            refused[name] = done.stderr
            continue
        found = _listed(repo, environment)
        if unedited(world, name):
            again |= found
            continue
        entries = {path: entry for path, entry in entries.items() if path != name} | found
    return Committed(entries, refused, again)


def unedited(world: World, name: str) -> bool:
    """Return whether a path holds what git's own checkout of HEAD, on which nobody worked, holds there."""
    mine, gits = seen(world.here, name), seen(world.third, name)
    if mine is None or gits is None or world.modes:
        return mine == gits
    return replace(mine, executable=gits.executable) == gits


def edited_for_git(repo: Repo) -> set[str]:
    """Return the files that git takes for edited once it looks at their contents, whatever it believes of them by now.

    Attributes that a pull brings may make an edit of what was checked out before; git says so when it looks next.
    """
    for name in repo.git_bytes("ls-files", "-z").split(b"\0"):
        if name and os.path.lexists(repo.root / os.fsdecode(name)):
            os.utime(repo.root / os.fsdecode(name), (0, 0), follow_symlinks=False)
    return {os.fsdecode(name) for name in repo.git_bytes("diff", "--name-only", "-z").split(b"\0") if name}


def seen(repo: Repo, name: str) -> Node | None:
    """Return what stands at a path of a working tree."""
    path = repo.path(name)
    if path.is_symlink():
        return Node(os.fsencode(path.readlink()), link=True)
    return Node(path.read_bytes(), bool(path.stat().st_mode & stat.S_IXUSR)) if path.is_file() else None


def _listed(repo: Repo, environment: dict[str, str]) -> Entries:
    entries: Entries = {}
    for record in repo.git_bytes("ls-files", "--stage", "-z", env=environment).split(b"\0"):
        if record:
            head, name = record.split(b"\t", 1)
            mode, oid, _stage = head.decode().split()
            entries[os.fsdecode(name)] = (mode, oid)
    return entries
