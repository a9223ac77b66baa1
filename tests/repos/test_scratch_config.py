"""A scratch repository's settings read back as the user's, but for what would lead out of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.repos.git import Git
from gitferry.repos.gitconfig import Setting, listed
from gitferry.repos.scratch_config import NOWHERE, absolute, has_conditions, text, without_password
from gitferry.tests.repo import Repo

ROOT = Path("/home/me/work")


def made(*settings: tuple[str, str, str | None], there: tuple[Setting, ...] = ()) -> str:
    return text([Setting(*one) for one in settings], there, root=ROOT, hooks_path=None)


def read_back(repo: Repo, config: str) -> dict[str, list[str | None]]:
    """What git reads in that text."""
    file = repo.root / "config-of-scratch"
    file.write_bytes(os.fsencode(config))
    output = Git(repo.root).run("config", "--file", str(file), "--list", "-z", "--show-scope").stdout
    found: dict[str, list[str | None]] = {}
    for setting in listed(output):
        found.setdefault(setting.key, []).append(setting.value)
    return found


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return Repo.init(tmp_path_factory.mktemp("config") / "repo", "--template=")


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(values=st.lists(st.tuples(TEXT.filter(lambda name: "\n" not in name), st.none() | TEXT), max_size=20))
def test_every_value_is_written_as_git_reads_it(repo: Repo, values: list[tuple[str, str | None]]) -> None:
    settings = [("local", f"section.{name}.key", value) for name, value in values]
    found = read_back(repo, made(*settings))
    expected: dict[str, list[str | None]] = {}
    for _, key, value in settings:
        expected.setdefault(key, []).append(value)
    assert {key: found[key] for key in expected} == expected


def test_what_leads_out_is_left(repo: Repo) -> None:
    config = made(
        ("local", "core.worktree", "/home/me/work"),
        ("local", "core.bare", "true"),
        ("local", "core.hookspath", ".hooks"),
        ("local", "core.fsmonitor", "true"),
        ("local", "include.path", "more"),
        ("local", "extensions.worktreeconfig", "true"),
        ("local", "submodule.sub.url", "x"),
        ("local", "lfs.storage", "/x"),
        ("worktree", "core.sparsecheckout", "true"),
        ("command", "core.hookspath", "/dev/null"),
        ("local", "remote.origin.url", "../up.git"),
        ("local", "remote.origin.pushurl", "git@host:up"),
        ("local", "remote.origin.pushurl", "git@other:up"),
        ("local", "remote.origin.mirror", "true"),
        ("local", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"),
        ("local", "remote.pushdefault", "origin"),
    )
    found = read_back(repo, config)
    assert (
        found.keys() & {"core.worktree", "include.path", "submodule.sub.url", "lfs.storage", "core.hookspath"} == set()
    )
    assert [key for key in found if key.startswith("extensions.")] == []
    assert found["core.bare"] == found["core.fsmonitor"] == ["false"]
    assert found["core.sparsecheckout"] == ["true"]
    assert {key: value for key, value in found.items() if key.startswith("remote.")} == {
        "remote.origin.url": ["/home/me/up.git"],
        "remote.origin.fetch": ["+refs/heads/*:refs/remotes/origin/*"],
        "remote.origin.pushurl": [NOWHERE],
        "remote.pushdefault": ["origin"],
    }


def test_what_holds_anyway_is_not_repeated(repo: Repo) -> None:
    conditional = ("global", "includeif.gitdir:~/work/.path", "other")
    users = (("global", "user.name", "Me"), conditional, ("global", "user.email", "w@x"), ("local", "user.name", "Me"))
    assert has_conditions([Setting(*one) for one in users]) and not has_conditions([Setting(*users[0])])
    found = read_back(repo, made(*users, there=(Setting("global", "user.name", "Me"), Setting(*conditional))))
    assert {key: value for key, value in found.items() if key.startswith("user.")} == {
        "user.email": ["w@x"],
        "user.name": ["Me"],
    }


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("https://host.example/me/r", "https://host.example/me/r.git/info/lfs"),
        ("https://host.example/me/r.git/", "https://host.example/me/r.git/info/lfs"),
        ("git@host.example:me/r.git", "git@host.example:me/r.git"),
        ("ssh://host.example/r", "ssh://host.example/r"),
        ("../up", "file:///home/me/up"),
        ("file:///srv/r", "file:///srv/r"),
    ],
)
def test_large_files_are_looked_for_where_they_were(repo: Repo, url: str, server: str) -> None:
    lfs = ("global", "filter.lfs.process", "git-lfs filter-process")
    found = read_back(repo, made(lfs, ("local", "remote.o.url", url), there=(Setting(*lfs),)))
    assert found["remote.o.lfspushurl"] == [server]
    own = ("local", "remote.o.lfsurl", "https://other.example/")
    assert "remote.o.lfspushurl" not in read_back(repo, made(lfs, ("local", "remote.o.url", url), own))
    assert "remote.o.lfspushurl" not in read_back(repo, made(("local", "remote.o.url", url)))


@pytest.mark.parametrize(
    ("url", "expected"),
    [("../a/../b", "/home/me/b"), ("b.git", "/home/me/work/b.git"), ("./x:y", "/home/me/work/x:y")]
    + [(url, url) for url in ("/abs", "host:path", "me@host:path", "https://h/x", "file:///x", "")],
)
def test_relative_paths_count_from_the_user_s_tree(url: str, expected: str) -> None:
    assert absolute(url, ROOT) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://u:p@host/x", "https://u@host/x"),
        ("https://u:p@q@host:8443/x", "https://u@host:8443/x"),
        ("https://:p@host/x", "https://host/x"),
        ("https://me@host/x", "https://me@host/x"),
        ("https://glpat-abcdefghij0123456789@host/x", "https://host/x"),
        ("https://u:pa/ss@host/x", "https://u:***@host/x"),
        ("ssh://git@host/x", "ssh://git@host/x"),
        ("git@host:x", "git@host:x"),
        ("/a/b@c", "/a/b@c"),
    ],
)
def test_no_password_is_left_in_a_url(url: str, expected: str) -> None:
    assert without_password(url) == expected
