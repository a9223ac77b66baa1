"""One repository, opened for one crossing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pygit2

from gitferry.config.errors import GitferryError
from gitferry.config.model import Repository
from gitferry.pushback.host import Host
from gitferry.repos.git import Git
from gitferry.repos.objects import Objects, Person
from gitferry.repos.state import Place, WorkingState, working_state
from gitferry.repos.worktree import Worktree


class NoIdentity(GitferryError):
    """git does not know whose commits these are."""

    def __init__(self) -> None:
        super().__init__(
            "git has no name and e-mail address for your commits",
            'set them: git config --global user.name "You" && git config --global user.email you@example.org',
        )


class Unworkable(GitferryError):
    """libgit2 or the system cannot read or write the repository; tried again, since disks get room again."""

    def __init__(self, path: Path, error: Exception) -> None:
        super().__init__(f"{path}: {error}", "see that its disk has room and that you may write to it, then `git fsck`")


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

    def author(self) -> Person:
        """Return who commits here, as git would say it (git-commit(1), "Commit Information"). Raises NoIdentity."""
        return self._person("AUTHOR", "author")

    def committer(self) -> Person:
        """Return who is the committer here. Raises NoIdentity."""
        return self._person("COMMITTER", "committer")

    def _person(self, variable: str, section: str) -> Person:
        def find(what: str) -> str | None:
            return (
                self.host.environ.get(f"GIT_{variable}_{what.upper()}")
                or self.state.config.get(f"{section}.{what}")
                or self.state.config.get(f"user.{what}")
            )

        name, email = find("name"), find("email")
        if not name or not email:
            raise NoIdentity
        return Person(name, email)


def git_for(place: Place, host: Host) -> Git:
    """Return the git program, bound to this repository."""
    return Git(place.root, git_dir=place.git_dir, environ=host.environ, cancel=host.cancel)


@contextmanager
def opened(settings: Repository, host: Host) -> Iterator[Ground]:
    """Open the repository that `settings` names. Raises what `locate` and `working_state` raise, and Unworkable."""
    place = host.known.place(settings.path, host.environ)
    git = git_for(place, host)
    objects: Objects | None = None
    try:
        objects = host.objects(place.git_dir)
        yield Ground(
            settings,
            host,
            place,
            git,
            objects,
            host.worktree(place.root, place.git_dir / "gitferry" / f"scratch-{os.getuid()}"),
            working_state(git, place, environ=host.environ, config=host.known.config(git, place, host.environ)),
        )
    except (pygit2.GitError, OSError) as error:
        raise Unworkable(settings.path, error) from error
    finally:
        if objects is not None:
            objects.close()
