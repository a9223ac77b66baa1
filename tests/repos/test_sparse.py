"""What a sparse checkout includes is what git includes: every answer is compared with its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitferry.repos import gitconfig, sparse
from gitferry.repos.content import FILE, SUBMODULE, Entry
from gitferry.repos.git import Git
from gitferry.repos.objects import EMPTY_TREE, Objects
from gitferry.repos.sparse import Sparse
from gitferry.repos.state import locate
from gitferry.tests.repo import Repo
from gitferry.tests.repos import sparse_examples as examples

fresh_each = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


class Judge:
    """A repository in which git says what of a tree is checked out."""

    def __init__(self, root: Path) -> None:
        self.repo = Repo.init(root)
        self.repo.git("config", "core.sparseCheckout", "true")
        self.objects = Objects(root / ".git")
        self.patterns = root / ".git" / "info" / "sparse-checkout"

    def tree(self, paths: Iterable[str], modules: Iterable[str] = ()) -> str:
        """Write a tree of empty files."""
        blob = Entry(FILE, self.objects.write_blob(b""))
        module = Entry(SUBMODULE, "1" * 40)
        return self.objects.apply(EMPTY_TREE, {**dict.fromkeys(paths, blob), **dict.fromkeys(modules, module)})

    def includes(self, tree: str, text: bytes) -> dict[str, bool]:
        """Ask git, by checking the tree out anew."""
        for found in self.repo.root.iterdir():
            if found.name != ".git":
                shutil.rmtree(found) if found.is_dir() else found.unlink()
        (self.repo.root / ".git" / "index").unlink(missing_ok=True)
        self.patterns.write_bytes(text)
        self.repo.git("read-tree", "-mu", tree)
        rows = self.repo.git("ls-files", "-t", "-z").rstrip("\0").split("\0")
        return {row[2:]: row[0] == "H" for row in rows}


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    return Judge(tmp_path / "judge")


def agree(judge: Judge, paths: list[str], text: bytes, *, cone: bool = False, ignore_case: bool = False) -> None:
    said = judge.includes(judge.tree(paths, modules=paths[::5]), text)
    patterns = Sparse(text, root=judge.repo.root, cone=cone, ignore_case=ignore_case)
    assert {path: patterns.includes(path) for path in said} == said


@pytest.mark.soak
@fresh_each
@given(paths=examples.trees, lines=st.lists(examples.lines, max_size=6), end=st.sampled_from(["", "\n"]))
def test_patterns_include_what_git_checks_out(judge: Judge, paths: list[str], lines: list[str], end: str) -> None:
    agree(judge, paths, ("\n".join(lines) + end).encode())


@pytest.mark.soak
@fresh_each
@given(paths=examples.trees, directories=examples.cones)
def test_cones_include_what_git_checks_out(judge: Judge, paths: list[str], directories: list[str]) -> None:
    quoted = ("".join((r"\\" if letter == "\\" else letter) for letter in name) for name in directories)
    judge.repo.git("sparse-checkout", "set", "--cone", "--stdin", stdin="".join(f'"{name}"\n' for name in quoted))
    agree(judge, paths, judge.patterns.read_bytes(), cone=True)


@pytest.mark.soak
@fresh_each
@given(paths=examples.trees, lines=examples.nearly_cones)
def test_what_is_no_cone_is_read_as_git_reads_it(judge: Judge, paths: list[str], lines: list[str]) -> None:
    judge.repo.git("config", "core.sparseCheckoutCone", "true")
    agree(judge, paths, "\n".join(lines).encode(), cone=True)


@pytest.mark.soak
@settings(fresh_each, max_examples=settings().max_examples // 4)
@given(paths=examples.trees, lines=st.lists(examples.lines, max_size=6))
def test_case_is_ignored_as_git_ignores_it(judge: Judge, paths: list[str], lines: list[str]) -> None:
    judge.repo.git("config", "core.ignoreCase", "true")
    agree(judge, paths, "\n".join(lines).encode(), ignore_case=True)


ODD = {
    "the last that matches decides": b"/*\n!/a/\n/a/b\n",
    "what is said of a file goes before what is said of its directory": b"x\n!/a/\n",
    "a byte order mark": b"\xef\xbb\xbf/a/\n",
    "comments, and none": b"# a\n\\#c\n\n!\n",
    "a star before a literal start is no directory": b"a**/x\n",
    "nothing": b"",
    "a name that is not UTF-8": b"/\xe9/\n",
}


@pytest.mark.parametrize("text", ODD.values(), ids=list(ODD))
@pytest.mark.parametrize("cone", [False, True])
def test_odd_files(judge: Judge, text: bytes, cone: bool) -> None:
    judge.repo.git("config", "core.sparseCheckoutCone", str(cone).lower())
    agree(judge, ["a/b", "a/x", "ab/c/x", "#c", "d/a/x", "\udce9/x", "top"], text, cone=cone)


# -- where they are


def read(repo: Repo) -> Sparse | None:
    place = locate(repo.root, {})
    return sparse.read(place, gitconfig.read(Git(repo.root)))


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.init(tmp_path / "repo")
    made.write_all({"in/a": "1\n", "out/a": "1\n"})
    made.commit("one")
    return made


def test_an_ordinary_checkout_has_no_patterns(repo: Repo) -> None:
    assert read(repo) is None
    repo.git("sparse-checkout", "set", "in")
    assert read(repo) is not None
    repo.git("sparse-checkout", "disable")
    assert read(repo) is None


def test_without_a_file_everything_is_included(repo: Repo) -> None:
    repo.git("config", "core.sparseCheckout", "true")
    found = read(repo)
    assert found is not None and found.includes("out/a")


def test_each_linked_worktree_has_its_own(repo: Repo, tmp_path: Path) -> None:
    repo.git("sparse-checkout", "set", "in")
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "other")
    linked = Repo(tmp_path / "linked")
    linked.git("sparse-checkout", "set", "out")
    here, there = read(repo), read(linked)
    assert here is not None and there is not None
    assert [here.includes(path) for path in ("in/a", "out/a")] == [True, False]
    assert [there.includes(path) for path in ("in/a", "out/a")] == [False, True]


def test_a_file_outside_that_is_there_is_not_left_out(repo: Repo) -> None:
    repo.git("sparse-checkout", "set", "in")
    found = read(repo)
    assert found is not None
    assert (found.leaves_out("out/a"), found.leaves_out("out/new"), found.leaves_out("in/a")) == (True, True, False)
    repo.write("out/a", "back\n")
    assert not found.leaves_out("out/a")
    repo.write("gone", "a file\n")
    assert found.leaves_out("gone/below")


def test_the_lock_on_the_patterns_is_seen(repo: Repo) -> None:
    place = locate(repo.root, {})
    assert not sparse.changing(place)
    repo.git("sparse-checkout", "set", "in")
    repo.path(".git/info/sparse-checkout.lock").touch()
    assert sparse.changing(place)
