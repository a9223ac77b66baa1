"""What gpg, gpgsm and ssh-keygen say becomes a wait or a failure, with what to do."""

from __future__ import annotations

import pytest

from gitferry.repos.signing_error import SigningWaits, failure, late, unlocking
from gitferry.repos.signing_key import Signing

GPG = Signing("openpgp", "/usr/bin/gpg", "0xABCD")
GPGSM = Signing("x509", "/usr/bin/gpgsm", "me@x")
SSH = Signing("ssh", "/usr/bin/ssh-keygen", "~/.ssh/id ed.pub")
OWN = Signing("openpgp", "/opt/vault sign", "0xABCD", asks=True)

# As GnuPG 2.2 and OpenSSH 9.2 say it; git shows a carriage return as a question mark.
LOCKED = [
    (
        GPG,
        "error: gpg failed to sign the data\n[GNUPG:] BEGIN_SIGNING H8\ngpg: signing failed: No pinentry\n",
        "locked$",
    ),
    (GPG, "gpg: Sorry, we are in batchmode - can't get input\n", "locked$"),
    (GPG, "gpg: signing failed: Operation cancelled\n[GNUPG:] FAILURE sign 67108963\n", "nobody gave"),
    (GPG, "gpg: signing failed: Card not present\n", "card or token"),
    (GPG, 'gpg: skipped "x": No agent running\n[GNUPG:] INV_SGNR 0 x\n', "does not run"),
    (GPGSM, "gpgsm: error creating signature: No pinentry <GPG Agent>\n", "locked$"),
    (
        SSH,
        'error: Enter passphrase: Load key "/x": incorrect passphrase supplied to decrypt private key?\n',
        "passphrase",
    ),
    (SSH, 'error: No private key found for public key "/x.pub"?\n', "no ssh agent has it"),
    (SSH, "error: Couldn't sign message: device not found?\n", "card or token"),
]
FAILED = [
    (
        GPG,
        'gpg: skipped "x": No secret key\n[GNUPG:] INV_SGNR 9 x\ngpg: signing failed: No secret key\n',
        "does not find",
    ),
    (GPG, 'gpg: skipped "x": Unusable secret key\ngpg: signing failed: Unusable secret key\n', "cannot sign"),
    (GPG, "gpg: something new\n", "/usr/bin/gpg could not sign: gpg: something new"),
    (GPG, "[GNUPG:] X\n", "said nothing"),
    (GPGSM, "gpgsm: can't sign using 'x': Not trusted\n[GNUPG:] INV_SGNR 10 x\n", "cannot sign"),
    (SSH, "error: Couldn't load public key /x: No such file or directory?\n", "does not find"),
]


@pytest.mark.parametrize(("signing", "said", "told"), LOCKED)
def test_a_locked_key_waits_for_its_owner(signing: Signing, said: str, told: str) -> None:
    found = failure(signing, said)
    assert isinstance(found, SigningWaits)
    assert not found.asked
    with pytest.raises(SigningWaits, match=told):
        raise SigningWaits(found.title, "")
    assert found.hint == unlocking(signing)


@pytest.mark.parametrize(("signing", "said", "told"), FAILED)
def test_what_does_not_mend_by_itself_fails(signing: Signing, said: str, told: str) -> None:
    found = failure(signing, said)
    assert not isinstance(found, SigningWaits)
    assert told in found.title
    assert found.hint
    assert "?" not in found.title


def test_where_a_person_may_have_been_asked_it_is_said() -> None:
    refused = "error: Signing file /tmp/x?\nCouldn't sign message (signer): agent refused operation?\n"
    for found in (failure(SSH, refused), failure(OWN, "no\n"), failure(OWN, "gpg: No pinentry\n"), late(GPG, 30)):
        assert isinstance(found, SigningWaits)
        assert found.asked


def test_how_to_unlock_can_be_pasted() -> None:
    assert "echo | gpg --detach-sign --local-user 0xABCD >/dev/null" in unlocking(GPG)
    assert "echo | gpgsm --detach-sign --local-user me@x >/dev/null" in unlocking(GPGSM)
    assert unlocking(SSH).startswith("ssh-add ~/'.ssh/id ed',")
    assert "/opt/vault sign" in unlocking(OWN)
    literal = Signing("ssh", "/usr/bin/ssh-keygen", "key::ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIRb5gTfHoHS me@desk")
    assert unlocking(literal).startswith("ssh-add,")
    assert literal.words == "your signing key me@desk"
    assert Signing("ssh", "ssh-keygen", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIRb5gTfHoHS").words.endswith(
        "IIRb5gTfHoHS"
    )
