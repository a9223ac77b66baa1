"""Whose the system's service is: an account that is there, owns the trees, and reaches what it needs."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from gitferry.daemon import account
from gitferry.daemon.account import Account, ForeignTrees, NoAccount, OutOfReach

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away and act for another user")


def me() -> Account:
    return account.account(pwd.getpwuid(os.getuid()).pw_name)


def test_an_account_that_is_not_there() -> None:
    with pytest.raises(NoAccount, match="no account 'nobody-of-that-name'") as refused:
        account.account("nobody-of-that-name")
    assert "useradd --system" in refused.value.hint


def test_own_trees_and_those_to_come_are_no_trouble(tmp_path: Path) -> None:
    account.require_own(me(), [("here", tmp_path), ("later", tmp_path / "later")])


def test_a_foreign_tree_is_named_with_its_owners_command(tmp_path: Path) -> None:
    stranger = Account("stranger", os.getuid() + 1, os.getgid(), tmp_path)
    with pytest.raises(ForeignTrees) as refused:
        account.require_own(stranger, [("tasks", tmp_path)])
    assert f"tasks ({tmp_path}) belongs to {me().name}" in refused.value.title
    assert f"service install --system --account {me().name}" in refused.value.hint


@as_root
def test_trees_of_several_owners_are_for_several_services(tmp_path: Path) -> None:
    trees = []
    for uid in (4321, 4322, 4323, 4324):
        (tmp_path / str(uid)).mkdir()
        os.chown(tmp_path / str(uid), uid, uid)
        trees.append((f"of{uid}", tmp_path / str(uid)))
    with pytest.raises(ForeignTrees) as refused:
        account.require_own(me(), trees)
    assert "belongs to 4321" in refused.value.title and "1 more" in refused.value.title
    assert "one service has one account" in refused.value.hint


@as_root
def test_what_the_account_cannot_reach_is_named(tmp_path: Path, runtime_directory: Path) -> None:
    nobody = account.account("nobody")
    account.require_reach(nobody, Path("/bin/true"), tmp_path / "not there yet")
    settings = runtime_directory / "config.yaml"
    settings.touch(0o600)
    with pytest.raises(OutOfReach, match="nobody cannot read"):
        account.require_reach(nobody, Path("/bin/true"), settings)
    runtime_directory.chmod(0o700)
    (runtime_directory / "gitferry").touch(0o755)
    with pytest.raises(OutOfReach, match="nobody cannot start"):
        account.require_reach(nobody, runtime_directory / "gitferry", None)
