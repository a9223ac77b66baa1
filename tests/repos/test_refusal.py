"""Git's words for why it does not convert a file, in one line."""

from __future__ import annotations

import pytest

from gitferry.repos.refusal import slow, words


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        ("fatal: a.x: clean filter 'f' failed\n", "clean filter 'f' failed"),
        (
            "no key\nerror: external filter 'f' failed 1\nfatal: a.x: clean filter 'f' failed\n",
            "clean filter 'f' failed (no key)",
        ),
        ("hint: more\nfatal: BOM is required in 'a.x' if UTF-16\n", "BOM is required in 'a.x' if UTF-16"),
        ("fatal: one\nfatal: a.x: two\n", "two"),
        ("only this\n", "only this"),
        ("", "it said nothing"),
        (
            "Downloading a.x (1 B)\nError downloading object: a.x: [404] gone\nErrors logged to '/x'.\n"
            "Use `git lfs logs last` to view the log.\nerror: external filter 'git-lfs filter-process' failed\n"
            "fatal: a.x: smudge filter lfs failed\n",
            "smudge filter lfs failed (Error downloading object: a.x: [404] gone)",
        ),
    ],
)  # fmt: skip
def test_the_last_of_gits_words_and_the_filters_own(stderr: str, said: str) -> None:
    assert words(stderr, "a.x") == f"git does not convert it: {said}"


def test_who_was_slow() -> None:
    assert slow("f", 300) == "the filter 'f' had not converted it after 300 s and was stopped"
    assert slow("", 0.5) == "git had not converted it after 0.5 s and was stopped"
