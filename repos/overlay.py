"""A repository as it would be: what is written goes to a scratch directory, and the real one is only read.

libgit2 gets a repository of its own there, with the refs as they are now and the real objects as alternates; a ref
that is moved in it moves nowhere else. The git program, of which nothing that moves a ref is asked here, keeps its git
directory: HEAD and index are there, and settings may hang on where it lies (git-config(1), "Conditional includes").
What worktrees share it finds in the scratch directory (git(1), GIT_COMMON_DIR): objects are libgit2's, settings a copy,
all else the real ones. So what a filter notes down in the settings, as git-lfs does on its first run, stays there.

Two things can still reach the real repository: a filter that the settings trust, which may write wherever it likes,
and `git update-index`, asked where git keeps the line ends that the index has: it renews the time of an object that is
there already.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pygit2
from pygit2.enums import ObjectType

from gitferry.config.errors import GitferryError
from gitferry.repos import packs
from gitferry.repos.git import Completed, Git
from gitferry.repos.gitconfig import listed, written
from gitferry.repos.objects import Objects, Person, signature
from gitferry.repos.state import Place

_BARE = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
# What git finds as libgit2 does. Refs it only wants to see there: it reads those beside its git directory, whatever
# GIT_COMMON_DIR says (refs/files-backend.c of git 2.39).
_OURS = ("objects", "refs", "packed-refs", "shallow")
_NOT_SHARED = frozenset({*_OURS, "config", "lfs", "logs"})


class NoScratch(GitferryError):
    """There is no room for a scratch directory."""

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"no scratch directory can be made: {error}", "see that $TMPDIR, or /tmp, has room and may be written to"
        )


@contextlib.contextmanager
def laid_over(place: Place) -> Iterator[Overlay]:
    """Lay a scratch directory over a repository, for this user only, and remove it at the end. Raises NoScratch."""
    try:
        scratch = tempfile.TemporaryDirectory(prefix="gitferry-")
    except OSError as error:
        raise NoScratch(error) from error
    with scratch as directory:
        yield Overlay(place, Path(directory))


class Overlay:
    """The tools that work on one repository and leave it as it is. They end with their directory."""

    def __init__(self, place: Place, directory: Path) -> None:
        self._place = place
        self._directory = directory
        self._repository = directory / "repository"

    def objects(self, git_dir: Path) -> Objects:
        """Return the objects and refs of the repository at `git_dir`, which is the place's, for one use.

        Raises pygit2.GitError where libgit2 cannot open it, OSError.
        """
        for name in ("refs", "objects/pack", "logs/refs"):
            (self._repository / name).mkdir(parents=True)
        (self._repository / "config").write_text(_BARE)
        common_dir = self._place.common_dir
        for source, name in ((git_dir, "logs/HEAD"), (common_dir, "logs/refs/stash"), (common_dir, "shallow")):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(source / name, self._repository / name)
        real = pygit2.Repository(str(git_dir))
        try:
            _copy_refs(real, self._repository)
        finally:
            real.free()
        return _Objects(self._repository, common_dir / "objects")

    def git(self, environ: Mapping[str, str]) -> Git:
        """Return the git program for the repository, after `objects`: it sees what those wrote, and no remote.

        Raises GitError, OSError.
        """
        common = self._directory / "common"
        common.mkdir()
        for name in _OURS:
            (common / name).symlink_to(self._repository / name)
        for entry in self._place.common_dir.iterdir():
            if entry.name not in _NOT_SHARED and not entry.name.endswith(".lock"):
                (common / entry.name).symlink_to(entry)
        real = Git(self._place.root, git_dir=self._place.git_dir, environ=environ)
        settings = listed(real.run("config", "--local", "--includes", "--list", "-z", "--show-scope").stdout)
        text = written((each.key, each.value) for each in settings if not each.key.startswith("include"))
        (common / "config").write_bytes(text.encode("utf-8", "surrogateescape"))
        return _Git(self._place, environ, self._directory)


class _Objects(Objects):
    """Objects and refs of a scratch repository that reads another one's objects too."""

    def __init__(self, git_dir: Path, known: Path) -> None:
        super().__init__(git_dir)
        self.repo.odb.add_disk_alternate(str(known))
        self._scratch = pygit2.Odb(str(git_dir / "objects"))

    # All is written to a database that knows of no other. libgit2 would renew the time of the file, in the real
    # repository, that holds the same object already, and of the one that holds the tree of a commit.

    def _store(self, new: packs.New) -> None:
        self._scratch.write(ObjectType.TREE if new.kind == packs.TREE else ObjectType.BLOB, new.data)

    def write_commit(
        self, tree: str, parents: Iterable[str], message: str, *, author: Person, committer: Person, at: datetime
    ) -> str:
        """Write a commit object, moving no ref, and return its id."""
        by, through = signature(author, at), signature(committer, at)
        text = str(self.repo.create_commit_string(by, through, message, tree, list(parents)))
        return str(self._scratch.write(ObjectType.COMMIT, text.encode("utf-8", "surrogateescape")))


class _Git(Git):
    """git, whose new objects go to a scratch directory."""

    def __init__(self, place: Place, environ: Mapping[str, str], directory: Path) -> None:
        super().__init__(place.root, git_dir=place.git_dir, environ=environ)
        self._environ |= {
            "GIT_COMMON_DIR": str(directory / "common"),
            "GIT_ALLOW_PROTOCOL": "",  # none
            "GIT_NO_LAZY_FETCH": "1",
        }
        # git-lfs keeps a copy of each file that it makes a pointer of: git-lfs-config(5), lfs.storage.
        self._where = (*self._where, "-c", f"lfs.storage={directory / 'lfs'}")
        self._known = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(str(place.common_dir / "objects"))}

    def run(self, *args: str, extra_env: Mapping[str, str] | None = None, **wishes: Any) -> Completed:
        """Run git as `Git.run` does. What only writes blobs sees no others, so that it renews the time of none."""
        known = {} if args[0] == "hash-object" else self._known
        return super().run(*args, extra_env={**known, **(extra_env or {})}, **wishes)


def _quoted(text: str) -> str:
    """A path as a list of paths takes it: git(1), GIT_ALTERNATE_OBJECT_DIRECTORIES."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _copy_refs(real: pygit2.Repository, git_dir: Path) -> None:
    packed: dict[bytes, str] = {}
    for ref in (real.lookup_reference("HEAD"), *real.references.iterator()):
        raw, file = ref.raw_target, git_dir / ref.name
        if isinstance(raw, bytes):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"ref: " + raw + b"\n")
        elif ref.name == "HEAD":
            file.write_text(f"{raw}\n")
        else:
            packed[ref.raw_name] = str(raw)
    lines = (oid.encode() + b" " + name + b"\n" for name, oid in sorted(packed.items()))
    (git_dir / "packed-refs").write_bytes(b"".join(lines))
