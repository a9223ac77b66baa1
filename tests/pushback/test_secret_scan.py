"""What a push would publish: found in added lines, in every commit of a range, and not where it was before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from gitferry.pushback import secret_scan
from gitferry.pushback.findings import Finding, Weight
from gitferry.pushback.secret_scan import BadPattern, secrets_in, secrets_in_commits
from gitferry.repos.content import EXECUTABLE, FILE, SUBMODULE, SYMLINK, Entry
from gitferry.repos.objects import Objects
from gitferry.tests.repo import Repo
from gitferry.tests.security.formats import FIRST, WORD, run

KEY = next(each for each in FIRST if each.kind == "RSA private key")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "repo")


@pytest.fixture
def objects(repo: Repo) -> Iterator[Objects]:
    found = Objects(repo.path(".git"))
    yield found
    found.close()


@pytest.fixture
def token(seed: int) -> Callable[[], str]:
    """A GitHub token, another one each time."""
    random = Random(seed)
    return lambda: FIRST[0].make(random)


@pytest.fixture
def store(objects: Objects) -> Callable[..., Entry]:
    """The entry of a file that holds this text."""
    return lambda text, mode=FILE: Entry(mode, objects.write_blob(text if isinstance(text, bytes) else text.encode()))


def places(findings: tuple[Finding, ...]) -> list[tuple[str, int | None, Weight]]:
    return [(each.path, each.line, each.weight) for each in findings]


Token = Callable[[], str]
Store = Callable[..., Entry]


def test_only_added_lines_count(objects: Objects, token: Token, store: Store) -> None:
    old, new = token(), token()
    before = {"a.env": store(f"A={old}\nB=1\n"), "b.env": store(f"C={old}\n")}
    after = {"a.env": store(f"# changed\nA={old}\nB=1\nD={new}\n"), "b.env": store("C=\n")}
    (found,) = secrets_in(objects, before, after, ignore=())
    assert (found.rule, found.path, found.line, found.weight) == ("secret", "a.env", 4, Weight.STOP)
    assert "GitHub Personal Access Token" in found.message
    assert "revoke" in found.remedy
    assert "allowlist secret" in found.remedy
    assert "secrets_ignore" in found.remedy
    assert new not in str(found)


def test_a_new_file_is_added_whole(objects: Objects, token: Token, store: Store) -> None:
    after = {"t/run.sh": store(f"#!/bin/sh\nexport T={token()}\n", EXECUTABLE), "t/a": store("nothing\n")}
    assert places(secrets_in(objects, {}, after, ignore=())) == [("t/run.sh", 2, Weight.STOP)]


def test_what_stays_or_only_moves_adds_nothing(objects: Objects, token: Token, store: Store) -> None:
    entry = store(f"A={token()}\n")
    before = {"a": entry, "b": store("x\n")}
    assert secrets_in(objects, before, before, ignore=()) == ()
    assert secrets_in(objects, before, {"c/d": entry}, ignore=()) == ()
    assert secrets_in(objects, before, {"a": Entry(EXECUTABLE, entry.oid), "copy": entry}, ignore=()) == ()
    assert secrets_in(objects, before, {}, ignore=()) == ()


def test_what_is_no_file_is_not_looked_at(objects: Objects, token: Token, store: Store) -> None:
    link = store(f"https://u:{token()}@example.net", SYMLINK)
    assert secrets_in(objects, {}, {"link": link, "sub": Entry(SUBMODULE, "1" * 40)}, ignore=()) == ()
    was_link = {"a": store("elsewhere", SYMLINK)}
    assert places(secrets_in(objects, was_link, {"a": store(f"A={token()}\n")}, ignore=())) == [("a", 1, Weight.STOP)]


def test_binary_is_not_text(objects: Objects, token: Token, store: Store) -> None:
    assert secrets_in(objects, {}, {"a.bin": store(f"A={token()}\0".encode())}, ignore=()) == ()
    utf_16 = f"\ufeffone\r\nA={token()}\r\n".encode("utf-16-le")
    assert places(secrets_in(objects, {}, {"a.reg": store(utf_16)}, ignore=())) == [("a.reg", 2, Weight.STOP)]


def test_a_key_that_is_replaced_between_its_first_and_last_line(objects: Objects, store: Store, seed: int) -> None:
    random = Random(seed)
    before = {"deploy.pem": store(KEY.make(random) + "\n")}
    after = {"deploy.pem": store(KEY.make(random) + "\n")}
    assert places(secrets_in(objects, before, after, ignore=())) == [("deploy.pem", 2, Weight.STOP)]


def test_random_text_warns(objects: Objects, store: Store, seed: int) -> None:
    after = {"a.yaml": store(f"password: {run(Random(seed), WORD, 30)}\n")}
    (found,) = secrets_in(objects, {}, after, ignore=())
    assert (found.weight, found.line) == (Weight.WARN, 1)
    assert found.message.startswith("may be")


def test_a_comment_excuses_and_is_told(objects: Objects, token: Token, store: Store, seed: int) -> None:
    random_text = run(Random(seed), WORD, 30)
    text = f"a: {token()}  # gitleaks:allow\nb: {token()}\npassword: {random_text}  # gitleaks:allow\n"
    found = secrets_in(objects, {}, {"a.yaml": store(text)}, ignore=())
    assert places(found) == [("a.yaml", 1, Weight.EXCUSED), ("a.yaml", 2, Weight.STOP)]
    assert "comment" in found[0].message


@pytest.mark.parametrize(
    ("ignore", "weights"),
    [
        (("tests/",), [Weight.STOP, Weight.EXCUSED]),
        (("*.json",), [Weight.STOP, Weight.EXCUSED]),
        (("**/fixtures/**",), [Weight.STOP, Weight.EXCUSED]),
        (("*", "!/a.env"), [Weight.STOP, Weight.EXCUSED]),
        (("/fixtures",), [Weight.STOP, Weight.STOP]),
        (("# tests/", ""), [Weight.STOP, Weight.STOP]),
    ],
)
def test_a_path_excuses(
    objects: Objects, token: Token, store: Store, ignore: tuple[str, ...], weights: list[Weight]
) -> None:
    after = {"a.env": store(f"A={token()}\n"), "tests/fixtures/a.json": store(f'{{"a": "{token()}"}}\n')}
    assert [each.weight for each in secrets_in(objects, {}, after, ignore=ignore)] == weights


def test_a_pattern_without_meaning(objects: Objects) -> None:
    with pytest.raises(BadPattern) as raised:
        secrets_in(objects, {}, {}, ignore=("docs/", "!"))
    assert "secrets_ignore" in raised.value.title


def test_what_is_too_large_is_said_so(
    objects: Objects, token: Token, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_scan, "LARGEST", 1 << 20)
    after = {"large.csv": store(f"{token()}\n" + "x" * (1 << 20)), "small": store("x\n")}
    (found,) = secrets_in(objects, {}, after, ignore=())
    assert (found.path, found.weight, found.line) == ("large.csv", Weight.WARN, None)
    assert "too large" in found.message


def test_a_secret_that_the_next_commit_removes(repo: Repo, objects: Objects, token: Token) -> None:
    repo.write("a", "one\n")
    repo.commit("first")
    repo.write("a", f"one\nA={token()}\n")
    bad = repo.commit("a mistake")
    repo.write("a", "one\n")
    repo.commit("the mistake removed")
    commits = [info.oid for info in objects.between((), repo.head)]
    found = secrets_in_commits(objects, commits, ignore=())
    assert [(commit, each.path, each.line, each.weight) for commit, each in found] == [(bad, "a", 2, Weight.STOP)]


def test_a_first_commit_adds_all(repo: Repo, objects: Objects, token: Token) -> None:
    repo.write_all({"a": f"A={token()}\n", "t/b": "x\n"})
    first = repo.commit("first")
    assert [(commit, each.path) for commit, each in secrets_in_commits(objects, [first], ignore=())] == [(first, "a")]
    (found,) = secrets_in_commits(objects, [first], ignore=("a",))
    assert found[1].weight is Weight.EXCUSED


def test_a_merge_adds_what_no_parent_has(repo: Repo, objects: Objects, token: Token) -> None:
    repo.write_all({"ours": "1\n", "theirs": "1\n", "both": "1\n2\n3\n4\n5\n6\n"})
    repo.commit("base")
    repo.git("switch", "-c", "upstream")
    repo.write_all({"theirs": f"1\nA={token()}\n", "both": f"A={token()}\n1\n2\n3\n4\n5\n6\n"})
    upstream = repo.commit("published long ago")
    repo.git("switch", "main")
    repo.write_all({"ours": "2\n", "both": "1\n2\n3\n4\n5\n7\n"})
    ours = repo.commit("ours")
    repo.git("merge", "--no-commit", upstream)
    merge = repo.commit("merged")
    range_ = [info.oid for info in objects.between((upstream,), merge)]
    assert set(range_) == {ours, merge}
    assert secrets_in_commits(objects, range_, ignore=()) == ()

    repo.git("reset", "--hard", ours)
    repo.git("merge", "--no-commit", upstream)
    repo.write("both", repo.read("both") + f"B={token()}\n")
    evil = repo.commit("merged, and more")
    found = secrets_in_commits(objects, [evil], ignore=())
    assert [(commit, each.path, each.line) for commit, each in found] == [(evil, "both", 8)]


def test_a_move_in_a_commit_adds_nothing(repo: Repo, objects: Objects, token: Token) -> None:
    repo.write("a", f"A={token()}\n")
    repo.commit("first")
    repo.git("mv", "a", "b")
    moved = repo.commit("moved")
    assert secrets_in_commits(objects, [moved], ignore=()) == ()


def test_a_commit_whose_parent_a_shallow_clone_lacks(repo: Repo, token: Token, tmp_path: Path) -> None:
    repo.write("a", f"A={token()}\n")
    repo.commit("first")
    repo.write("b", "x\n")
    last = repo.commit("second")
    shallow = Repo.clone(f"file://{repo.root}", tmp_path / "shallow", "--depth=1")
    objects = Objects(shallow.path(".git"))
    assert [each.path for _, each in secrets_in_commits(objects, [last], ignore=())] == ["a"]
    objects.close()
