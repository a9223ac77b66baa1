"""The program and the key that git's settings name, and what a repository may not name by itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.repos.signing import write_signed
from gitferry.repos.signing_key import SigningFailed
from gitferry.tests.repos.signing_desk import DRAFT, Desk
from gitferry.tests.signers import PLAIN, Keyring, runs, signer

pytestmark = pytest.mark.server


def test_no_signature_where_none_is_wanted(desk: Desk) -> None:
    assert desk.signing(sign="never") is None
    desk.set(commit__gpgSign="false")
    assert desk.signing() is None
    desk.repo.git("config", "--global", "--unset", "commit.gpgSign")
    assert desk.signing() is None


def test_settings_may_come_by_an_include_for_some_directories(ssh: Callable[..., Path], desk: Desk, home: Path) -> None:
    path = ssh()
    desk.set(user__signingKey="nothing")
    (home / "work.config").write_text(f"[user]\n\tsigningKey = {path}\n")
    desk.repo.git("config", "--global", f"includeIf.gitdir:{desk.repo.root}/.path", str(home / "work.config"))
    assert desk.verified(desk.write())


def test_of_two_settings_for_one_program_the_last_counts(keyring: Keyring, desk: Desk, tmp_path: Path) -> None:
    one, two = (signer(tmp_path / name, 'exec gpg "$@"') for name in ("one", "two"))
    desk.set(user__signingKey=PLAIN, gpg__openpgp__program=one, gpg__program=two)
    desk.repo.git("config", "--global", "--add", "gpg.openpgp.program", one)
    desk.repo.git("config", "--global", "--unset", "gpg.program")
    desk.set(gpg__program=two)
    git_takes = desk.repo.git("config", "--get-regexp", r"^gpg\..*program$").splitlines()[-1]
    found = desk.signing()
    assert found is not None and git_takes.endswith(found.program)


@pytest.mark.parametrize(
    ("kind", "key"), [("openpgp", "gpg.program"), ("x509", "gpg.x509.program"), ("ssh", "gpg.ssh.program")]
)
def test_a_program_of_the_repositorys_own_does_not_run(
    keyring: Keyring, ssh: Callable[..., Path], desk: Desk, tmp_path: Path, kind: str, key: str
) -> None:
    path = ssh()
    evil = tmp_path / "evil"
    real = {"openpgp": "gpg", "x509": "gpgsm", "ssh": "ssh-keygen"}[kind]
    desk.set(gpg__format=kind, user__signingKey=str(path) if kind == "ssh" else PLAIN)
    desk.repo.git("config", key, signer(evil, f'exec {real} "$@"'))
    with pytest.raises(SigningFailed, match=f"{key}.*only this repository names it") as refused:
        desk.write()
    assert f"git config --global {key}" in refused.value.hint
    assert runs(evil) == 0
    desk.write(trusted=True)
    assert runs(evil) == 1


def test_nor_does_its_command_that_names_a_key(ssh: Callable[..., Path], desk: Desk, tmp_path: Path) -> None:
    ssh()
    evil = tmp_path / "evil"
    desk.repo.git("config", "--global", "--unset", "user.signingKey")
    desk.repo.git("config", "extensions.worktreeConfig", "true")
    desk.repo.git("config", "--worktree", "gpg.ssh.defaultKeyCommand", signer(evil, "echo key::none"))
    with pytest.raises(SigningFailed, match="only this repository names it"):
        desk.write()
    assert runs(evil) == 0


def test_nor_a_program_in_the_working_tree(keyring: Keyring, desk: Desk) -> None:
    evil = desk.repo.root / "bin" / "gpg"
    evil.parent.mkdir()
    desk.set(gpg__program="bin/gpg", user__signingKey=PLAIN)
    signer(evil, 'exec gpg "$@"')
    with pytest.raises(SigningFailed, match="only this repository names it"):
        desk.write()
    assert runs(evil) == 0
    assert desk.verified(desk.write(trusted=True))


def test_what_the_repository_says_anew_while_we_sign_does_not_count(
    keyring: Keyring, desk: Desk, tmp_path: Path
) -> None:
    evil = tmp_path / "evil"
    desk.set(user__signingKey=PLAIN)
    found = desk.signing()
    assert found is not None
    for key in ("gpg.program", "gpg.openpgp.program", "gpg.ssh.program"):
        desk.repo.git("config", key, signer(evil, "exit 1"))
    commit = write_signed(desk.git, desk.objects, DRAFT, found, environ=os.environ)
    assert runs(evil) == 0
    for key in ("gpg.program", "gpg.openpgp.program"):
        desk.repo.git("config", "--unset", key)
    assert desk.verified(commit)


def test_the_repository_may_choose_the_key_and_name_the_usual_program(keyring: Keyring, desk: Desk) -> None:
    desk.set(user__signingKey="nobody@example.org")
    desk.repo.git("config", "user.signingKey", PLAIN)
    desk.repo.git("config", "gpg.program", "gpg")
    assert desk.verified(desk.write())


def test_what_cannot_be_is_told_with_the_remedy(desk: Desk, home: Path) -> None:
    desk.set(gpg__program="/nowhere/gpg")
    with pytest.raises(SigningFailed, match="/nowhere/gpg, and there is no such program") as failed:
        desk.signing()
    assert "gnupg on Debian" in failed.value.hint
    desk.set(gpg__format="ssh")
    with pytest.raises(SigningFailed, match="no key is named"):
        desk.signing()
    desk.set(gpg__format="pgp")
    with pytest.raises(SigningFailed, match=r"gpg\.format is 'pgp'"):
        desk.signing()
    with (home / ".gitconfig").open("a") as file:
        file.write("[gpg]\n\tformat\n")
    with pytest.raises(SigningFailed, match=r"gpg\.format has no value"):
        desk.signing()
