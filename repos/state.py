"""Where a working tree's repository lies, and whether its user is in the middle of something.

Read from files wherever git documents them (gitrepository-layout(5)), because this runs on every crossing; the
settings cost the one process.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gitferry.config.errors import GitferryError
from gitferry.repos import gitconfig
from gitferry.repos.git import Git, GitError
from gitferry.repos.gitconfig import Config
from gitferry.repos.upstream import Upstream, remotes, upstream

_HEADS = "refs/heads/"
_OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_CHECKSUM = {False: 20, True: 32}  # bytes, by whether object ids are SHA-256
_SDIR = b"sdir\0\0\0\0"  # gitformat-index(5): the sparse directory extension has no content

_ASK = ("rev-parse", "--path-format=absolute")
_PATHS = ("--show-toplevel", "--absolute-git-dir", "--git-common-dir")


class PlaceError(GitferryError):
    """A path is not a working tree that gitferry can keep."""


class RootMissing(PlaceError):
    """Nothing is at the path, or no directory is."""


class NotARepository(PlaceError):
    """The directory is in no git repository."""


class NotTheRoot(PlaceError):
    """The directory belongs to a repository whose working tree starts elsewhere."""

    def __init__(self, path: Path, root: Path) -> None:
        super().__init__(
            f"{path} is not the top of a working tree: that is {root}", f"register {root}, or run `git init` in {path}"
        )
        self.root = root


class BareRepository(PlaceError):
    """The directory is a repository without a working tree."""


class UnsafeOwner(PlaceError):
    """The repository belongs to someone else, and git refuses to work in it (git-config(1), safe.directory)."""


class Unreadable(PlaceError):
    """The operating system does not let us look."""

    def __init__(self, path: Path, failure: OSError) -> None:
        super().__init__(
            f"cannot read {failure.filename or path}: {failure.strerror or failure}",
            "give the user that gitferry runs as access to it, or run gitferry as its owner",
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A working tree's top, its git directory and the one it shares with linked worktrees; real, absolute paths."""

    root: Path
    git_dir: Path
    common_dir: Path

    @property
    def linked(self) -> bool:
        """Whether this is a linked worktree (git-worktree(1))."""
        return self.git_dir != self.common_dir


@dataclass(frozen=True, slots=True)
class WorkingState:
    """What decides whether a crossing may start here, and how.

    `branch` is None on a detached HEAD, `head` is None on a branch without a commit. `operation` is what the user has
    begun and not ended: rebase, am, merge, cherry-pick, revert or bisect. `sparse_expects_files`: git takes
    no notice of files outside a sparse checkout that are there all the same (git-config(1),
    sparse.expectFilesOutsideOfPatterns). `partial` tells of a clone that lacks objects on purpose.
    """

    branch: str | None = None
    head: str | None = None
    upstream: Upstream | None = None
    remotes: tuple[str, ...] = ()
    operation: str | None = None
    index_locked: bool = False
    head_locked: bool = False
    sparse: bool = False
    sparse_locked: bool = False
    sparse_index: bool = False
    sparse_expects_files: bool = False
    partial: bool = False
    sha256: bool = False
    reftable: bool = False
    file_mode: bool = True
    config: Config = field(default_factory=Config)


def locate(path: Path, environ: Mapping[str, str]) -> Place:
    """Return where the repository of the working tree at `path` lies.

    git decides, so that `safe.directory` and every extension count. Raises `RootMissing`, `NotARepository`,
    `NotTheRoot`, `BareRepository`, `UnsafeOwner`, `Unreadable`, and `GitError` where git says something else.
    """
    try:
        if not stat.S_ISDIR(path.stat().st_mode):
            raise RootMissing(f"{path} is not a directory", "register the directory that holds the working tree")
        root = path.resolve(strict=True)
        os.close(os.open(root, os.O_RDONLY | os.O_DIRECTORY))
    except FileNotFoundError as failure:
        raise RootMissing(
            f"{path} does not exist", "mount the disk it is on, or clone it again; `gitferry remove` forgets it"
        ) from failure
    except OSError as failure:
        raise Unreadable(path, failure) from failure
    git = Git(root, environ=environ)
    try:
        top, git_dir, common_dir = _asked(git, path)
        if top != root:
            raise NotTheRoot(path, top)
        return Place(root, git_dir, common_dir)
    except GitError as failure:
        raise _explained(path, root, failure) from failure
    except OSError as failure:
        raise Unreadable(path, failure) from failure


