"""Trees, commits and histories, compared with what the git program says of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitferry.repos.content import EXECUTABLE, FILE, Entry
from gitferry.repos.objects import EMPTY_TREE, MissingObject, Objects, Person
from gitferry.tests.repo import Repo

WHO = Person("Someone", "someone@example.org")
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "repo")


@pytest.fixture
def objects(repo: Repo) -> Iterator[Objects]:
    found = Objects(repo.path(".git"))
    yield found
    found.close()


def listed(repo: Repo, tree: str) -> dict[str, tuple[str, str]]:
    """What git says a root tree holds."""
    rows = repo.git_bytes("ls-tree", "-r", "-z", tree).split(b"\0")[:-1]
    found = {}
    for row in rows:
        head, _, name = row.partition(b"\t")
        mode, _, oid = head.decode().split(" ")
        found[os.fsdecode(name)] = (mode, oid)
    return found


def test_a_written_tree_is_the_one_git_reads(repo: Repo, objects: Objects) -> None:
    blob = objects.write_blob(b"x\n")
    names = ["a", "a.b", "a-b", "dir/x", "dir.x", "dir-x", "b/c/d", "caf\udce9", "neu\nline", "ü"]
    tree = objects.apply(EMPTY_TREE, {name: Entry(FILE, blob) for name in names} | {"run": Entry(EXECUTABLE, blob)})
    assert listed(repo, tree) == {**{name: ("100644", blob) for name in names}, "run": ("100755", blob)}
    repo.git("fsck", "--full", "--strict")
    assert dict(objects.walk(tree)).keys() == {*names, "run"}


paths = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.dictionaries(paths, st.integers(0, 3)), after=st.dictionaries(paths, st.integers(0, 3)))
def test_apply_and_changed_agree(objects: Objects, before: dict[str, int], after: dict[str, int]) -> None:
    def flat(wanted: dict[str, int]) -> dict[str, Entry]:
        # A file cannot also be a directory: the shorter name wins.
        kept = {p: n for p, n in wanted.items() if not any(p.startswith(other + "/") for other in wanted)}
        return {path: Entry(FILE, objects.write_blob(str(number).encode())) for path, number in kept.items()}

    old, new = flat(before), flat(after)
    old_tree = objects.apply(EMPTY_TREE, dict(old))
    new_tree = objects.apply(EMPTY_TREE, dict(new))
    different = {path for path in {*old, *new} if old.get(path) != new.get(path)}
    assert set(objects.changed(old_tree, new_tree)) == different
    removals: dict[str, Entry | None] = {path: None for path in different if path not in new}
    assert objects.apply(old_tree, {**removals, **{path: new[path] for path in different if path in new}}) == new_tree
    assert objects.content(new_tree, [*old, *new]) == new


def test_a_rename_is_found_among_what_changed(objects: Objects) -> None:
    text = "".join(f"line {number}\n" for number in range(30)).encode()
    old = objects.apply(
        EMPTY_TREE,
        {"a/one": Entry(FILE, objects.write_blob(text)), "e": Entry(FILE, objects.write_blob(b""))},
    )
    new = objects.apply(
        EMPTY_TREE,
        {"b/two": Entry(FILE, objects.write_blob(text + b"more\n")), "f": Entry(FILE, objects.write_blob(b""))},
    )
    assert objects.renames(old, new) == [("a/one", "b/two")]
    assert objects.renames(old, old) == []


def test_merge_bases_are_gits(repo: Repo, objects: Objects) -> None:
    repo.write("f", "0")
    start = repo.commit("start")
    repo.git("switch", "-q", "-c", "side")
    repo.write("side", "1")
    side = repo.commit("side")
    repo.git("switch", "-q", "main")
    repo.write("main", "1")
    main = repo.commit("main")
    assert objects.merge_bases(main, side) == (start,)
    repo.git("merge", "-q", "--no-edit", side)
    crossed_main = repo.head
    repo.git("switch", "-q", "side")
    repo.git("merge", "-q", "--no-edit", main)
    crossed_side = repo.head
    wanted = set(repo.git("merge-base", "--all", crossed_main, crossed_side).split())
    assert len(wanted) == 2
    assert set(objects.merge_bases(crossed_main, crossed_side)) == wanted
    assert objects.merge_bases(start, main) == (start,)
    assert objects.is_ancestor(start, crossed_side)
    assert not objects.is_ancestor(crossed_side, start)
    assert objects.ahead_behind(crossed_main, start) == (3, 0)


def test_what_is_missing_is_named(objects: Objects) -> None:
    with pytest.raises(MissingObject, match="1234"):
        objects.blob("1234" * 10)
    with pytest.raises(MissingObject):
        objects.info("1234" * 10)


def test_a_commit_keeps_its_zone_and_words(repo: Repo, objects: Objects) -> None:
    oid = objects.write_commit(EMPTY_TREE, [], "wörds\n", author=WHO, committer=WHO, at=AT)
    assert repo.git("log", "-1", "--format=%an <%ae> %at %s", oid) == ("Someone <someone@example.org> 1767323045 wörds")
