"""One repository, opened for one crossing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pygit2

from gitferry.config.errors import GitferryError
from gitferry.config.model import Repository
from gitferry.pushback.access import remote_access
from gitferry.pushback.hooked import asked_about_commit
from gitferry.pushback.host import Host
from gitferry.repos.git import Git
from gitferry.repos.identity import person
from gitferry.repos.objects import Objects, Person
from gitferry.repos.signing import Draft, write_signed
from gitferry.repos.signing_key import signing
from gitferry.repos.state import Place, WorkingState, working_state
from gitferry.repos.worktree import Worktree


class Unworkable(GitferryError):
    """libgit2 or the system cannot read or write the repository; tried again, since disks get room again."""

    def __init__(self, path: Path, error: Exception) -> None:
        super().__init__(f"{path}: {error}", "see that its disk has room and that you may write to it, then `git fsck`")


class ForeignObjects(GitferryError):
    """The repository's objects are named by SHA-256, which libgit2 does not read."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} cannot be synced: its objects are SHA-256", "clone it anew in the ordinary form")


@dataclass(frozen=True, slots=True)
class Ground:
    """The tools that work on one repository; for one thread."""

    settings: Repository
    host: Host
    place: Place
    git: Git
    objects: Objects
    worktree: Worktree
    state: WorkingState
    by_hand: bool = False  # a person waits for the answer
    dry: bool = False  # what is written is only to be shown: no key is asked for
    notes: list[str] = field(default_factory=list)  # what to tell of this crossing once

    def write_commit(self, tree: str, parents: Sequence[str], message: str) -> str:
        """Write a commit of the user's, signed where their git signs, and return its id; no ref points at it yet.

        The repository's hooks are asked where they run. Raises NoIdentity, HookRefused, SigningWaits, SigningFailed.
        """
        author, committer, at = self.author(), self.committer(), self.host.clock()
        message = asked_about_commit(self, tree, parents, message)
        found = None if self.dry else signing(self.git, self.state.config, self.settings, self.host.environ)
        if found is None:
            return self.objects.write_commit(tree, parents, message, author=author, committer=committer, at=at)
        draft = Draft(tree, parents, message, author, committer, at)
        return write_signed(self.git, self.objects, draft, found, environ=self.host.environ, by_hand=self.by_hand)

    def author(self) -> Person:
        """Return who commits here, as git would say it. Raises NoIdentity."""
        return person(self.git, self.state.config, self.host.environ, "author")

    def committer(self) -> Person:
        """Return who is the committer here. Raises NoIdentity."""
        return person(self.git, self.state.config, self.host.environ, "committer")


def git_for(place: Place, host: Host) -> Git:
    """Return the git program, bound to this repository."""
    return Git(place.root, git_dir=place.git_dir, environ=host.environ, cancel=host.cancel)


@contextmanager
def opened(settings: Repository, host: Host) -> Iterator[Ground]:
    """Open the repository that `settings` names. Raises what `locate` and `working_state` raise, and Unworkable."""
    place = host.known.place(settings.path, host.environ)
    git = git_for(place, host)
    objects: Objects | None = None
    config = host.known.config(git, place, host.environ)
    if config.get("extensions.objectformat") == "sha256":
        raise ForeignObjects(settings.path)
    try:
        objects = host.objects(place.git_dir)
        state = working_state(git, place, config=config)
        git.access = lambda: remote_access(settings, host, state)
        yield Ground(
            settings,
            host,
            place,
            git,
            objects,
            host.worktree(place.root, place.git_dir / "gitferry" / f"scratch-{os.getuid()}"),
            state,
        )
    except (pygit2.GitError, OSError) as error:
        raise Unworkable(settings.path, error) from error
    finally:
        if objects is not None:
            objects.close()
