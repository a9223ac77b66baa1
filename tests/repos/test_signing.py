"""Commits are signed as git signs them, verified by git, and a locked key is a wait that nobody is asked about."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from gitferry.repos import signing
from gitferry.repos.content import FILE, Entry
from gitferry.repos.git import GitError
from gitferry.repos.objects import EMPTY_TREE, Person
from gitferry.repos.signing_error import SigningWaits
from gitferry.repos.signing_key import SigningFailed
from gitferry.tests import signers
from gitferry.tests.repos.signing_desk import AT, DRAFT, PERSON, Desk
from gitferry.tests.signers import LOCKED, PASSPHRASE, PLAIN, Keyring, runs, signer

pytestmark = pytest.mark.server


# -- signatures that git verifies


@pytest.mark.parametrize("message", ["one line\n", "no line end", "", "Ümläute ✓\n\n\nbody\n\n"])
def test_but_for_the_signature_it_is_what_objects_writes(ssh: Callable[..., Path], desk: Desk, message: str) -> None:
    ssh()
    desk.set(i18n__commitEncoding="ISO-8859-1", core__commentChar="U")
    root = desk.objects.write_commit(EMPTY_TREE, [], "root\n", author=PERSON, committer=PERSON, at=AT)
    other = desk.objects.write_commit(EMPTY_TREE, [], "other\n", author=PERSON, committer=PERSON, at=AT)
    tree = desk.objects.apply(EMPTY_TREE, {"a/b": Entry(FILE, desk.objects.write_blob(b"x"))})
    for at in (
        AT,
        datetime(2026, 7, 1, tzinfo=UTC),
        datetime(1970, 1, 2, 0, 0, 9, tzinfo=timezone(timedelta(hours=14))),
    ):
        draft = replace(DRAFT, tree=tree, parents=(root, other), message=message, at=at)
        signed = desk.write(draft)
        plain = desk.objects.write_commit(
            tree, draft.parents, message, author=draft.author, committer=draft.committer, at=at
        )
        header, _, body = desk.repo.git_bytes("cat-file", "commit", signed).partition(b"\n\n")
        lines = header.split(b"\n")
        start = next(number for number, line in enumerate(lines) if line.startswith(b"gpgsig "))
        assert all(line.startswith(b" ") for line in lines[start + 1 :])
        unsigned = b"\n".join(lines[:start]) + b"\n\n" + body
        assert unsigned == desk.repo.git_bytes("cat-file", "commit", plain)
        assert desk.objects.info(signed).parents == (root, other)
        assert desk.verified(signed)


def test_openpgp(keyring: Keyring, desk: Desk) -> None:
    desk.set(user__signingKey=PLAIN)
    commit = desk.write()
    assert desk.verified(commit)
    assert desk.repo.git("log", "-1", "--format=%G? %GS", commit) == f"U Test Person <{PLAIN}>" or (
        desk.repo.git("log", "-1", "--format=%G?", commit) == "G"
    )
    desk.repo.git("update-ref", "refs/heads/main", commit)
    desk.repo.fsck()


def test_openpgp_finds_the_key_of_the_committer(keyring: Keyring, desk: Desk) -> None:
    assert desk.verified(desk.write(replace(DRAFT, committer=Person("Test Person", PLAIN))))
    with pytest.raises(SigningFailed, match="does not find your signing key nobody@"):
        desk.write(replace(DRAFT, committer=Person("Nobody", "nobody@example.org")))


def test_x509(keyring: Keyring, desk: Desk) -> None:
    desk.set(gpg__format="x509", user__signingKey=PLAIN)
    assert desk.verified(desk.write())
    desk.set(user__signingKey="nobody@example.org")
    with pytest.raises(SigningFailed, match="gpgsm does not find your signing key nobody"):
        desk.write()


def test_ssh_in_each_way_to_name_a_key(ssh: Callable[..., Path], desk: Desk, home: Path, ssh_agent: Path) -> None:
    path = ssh()
    public = path.with_name("plain.pub").read_text().strip()
    signers.ssh_add(ssh_agent, path)
    for key in (str(path), f"{path}.pub", "~/keys/plain", f"key::{public}", public):
        desk.set(user__signingKey=key)
        assert desk.verified(desk.write()), key
    desk.repo.git("config", "--global", "--unset", "user.signingKey")
    desk.set(gpg__ssh__defaultKeyCommand="ssh-add -L")
    assert desk.verified(desk.write())


def test_a_signed_commit_is_looked_after_as_our_own(ssh: Callable[..., Path], desk: Desk) -> None:
    ssh()
    kept = desk.write()
    desk.repo.git("update-ref", "refs/heads/main", kept)
    assert not desk.objects.pruned()
    lost = desk.write(replace(DRAFT, message="another\n"))
    desk.repo.git("gc", "--quiet", "--prune=now")
    assert not desk.repo.has(lost)
    assert desk.objects.pruned()


# -- locked keys


def test_a_locked_openpgp_key_is_a_wait_without_a_prompt(keyring: Keyring, desk: Desk) -> None:
    desk.set(user__signingKey=LOCKED)
    before = desk.count()
    with pytest.raises(SigningWaits, match=f"your signing key {LOCKED} is locked") as waits:
        desk.write()
    assert f"gpg --detach-sign --local-user {LOCKED}" in waits.value.hint
    assert not waits.value.asked
    assert isinstance(desk.trial(), SigningWaits)
    assert (desk.count(), keyring.prompted) == (before, False)
    # Whereas git by itself asks.
    assert desk.repo.try_git("commit-tree", "-S", EMPTY_TREE, "-m", "x").returncode != 0
    assert keyring.prompted


def test_an_unlocked_openpgp_key_signs_at_once(keyring: Keyring, desk: Desk) -> None:
    desk.set(user__signingKey=LOCKED)
    with pytest.raises(SigningWaits):
        desk.write()
    keyring.unlock()
    assert desk.trial() is None
    assert desk.verified(desk.write())
    assert not keyring.prompted


def test_a_locked_certificate(keyring: Keyring, desk: Desk) -> None:
    desk.set(gpg__format="x509", user__signingKey=LOCKED)
    with pytest.raises(SigningWaits, match="is locked") as waits:
        desk.write()
    assert "echo | gpgsm --detach-sign" in waits.value.hint
    assert not keyring.prompted
    keyring.unlock("gpgsm")
    assert desk.verified(desk.write())


def test_the_command_in_the_hint_unlocks(keyring: Keyring, desk: Desk) -> None:
    desk.set(user__signingKey=LOCKED)
    with pytest.raises(SigningWaits) as waits:
        desk.write()
    command = waits.value.hint.partition(": ")[2].partition(";")[0]
    (keyring.home / "pinentry").rename(keyring.home / "mute")
    try:
        (keyring.home / "pinentry").write_text(_PINENTRY.format(passphrase=PASSPHRASE))
        (keyring.home / "pinentry").chmod(0o755)
        subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True, timeout=30)
    finally:
        (keyring.home / "mute").rename(keyring.home / "pinentry")
    assert desk.verified(desk.write())


_PINENTRY = """\
#!/bin/sh
echo 'OK Pleased to meet you'
while read -r line; do
    case $line in
    GETPIN*) echo 'D {passphrase}' ;;
    BYE*) echo OK; exit 0 ;;
    esac
    echo OK
