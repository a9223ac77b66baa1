"""Names that some other system cannot have: told where a task adds them, and only there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitferry.pushback.name_check import unfit
from gitferry.tests.pushback.checking import TASK, Bench
from gitferry.tests.repo import Repo

COMPOSED, DECOMPOSED = "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe\N{COMBINING ACUTE ACCENT}"


@pytest.fixture
def bench(clone: Callable[..., Repo]) -> Bench:
    return Bench(clone("here"))


@pytest.mark.parametrize(
    "name",
    [
        *("CON", "nul", "Aux.txt", "COM1", "com9.tar.gz", "LPT\N{SUPERSCRIPT TWO}", "CONIN$", "con .txt"),
        *("a.", "a ", "..."),
        *("a:b", "what?", "a*", "<a>", 'a"', "a|b", "a\\b"),
        *("a\nb", "\x01", "a\x7f"),
        *("\udcff", "a\udce9"),
        *("x" * 256, "\N{EURO SIGN}" * 86),
    ],
)
def test_names_that_are_told(name: str) -> None:
    assert len(list(unfit(name))) == 1


@pytest.mark.parametrize(
    "name",
    [
        *("console", "COM0", "com10", "conin", "lpt", "aux-file", ".con", "null", "nul_"),
        *("a", ".a", "a.b", " a", "~a", "a'b", "a,b;c", "[a]", "{a}", "a&b", "x" * 255, COMPOSED, DECOMPOSED),
    ],
)
def test_names_that_are_fine(name: str) -> None:
    assert list(unfit(name)) == []


def test_only_what_a_task_adds_is_told(bench: Bench) -> None:
    base = bench.tree(
        {f"{TASK}/aux.md": "old\n", f"{TASK}/nul/a.md": "old\n", f"{TASK}/README": "", f"{TASK}/readme": ""}
    )
    assert bench.check({f"{TASK}/aux.md": "new\n", f"{TASK}/nul/a.md": None}, base=base) == []
    assert bench.check({f"{TASK}/nul/b.md": "new\n"}, base=base) == []
    assert bench.check({f"{TASK}/aux.txt": "new\n"}, base=base) == [
        f"warn {TASK}/aux.txt: the name is a device's on Windows"
    ]


def test_a_directory_is_told_once_and_only_where_it_is_new(bench: Bench) -> None:
    found = bench.check({f"{TASK}/con/{number}.md": "" for number in range(3)})
    assert found == [f"warn {TASK}/con: the name is a device's on Windows"]


def test_names_that_differ_in_case_only_are_told(bench: Bench) -> None:
    base = bench.tree({f"{TASK}/README": "", f"{TASK}/docs/a.md": ""})
    assert bench.check({f"{TASK}/Readme": "", f"{TASK}/DOCS/b.md": "", f"{TASK}/docs/A.md": ""}, base=base) == [
        f"warn {TASK}/DOCS: 'docs' differs in upper and lower case only: one name to macOS and Windows",
        f"warn {TASK}/Readme: 'README' differs in upper and lower case only: one name to macOS and Windows",
        f"warn {TASK}/docs/A.md: 'a.md' differs in upper and lower case only: one name to macOS and Windows",
    ]


def test_a_file_that_is_renamed_to_another_case_collides_with_nothing(bench: Bench) -> None:
    base = bench.tree({f"{TASK}/README": "text\n"})
    assert bench.check({f"{TASK}/README": None, f"{TASK}/Readme": "text\n"}, base=base) == []


def test_names_that_differ_in_normalisation_only_are_told(bench: Bench) -> None:
    base = bench.tree({f"{TASK}/{COMPOSED}": ""})
    (found,) = bench.check({f"{TASK}/{DECOMPOSED}": ""}, base=base)
    assert found.startswith(f"warn {TASK}/{DECOMPOSED}: ")
    assert "accents" in found
    (found,) = bench.check({f"{TASK}/{DECOMPOSED.upper()}": ""}, base=base)
    assert "upper and lower case" in found


def test_a_new_task_beside_one_that_is_written_like_it(bench: Bench) -> None:
    upper = TASK.replace("word-count", "Word-Count")
    (found,) = bench.check({f"{upper}/metadata.json": "{}", f"{upper}/a.md": ""}, unit=upper)
    assert found.startswith(f"warn {upper}: 'word-count' differs")


def test_a_path_that_is_too_long_for_windows_is_told(bench: Bench) -> None:
    fits = "/".join([TASK, "d" * 100, "e" * 100, "f" * (260 - 202 - len(TASK) - 1)])
    assert len(fits) == 260
    assert bench.check({fits: ""}) == []
    assert bench.check({fits + "x": ""}) == [f"warn {fits}x: the path has 261 characters, more than the 260 of Windows"]
