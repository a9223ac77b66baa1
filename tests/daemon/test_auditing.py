"""What people and crossings do is on record: once a push, also where its acknowledgement or the process was lost."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from gitferry.config.paths import state_dir
from gitferry.daemon.control import Control
from gitferry.repos.git import Git, GitTimeout
from gitferry.store.rows import SentPush
from gitferry.tests.daemon.cli.conftest import COMMAND
from gitferry.tests.daemon.test_control import entry, write_settings
from gitferry.tests.integration.simulation_faults import Cut
from gitferry.tests.pushback.broken_line import Breaking
from gitferry.tests.repo import Repo

Row = dict[str, Any]


@pytest.fixture
def control() -> Iterator[Control]:
    with Control(None, os.environ) as made:
        yield made


def on_record(control: Control, action: str | None = None) -> list[Row]:
    """Records, oldest first; the log must hold."""
    assert control.audit_verify()["intact"], control.audit_verify()["findings"]
    rows: list[Row] = control.audit({"action": action}, None)["records"]
    return rows[::-1]


def killed(point: str, *arguments: str) -> None:
    environ = {**os.environ, "GITFERRY_FAILPOINT": f"{point}:kill:1"}
    assert subprocess.run([*COMMAND, *arguments], env=environ, capture_output=True).returncode == -signal.SIGKILL


def test_a_push_is_told_with_who_what_where_and_result(
    control: Control, clone: Callable[..., Repo], remote: Repo
) -> None:
    here = clone("here")
    write_settings(entry(here))
    control.sync()
    assert on_record(control) == []
    before = remote.tip("main")
    here.write("notes.txt", "mine\n")
    control.sync()
    (row,) = on_record(control)
    detail = row["detail"]
    assert (row["action"], row["result"], row["repository"]) == ("push", "accepted", "here")
    assert row["actor"] and detail["host"] and row["subject"] == "here to origin/main"
    assert (detail["from"], detail["commit"], detail["commits"]) == (before, remote.tip("main"), remote.tip("main"))
    assert (detail["tasks"], detail["cause"], detail["url"]) == ("notes.txt", "request", str(remote.root))
    assert detail["operation"] == control.log()["operations"][0]["id"]
    control.sync()
    assert len(on_record(control)) == 1


def test_a_refused_push_is_told_with_the_reason(control: Control, clone: Callable[..., Repo], remote: Repo) -> None:
    here = clone("here")
    write_settings(entry(here))
    control.sync()
    remote.hook("pre-receive", "echo not on a Friday >&2; exit 1")
    here.write("notes.txt", "mine\n")
    control.sync()
    (row,) = on_record(control)
    assert (row["action"], row["result"], row["detail"]["files"]) == ("push", "refused", "notes.txt")
    assert "not on a Friday" in row["detail"]["reason"] and row["detail"]["commits"]


def test_a_push_whose_content_cannot_be_told_is_refused_all_the_same(
    control: Control, clone: Callable[..., Repo], remote: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = clone("here")
    write_settings(entry(here))
    control.sync()

    def slow(git: Git, push: SentPush) -> dict[str, str]:
        raise GitTimeout(git.root, ("rev-list",), 1.0)

    monkeypatch.setattr("gitferry.daemon.pushes._carried", slow)
    remote.hook("pre-receive", "echo not on a Friday >&2; exit 1")
    here.write("notes.txt", "mine\n")
    assert "not on a Friday" in str(control.sync())
    (row,) = on_record(control)
    assert (row["action"], row["result"]) == ("push", "refused")
    assert "not on a Friday" in row["detail"]["reason"]


def test_a_push_that_lost_the_race_is_told_as_well_as_the_one_that_won(
    control: Control, clone: Callable[..., Repo], remote: Repo
) -> None:
    here, there = clone("here"), clone("there")
    write_settings(entry(here))
    control.sync()
    there.write("other.txt", "theirs\n")
    there.commit("theirs")
    there.push("--quiet")
    here.write("notes.txt", "mine\n")
    control.push(["notes.txt"])
    assert [row["result"] for row in on_record(control)] == ["refused", "accepted"]
    assert on_record(control)[0]["detail"]["reason"].startswith("stale: ")


@pytest.mark.parametrize(
    ("point", "others"),
    [
        ("push.before", False),
        ("push.sent", True),
        ("push.acked_before_db", False),
        ("audit.appended", True),
        ("audit.push_recorded", False),
    ],
)
def test_killed_around_a_push_there_is_one_record(
    control: Control, clone: Callable[..., Repo], remote: Repo, point: str, others: bool
) -> None:
    here, there = clone("here"), clone("there")
    write_settings(entry(here))
    control.sync()
    here.write("notes.txt", "mine\n")
    killed(point, "sync")
    if others:
        there.pull("--quiet")
        there.write("other.txt", "theirs\n")
        there.commit("theirs")
        there.push("--quiet")
    here.write("second.txt", "more\n")
    control.sync()
    control.sync()
    pushes = [row["detail"]["commit"] for row in on_record(control, "push") if row["result"] == "accepted"]
    ours = [
        commit for commit in remote.commits("main") if "theirs" not in remote.git("log", "-1", "--format=%s", commit)
    ]
    assert sorted(pushes) == sorted(ours[:-1])  # all but the sample registry itself
    told = "\n".join(row["detail"].get("tasks", row["detail"].get("files", "")) for row in on_record(control, "push"))
    assert "notes.txt" in told and "second.txt" in told
    assert control._house.ledger.open().sent_pushes("here") == ()


def test_a_push_whose_acknowledgement_was_lost_is_told_once(
    control: Control, clone: Callable[..., Repo], remote: Repo
) -> None:
    here = clone("here")
    write_settings(entry(here))
    control.sync()
    ferry = control._house.ferry
    line = Breaking()
    ferry.host = replace(ferry.host, transport=line)
    here.write("notes.txt", "mine\n")
    line.cut = Cut.UNTOLD
    control.sync()
    assert on_record(control) == []
    line.cut = None
    control.sync()
    (row,) = on_record(control)
    assert (row["result"], row["detail"]["commit"]) == ("accepted", remote.tip("main"))
    assert (row["detail"]["acknowledged"], row["detail"]["files"]) == ("no", "notes.txt")


def test_a_push_that_never_arrived_is_told_as_failed(
    control: Control, clone: Callable[..., Repo], remote: Repo
) -> None:
    here = clone("here")
    write_settings(entry(here))
    control.sync()
    here.write("notes.txt", "mine\n")
    killed("push.before", "sync")
    here.write("notes.txt", "mine after all\n")
    control.sync()
    assert [row["result"] for row in on_record(control)] in (["accepted"], ["failed", "accepted"])


def test_approval_pause_and_undo_are_told(control: Control, clone: Callable[..., Repo], remote: Repo) -> None:
    here = clone("here")
    write_settings(entry(here, pushback={"approval": "required"}))
    control.sync()
    here.write_all({"notes.txt": "mine\n", "other.txt": "mine\n"})
    control.sync()
    control.approve(["other.txt"], granted=False)
    control.approve(["notes.txt"])
    control.pause("here", 60)
    control.resume("here")
    control.undo(control.log()["operations"][0]["id"])
    rows = on_record(control)
    assert [(row["action"], row["result"], row["subject"]) for row in rows if row["action"] != "push"] == [
        ("approval", "rejected", "here/other.txt"),
        ("approval", "approved", "here/notes.txt"),
        ("pause", "done", "here"),
        ("resume", "done", "here"),
        ("undo", "done", f"here/{control.log()['operations'][-1]['id']}"),
    ]
    pushed = [row["detail"] for row in rows if row["action"] == "push"]
    assert len(pushed) == 2 and pushed[0]["approved_by"] == rows[0]["actor"]


def test_an_answer_to_a_conflict_is_told(control: Control, clone: Callable[..., Repo]) -> None:
    here, there = clone("here"), clone("there")
    write_settings(entry(here, pushback={"conflict_strategy": "fail"}))
    here.write("both.txt", "base\n")
    control.sync()
    there.pull("--quiet")
    there.write("both.txt", "theirs\n")
    there.commit("theirs")
    there.push("--quiet")
    here.write("both.txt", "ours\n")
    control.sync()
    control.resolve("both.txt", "local")
    (row,) = on_record(control, "resolution")
    assert (row["subject"], row["result"], row["detail"]["take"]) == ("here/both.txt", "resolved", "local")


def test_settings_are_told_by_key_and_never_by_value(control: Control, clone: Callable[..., Repo]) -> None:
    here = clone("here")
    auth = {"type": "git_token", "token": "c4nary"}
    write_settings(entry(here, auth=auth))
    control.reload()
    write_settings(entry(here, auth=auth | {"token": "other-c4nary"}), defaults={"pull": {"every": "7m"}})
    control.reload()
    control.reload()
    first, second = on_record(control, "settings")
    assert first["result"] == "first seen" and second["result"] == "changed"
    assert second["detail"]["keys"].splitlines() == ["defaults.pull.every", "repositories.here.auth.token"]
    assert second["detail"]["old"] == first["detail"]["new"] != second["detail"]["new"]
    assert "c4nary" not in str(on_record(control))


def test_a_log_that_cannot_be_written_is_said_and_stops_nothing(
    control: Control, clone: Callable[..., Repo], remote: Repo
) -> None:
    here = clone("here")
    write_settings(entry(here))
    control.sync()
    (state_dir(os.environ) / "audit.lock").unlink(missing_ok=True)
    (state_dir(os.environ) / "audit.lock").mkdir()
    here.write("notes.txt", "mine\n")
    control.sync()
    assert "notes.txt" in remote.tree("main")
    assert any("audit log lacks something" in note for note in control.daemon()["notes"])
    (state_dir(os.environ) / "audit.lock").rmdir()
    here.write("second.txt", "mine\n")
    control.sync()
    assert [row["result"] for row in on_record(control)] == ["accepted", "accepted"]
    assert control.daemon()["notes"] == []


def test_records_come_in_pages_and_by_what_is_asked_for(control: Control, clone: Callable[..., Repo]) -> None:
    write_settings(entry(clone("here")), entry(clone("there")))
    control.sync()
    for name in ("here", "there", "here"):
        control.pause(name)
    first = control.audit({}, 2)
    assert [row["id"] for row in first["records"]] == ["3", "2"] and first["next_cursor"] == "2"
    rest = control.audit({"cursor": first["next_cursor"]}, 2)
    assert [row["id"] for row in rest["records"]] == ["1"] and rest["next_cursor"] is None
    assert [row["id"] for row in control.audit({"repository": "here"})["records"]] == ["3", "1"]
    assert control.audit({"actor": "nobody"})["records"] == []
    assert len(control.audit({"since": "1h"})["records"]) == 3 and control.audit({"until": "1h"})["records"] == []


def test_two_processes_put_their_pushes_on_record(control: Control, clone: Callable[..., Repo], remote: Repo) -> None:
    trees = [clone(name) for name in ("one", "other")]
    write_settings(*(entry(tree) for tree in trees))
    control.sync()
    for tree in trees:
        tree.write(f"{tree.root.name}.txt", "mine\n")
    runs = [subprocess.Popen([*COMMAND, "sync", tree.root.name], stdout=subprocess.DEVNULL) for tree in trees]
    assert [run.wait() for run in runs] == [0, 0]
    accepted = [row["detail"]["commit"] for row in on_record(control, "push") if row["result"] == "accepted"]
    assert sorted(accepted) == sorted(remote.commits("main")[:-1])
