"""What is sealed opens with its key and for its identity, and nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitferry.security import envelope
from gitferry.security.envelope import Envelope, Unopened

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
IDENTITY = envelope.bound("credential", "1", "work", "token", 1)


@settings(max_examples=30)
@given(st.binary(max_size=300))
def test_a_secret_comes_out_as_it_went_in(secret: bytes) -> None:
    sealed = envelope.seal(KEY, "k1", secret, IDENTITY)
    assert envelope.unseal(KEY, "k1", sealed, IDENTITY, "work") == secret


def test_the_same_secret_is_never_sealed_the_same_way() -> None:
    one, other = (envelope.seal(KEY, "k1", b"secret", IDENTITY) for _ in range(2))
    assert one.wrapped != other.wrapped and one.sealed != other.sealed
    assert "secret" not in repr(one) and "wrapped" not in repr(one)


@pytest.mark.parametrize("part", ["wrapped", "sealed"])
@pytest.mark.parametrize("change", ["bit", "short", "long", "empty"])
def test_a_changed_box_does_not_open(part: str, change: str) -> None:
    sealed = envelope.seal(KEY, "k1", b"secret", IDENTITY)
    parts = {"wrapped": sealed.wrapped, "sealed": sealed.sealed}
    box = parts[part]
    parts[part] = {"bit": bytes([box[0] ^ 1]) + box[1:], "short": box[:-1], "long": box + b"0", "empty": b""}[change]
    with pytest.raises(Unopened, match="work does not open"):
        envelope.unseal(KEY, "k1", Envelope(**parts), IDENTITY, "work")


def test_a_box_is_bound_to_its_identity_its_key_and_the_keys_name() -> None:
    sealed = envelope.seal(KEY, "k1", b"secret", IDENTITY)
    swapped = Envelope(sealed.wrapped, envelope.seal(KEY, "k1", b"other", IDENTITY).sealed)
    for key, key_id, box, identity in (
        (OTHER, "k1", sealed, IDENTITY),
        (KEY, "k2", sealed, IDENTITY),
        (KEY, "k1", sealed, envelope.bound("credential", "1", "work", "token", 2)),
        (KEY, "k1", swapped, IDENTITY),
    ):
        with pytest.raises(Unopened):
            envelope.unseal(key, key_id, box, identity, "work")


def test_a_rewrapped_secret_opens_with_the_new_key_alone() -> None:
    sealed = envelope.seal(KEY, "k1", b"secret", IDENTITY)
    wrapped = envelope.rewrap(("k1", KEY), ("k2", OTHER), sealed.wrapped, IDENTITY, "work")
    assert envelope.unseal(OTHER, "k2", Envelope(wrapped, sealed.sealed), IDENTITY, "work") == b"secret"
    with pytest.raises(Unopened):
        envelope.unseal(KEY, "k1", Envelope(wrapped, sealed.sealed), IDENTITY, "work")


def test_no_two_lists_of_parts_are_bound_alike() -> None:
    assert envelope.bound("a", "b") != envelope.bound("ab")
    assert envelope.bound("a", None) != envelope.bound("a", "null") != envelope.bound("a")
    assert envelope.bound("1") != envelope.bound(1)
