"""A repository of its own in which programs may do as they please: same tree, same branch, same objects as the user's.

Hook managers run `git stash`, `git checkout -- .` and `git add` where they are started. Here these meet an index, refs,
a stash and settings that are nobody's; the user's objects are read through objects/info/alternates and new ones are
written to the scratch repository (gitrepository-layout(5)). Large files are found the same way: git-lfs looks beside
each alternate object directory, and a `git lfs prune` reaches its own copies only.

It lies below the git directory, where it is found by conditional settings of the user's (`includeIf "gitdir:…"`), by
programs that look for what they need in the directories above (node_modules), and by nobody else.
"""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gitferry.config.errors import GitferryError
from gitferry.repos import scratch_config
from gitferry.repos.claimed import Claimed, remove
from gitferry.repos.git import Git, GitError
from gitferry.repos.gitconfig import Setting, listed
from gitferry.repos.hook_files import HookFiles
from gitferry.repos.state import Place

_CHECKOUT: Final = 600.0  # seconds; a filter may have to fetch large files
_NO_FLUSH: Final = ("core.fsync=none", "checkout.workers=0")  # nothing here need survive
# What filters keep in the git directory by themselves: keys of git-crypt, scripts of transcrypt.
_OF_FILTERS: Final = ("git-crypt", "crypt")
_INFO: Final = ("attributes", "exclude")


