"""Conflicts shown and answered from the command line, with a daemon and without one."""

from __future__ import annotations

import os
import re
import shlex
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from gitferry.daemon.cli.main import main
from gitferry.daemon.cli.push import task as push_task
from gitferry.pushback.outcome import Strategy
from gitferry.tests import samples
from gitferry.tests.daemon.cli.conftest import Gitferry, Register, Registered, Said, alone
from gitferry.tests.repo import Repo

TASK = samples.TASKS[0]
NOTES = f"{TASK.directory}/notes.txt"
OTHER = "other.txt"
LINES = "1\n2\n3\n4\n5\n"
KEYS = {
    *("id", "repository", "task", "path", "push_status", "strategy", "reason", "local_changed_at", "remote_commit"),
    *("remote_author", "remote_changed_at", "mergeable", "version", "files", "pull_request_url"),
}
UNMARK = "sed -i -e '/^<<<<<<< /d;/^||||||| /,/^=======/d;/^>>>>>>> /d'"


@dataclass(frozen=True, slots=True)
class Place(Registered):
    """A registered tree, its remote, somebody else's clone of that, and the command line."""

    theirs: Repo

    def clash(self, ours: str, theirs: str, path: str = NOTES) -> None:
        """Have both sides change a file that they agreed on, and the crossing meet it."""
        self.theirs.pull()
        self.theirs.write(path, theirs)
        self.theirs.commit(f"theirs: {path}")
        self.theirs.push("origin", "main")
        self.tree.write(path, ours)
        assert "conflict" in self.run("sync", code=4).out

    def conflict(self, name: str = TASK.name) -> dict[str, Any]:
        (row,) = self.run("conflicts", name, "--json").json["conflicts"]
        assert isinstance(row, dict)
        return row

    @property
    def is_open(self) -> bool:
        return bool(self.run("conflicts", "--json").json["conflicts"])

    def at_remote(self, path: str = NOTES) -> str:
        return self.remote.tree("main")[path].decode()


@pytest.fixture(autouse=True)
def scratch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is kept of an edit goes with the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def place(clone: Callable[..., Repo], remote: Repo, gitferry: Gitferry, register: Register) -> Place:
    """Both sides agree on two files of five lines."""
    theirs = clone("theirs")
    theirs.write_all({NOTES: LINES, OTHER: LINES})
    theirs.commit("agreed")
    theirs.push("origin", "main")
    tree = clone("work")
    register(tree, "conflict_strategy: fail")
    gitferry("sync")
    return Place(tree, remote, gitferry, theirs)


def script(tmp_path: Path, body: str) -> str:
    """Return the command that runs a shell script."""
    place = tmp_path / "script.sh"
    place.write_text(f"#!/bin/sh\n{body}\n")
    place.chmod(0o700)
    return shlex.quote(str(place))


def test_conflicts_are_listed_and_shown_in_all_versions(place: Place) -> None:
    assert place.run("conflicts").out == "No conflicts.\n"
    place.clash("1\nours\n3\n4\n5\n", "1\ntheirs\n3\n4\n5\n")
    (row,) = place.run("conflicts", "--json").json["conflicts"]
    assert row.keys() >= KEYS
    assert (row["task"], row["strategy"], row["mergeable"]) == (TASK.name, "fail", False)
    assert (row["remote_commit"], row["remote_author"]) == (place.theirs.head, "Test Person <test@example.org>")
    assert row["files"][0]["conflict"] == "both changed the same part"
    for arguments in (["conflicts"], ["conflicts", "work"]):
        said = place.run(*arguments).out
        assert f"work: {TASK.name}: conflict: both sides changed it" in said and row["remote_commit"][:12] in said
        assert f"`gitferry conflicts {TASK.name}` shows" in said
    said = place.run("conflicts", TASK.name).out
    assert "-2\n+ours" in said and "-2\n+theirs" in said
    assert "<<<<<<< yours\nours\n||||||| base\n2\n=======\ntheirs\n>>>>>>> theirs\n" in said
    assert f"`gitferry resolve {TASK.name} --take local`" in said and "`--edit`" in said
    assert "merged" not in said.splitlines()[-1], "only answers that this conflict can have are offered"
    shown = place.conflict()
    assert "+ours" in shown["local_diff"] and "+theirs" in shown["remote_diff"] and shown["merged_diff"] is None
    assert shown["files"][0]["local"]["mode"] == "100644"


