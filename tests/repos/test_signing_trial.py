"""Whether a key could be used now is found out without a trace and without a prompt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.repos.signing_error import SigningWaits
from gitferry.tests import signers
from gitferry.tests.repos.signing_desk import Desk
from gitferry.tests.signers import LOCKED, PASSPHRASE, Keyring

pytestmark = pytest.mark.server


def test_a_look_leaves_nothing_behind(ssh: Callable[..., Path], desk: Desk) -> None:
    ssh()
    before = (desk.count(), sorted(desk.repo.root.rglob("*")))
    assert desk.trial() is None
    assert (desk.count(), sorted(desk.repo.root.rglob("*"))) == before


def test_a_key_ring_that_is_locked_and_unlocked(keyring: Keyring, desk: Desk) -> None:
    desk.set(user__signingKey=LOCKED)
    assert isinstance(desk.trial(), SigningWaits)
    keyring.unlock()
    assert desk.trial() is None
    assert not keyring.prompted


def test_an_agent_is_asked_what_it_has_and_not_to_sign(
    ssh: Callable[..., Path], desk: Desk, ssh_agent: Path, home: Path
) -> None:
    path = ssh("locked", PASSPHRASE)
    assert isinstance(desk.trial(), SigningWaits)
    signers.ssh_add(ssh_agent, path, "-c")  # a signature would have to be confirmed by someone
    for key in (str(path), f"{path}.pub", "~/keys/locked", f"key::{path.with_name('locked.pub').read_text().strip()}"):
        desk.set(user__signingKey=key)
        assert desk.trial() is None, key
    other = ssh("other", PASSPHRASE)
    assert isinstance(desk.trial(), SigningWaits)
    other.with_name("other.pub").unlink()
    assert isinstance(desk.trial(), SigningWaits)
