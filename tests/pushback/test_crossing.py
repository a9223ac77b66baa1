"""Crossings of real clones over a bare remote, without conflict."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gitferry.config.model import Watch
from gitferry.pushback.commit import Tip, TipBuilder
from gitferry.pushback.crossing import cross
from gitferry.pushback.outcome import Request
from gitferry.repos import transport
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

Clone = Callable[..., Repo]


def same(*repos: Repo) -> None:
    """Assert that every clone's tree, HEAD and index are the remote's."""
    remote = repos[-1]
    for repo in repos[:-1]:
        assert repo.head == remote.tip("main")
        assert repo.worktree() == remote.tree("main")
        assert repo.status() == ""
        repo.fsck()
    remote.fsck()


def test_an_edit_reaches_the_other_clone(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("notes.md", "hello\n")
    outcome = healthy(here.save("notes.md"))
    assert outcome.operation is not None
    assert remote.tree("main")["notes.md"] == b"hello\n"
    healthy(there.sync())
    assert there.repo.read("notes.md") == "hello\n"
    same(here.repo, there.repo, remote)
    assert remote.is_linear("main")


def test_every_kind_of_change_travels_both_ways(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write_all({"a/one.txt": "1\n", "a/two.txt": "2\n", "b.sh": "#!/bin/sh\n", "empty": "", "gone": "x\n"})
    here.repo.link("link", "a/one.txt")
    healthy(here.sync())
    healthy(there.sync())
    same(here.repo, there.repo, remote)
    there.repo.path("b.sh").chmod(0o755)
    there.repo.path("a/one.txt").rename(there.repo.path("a/renamed.txt"))
    there.repo.path("link").unlink()
    there.repo.link("link", "a/two.txt")
    there.repo.delete("gone")
    there.repo.write("a/two.txt", "")
    there.repo.write("deep/er/new", b"\x00\xff")
    healthy(there.sync())
    healthy(here.sync())
    same(here.repo, there.repo, remote)
    assert os.access(here.repo.path("b.sh"), os.X_OK)
    assert here.repo.path("link").readlink().as_posix() == "a/two.txt"


def test_both_sides_change_different_tasks_at_once(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("here.md", "h\n")
    there.repo.write("there.md", "t\n")
    healthy(here.sync())
    healthy(there.save("there.md"))  # pushes on a stale tip: refused, fetched, planned and pushed again
    healthy(here.sync())
    same(here.repo, there.repo, remote)
    assert remote.is_linear("main")


def test_a_file_gives_way_to_a_directory_and_back(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("thing", "file\n")
    healthy(here.sync())
    healthy(there.sync())
    there.repo.delete("thing")
    there.repo.write("thing/inside", "dir\n")
    healthy(there.sync())
    healthy(here.sync())
    same(here.repo, there.repo, remote)
    here.repo.delete("thing/inside")
    here.repo.write("thing", "file again\n")
    healthy(here.sync())
    healthy(there.sync())
    same(here.repo, there.repo, remote)


def test_the_users_own_commits_travel_and_are_merged_not_rewritten(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("mine.md", "mine\n")
    mine = here.repo.commit("my own words")
    there.repo.write("theirs.md", "theirs\n")
    healthy(there.sync())
    here.repo.write("dirty.md", "not committed\n")
    healthy(here.sync())
    assert mine in remote.commits("main")
    healthy(there.sync())
    same(here.repo, there.repo, remote)
    assert remote.tree("main")["dirty.md"] == b"not committed\n"


def test_batches_hold_no_more_tasks_than_allowed(here: Side, remote: Repo) -> None:
    here.pushback = {"max_batch_size": 4}
    before = len(remote.commits("main"))
    here.repo.write_all({f"n{number}.md": f"{number}\n" for number in range(10)})
    outcome = healthy(here.sync())
    assert len(remote.commits("main")) == before + 3
    assert outcome.operation is not None
    assert len(outcome.operation.commits) == 3


def test_a_conflict_holds_one_task_and_lets_the_others_go(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("both.md", "base\n")
    healthy(here.sync())
    healthy(there.sync())
    here.repo.write("both.md", "here\n")
    healthy(here.sync())
    there.repo.write("both.md", "there\n")
    there.repo.write("other.md", "goes\n")
    outcome = there.sync()
    assert outcome.state == "conflict"
    assert there.task(outcome, "both.md").push_status == "conflict"
    assert "both.md" in (outcome.waiting_for or "")
    assert "gitferry resolve" in (outcome.hint or "")
    assert remote.tree("main")["both.md"] == b"here\n"
    assert remote.tree("main")["other.md"] == b"goes\n"
    assert there.repo.read("both.md") == "there\n"
    assert there.repo.head == remote.tip("main")
    refs = there.repo.refs("refs/")
    assert there.sync().state == "conflict"
    assert there.repo.refs("refs/") == refs  # one more sync changes nothing
    there.repo.write("both.md", "here\n")
    healthy(there.sync())
    same(there.repo, remote)


def test_what_is_staged_stays_and_waits(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write("staged.md", "one\n")
    here.repo.git("add", "staged.md")
    here.repo.write("staged.md", "two\n")
    here.repo.write("free.md", "free\n")
    before = here.repo.git("ls-files", "-s", "staged.md")
    outcome = here.sync()
    assert here.task(outcome, "staged.md").push_status == "pending"
    assert "free.md" in remote.tree("main")
    assert "staged.md" not in remote.tree("main")
    assert here.repo.git("ls-files", "-s", "staged.md") == before


def test_converted_files_are_pulled_as_git_writes_them(here: Side, there: Side, remote: Repo) -> None:
    here.repo.write(".gitattributes", "*.txt text eol=crlf\n")
    here.repo.write("note.txt", "one\r\ntwo\r\n")
    healthy(here.sync())
    assert remote.tree("main")["note.txt"] == b"one\ntwo\n"
    healthy(there.sync())
    assert there.repo.read_bytes("note.txt") == b"one\r\ntwo\r\n"
    there.repo.write("note.txt", "one\r\nTWO\r\n")
    healthy(there.sync())
    healthy(here.sync())
    assert here.repo.read_bytes("note.txt") == b"one\r\nTWO\r\n"
    assert here.repo.status() == there.repo.status() == ""


@pytest.mark.usefixtures("git_lfs")
def test_large_files_reach_the_remote_before_their_pointers(
    here: Side, there: Side, remote: Repo, clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    for side in (here, there):
        side.repo.git("lfs", "install", "--local", "--skip-repo")
        side.repo.git("remote", "set-url", "origin", f"file://{remote.root}")
    here.repo.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    here.repo.write("large.bin", b"\0large\1" * 1000)
    healthy(here.sync())
    assert remote.tree("main")["large.bin"].startswith(b"version https://git-lfs")
    healthy(there.sync())
    assert there.repo.read_bytes("large.bin") == b"\0large\1" * 1000
    assert there.repo.status() == ""


def test_a_task_still_being_saved_stays_out_and_comes_with_the_next(here: Side, remote: Repo) -> None:
    here.repo.write_all({"tasks/slow/metadata.json": '{"name": "slow"}', "tasks/slow/a": "half", "done.md": "d"})
    paths = frozenset({"tasks/slow/metadata.json", "tasks/slow/a", "done.md"})
    outcome = here.save(*paths, unsettled=frozenset({"tasks/slow/a"}))
    assert here.task(outcome, "tasks/slow").push_status == "pending"
    assert "done.md" in remote.tree("main")
    assert "tasks/slow/metadata.json" not in remote.tree("main")
    healthy(here.save("tasks/slow/a"))
    assert {"tasks/slow/metadata.json", "tasks/slow/a"} <= remote.tree("main").keys()


def test_a_save_in_the_middle_of_a_crossing_is_seen_before_the_push(
    here: Side, remote: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = TipBuilder.build

    def built_while_saving(builder: TipBuilder, *args: Any, **kwargs: Any) -> Tip:
        tip = build(builder, *args, **kwargs)
        if here.repo.read("note.md") == "half":
            here.repo.write("note.md", "whole\n")
        return tip

    monkeypatch.setattr(TipBuilder, "build", built_while_saving)
    here.repo.write("note.md", "half")
    healthy(here.save("note.md"))
    assert remote.tree("main")["note.md"] == b"whole\n"
    assert [tree for tree in remote.commits("main") if remote.tree(tree).get("note.md") == b"half"] == []


@pytest.mark.parametrize("by_watch", [True, False])
def test_what_is_saved_while_the_remote_is_asked_must_rest_too(
    here: Side, there: Side, remote: Repo, monkeypatch: pytest.MonkeyPatch, by_watch: bool
) -> None:
    healthy(there.sync())
    here.repo.write("here.md", "makes the push of what the watcher names stale\n")
    healthy(here.sync())
    there.repo.write("note.md", "whole\n")
    os.utime(there.repo.path("note.md"), (time.time() - 60,) * 2)
    fetch = transport.fetch

    def fetched_while_saving(*args: Any, **kwargs: Any) -> str | None:
        tip = fetch(*args, **kwargs)
        there.repo.write("note.md", "half")
        return tip

    monkeypatch.setattr(transport, "fetch", fetched_while_saving)
    request = Request("watch", paths=frozenset({"note.md"})) if by_watch else Request("schedule", fetch=True)
    settings = there.settings.model_copy(update={"watch": Watch(quiet=30)})
    outcome = cross(settings, request, host=replace(there.host, clock=lambda: datetime.now(UTC)))
    assert there.task(outcome, "note.md").push_status == "pending"
    assert "note.md" not in remote.tree("main")


def test_names_that_are_not_utf8_travel(here: Side, there: Side, remote: Repo) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    here.repo.write(name, "1\n")
    healthy(here.sync())
    healthy(there.sync())
    assert there.repo.read(name) == "1\n"
    same(here.repo, there.repo, remote)


def test_a_task_named_by_hand_goes_alone(here: Side, remote: Repo) -> None:
    here.pushback = {"auto_push": False}
    here.repo.write_all({"a.md": "a\n", "b.md": "b\n"})
    asked = here.task(here.sync(), "a.md").id
    here.pushback = {}
    outcome = here.sync(tasks=frozenset({asked}), by_hand=True)
    assert here.statuses(outcome) | {"a.md": "completed", "b.md": "pending"} == here.statuses(outcome)
    assert "b.md" not in remote.tree("main")
    healthy(here.sync())
    assert "b.md" in remote.tree("main")


def test_nothing_happens_twice(here: Side, remote: Repo) -> None:
    refs, tip = here.repo.refs("refs/"), remote.tip("main")
    for _ in range(3):
        assert healthy(here.sync()).operation is None
    assert here.repo.refs("refs/") == refs
    assert remote.tip("main") == tip


def test_an_empty_remote_gets_its_first_commit(empty_remote: Repo, clone: Clone, tmp_path) -> None:  # type: ignore[no-untyped-def]
    repo = Repo.clone(empty_remote.root, tmp_path / "first")
    side = Side(repo)
    repo.write("first.md", "first\n")
    healthy(side.sync())
    assert empty_remote.tree("main") == {"first.md": b"first\n"}
    same(repo, empty_remote)