class ScratchUnusable(GitferryError):
    """The scratch repository could not be made."""

    def __init__(self, place: Place, failure: OSError) -> None:
        super().__init__(
            f"no scratch repository can be made in {place.common_dir}: {failure.strerror or failure}",
            "see that its disk has room for a second working tree, and that you may write there; "
            "`hooks: skip` does without",
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """What a scratch repository holds: files of `tree` (any tree-ish) in index and working tree, `branch` at `head`.

    `head` None: the branch is yet to be born.
    """

    tree: str
    branch: str
    head: str | None


class ScratchRepository:
    """One scratch repository, laid out anew for each use; for one thread at a time.

    Only what differs from the last layout is checked out again, all else is as it was for the first time.
    """

    def __init__(self, place: Place, environ: Mapping[str, str]) -> None:
        self.place = place
        self.environ = environ
        self._claimed: Claimed | None = None
        self._laid = False

    @property
    def top(self) -> Path:
        """The top of the working tree, of the same name as the user's. Only after `lay_out`."""
        return self._home / self.place.root.name

    @property
    def git(self) -> Git:
        """The git program, bound to the scratch repository."""
        return Git(self.top, git_dir=self.top / ".git", environ=self.environ)

    @property
    def ceilings(self) -> tuple[Path, ...]:
        """Return the directories above in which nobody may look for a repository: it would be the user's."""
        return self._home, self._home.parent, self._home.parent.parent, self.place.common_dir

    def lay_out(self, layout: Layout, users: Git, hooks: HookFiles) -> None:
        """Make the repository hold `layout` and `hooks`; `users` is git in the user's own.

        Raises GitError, GitTimeout (a filter failed, an object is missing), ScratchUnusable, NotOurs, TooManyFiles.
        """
        try:
            self._claim()
            laid, self._laid = self._laid, False
            if not (laid and self._saved.exists() and self._relaid(layout, users, hooks)):
                self._build(layout, users, hooks)
            shutil.copy2(self.top / ".git" / "index", self._saved)
            self._exclude(hooks.put(self.top))
        except OSError as failure:
            raise ScratchUnusable(self.place, failure) from failure
        self._laid = True

    def put(self, name: str, data: bytes) -> None:
        """Write a file of the git directory. Raises ScratchUnusable."""
        try:
            (self.top / ".git" / name).write_bytes(data)
        except OSError as failure:
            raise ScratchUnusable(self.place, failure) from failure

    def close(self) -> None:
        """Remove it from the disk."""
        if self._claimed is not None:
            self._claimed.release()
        self._claimed, self._laid = None, False

    # -- the working tree ---------------------------------------------------------------------------------------

    def _claim(self) -> None:
        if self._claimed is not None and _is_directory(self._claimed.path):
            return
        self.close()  # somebody removed it, or put another repository in the place of this one
        shared = self.place.common_dir / "gitferry"
        if not shared.exists():
            shared.mkdir()
            shared.chmod(self.place.common_dir.stat().st_mode & 0o2777)  # as `lock` makes it
        self._claimed = Claimed(shared / f"hooks-{os.getuid()}")

    @property
    def _home(self) -> Path:
        if self._claimed is None:
            raise RuntimeError("nothing is laid out")
        return self._claimed.path

    @property
    def _saved(self) -> Path:
        """The index as it was laid out: what a program left of its own index tells nothing."""
        return self._home / "index"

    def _build(self, layout: Layout, users: Git, hooks: HookFiles) -> None:
        remove(self.top)
        self.top.mkdir(mode=0o700)
        self._make_git_dir(layout, users, hooks)
        self._check_out(layout)

    def _relaid(self, layout: Layout, users: Git, hooks: HookFiles) -> bool:
        """Bring the last layout to this one; False where what a program left resists."""
        git_dir = self.top / ".git"
        if not (_is_directory(self.top) and remove(git_dir)):
            return False
        self._make_git_dir(layout, users, hooks)
        shutil.copy2(self._saved, git_dir / "index")
        try:
            # By the old index, so that what is to be made stands in nobody's way.
            self.git.run("clean", "-ffdxq", deadline=_CHECKOUT)
            self._check_out(layout)
        except GitError:
            return False
        return True

    def _check_out(self, layout: Layout) -> None:
        self.git.run("read-tree", "--reset", "-u", layout.tree, deadline=_CHECKOUT, extra_config=_NO_FLUSH)

    def _exclude(self, paths: Iterable[str]) -> None:
        """Have git ignore hooks that are no part of the tree: `git add --all` would take them for new."""
        lines = [b"/" + _pattern(path) + b"\n" for path in paths if "\n" not in path]
        if lines:
            with (self.top / ".git" / "info" / "exclude").open("ab") as file:
                file.write(b"\n" + b"".join(lines))

    # -- the git directory --------------------------------------------------------------------------------------

    def _make_git_dir(self, layout: Layout, users: Git, hooks: HookFiles) -> None:
        git_dir, common = self.top / ".git", self.place.common_dir
        for directory in ("", "info", "objects", "objects/info", "objects/pack", "refs", "refs/heads"):
            (git_dir / directory).mkdir(mode=0o700)
        self.put("HEAD", b"ref: " + os.fsencode(f"refs/heads/{layout.branch}") + b"\n")
        for name in _INFO:
            _copy(common / "info" / name, git_dir / "info" / name)
        # These two are the worktree's own and the repository's: gitrepository-layout(5).
        _copy(self.place.git_dir / "info" / "sparse-checkout", git_dir / "info" / "sparse-checkout")
        _copy(common / "shallow", git_dir / "shallow")
        for name in _OF_FILTERS:
            if (common / name).is_dir():
                (git_dir / name).symlink_to(common / name)
        settings = self._write_config(users, hooks)
        self._write_alternates(settings)
        self._write_refs(layout, users)

    def _write_config(self, users: Git, hooks: HookFiles) -> tuple[Setting, ...]:
        words = ("config", "--list", "-z", "--show-scope")
        settings = elsewhere = listed(users.run(*words).stdout)
        if scratch_config.has_conditions(settings):
            self.put("config", b"")
            elsewhere = listed(self.git.run(*words).stdout)
        text = scratch_config.text(settings, elsewhere, root=self.place.root, hooks_path=hooks.setting)
        self.put("config", text.encode("utf-8", "surrogateescape"))
        (self.top / ".git" / "config").chmod(0o600)
        return settings

    def _write_alternates(self, settings: Iterable[Setting]) -> None:
        git_dir, common = self.top / ".git", self.place.common_dir
        alternates = [common / "objects"]
        storage = [setting.value for setting in settings if setting.key == "lfs.storage" and setting.value]
        if storage:
            # git-lfs looks for `lfs` beside an alternate object directory; the user keeps theirs elsewhere.
            beside = git_dir / "large-files"
            (beside / "objects").mkdir(parents=True)
            (beside / "lfs").symlink_to(common / storage[-1])
            alternates.append(beside / "objects")
        lines = (b'"' + _escaped(path) + b'"\n' if _is_odd(path) else os.fsencode(path) + b"\n" for path in alternates)
        self.put("objects/info/alternates", b"".join(lines))

    def _write_refs(self, layout: Layout, users: Git) -> None:
        """Give it the user's branches, tags and tracking refs, and its own branch."""
        own = os.fsencode(f"refs/heads/{layout.branch}")
        form = "--format=%(objectname) %(refname) %(symref)"
        listed = users.run("for-each-ref", form, "refs/heads", "refs/remotes", "refs/tags")
        refs = {} if layout.head is None else {own: layout.head.encode()}
        for line in listed.stdout.splitlines():
            oid, name, target = line.split(b" ")
            if name == own or name.startswith(own + b"/") or own.startswith(name + b"/"):
                continue
            if target:
                file = self.top / ".git" / os.fsdecode(name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(b"ref: " + target + b"\n")
            else:
                refs[name] = oid
        rows = (refs[name] + b" " + name + b"\n" for name in sorted(refs))
        self.put("packed-refs", b"# pack-refs with: sorted \n" + b"".join(rows))


class Scratches:
    """The scratch repositories of a process, kept from one use to the next: a large tree takes long to check out.

    They are removed by `close`, or when the interpreter ends.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Path, Path], ScratchRepository] = {}
        self._lock = threading.Lock()

    def of(self, place: Place, environ: Mapping[str, str]) -> ScratchRepository:
        """Return the scratch repository of a working tree; nothing is made before it is laid out."""
        with self._lock:
            key = place.root, place.git_dir
            known = self._known.get(key)
            if known is not None and known.environ == environ:
                return known
            if known is not None:
                known.close()
            self._known[key] = ScratchRepository(place, environ)
            return self._known[key]

    def close(self) -> None:
        """Remove them all. None may be in use."""
        with self._lock:
            for scratch in self._known.values():
                scratch.close()
            self._known.clear()


def _is_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _copy(source: Path, target: Path) -> None:
    if source.is_file():
        shutil.copyfile(source, target)


def _is_odd(path: Path) -> bool:
    """Whether a line of `alternates` would be read as something else: a comment, a quoted path, two lines."""
    return str(path).startswith(('"', "#")) or "\n" in str(path)


def _escaped(path: Path) -> bytes:
    return os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")


def _pattern(path: str) -> bytes:
    """A path as gitignore(5) matches it literally."""
    return b"".join(b"\\" + bytes((c,)) if c in b"\\*?[ " else bytes((c,)) for c in os.fsencode(path))
