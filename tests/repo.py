"""A git repository as a test drives it: the real git program, by its own commands."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self


class Repo:
    """One repository at `root`, bare or with a working tree.

    Every method runs the git program with the test's environment and raises `AssertionError`
    with git's own words where a command fails, so that a failing test shows them.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def __repr__(self) -> str:
        return f"Repo({self.root})"

    @classmethod
    def init(cls, root: Path, *options: str) -> Self:
        """An empty repository on branch main; `options` go to `git init` (such as `--bare`)."""
        run("init", "--quiet", "--initial-branch=main", *options, "--", str(root), cwd=Path("/"))
        return cls(root)

    @classmethod
    def clone(cls, url: str | Path, root: Path, *options: str) -> Self:
        """A clone of `url`; `options` go to `git clone`."""
        run("clone", "--quiet", *options, "--", str(url), str(root), cwd=Path("/"))
        return cls(root)

    # -- commands

    def git(self, *args: str, stdin: str | bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """The command's standard output as text without the last newline."""
        return os.fsdecode(self.git_bytes(*args, stdin=stdin, env=env)).removesuffix("\n")

    def git_bytes(self, *args: str, stdin: str | bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """The command's standard output as it is."""
        return run(*args, cwd=self.root, stdin=stdin, env=env)

    def try_git(self, *args: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """The finished process (`.returncode`, `.stdout`, `.stderr`), whether it failed or not."""
        return attempt(*args, cwd=self.root, env=env)

    # -- files of the working tree

    def path(self, name: str) -> Path:
        return self.root / name

    def write(self, name: str, content: str | bytes, *, executable: bool = False) -> Path:
        """The written file; directories above it are made, and its mode is 0644 or 0755."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(0o755 if executable else 0o644)
        return path

    def write_all(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            self.write(name, content)

    def link(self, name: str, target: str) -> Path:
        """A symbolic link, in place of what was there."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)
        return path

    def read(self, name: str) -> str:
        return (self.root / name).read_text()

    def read_bytes(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def exists(self, name: str) -> bool:
        return os.path.lexists(self.root / name)

    def delete(self, name: str) -> None:
        """Removes a file, and the directories above it that it leaves empty."""
        path = self.root / name
        path.unlink()
        for parent in path.parents:
            if parent == self.root or any(parent.iterdir()):
                return
            parent.rmdir()

    def worktree(self) -> dict[str, bytes]:
        """Path to content of every file outside `.git`, ignored ones too; a link's content is its target."""
        found: dict[str, bytes] = {}
        for directory, names, files in os.walk(self.root):
            if directory == str(self.root):
                names[:] = [name for name in names if name != ".git"]
            for name in [*files, *(n for n in names if (Path(directory) / n).is_symlink())]:
                path = Path(directory) / name
                content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
                found[str(path.relative_to(self.root))] = content
        return found

    # -- history

    def commit(self, message: str = "change", *paths: str, allow_empty: bool = False) -> str:
        """The new commit's name: of `paths`, or of everything that changed."""
        self.git("add", "--all", "--", *(paths or (".",)))
        self.git("commit", "--quiet", "-m", message, *(["--allow-empty"] if allow_empty else []), "--", *paths)
        return self.head

    @property
    def head(self) -> str:
        return self.tip("HEAD")

    def tip(self, rev: str) -> str:
        """The full name of the commit that `rev` names."""
        return self.git("rev-parse", "--verify", "--end-of-options", f"{rev}^{{commit}}")

    def has(self, rev: str) -> bool:
        """Whether `rev` names an object here."""
        return self.try_git("cat-file", "-e", rev).returncode == 0

    def log(self, rev: str = "HEAD") -> list[str]:
        """The subjects of `rev` and its ancestors, newest first."""
        return self.git("log", "--format=%s", rev, "--").splitlines()

    def commits(self, rev: str = "HEAD") -> list[str]:
        """The names of `rev` and its ancestors, newest first; `a..b` works too."""
        return self.git("rev-list", rev, "--").splitlines()

    def parents(self, rev: str = "HEAD") -> list[str]:
        return self.git("rev-list", "--parents", "-n1", rev, "--").split()[1:]

    def changed(self, rev: str = "HEAD") -> list[str]:
        """The paths that commit `rev` changed against its first parent, sorted."""
        out = self.git_bytes("diff-tree", "-r", "-z", "--root", "--no-commit-id", "--name-only", "--no-renames", rev)
        return sorted(os.fsdecode(name) for name in out.split(b"\0") if name)

    def is_linear(self, rev: str = "HEAD") -> bool:
        """Whether `rev` has no merge among its ancestors."""
        return self.git("rev-list", "--merges", rev, "--") == ""

    def entries(self, rev: str = "HEAD") -> dict[str, tuple[str, str]]:
        """Path to (mode, object name) of every file in `rev`."""
        found: dict[str, tuple[str, str]] = {}
        for record in self.git_bytes("ls-tree", "-r", "-z", "--full-tree", rev).split(b"\0"):
            if record:
                head, name = record.split(b"\t", 1)
                mode, _kind, oid = head.decode().split()
                found[os.fsdecode(name)] = (mode, oid)
        return found

    def tree(self, rev: str = "HEAD") -> dict[str, bytes]:
        """Path to content of every file in `rev`, comparable with `worktree()`."""
        entries = self.entries(rev)
        wanted = "".join(f"{oid}\n" for _mode, oid in entries.values())
        out = self.git_bytes("cat-file", "--batch", stdin=wanted)
        found: dict[str, bytes] = {}
        at = 0
        for name in entries:
            end = out.index(b"\n", at)
            size = int(out[at:end].split()[2])
            found[name] = out[end + 1 : end + 1 + size]
            at = end + size + 2
        return found

    def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """Name to object name of every ref below `prefix`."""
        out = self.git("for-each-ref", "--format=%(refname) %(objectname)", prefix)
        return dict(line.split(" ") for line in out.splitlines())

    # -- state

    def status(self) -> str:
        """`git status --porcelain` with every untracked file; empty where nothing differs."""
        return self.git("status", "--porcelain", "--untracked-files=all")

    def staged(self) -> str:
        """The index as git lists it, byte for byte comparable before and after."""
        return self.git("ls-files", "--stage", "-v")

    def fsck(self) -> None:
        """Fails unless `git fsck --full --strict` finds nothing wrong (dangling objects are no fault)."""
        done = self.try_git("fsck", "--full", "--strict", "--no-dangling", "--no-progress")
        assert done.returncode == 0 and not done.stdout and not done.stderr, done.stdout + done.stderr

    # -- the remote

    def push(self, *args: str) -> None:
        self.git("push", "--quiet", *args)

    def pull(self, *args: str) -> None:
        self.git("pull", "--quiet", *args)

    def fetch(self, *args: str) -> None:
        self.git("fetch", "--quiet", *args)

    def hook(self, name: str, script: str) -> Path:
        """Installs an executable hook; `script` is the body of a POSIX shell script."""
        hooks = Path(self.git("rev-parse", "--path-format=absolute", "--git-path", "hooks"))
        hooks.mkdir(exist_ok=True)
        path = hooks / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path


def attempt(
    *args: str, cwd: Path, stdin: str | bytes = b"", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`git args` in `cwd`, finished within a minute; `env` is added to the test's environment."""
    done = _process(args, cwd, stdin, env)
    return subprocess.CompletedProcess(
        done.args, done.returncode, os.fsdecode(done.stdout), done.stderr.decode(errors="replace")
    )


def run(*args: str, cwd: Path, stdin: str | bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
    """The standard output of `git args` in `cwd`; `AssertionError` with git's words where it fails."""
    done = _process(args, cwd, stdin, env)
    if done.returncode:
        words = (done.stderr + done.stdout).decode(errors="replace")
        raise AssertionError(f"git {' '.join(args)} in {cwd} exited with {done.returncode}:\n{words}")
    return done.stdout


def _process(
    args: tuple[str, ...], cwd: Path, stdin: str | bytes, env: Mapping[str, str] | None
) -> subprocess.CompletedProcess[bytes]:
    given = stdin.encode() if isinstance(stdin, str) else stdin
    return subprocess.run(
        ["git", *args],
        cwd=cwd,
        input=given,
        env={**os.environ, **(env or {})},
        capture_output=True,
        timeout=60,
        check=False,
    )
