"""A repository with hooks as a test drives it: what would be committed, what the hooks say, what they left alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from gitferry.repos import gitconfig, state
from gitferry.repos.git import Git
from gitferry.repos.hooks import Author, Hooks, Scratches, Verdict
from gitferry.repos.objects import Person
from gitferry.tests.repo import Repo

AUTHOR = Author(Person("Test Person", "test@example.org"), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


@contextmanager
def a_hooked_repository(root: Path) -> Iterator[Hooked]:
    """A new repository at `root` with one commit, of file `a`; its scratch repository goes in the end."""
    repo = Repo.init(root, "--template=")
    repo.write("a", "1\n")
    repo.commit("one")
    scratches = Scratches()
    try:
        yield Hooked(repo, scratches)
    finally:
        scratches.close()


class Hooked:
    """One repository whose hooks run; `scratches` are as long-lived as this."""

    def __init__(self, repo: Repo, scratches: Scratches, *, deadline: float = 30.0) -> None:
        self.repo = repo
        self.scratches = scratches
        self.deadline = deadline

    @property
    def git(self) -> Git:
        place = state.locate(self.repo.root, os.environ)
        return Git(place.root, git_dir=place.git_dir)

    @property
    def hooks(self) -> Hooks:
        place = state.locate(self.repo.root, os.environ)
        environ = dict(os.environ)
        return Hooks(self.git, place, gitconfig.read(self.git), environ, self.scratches, deadline=self.deadline)

    @property
    def scratch(self) -> Path:
        """The top of the scratch repository's working tree."""
        return self.scratches.of(state.locate(self.repo.root, os.environ), dict(os.environ)).top

    def tree(
        self, files: Mapping[str, str | bytes | None], *, on: str | None = "HEAD", executable: bool = False
    ) -> str:
        """A tree in the object database: that of `on` with these files (None: without it); no index is touched."""
        aside = {"GIT_INDEX_FILE": str(self.repo.root.parent / "aside-index")}
        Path(aside["GIT_INDEX_FILE"]).unlink(missing_ok=True)
        if on is not None:
            self.repo.git("read-tree", on, env=aside)
        for path, content in files.items():
            if content is None:
                self.repo.git("update-index", "--force-remove", "--", path, env=aside)
                continue
            data = content.encode() if isinstance(content, str) else content
            oid = self.repo.git("hash-object", "-w", "--stdin", stdin=data)
            mode = "100755" if executable else "100644"
            line = f"{mode} {oid}\t".encode() + os.fsencode(path) + b"\0"
            self.repo.git("update-index", "-z", "--index-info", stdin=line, env=aside)
        return self.repo.git("write-tree", env=aside)

    def commit(
        self, files: Mapping[str, str | bytes | None], message: str = "change\n", *, on: str | None = "HEAD"
    ) -> Verdict:
        """Ask about a commit with these changes on the branch."""
        parents = [] if on is None else [self.repo.tip(on)]
        tree = self.tree(files, on=on)
        return self.hooks.for_commit(tree, parents=parents, branch="main", message=message, author=AUTHOR)

    def push(self, commit: str = "", url: str = "https://host.example/r.git", old: str | None = None) -> Verdict:
        """Ask about a push of `commit` (else HEAD)."""
        commit = commit or self.repo.head
        return self.hooks.for_push("origin", url, branch="main", commit=commit, old=old, remote_branch="main")


def everything(repo: Repo) -> dict[str, tuple[int, bytes]]:
    """Path to mode and content of all that is below the top, git's own files too, but for the scratch repository."""
    found: dict[str, tuple[int, bytes]] = {}
    for directory, names, files in os.walk(repo.root):
        if directory == str(repo.root / ".git"):
            names[:] = [name for name in names if name != "gitferry"]
        for name in [*names, *files]:
            path = Path(directory, name)
            status = path.lstat()
            content = os.fsencode(path.readlink()) if path.is_symlink() else b""
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
            found[str(path.relative_to(repo.root))] = (status.st_mode, content)
    return found