def working_state(git: Git, place: Place, *, config: Config | None = None) -> WorkingState:
    """Return the state of the working tree at `place`. Starts one process where `config` is not given.

    Raises `GitError` where the settings cannot be read, `Unreadable` or `NotARepository` where HEAD cannot.
    """
    config = gitconfig.read(git) if config is None else config
    sha256 = config.get("extensions.objectformat") == "sha256"
    reftable = config.get("extensions.refstorage") == "reftable"
    try:
        branch, head = _head_by_git(git) if reftable else _head(place)
        return WorkingState(
            branch=branch,
            head=head,
            upstream=upstream(config, branch) if branch is not None else None,
            remotes=remotes(config),
            operation=_operation(place.git_dir) or (_operation_by_git(git) if reftable else None),
            index_locked=os.path.lexists(place.git_dir / "index.lock"),
            head_locked=os.path.lexists(place.git_dir / "HEAD.lock"),
            sparse=config.flag("core.sparsecheckout"),
            sparse_locked=os.path.lexists(place.git_dir / "info" / "sparse-checkout.lock"),
            sparse_index=_is_sparse_index(place.git_dir / "index", sha256=sha256),
            sparse_expects_files=config.flag("sparse.expectfilesoutsideofpatterns"),
            partial=_is_partial(config),
            sha256=sha256,
            reftable=reftable,
            file_mode=config.flag("core.filemode", default=True),
            config=config,
        )
    except OSError as failure:
        raise Unreadable(place.git_dir, failure) from failure


def operation_under_way(place: Place) -> str | None:
    """Return what the user has begun and not ended, as `working_state` names it."""
    return _operation(place.git_dir)


# -- where ------------------------------------------------------------------------------------------------------


def _asked(git: Git, path: Path) -> tuple[Path, Path, Path]:
    """Top of the working tree, git directory and common directory."""
    done = git.run(*_ASK, *_PATHS, check=False)
    answers = done.stdout.removesuffix(b"\n").split(b"\n")
    if done.code != 0:
        # git answers what it can before it stops; the questions that cannot fail tell why.
        bare, inside = git.run("rev-parse", "--is-bare-repository", "--is-inside-git-dir").text.split()
        if bare == "true":
            raise BareRepository(
                f"{path} is a bare repository: there is no working tree to keep", "register a clone of it instead"
            )
        if inside == "true":
            raise NotTheRoot(path, path.parent)
        git.run(*_ASK, *_PATHS)
    if len(answers) != len(_PATHS):  # a name with a newline
        answers = [git.run(*_ASK, question).stdout.removesuffix(b"\n") for question in _PATHS]
    top, git_dir, common_dir = (Path(os.fsdecode(answer)).resolve(strict=True) for answer in answers)
    return top, git_dir, common_dir


def _explained(path: Path, root: Path, failure: GitError) -> GitferryError:
    """The error that tells a person what git's own words mean for them."""
    words = failure.stderr
    if "dubious ownership" in words:
        owner = root.stat().st_uid
        return UnsafeOwner(
            f"{path} belongs to another user (uid {owner}), so git refuses to work in it",
            f"run gitferry as its owner, or trust it with `git config --global --add safe.directory {root}`",
        )
    if "not a git repository" in words:
        if os.path.lexists(root / ".git"):
            return NotARepository(
                f"{path} holds a .git that is no repository: {_last_line(words)}",
                "restore it from a backup or clone again; `git worktree repair` mends a linked worktree that was moved",
            )
        return NotARepository(f"{path} is in no git repository", f"run `git init` in {path}, or clone one there")
    if "Permission denied" in words:
        return Unreadable(path, PermissionError(0, _last_line(words)))
    return failure


def _last_line(words: str) -> str:
    lines = words.strip().splitlines()
    return lines[-1].removeprefix("fatal: ") if lines else "git said nothing"


# -- HEAD -------------------------------------------------------------------------------------------------------


