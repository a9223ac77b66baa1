"""Edits by commands: comments, layout, mode and links stay, and only a valid result replaces the file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.config import edit
from gitferry.config.errors import GitferryError
from gitferry.config.load import SettingsError, load
from gitferry.config.template import PROFILES, template

TEXT = """\
# who wrote this
version: 1

defaults:   # for all
    pull: {every: 5m,   jitter: 10%}  # aligned
    watch:
        # how long
        quiet: "2s"   # two
        # the end of watch
    tasks:
        include:
        - a/**   # first
        - b/**
    pushback:
        commit_message: |
            {{ summary }}

            done
        sign: never

repositories:
# the first
- name: one
  path: /srv/one
  # about one
  # more about one

# the second
- path: /srv/two
  pull:
    every: 1m

# the end
notifications: []  # none
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(TEXT)
    return path


def change(file: Path, do: Callable[[], object]) -> tuple[list[str], list[str]]:
    """Return the lines that went and those that came."""
    before = file.read_text().splitlines()
    do()
    after = file.read_text().splitlines()
    return [each for each in before if each not in after], [each for each in after if each not in before]


@pytest.mark.parametrize(
    ("key", "value", "gone", "come"),
    [
        ("version", "1", [], []),
        (
            "defaults.pull.every",
            "1m",
            ["    pull: {every: 5m,   jitter: 10%}  # aligned"],
            ["    pull: {every: 1m,   jitter: 10%}  # aligned"],
        ),
        (
            "defaults.pull.at",
            "*/5 * * * *",
            ["    pull: {every: 5m,   jitter: 10%}  # aligned"],
            ['    pull: {every: 5m,   jitter: 10%, at: "*/5 * * * *"}  # aligned'],
        ),
        ("defaults.watch.quiet", "1s", ['        quiet: "2s"   # two'], ["        quiet: 1s   # two"]),
        ("defaults.watch.enabled", "false", [], ["        enabled: false"]),
        (
            "defaults.tasks.include",
            "[c/**, d]",
            ["        include:", "        - a/**   # first", "        - b/**"],
            ['        include: ["c/**", d]'],
        ),
        (
            "defaults.pushback.commit_message",
            "x: y",
            ["        commit_message: |", "            {{ summary }}", "            done"],
            ['        commit_message: "x: y"'],
        ),
        ("defaults.pushback.limits.files", "5", [], ["        limits:", "          files: 5"]),
        ("daemon.http.port", "9000", [], ["daemon:", "  http:", "    port: 9000"]),
        ("daemon.workers", "3", [], ["daemon:", "  workers: 3"]),
        ("repositories.one.branch", "main", [], ["  branch: main"]),
        ("repositories.one.auth", "{credential: work}", [], ["  auth:", "    credential: work"]),
        ("repositories.two.pull.every", "9m", ["    every: 1m"], ["    every: 9m"]),
        ("defaults.branch", "null", [], ["    branch: null"]),
        ("notifications", "[{type: desktop}]",
            ["notifications: []  # none"], ["notifications: [{type: desktop}]  # none"]),
    ],
)  # fmt: skip
def test_one_value_changes_and_nothing_else(file: Path, key: str, value: str, gone: list[str], come: list[str]) -> None:
    assert change(file, lambda: edit.set_value(file, key, value)) == (gone, come)
    load(file, os.environ)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_can_be_edited(tmp_path: Path, profile: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(template(profile))
    gone, come = change(file, lambda: edit.add_repository(file, {"name": "a", "path": "/srv/a"}))
    assert (gone, come) == (["repositories: []"], ["repositories:", "  - name: a", "    path: /srv/a"])
    edit.add_repository(file, {"path": "/srv/b", "auth": {"credential": "c"}})
    edit.set_value(file, "repositories.b.pull.every", "1m")
    settings = edit.set_value(file, "defaults.pushback.max_batch_size", "5")
    assert [(each.name, each.pull.every, each.pushback.max_batch_size) for each in settings.repositories][1] == (
        "b",
        60,
        5,
    )
    for name in ("b", "a"):
        edit.remove_repository(file, name)
    edit.set_value(file, "defaults.pushback.max_batch_size", "10")
    assert file.read_text() == template(profile)


def test_an_entry_is_added_where_entries_end(file: Path) -> None:
    _, come = change(file, lambda: edit.add_repository(file, {"path": "/srv/three", "branch": None, "trusted": True}))
    assert come == ["- path: /srv/three", "  branch: null", "  trusted: true"]
    assert "    every: 1m\n- path: /srv/three\n  branch: null\n  trusted: true\n\n# the end\n" in file.read_text()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version: 1", "version: 1\nrepositories:\n  - path: /a\n"),
        ("version: 1\n# end\n", "version: 1\n# end\nrepositories:\n  - path: /a\n"),
        ("repositories: []", "repositories:\n  - path: /a\n"),
        ("repositories: [] # none\nversion: 1\n", "repositories: # none\n  - path: /a\nversion: 1\n"),
        ("repositories: [{path: /b}]\n", "repositories: [{path: /b}, {path: /a}]\n"),
        ("repositories: [\n  {path: /b},\n]\n", "repositories: [\n  {path: /b}, {path: /a}\n]\n"),
        ("repositories:\n    - path: /b\n", "repositories:\n    - path: /b\n    - path: /a\n"),
        ("repositories:\n  -\n    path: /b", "repositories:\n  -\n    path: /b\n  - path: /a\n"),
    ],
)
def test_entries_are_added_to_any_layout(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(before)
    edit.add_repository(file, {"path": "/a"})
    assert file.read_text() == after


def test_comments_of_others_stay_when_an_entry_goes(file: Path) -> None:
    gone, come = change(file, lambda: edit.remove_repository(file, "one"))
    assert gone == ["- name: one", "  path: /srv/one", "  # about one", "  # more about one"]
    assert come == []
    gone, come = change(file, lambda: edit.remove_repository(file, "two"))
    assert gone == ["repositories:", "- path: /srv/two", "  pull:", "    every: 1m"]
    assert come == ["repositories: []"]
    assert load(file, os.environ).repositories == ()


def test_an_entry_goes_from_brackets(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("repositories: [{path: /a}, {path: /b, branch: x}]  # both\n")
    edit.remove_repository(file, "a")
    assert file.read_text() == "repositories: [{path: /b, branch: x}]  # both\n"


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda file: edit.set_value(file, "defaults.pull.every", "soon"), '"soon" is no duration'),
        (lambda file: edit.set_value(file, "defaults.pull.evry", "1m"), "did you mean every"),
        (lambda file: edit.set_value(file, "defaults.pull.every.x", "1m"), "no place for defaults.pull.every.x"),
        (lambda file: edit.set_value(file, "repositories.oen.branch", "x"), 'there is no repository "oen"'),
        (lambda file: edit.set_value(file, "repositories.one", "x"), "names a repository and no key"),
        (lambda file: edit.set_value(file, "defaults.tasks.include", "[*x]"), "is not valid YAML"),
        (lambda file: edit.set_value(file, "", "x"), "unknown key"),
        (lambda file: edit.add_repository(file, {"path": "/srv/one/inner"}), 'inside the tree of "one"'),
        (lambda file: edit.add_repository(file, {"nmae": "x"}), "did you mean name"),
        (lambda file: edit.remove_repository(file, "three"), 'there is no repository "three"'),
    ],
)
def test_what_would_not_be_valid_leaves_the_file_as_it_is(
    file: Path, do: Callable[[Path], object], message: str
) -> None:
    before, place = file.read_bytes(), file.stat().st_ino
    with pytest.raises(GitferryError, match=message):
        do(file)
    assert (file.read_bytes(), file.stat().st_ino) == (before, place)
    assert sorted(each.name for each in file.parent.iterdir() if "config" in each.name) == ["config.yaml"]


