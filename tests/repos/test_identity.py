"""Whose commits they are: what git says, over the settings that it reads."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitferry.repos import gitconfig
from gitferry.repos.git import Git
from gitferry.repos.identity import NoIdentity, Role, person
from gitferry.repos.objects import EMPTY_TREE, Objects, Person
from gitferry.tests.repo import Repo

ROLES: tuple[Role, ...] = ("author", "committer")


@pytest.fixture
def repo(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repo]:
    """A repository whose user has set nothing."""
    (home / ".gitconfig").write_text("")
    monkeypatch.delenv("EMAIL", raising=False)
    yield Repo.init(tmp_path / "repo")


def ours(repo: Repo, role: Role) -> Person | None:
    git = Git(repo.root)
    try:
        return person(git, gitconfig.read(git), os.environ, role)
    except NoIdentity:
        return None


def gits(repo: Repo, role: Role) -> Person | None:
    """What git writes, None where it refuses, guesses the address, or leaves the address empty."""
    done = repo.try_git("var", f"GIT_{role.upper()}_IDENT")
    found = re.fullmatch(r"(.+) <(.+)> \d+ [+-]\d{4}", done.stdout.strip())
    if done.returncode or found is None or found[2].startswith(f"{_login()}@"):
        return None
    return Person(found[1], found[2])


def _login() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


FULL = {"user.name": "U", "user.email": "u@x"}
SETTINGS: dict[str, dict[str, str]] = {
    "nothing": {},
    "user": FULL,
    "only the name": {"user.name": "U"},
    "only the address": {"user.email": "u@x"},
    "author too": FULL | {"author.name": "A", "author.email": "a@x"},
    "committer's address": FULL | {"committer.email": "c@x"},
    "only the author": {"author.name": "A", "author.email": "a@x"},
    "an empty author": FULL | {"author.name": "", "author.email": ""},
    "an empty name": FULL | {"user.name": ""},
    "an empty address": FULL | {"user.email": ""},
    "a blank name": FULL | {"user.name": "  "},
}
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "nothing": {},
    "author": {"GIT_AUTHOR_NAME": "EA", "GIT_AUTHOR_EMAIL": "ea@x"},
    "an address": {"EMAIL": "me@x"},
    "an empty name": {"GIT_AUTHOR_NAME": "", "GIT_COMMITTER_NAME": ""},
    "an address for one commit": {"GIT_COMMITTER_EMAIL": "ec@x"},
}


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("only", [False, True], ids=["", "useConfigOnly"])
def test_it_is_who_git_says(repo: Repo, monkeypatch: pytest.MonkeyPatch, settings: str, only: bool) -> None:
    for key, value in (SETTINGS[settings] | ({"user.useConfigOnly": "true"} if only else {})).items():
        repo.git("config", key, value)
    for environment in ENVIRONMENTS.values():
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            for role in ROLES:
                assert ours(repo, role) == gits(repo, role), (environment, role)


NAMES = [
    "A <b>", "Dr. A.", '"A"', "...", " A ", "A\nB", "A\tB", "'A'", "\\A\\", "A, Jr.", "<>", "Ä Ö", "A\x01", "'",
    "J. D.", "O'Hara", "A\nparent 4b825dc642cb6eb9a060e54bf8d69288fbee4904",
]  # fmt: skip
ADDRESSES = ["<x@y>", " x@y ", "x@y.", "a\nb@c", "...", "ä@x", "x y@z", "x@y>"]


@pytest.mark.parametrize(("name", "email"), [*((name, "x@y") for name in NAMES), *(("A", each) for each in ADDRESSES)])
def test_names_are_cleaned_as_git_does(repo: Repo, name: str, email: str) -> None:
    repo.git("config", "user.name", name)
    repo.git("config", "user.email", email)
    found = ours(repo, "author")
    assert found == gits(repo, "author")
    if found is not None:
        objects = Objects(repo.root / ".git")
        at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        commit = objects.write_commit(EMPTY_TREE, [], "m\n", author=found, committer=found, at=at)
        objects.close()
        written = f"{found.name} <{found.email}>"
        assert repo.git("log", "-1", "--format=%an <%ae>%n%cn <%ce>", commit) == f"{written}\n{written}"
        repo.git("update-ref", "refs/heads/main", commit)
        repo.fsck()


def test_a_name_that_is_not_text_is_refused(repo: Repo, home: Path) -> None:
    (home / ".gitconfig").write_bytes(b"[user]\n\tname = J\xf6rg\n\temail = j@x\n")
    git = Git(repo.root)
    with pytest.raises(NoIdentity, match="not UTF-8"):
        person(git, gitconfig.read(git), os.environ, "author")


def test_what_is_missing_is_told_with_the_remedy(repo: Repo) -> None:
    git = Git(repo.root)
    with pytest.raises(NoIdentity) as refused:
        person(git, gitconfig.read(git), os.environ, "committer")
    assert "git config --global user.email" in refused.value.hint
    repo.git("config", "user.name", ",;,")
    repo.git("config", "user.email", "u@x")
    with pytest.raises(NoIdentity, match="too little is left"):
        person(git, gitconfig.read(git), os.environ, "committer")
