"""A repository whose user signs: what the tests of signing drive."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone

from gitferry.config.errors import GitferryError
from gitferry.config.model import Pushback, Repository
from gitferry.repos import gitconfig, signing_key
from gitferry.repos.git import Git
from gitferry.repos.objects import EMPTY_TREE, Objects, Person
from gitferry.repos.signing import Draft, write_signed
from gitferry.repos.signing_key import Signing
from gitferry.repos.signing_trial import trial
from gitferry.tests.repo import Repo
from gitferry.tests.signers import PLAIN

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
PERSON = Person("Tëst Person", PLAIN)
DRAFT = Draft(EMPTY_TREE, (), "Update one\n\nwith a body\n", PERSON, Person("Committer", PLAIN), AT)


class Desk:
    """A repository whose user signs, and the objects of a crossing in it."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self.objects = Objects(repo.root / ".git")

    @property
    def git(self) -> Git:
        """With the environment as it is now."""
        return Git(self.repo.root, git_dir=self.repo.root / ".git")

    def set(self, **settings: str) -> None:
        """Git settings of the user's own; `gpg__ssh__program` is gpg.ssh.program."""
        for key, value in settings.items():
            self.repo.git("config", "--global", key.replace("__", "."), value)

    def signing(self, *, trusted: bool = False, sign: str = "inherit") -> Signing | None:
        settings = Repository(name="tasks", path=self.repo.root, trusted=trusted, pushback=Pushback(sign=sign))
        return signing_key.signing(self.git, gitconfig.read(self.git), settings, os.environ)

    def write(self, draft: Draft = DRAFT, *, trusted: bool = False, by_hand: bool = False) -> str:
        found = self.signing(trusted=trusted)
        assert found is not None
        return write_signed(self.git, self.objects, draft, found, environ=os.environ, by_hand=by_hand)

    def trial(self) -> GitferryError | None:
        found = self.signing()
        assert found is not None
        return trial(self.git, DRAFT, found, os.environ)

    def verified(self, commit: str) -> bool:
        return self.repo.try_git("verify-commit", commit).returncode == 0

    def count(self) -> int:
        """How many objects are there."""
        return len(self.repo.git("cat-file", "--batch-all-objects", "--batch-check").splitlines())
