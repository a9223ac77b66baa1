"""Every path lies in exactly one unit, and what must not travel does not."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from gitferry.repos.tasks import (
    Grouping,
    PatternFault,
    Unit,
    resolve_layout,
    task_id,
)


@dataclass(frozen=True)
class Rules:
    include: tuple[str, ...] = ("**",)
    exclude: tuple[str, ...] = ()
    rest: str = "file"


def directories(rules: Rules | None = None, *paths: str) -> Grouping:
    return Grouping(rules or Rules(), frozenset(paths or ("tasks/a", "tasks/b", "tasks/b/inner")), "directory")


def carried(rules: Rules, path: str, layout: str = "file") -> bool:
    return Grouping(rules, frozenset({"tasks/a"}), layout).unit_of(path).carry


# --- layouts ---


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("tasks/a/metadata.json", Unit("tasks/a", "directory", True)),
        ("tasks/a/src/deep/main.js", Unit("tasks/a", "directory", True)),
        ("tasks/b/x", Unit("tasks/b", "directory", True)),
        ("tasks/b/inner/x/y", Unit("tasks/b/inner", "directory", True)),
        ("tasks/abc/x", Unit("tasks/abc/x", "file", True)),
        ("tasks/a", Unit("tasks/a", "file", True)),  # a file where a task's directory was
        ("README.md", Unit("README.md", "file", True)),
    ],
)
def test_the_nearest_directory_with_a_manifest_owns_a_path(path: str, unit: Unit) -> None:
    assert directories().unit_of(path) == unit


def test_answers_do_not_depend_on_the_order_of_questions() -> None:
    paths = ["tasks/b/inner/x", "tasks/b/x", "x", "tasks/b/inner/deep/y", "tasks/b/other/deep/z", "tasks/c/d/e"]
    forwards, backwards = directories(), directories()
    assert [forwards.unit_of(p) for p in paths] == [backwards.unit_of(p) for p in reversed(paths)][::-1]


def test_what_is_in_no_task_may_be_left_alone() -> None:
    grouping = directories(Rules(rest="ignore"))
    assert grouping.unit_of("README.md") == Unit("README.md", "file", False)
    assert grouping.unit_of("tasks/a/x").carry


def test_rest_says_nothing_where_files_are_the_tasks() -> None:
    assert Grouping(Rules(rest="ignore"), frozenset(), "file").unit_of("README.md").carry


def test_a_repository_is_one_unit_but_for_what_is_excluded() -> None:
    grouping = Grouping(Rules(exclude=("*.log",)), frozenset({"tasks/a"}), "repository")
    assert grouping.unit_of("tasks/a/x") == grouping.unit_of("y") == Unit(".", "repository", True)
    assert grouping.unit_of("tasks/a/x.log") == Unit("tasks/a/x.log", "file", False)
    assert grouping.unit_of(".env") == Unit(".env", "file", False)


def test_files_are_units_whatever_manifests_lie_beside_them() -> None:
    grouping = Grouping(Rules(), frozenset({"tasks/a"}), "file")
    assert grouping.unit_of("tasks/a/x") == Unit("tasks/a/x", "file", True)


def test_manifests_below_the_root_make_tasks() -> None:
    assert resolve_layout("auto", {"a"}) == "directory"
    assert resolve_layout("auto", ()) == "file"
    assert resolve_layout("repository", {"a"}) == "repository"
    assert resolve_layout("directory", ()) == "directory"


# --- include and exclude ---


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.json", "a/b/x.json", True),
        ("*.json", "a/b/x.jsonl", False),
        ("docs/", "docs/a/b", True),
        ("docs/", "x/docs/a", True),
        ("docs/", "docs", False),
        ("docs", "docs", True),
        ("/docs", "x/docs/a", False),
        ("a/*", "a/b/c", True),
        ("a/*.txt", "a/b/c.txt", False),
        ("a/**/c", "a/c", True),
        ("a/**/c", "a/x/y/c", True),
        ("a/**", "a/x/y", True),
        ("**/x", "deep/er/x", True),
        ("file[0-9].txt", "file12.txt", False),
        ("file[0-9]?.txt", "file12.txt", True),
        ("file[!0-9]", "filex", True),
        ("file[!0-9]", "file1", False),
        ("*.json", "line\nbreak/x.json", True),
        ("spä*", "späße", True),
        ("raw*", "raw\udcff", True),
    ],
)
def test_patterns_are_those_of_gitignore(pattern: str, path: str, matches: bool) -> None:
    assert carried(Rules(include=(pattern,)), path) is matches
    assert carried(Rules(exclude=(pattern,)), path) is not matches


def test_the_last_pattern_that_matches_decides() -> None:
    rules = Rules(exclude=("*.log", "!keep.log", "private/", "!*.md", "secret.md"))
    paths = ["x.log", "a/keep.log", "private/keep.log", "private/x.md", "private/secret.md", "other"]
    assert [carried(rules, path) for path in paths] == [False, True, False, True, False, True]


def test_exclude_outweighs_include() -> None:
    assert not carried(Rules(include=("**", "a.txt"), exclude=("a.txt",)), "a.txt")


def test_an_excluded_file_in_a_task_is_a_unit_of_its_own() -> None:
    grouping = directories(Rules(exclude=("build/",)))
    assert grouping.unit_of("tasks/a/build/out.js") == Unit("tasks/a/build/out.js", "file", False)
    assert grouping.unit_of("tasks/a/.env") == Unit("tasks/a/.env", "file", False)
    assert grouping.unit_of("tasks/a/src.js") == Unit("tasks/a", "directory", True)


@pytest.mark.parametrize(
    "path",
    [
        *(".env", "a/.env.production", ".ENV", ".envs/production/db", "a/.env/x"),
        *("id_rsa", "home/id_ed25519", "server.key", "SERVER.PEM", "store.p12"),
        *("notes.txt~", ".#lock", "#auto#", ".x.swp", "x.swo", "4913", ".~lock.a.odt#", "~$a.docx"),
        *("x.tmp", "x.part", "x.crdownload", ".DS_Store", ".gitferry-abc", ".nfs0001", "a/.goutputstream-AB12"),
    ],
)
def test_secrets_and_editors_files_never_travel_unless_named(path: str) -> None:
    name = path.rpartition("/")[2]
    assert not carried(Rules(), path)
    assert not carried(Rules(), path, "directory")
    assert not carried(Rules(include=("**", "*", "a/", "home/**", "a/*")), path)
    assert carried(Rules(include=("**", name.replace("#", "\\#", 1) if name.startswith("#") else name)), path)


@pytest.mark.parametrize("path", ["env", "environment.md", "a.envrc.md", "id_rsa.pub", "key", "swp", "tmp/x", "49130"])
def test_names_that_only_resemble_them_travel(path: str) -> None:
    assert carried(Rules(), path)


def test_a_directory_of_environments_may_be_named_without_its_keys() -> None:
    rules = Rules(include=("**", ".envs/"))
    assert carried(rules, ".envs/production/db")
    assert not carried(rules, ".envs/production/tls.key")


def test_a_pattern_without_meaning_is_a_fault() -> None:
    with pytest.raises(PatternFault) as caught:
        Grouping(Rules(exclude=("!",)), frozenset(), "file")
    assert "'!'" in caught.value.title
    assert caught.value.hint


# --- names ---


def test_task_ids_are_stable_and_tell_apart() -> None:
    assert task_id("tasks", "tasks/a") == "8636e23be345"
    assert task_id("tasks", "raw\udcff") != task_id("tasks", "raw")
    assert task_id("a", "b/c") != task_id("a/b", "c")


def test_fifty_thousand_paths_take_a_fraction_of_a_second() -> None:
    rules = Rules(include=("**", "!a/*", ".env.example"), exclude=("build/", "*.log", "!keep.log"))
    paths = [f"d{i % 50}/s{i % 997}/file{i}.txt" for i in range(50_000)]
    grouping = directories(rules, *(f"d{i}" for i in range(40)))
    start = time.process_time()
    units = {grouping.unit_of(path) for path in paths}
    assert time.process_time() - start < 1.0  # 0.15 s on a quiet machine
    assert len(units) == 40 + 10_000