def _head(place: Place) -> tuple[str | None, str | None]:
    """Branch and commit that HEAD names; either may be None."""
    file = place.git_dir / "HEAD"
    try:
        text = f"ref: {file.readlink()}" if file.is_symlink() else _read(file).strip()
    except FileNotFoundError as failure:
        raise NotARepository(f"{place.git_dir} has no HEAD", "restore it from a backup, or clone again") from failure
    if not text.startswith("ref: "):
        return None, text if _OID.fullmatch(text) else None
    ref = text.removeprefix("ref: ")
    return (ref.removeprefix(_HEADS) if ref.startswith(_HEADS) else None), _resolved(place, ref)


def _resolved(place: Place, ref: str) -> str | None:
    """The commit a ref names, or None where there is no such ref. Symbolic refs are followed as far as git does."""
    for _ in range(5):
        # The loose file first: packing writes the packed one before it removes that.
        text = _loose(place.common_dir / ref) or _packed(place.common_dir / "packed-refs", ref)
        if not text.startswith("ref: "):
            return text if _OID.fullmatch(text) else None
        ref = text.removeprefix("ref: ")
    return None


def _loose(file: Path) -> str:
    try:
        return _read(file).strip()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return ""


def _packed(file: Path, ref: str) -> str:
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return ""
    end = data.find(b" " + os.fsencode(ref) + b"\n")
    return data[data.rfind(b"\n", 0, end) + 1 : end].decode("ascii", "replace") if end > 0 else ""


def _read(file: Path) -> str:
    return os.fsdecode(file.read_bytes())


def _head_by_git(git: Git) -> tuple[str | None, str | None]:
    """The same, asked of git, for ref storages that are not files."""
    ref = git.run("symbolic-ref", "--quiet", "HEAD", check=False).text.strip()
    head = git.run("rev-parse", "--quiet", "--verify", "HEAD^{commit}", check=False).text.strip()
    return (ref.removeprefix(_HEADS) if ref.startswith(_HEADS) else None), head or None


# -- the user's own work ----------------------------------------------------------------------------------------


def _operation(git_dir: Path) -> str | None:
    """What was begun and not ended, outermost first: a rebase stops for a pick or a merge of its own."""
    for name, operation in (
        ("rebase-merge", "rebase"),
        ("rebase-apply/applying", "am"),
        ("rebase-apply", "rebase"),
        ("MERGE_HEAD", "merge"),
        ("CHERRY_PICK_HEAD", "cherry-pick"),
        ("REVERT_HEAD", "revert"),
    ):
        if os.path.lexists(git_dir / name):
            return operation
    # Between two picks of a series no *_HEAD is left: git-cherry-pick(1), "SEQUENCER SUBCOMMANDS".
    todo = _loose(git_dir / "sequencer" / "todo")
    if todo:
        return "revert" if todo.startswith("revert") else "cherry-pick"
    return "bisect" if os.path.lexists(git_dir / "BISECT_LOG") else None


def _operation_by_git(git: Git) -> str | None:
    """Operations whose mark is a ref, in a ref storage that is not files."""
    for ref, operation in (("CHERRY_PICK_HEAD", "cherry-pick"), ("REVERT_HEAD", "revert")):
        if git.run("rev-parse", "--quiet", "--verify", ref, check=False).code == 0:
            return operation
    return None


# -- the kind of repository -------------------------------------------------------------------------------------


def _is_sparse_index(index: Path, *, sha256: bool) -> bool:
    """Whether the index keeps whole directories as one entry.

    Its mark is written last, before the end-of-entries extension (which may be absent) and the checksum.
    """
    checksum = _CHECKSUM[sha256]
    end_of_entries = 4 + 4 + 4 + checksum
    try:
        with index.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - checksum - end_of_entries - len(_SDIR)))
            tail = file.read()[:-checksum]
    except FileNotFoundError:
        return False
    return tail.endswith(_SDIR) or (tail[-end_of_entries:].startswith(b"EOIE") and tail[:-end_of_entries] == _SDIR)


def _is_partial(config: Config) -> bool:
    promisors = (name for name, key in config.subsections("remote") if key == "promisor")
    return bool(config.get("extensions.partialclone")) or any(
        config.flag(f"remote.{name}.promisor") for name in promisors
    )