def test_take_local_pushes_ours_and_keeps_theirs_in_history(place: Place) -> None:
    place.clash("ours\n", "theirs\n")
    said = place.run("resolve", TASK.name, "--take", "local").out
    assert f"work: pushed yours: {TASK.name}" in said and said.count("gitferry undo ") == 1
    assert place.at_remote() == "ours\n" == place.tree.read(NOTES)
    assert place.remote.is_linear("main") and place.theirs.head in place.remote.commits("main")
    assert not place.is_open


def test_take_remote_pulls_theirs_and_undo_brings_ours_back(place: Place) -> None:
    place.clash("ours\n", "theirs\n")
    answer = place.run("resolve", TASK.name, "--take", "remote", "--json").json
    assert (answer["resolved"], answer["task"]["name"]) == (True, TASK.name)
    assert place.at_remote() == "theirs\n" == place.tree.read(NOTES)
    place.run("undo", answer["results"][0]["operation"], code=None)
    assert place.tree.read(NOTES) == "ours\n"


def test_take_merged_gives_both_sides_both_changes(place: Place) -> None:
    place.clash("ours\n2\n3\n4\n5\n", "1\n2\n3\n4\ntheirs\n")
    said = place.run("conflicts", TASK.name).out
    assert "What the merge would change here" in said and f"resolve {TASK.name} --take merged`" in said
    place.run("resolve", TASK.name, "--take", "merged")
    assert place.at_remote() == "ours\n2\n3\n4\ntheirs\n" == place.tree.read(NOTES)
    assert not place.is_open


def test_edit_answers_with_what_was_made_of_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.clash("1\nours\n3\n4\n5\n", "1\ntheirs\n3\n4\n5\n")
    monkeypatch.setenv("GIT_EDITOR", UNMARK)
    answer = place.run("resolve", TASK.name, "--edit", "--json").json
    assert answer["resolved"]
    assert place.at_remote() == "1\nours\ntheirs\n3\n4\n5\n" == place.tree.read(NOTES)
    assert not place.is_open and place.tree.status() == ""


