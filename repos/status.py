"""What differs between HEAD, the index and the working tree, told by the git program.

Records are those of `git status --porcelain=v2 -z` (git-status(1), "Porcelain Format Version 2"). Nothing is
refreshed or locked in the user's index: the runner sets GIT_OPTIONAL_LOCKS=0.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from gitferry.config.errors import GitferryError
from gitferry.repos.content import EXECUTABLE, FILE, SYMLINK, Entry
from gitferry.repos.git import Git, zsplit

#: With more paths, or longer ones, than these a look at the whole tree is cheaper than matching each, and the
#: command line stays far below the system's limit (execve(2), ARG_MAX).
MAX_PATHS = 200
MAX_PATH_BYTES = 64 * 1024

_ABSENT = "000000"
_EMPTY_BLOBS = frozenset(
    {
        "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
        "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
    }
)


class UnexpectedStatus(GitferryError):
    """The git program printed a record that git-status(1) does not describe."""

    def __init__(self, record: str) -> None:
        super().__init__(
            f"git status printed a record that gitferry does not know: {record!r}",
            "report this with the output of `git --version`",
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One path whose HEAD, index and working tree are not all the same.

    `head` of an unmerged path is its stage 2, "ours", and its `index` is None. `worktree_mode` is the mode `git add`
    would record, 0 where nothing is there. `nested` marks an untracked directory that is a repository of its own:
    its files are not this repository's.
    """

    path: str
    head: Entry | None = None
    index: Entry | None = None
    worktree_mode: int = 0
    untracked: bool = False
    unmerged: bool = False
    intent_to_add: bool = False
    submodule: bool = False
    nested: bool = False

    @property
    def staged(self) -> bool:
        """Whether a commit now would change this path. Intent-to-add alone is not staging."""
        return self.unmerged or self.index != self.head


@dataclass(frozen=True, slots=True)
class Status:
    """Every changed path by name. `full` tells whether the whole tree was looked at."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    full: bool = True


def status(
    git: Git,
    paths: Collection[str] | None = None,
    *,
    file_mode: bool = True,
    extra_env: Mapping[str, str] | None = None,
) -> Status:
    """Return what changed at or below `paths`, or in the whole tree where there are none or too many of them.

    Ignored files, paths outside a sparse checkout and the insides of submodules are left out; a submodule is a change
    where its commit differs (its own files are not looked at). `file_mode` is `core.fileMode`. `extra_env`
    is `filters.silenced(...)`, without which git runs the filters of files it has to read. Raises `GitError`.
    """
    if paths is not None and not paths:
        return Status(full=False)
    narrow = paths is not None and _is_narrow(paths)
    done = git.run(
        "--literal-pathspecs",
        "status",
        "--porcelain=v2",
        "-z",
        "--untracked-files=all",
        "--ignored=no",
        # "all" would hide a submodule that the user has staged; "dirty" reads a submodule's HEAD and no more.
        "--ignore-submodules=dirty",
        "--no-renames",
        "--no-ahead-behind",
        "--",
        *(paths if narrow and paths is not None else ()),
        extra_env=extra_env,
    )
    found = dict(parse(done.stdout).changes)
    _look_at_untracked(git, found, file_mode=file_mode)
    _drop_deleted_intents(git, found)
    return Status(found, full=not narrow)


def parse(output: bytes) -> Status:
    """Return the changes in the output of `git status --porcelain=v2 -z --no-renames`.

    That output has no mode for an untracked file, which is given as a plain file here. Raises `UnexpectedStatus`.
    """
    changes: dict[str, Change] = {}
    for change in _records(zsplit(output)):
        earlier = changes.get(change.path)
        # `git rm --cached` leaves two records of one path: deleted from the index, and untracked.
        changes[change.path] = change if earlier is None else _joined(earlier, change)
    return Status(changes)


def tracked(git: Git) -> list[str]:
    """Return every path in the index, those outside a sparse checkout included, in git's order."""
    return list(dict.fromkeys(zsplit(git.run("ls-files", "-z").stdout)))


def hidden(git: Git) -> frozenset[str]:
    """Return the paths whose working tree git was told not to look at (git-update-index(1)).

    They are marked skip-worktree (a sparse checkout does that) or assume-unchanged; `status` never reports an
    edit of them, nor their absence.
    """
    found = (record.partition(" ") for record in zsplit(git.run("ls-files", "-v", "-z").stdout))
    return frozenset(path for tag, _, path in found if tag == "S" or tag.islower())


def ignored(git: Git, paths: Iterable[str]) -> frozenset[str]:
    """Return those of `paths` that git ignores. Tracked paths never are; a directory may end in a slash.

    A path below a symbolic link or inside another repository is not this repository's to ignore, and is left out.
    Raises `GitError`.
    """
    foreign = _Foreign(git)
    asked = [path for path in paths if path and not foreign.holds(path)]
    if not asked:
        return frozenset()
    names = b"".join(os.fsencode(path) + b"\0" for path in asked)
    # git-check-ignore(1): 1 means that none is ignored.
    done = git.run("check-ignore", "-z", "--stdin", input=names, check=False)
    if done.code not in (0, 1):
        git.run("check-ignore", "-z", "--stdin", input=names)
    return frozenset(zsplit(done.stdout))