def test_a_faulty_file_is_refused_or_repaired(file: Path) -> None:
    file.write_text("defaults: {pull: {every: soon}}\nrepositories: []\n")
    with pytest.raises(SettingsError, match="soon"):
        edit.add_repository(file, {"path": "/a"})
    edit.set_value(file, "defaults.pull.every", "5m")
    edit.add_repository(file, {"path": "/a"})
    file.write_text("defaults: {pull: *x}\n")
    with pytest.raises(SettingsError, match="alias"):
        edit.set_value(file, "defaults.pull.every", "5m")


def test_a_link_stays_a_link_and_the_mode_stays(tmp_path: Path, file: Path) -> None:
    file.chmod(0o640)
    link = tmp_path / "dotfiles" / "link.yaml"
    link.parent.mkdir()
    link.symlink_to("../config.yaml")
    edit.set_value(link, "daemon.workers", "9")
    assert link.is_symlink() and not file.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert "workers: 9" in file.read_text()


def test_line_ends_and_a_byte_order_mark_stay(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfversion: 1\r\ndaemon:\r\n  workers: 2 # two\r\n")
    edit.set_value(file, "daemon.workers", "3")
    edit.add_repository(file, {"path": "/a"})
    assert file.read_bytes() == (
        b"\xef\xbb\xbfversion: 1\r\ndaemon:\r\n  workers: 3 # two\r\nrepositories:\r\n  - path: /a\r\n"
    )


def test_the_first_repository_creates_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "config.yaml"
    settings = edit.add_repository(file, {"path": "/srv/a"})
    assert [each.name for each in settings.repositories] == ["a"]
    assert load(file, os.environ) == settings
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "# The working trees." in file.read_text()


def test_secret_keys_are_known() -> None:
    assert edit.secret("repositories.x.auth.token")
    assert edit.secret("repositories.a.b.auth.password")
    assert not edit.secret("repositories.x.auth.username")
    assert not edit.secret("defaults.pushback.secrets")