def test_an_edit_that_was_overtaken_does_nothing_and_is_kept(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place.clash("ours\n", "theirs\n")
    monkeypatch.setenv("GIT_EDITOR", script(tmp_path, f'echo again >{place.tree.path(NOTES)}; echo typed >"$1"'))
    said = place.run("resolve", TASK.name, "--edit", code=4)
    assert "changed again" in said.err
    assert place.tree.read(NOTES) == "again\n" and place.at_remote() == "theirs\n"
    kept = re.search(r"what you wrote is kept in (\S+)", said.err)
    assert kept is not None and Path(kept[1], NOTES).read_text() == "typed\n"


def test_a_push_can_have_a_strategy_of_its_own(place: Place) -> None:
    place.clash("ours\n", "theirs\n")
    place.run("push", "task", TASK.name, code=4)
    place.run("push", "task", TASK.name, "--strategy", "take_local")
    assert place.at_remote() == "ours\n"
    assert "take_local" in place.run("push", "task", TASK.name, "--strategy", "ours", code=2).err


@alone
def test_an_answer_to_what_has_changed_since_does_nothing(place: Place) -> None:
    place.clash("ours\n", "theirs\n")
    version = place.conflict()["version"]
    place.tree.write(NOTES, "ours again\n")
    said = place.run("resolve", TASK.name, "--take", "remote", "--if-version", version, code=4)
    assert "nothing was done" in said.err and said.out == ""
    assert place.tree.read(NOTES) == "ours again\n" and place.is_open
    place.run("resolve", TASK.name, "--take", "remote", "--if-version", place.conflict()["version"])
    assert place.tree.read(NOTES) == "theirs\n"


@alone
def test_a_remote_that_moved_meanwhile_is_not_overwritten(place: Place) -> None:
    place.clash("ours\n", "theirs\n")
    place.theirs.write(NOTES, "theirs again\n")
    place.theirs.commit("again")
    place.theirs.push("origin", "main")
    said = place.run("resolve", TASK.name, "--take", "local", code=4)
    assert "conflict" in said.out and "changed again since you looked" in said.out
    assert place.at_remote() == "theirs again\n" and place.tree.read(NOTES) == "ours\n"


@alone
def test_a_merge_that_is_not_clean_names_its_files(place: Place) -> None:
    place.clash("ours\n", "theirs\n")
    said = place.run("resolve", TASK.name, "--take", "merged", code=1)
    assert NOTES in said.err and "--edit" in said.err
    assert place.tree.read(NOTES) == "ours\n" and place.at_remote() == "theirs\n"


@alone
def test_other_conflicts_are_told_and_do_not_spoil_the_answer(place: Place) -> None:
    place.clash("ours\n", "theirs\n")
    place.clash("ours\n", "theirs\n", OTHER)
    said = place.run("resolve", TASK.name, "--take", "local").out
    assert said.endswith("work: 1 other task is in conflict\n") and OTHER not in said
    assert [row["task"] for row in place.run("conflicts", "--json").json["conflicts"]] == [OTHER]


@alone
def test_what_is_no_answer_leaves_all_as_it_is(
    place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place.clash("ours\n", "theirs\n")

    def refused(editor: str) -> Said:
        monkeypatch.setenv("GIT_EDITOR", editor)
        said = place.run("resolve", TASK.name, "--edit", code=1)
        assert place.tree.read(NOTES) == "ours\n" and place.at_remote() == "theirs\n" and place.is_open
        return said

    assert "still has conflict markers" in refused("true").err
    assert "exit code 1" in refused("false").err
    assert "kept in" not in refused("true").err
    assert "kept in" in refused(script(tmp_path, 'echo typed >>"$1"')).err
    monkeypatch.delenv("GIT_EDITOR")
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert "needs a terminal" in place.run("resolve", TASK.name, "--edit", code=1).err


@alone
def test_tasks_that_a_rename_joins_have_one_answer(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.theirs.git("mv", OTHER, "moved.txt")
    place.theirs.commit("moved")
    place.theirs.push("origin", "main")
    place.tree.write(OTHER, LINES + "ours\n")
    place.run("sync", code=4)
    assert place.conflict(OTHER)["together"] == ["moved.txt"]
    assert "with      moved.txt" in place.run("conflicts", OTHER).out
    monkeypatch.setenv("GIT_EDITOR", "true")
    assert "a rename joins it to moved.txt" in place.run("resolve", OTHER, "--edit", code=1).err
    place.run("resolve", OTHER, "--take", "merged")
    assert place.at_remote("moved.txt") == LINES + "ours\n" == place.tree.read("moved.txt")
    assert not place.tree.exists(OTHER) and not place.is_open


@alone
def test_a_repository_that_waits_is_told(place: Place) -> None:
    place.clash("ours\n", "theirs\n")
    place.tree.write(".git/MERGE_HEAD", f"{place.tree.head}\n")
    said = place.run("resolve", TASK.name, "--take", "local", code=4)
    assert "work: waits: a merge" in said.out and place.at_remote() == "theirs\n"


@alone
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([TASK.name], 2, "--take local"),
        ([TASK.name, "--take", "local", "--edit"], 2, "--take local"),
        ([TASK.name, "--take", "ours"], 2, "remote"),
        (["--take", "local"], 2, "TASK"),
        ([TASK.name, "--take", "local"], 1, "is not in conflict"),
        ([TASK.name, "--edit"], 1, "is not in conflict"),
        (["no-such-task", "--take", "local"], 1, "no-such-task"),
    ],
)
def test_wrong_use_is_told(place: Place, arguments: list[str], code: int, words: str) -> None:
    said = place.run("resolve", *arguments, code=code)
    assert words in said.err and said.out == ""


@alone
def test_names_complete(place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def complete(words: str) -> str:
        for name, value in {"_GITFERRY_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "2"}.items():
            monkeypatch.setenv(name, value)
        capfd.readouterr()
        with pytest.raises(SystemExit):
            main([])
        return capfd.readouterr().out

    assert complete("gitferry resolve oth") == "plain,other.txt\n"
    assert complete("gitferry conflicts oth") == "plain,other.txt\n"
    assert complete("gitferry conflicts wo") == f"plain,work\nplain,{TASK.name}\n"


def test_the_strategies_of_a_push_are_those_there_are() -> None:
    option = next(each for each in push_task.params if each.name == "strategy")
    assert isinstance(option.type, click.Choice)
    assert list(option.type.choices) == [each.value for each in Strategy]


def test_without_network_it_says_that_nothing_was_answered(place: Place) -> None:
    place.clash("ours\n", "theirs\n")
    place.tree.git("remote", "set-url", "origin", "http://127.0.0.1:9/none.git")
    said = place.run("resolve", TASK.name, "--take", "local", code=4)
    assert "cannot be reached" in said.out
    assert "is not answered yet" in said.out
    assert place.is_open
