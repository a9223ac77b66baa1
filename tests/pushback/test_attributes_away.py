"""A file of attributes is away while files below it are read: they leave by the attributes that go along, or not."""

from __future__ import annotations

from typing import Any

import pytest

from gitferry.repos import filters
from gitferry.repos.tasks import task_id
from gitferry.tests.pushback.ciphers import Cipher
from gitferry.tests.pushback.kit import Side
from gitferry.tests.repo import Repo

NEW = b"name: something else\n"


def plain_left(remote: Repo) -> bool:
    """Whether a commit that keeps the attributes holds the plain text."""
    return any(
        remote.tree(c).get("a.secret", b"").startswith(b"name") and ".gitattributes" in remote.tree(c)
        for c in remote.commits("main")
    )


def test_attributes_whose_deletion_does_not_travel_yet_still_encipher(secret: Cipher, here: Side, remote: Repo) -> None:
    here.repo.write("a.secret", NEW)
    here.repo.delete(".gitattributes")  # an editor between unlink and create
    here.sync(by_hand=False, unsettled=frozenset({".gitattributes"}))
    assert not plain_left(remote)
    here.repo.write(".gitattributes", "*.secret filter=cipher\n")
    here.sync()
    assert not plain_left(remote)
    assert remote.tree("main")["a.secret"].startswith(b"\0CIPHER\0")


def test_attributes_that_are_away_while_conversions_are_asked(
    secret: Cipher, here: Side, remote: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.repo.write("a.secret", NEW)
    real, times = filters.conversions, list[int]()

    def asked(*args: Any, **kwargs: Any) -> dict[str, filters.Conversion]:
        if not times:
            times.append(1)
            here.repo.path(".gitattributes").rename(here.repo.root.parent / "saved")
            try:
                return real(*args, **kwargs)
            finally:
                (here.repo.root.parent / "saved").rename(here.repo.path(".gitattributes"))
        return real(*args, **kwargs)

    monkeypatch.setattr(filters, "conversions", asked)
    here.sync()
    assert times
    assert not plain_left(remote)


def test_hidden_attributes_still_encipher(secret: Cipher, here: Side, remote: Repo) -> None:
    here.repo.git("update-index", "--skip-worktree", ".gitattributes")
    here.repo.delete(".gitattributes")
    here.repo.write("a.secret", NEW)
    here.sync()
    assert not plain_left(remote)


def test_attributes_that_are_in_no_task_still_encipher_those_that_are(secret: Cipher, here: Side, remote: Repo) -> None:
    here.tasks = {"exclude": [".gitattributes"]}
    here.repo.delete(".gitattributes")
    here.repo.write("a.secret", NEW)
    here.sync()
    assert not plain_left(remote)


def test_attributes_whose_deletion_waits_for_a_word_still_encipher(secret: Cipher, here: Side, remote: Repo) -> None:
    for path in here.repo.entries():
        if path != "a.secret":
            here.repo.delete(path)
    here.repo.write("a.secret", NEW)
    here.sync()
    assert ".gitattributes" in remote.tree("main"), "so many deletions wait"
    assert not plain_left(remote)


def test_a_push_by_hand_of_one_task_without_the_deletion_of_its_attributes(
    secret: Cipher, here: Side, remote: Repo
) -> None:
    here.pushback = {"auto_push": False}
    here.repo.delete(".gitattributes")
    here.repo.write("a.secret", NEW)
    here.sync(tasks=frozenset({task_id("tasks", "a.secret")}), by_hand=True, cause="push")
    assert ".gitattributes" in remote.tree("main")
    assert not plain_left(remote)