def _is_narrow(paths: Collection[str]) -> bool:
    return len(paths) <= MAX_PATHS and sum(len(path) for path in paths) <= MAX_PATH_BYTES


def _records(records: Iterable[str]) -> Iterator[Change]:
    for record in records:
        match record[:2]:
            case "1 ":
                yield _ordinary(record)
            case "u ":
                yield _unmerged(record)
            case "? ":
                name = record[2:]
                path = name.rstrip("/")
                if not path:
                    raise UnexpectedStatus(record)
                yield Change(path, worktree_mode=0 if path != name else FILE, untracked=True, nested=path != name)
            case "# " | "! ":
                continue
            case _:
                raise UnexpectedStatus(record)


def _ordinary(record: str) -> Change:
    parts = record.split(" ", 8)
    if len(parts) != 9 or not parts[8]:
        raise UnexpectedStatus(record)
    _kind, letters, submodule, head_mode, index_mode, mode, head, index, path = parts
    try:
        return Change(
            path,
            head=_entry(head_mode, head),
            index=_entry(index_mode, index),
            worktree_mode=int(mode, 8),
            intent_to_add=letters[1:] == "A",
            submodule=submodule.startswith("S"),
        )
    except ValueError:
        raise UnexpectedStatus(record) from None


def _unmerged(record: str) -> Change:
    parts = record.split(" ", 10)
    if len(parts) != 11 or not parts[10]:
        raise UnexpectedStatus(record)
    _kind, _letters, submodule, _base_mode, our_mode, _their_mode, mode, _base, ours, _theirs, path = parts
    try:
        return Change(
            path,
            head=_entry(our_mode, ours),
            worktree_mode=int(mode, 8),
            unmerged=True,
            submodule=submodule.startswith("S"),
        )
    except ValueError:
        raise UnexpectedStatus(record) from None


def _entry(mode: str, oid: str) -> Entry | None:
    return None if mode == _ABSENT else Entry(int(mode, 8), oid)


def _joined(first: Change, second: Change) -> Change:
    known, untracked = (second, first) if first.untracked else (first, second)
    return replace(known, worktree_mode=untracked.worktree_mode, untracked=True, nested=untracked.nested)


def _look_at_untracked(git: Git, changes: dict[str, Change], *, file_mode: bool) -> None:
    """Give untracked files the mode that `git add` would record, and forget those that vanished meanwhile."""
    for path, change in list(changes.items()):
        if not change.untracked or change.nested:
            continue
        mode = _mode_to_add(git.root / path, file_mode=file_mode)
        if mode or change.head or change.index:
            changes[path] = replace(change, worktree_mode=mode, untracked=bool(mode))
        else:
            del changes[path]


def _mode_to_add(file: os.PathLike[str], *, file_mode: bool) -> int:
    try:
        mode = os.lstat(file).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    if stat.S_ISLNK(mode):
        return SYMLINK
    if not stat.S_ISREG(mode):
        return 0
    return EXECUTABLE if file_mode and mode & stat.S_IXUSR else FILE


def _drop_deleted_intents(git: Git, changes: dict[str, Change]) -> None:
    """Forget files that were added with intent-to-add and deleted since.

    git 2.39 prints them as an empty file in HEAD and index that is gone from the working tree; HEAD has no such file.
    """
    doubtful = [
        path
        for path, change in changes.items()
        if not change.worktree_mode and change.head == change.index and change.head and change.head.oid in _EMPTY_BLOBS
    ]
    if not doubtful:
        return
    in_head: set[str] = set()
    if git.run("rev-parse", "--quiet", "--verify", "HEAD^{commit}", check=False).code == 0:
        asked = doubtful if _is_narrow(doubtful) else []
        listed = ("ls-tree", "-r", "-z", "--full-tree", "--name-only", "HEAD", "--", *asked)
        in_head.update(zsplit(git.run("--literal-pathspecs", *listed).stdout))
    for path in doubtful:
        if path not in in_head:
            del changes[path]


class _Foreign:
    """Which paths lie below a symbolic link or in another repository; git refuses to be asked about those."""

    def __init__(self, git: Git) -> None:
        self._root = git.root
        self._known: dict[str, bool] = {"": False}

    def holds(self, path: str) -> bool:
        return self._is_foreign(path.rstrip("/").rpartition("/")[0])

    def _is_foreign(self, directory: str) -> bool:
        if directory not in self._known:
            here = self._root / directory
            above = self._is_foreign(directory.rpartition("/")[0])
            self._known[directory] = above or here.is_symlink() or os.path.lexists(here / ".git")
        return self._known[directory]