done
"""


def test_who_gives_the_passphrase_to_gpg_in_a_file_is_understood(keyring: Keyring, desk: Desk) -> None:
    desk.set(user__signingKey=LOCKED)
    conf = keyring.home / "gpg.conf"
    try:
        conf.write_text("pinentry-mode loopback\n")
        with pytest.raises(SigningWaits, match="is locked"):
            desk.write()
        (keyring.home / "passphrase").write_text(f"{PASSPHRASE}\n")
        conf.write_text(f"pinentry-mode loopback\npassphrase-file {keyring.home}/passphrase\n")
        assert desk.verified(desk.write())
    finally:
        conf.unlink()
    assert not keyring.prompted


def test_a_locked_ssh_key(
    ssh: Callable[..., Path], desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ssh("locked", PASSPHRASE)
    prompt = tmp_path / "askpass"
    prompt.write_text(f"#!/bin/sh\ntouch {tmp_path}/prompted\n")
    prompt.chmod(0o755)
    for name, value in {"SSH_ASKPASS": str(prompt), "DISPLAY": ":0", "SSH_ASKPASS_REQUIRE": "force"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SigningWaits, match="is locked") as waits:
        desk.write()
    assert f"ssh-add {path}" in waits.value.hint
    assert isinstance(desk.trial(), SigningWaits)
    assert not (tmp_path / "prompted").exists()
    assert desk.repo.try_git("commit-tree", "-S", EMPTY_TREE, "-m", "x").returncode != 0
    assert (tmp_path / "prompted").exists()


def test_an_ssh_key_in_the_agent(ssh: Callable[..., Path], desk: Desk, ssh_agent: Path) -> None:
    path = ssh("locked", PASSPHRASE)
    with pytest.raises(SigningWaits):
        desk.write()
    signers.ssh_add(ssh_agent, path)
    for key in (str(path), f"{path}.pub", f"key::{path.with_name('locked.pub').read_text().strip()}"):
        desk.set(user__signingKey=key)
        assert desk.trial() is None
        assert desk.verified(desk.write())
    path.unlink()
    desk.set(user__signingKey=f"{path}.pub")
    assert desk.verified(desk.write())


def test_a_key_that_is_nowhere(ssh: Callable[..., Path], desk: Desk, keyring: Keyring) -> None:
    path = ssh()
    desk.set(user__signingKey=f"{path}-of-yesterday")
    with pytest.raises(SigningFailed, match=r"ssh-keygen does not find your signing key .*-of-yesterday"):
        desk.write()
    desk.set(gpg__format="openpgp", user__signingKey="nobody@example.org")
    with pytest.raises(SigningFailed, match="No secret key") as failed:
        desk.write()
    assert "gpg --list-secret-keys" in failed.value.hint


def test_an_agent_that_asks_is_not_asked_again_and_again(
    ssh: Callable[..., Path], desk: Desk, ssh_agent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ssh()
    signers.ssh_add(ssh_agent, path, "-c")  # each use is to be confirmed, and nobody is there to do so
    path.unlink()
    desk.set(user__signingKey=f"{path}.pub")
    with pytest.raises(SigningWaits, match="agent refused") as refused:
        desk.write()
    assert refused.value.asked
    with pytest.raises(SigningWaits, match="left alone for 15 min"):
        desk.write()
    with pytest.raises(SigningWaits, match="agent refused"):
        desk.write(by_hand=True)
    monkeypatch.setattr(signing, "PAUSE", 0.0)
    with pytest.raises(SigningWaits, match="agent refused"):
        desk.write()


# -- programs of the user's own


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has reaped yet does not."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_program_of_the_users_own(keyring: Keyring, desk: Desk, tmp_path: Path) -> None:
    program = tmp_path / "my signer"
    desk.set(user__signingKey=PLAIN, gpg__program=signer(program, 'exec gpg "$@"'))
    assert desk.verified(desk.write())
    found = desk.signing()
    assert found is not None and found.asks
    signer(program, "echo 'the vault is closed' >&2; exit 1")
    before = runs(program)
    for _ in range(3):
        with pytest.raises(SigningWaits):
            desk.write()
    assert runs(program) == before + 1
    with pytest.raises(SigningWaits, match="did not sign: the vault is closed"):
        desk.write(by_hand=True)
    signer(program, 'exec gpg "$@"')
    assert desk.verified(desk.write(by_hand=True))
    assert desk.verified(desk.write())


def test_a_program_that_does_not_end_is_ended(
    keyring: Keyring, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "DEADLINE", 0.5)
    program = tmp_path / "slow"
    desk.set(user__signingKey=PLAIN, gpg__program=signer(program, f"echo $$ >{tmp_path}/pid; exec sleep 60"))
    with pytest.raises(SigningWaits, match=r"slow had not signed .* after 0\.5 s") as waits:
        desk.write()
    assert waits.value.asked
    assert not alive(int((tmp_path / "pid").read_text()))


def test_what_is_no_fault_of_the_signature_is_not_called_one(keyring: Keyring, desk: Desk) -> None:
    desk.set(user__signingKey=PLAIN)
    for draft in (replace(DRAFT, tree="1" * 40), replace(DRAFT, message="a\0b")):
        with pytest.raises(GitError):
            desk.write(draft)


def test_a_command_that_names_no_key(ssh: Callable[..., Path], desk: Desk) -> None:
    ssh()
    desk.repo.git("config", "--global", "--unset", "user.signingKey")
    for command in ("false", "echo nothing", "/nowhere/program"):
        desk.set(gpg__ssh__defaultKeyCommand=command)
        with pytest.raises(SigningFailed, match=f"names no key: {command}"):
            desk.write()
