"""The seal in a unit: an upgrade that writes another unit is noticed, and what a person changed is theirs."""

from __future__ import annotations

from gitferry.daemon.unit_seal import Writing, sealed, writing

LINES = ["# Written by us", "[Service]", "Type=notify"]


def test_what_this_version_writes_is_current() -> None:
    assert writing(sealed(LINES, "a" * 12), lambda: "a" * 12) is Writing.CURRENT


def test_another_form_is_another_versions() -> None:
    assert writing(sealed(LINES, "b" * 12), lambda: "a" * 12) is Writing.OLDER


def test_without_a_seal_it_is_from_before_there_were_any() -> None:
    assert writing("\n".join(LINES), lambda: "a" * 12) is Writing.OLDER


def test_what_a_person_changed_is_theirs_in_whatever_form() -> None:
    for form in ("a", "b"):
        text = sealed(LINES, form * 12)
        for changed in (text.replace("notify", "simple"), text + "Nice=5\n", text.replace("[Service]\n", "")):
            assert writing(changed, lambda: "a" * 12) is Writing.EDITED


def test_the_seal_stands_below_the_first_line() -> None:
    first, seal, *rest = sealed(LINES, "a" * 12).splitlines()
    assert [first, *rest] == LINES and seal.startswith("# Form aaaaaaaaaaaa, text ")
