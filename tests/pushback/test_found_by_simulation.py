"""Short forms of the histories in which the simulation once saw an edit lost, a revert, or an untrue word."""

from __future__ import annotations

import pytest

from gitferry.pushback import versions
from gitferry.pushback.outcome import Answer, Operation, Outcome, PushStatus, Take
from gitferry.pushback.undo import undo
from gitferry.repos.tasks import task_id
from gitferry.tests.pushback.adversary import both_have, remote_keeps
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.shared_file import answer
from gitferry.tests.repo import Repo

BODY = "".join(f"line {number}\n" for number in range(9))
OURS, THEIRS = BODY.replace("line 8", "ours"), BODY.replace("line 0", "theirs")


def under(side: Side, strategy: str) -> None:
    side.pushback["conflict_strategy"] = strategy


def operation(outcome: Outcome) -> Operation:
    """Return what a crossing did, and that it did something."""
    assert outcome.operation is not None
    return outcome.operation


def back(side: Side, done: Operation) -> Outcome:
    """Undo an operation where it was done."""
    return undo(side.settings, done.id, host=side.host)


def renamed(side: Side, content: str = BODY) -> None:
    """Move plan.md to other.md, with this content."""
    side.repo.path("plan.md").rename(side.repo.path("other.md"))
    side.repo.write("other.md", content)


# -- undo


def test_an_edit_after_an_undo_that_died_before_the_files_stays(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there, {"notes.md": "base\n"})
    there.repo.write("notes.md", "theirs\n")
    healthy(there.sync())
    here.repo.write("notes.md", "ours\n")
    under(here, "take_remote")
    taken = operation(healthy(here.sync()))
    assert killed_at(here, "record.saved", 1, lambda: back(here, taken)) is None
    here.repo.write("notes.md", "theirs, and on\n")
    held = here.sync()
    task = here.task(held, "notes.md")
    assert "an undo of it was broken off" in (task.reason or "")
    here.sync(tasks=frozenset({task.id}), by_hand=True)  # a push asked for is no answer, least of all theirs
    assert here.repo.read("notes.md") == "theirs, and on\n"
    healthy(answer(here, held, Take.LOCAL, "notes.md"))
    remote_keeps(remote, "notes.md", "theirs, and on\n")


def test_an_undo_where_a_file_took_the_directorys_place_is_refused(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there, {"deep/er/list.txt": "one\n"})
    here.repo.write("deep/er/list.txt", "two\n")
    edited = operation(healthy(here.sync()))
    here.repo.delete("deep/er/list.txt")
    here.repo.write("deep/er", "a file\n")
    healthy(here.sync())
    before = (here.repo.refs("refs/gitferry/ops"), here.repo.worktree(), remote.tip("main"))
    assert "deep/er" in (back(here, edited).error or "")
    assert (here.repo.refs("refs/gitferry/ops"), here.repo.worktree(), remote.tip("main")) == before
    healthy(here.sync())


def test_an_undo_brings_a_directory_back_that_a_file_had_replaced(here: Side, there: Side) -> None:
    both_have(here, there, {"deep/er/list.txt": "one\n"})
    there.repo.delete("deep/er/list.txt")
    there.repo.write("deep/er", "a file\n")
    healthy(there.sync())
    pulled = operation(healthy(here.sync()))
    assert back(here, pulled).error is None
    assert here.repo.read("deep/er/list.txt") == "one\n"


@pytest.mark.parametrize("strategy", ["fail", "take_local"])
def test_an_undone_task_that_is_back_at_head_is_no_edit(here: Side, there: Side, remote: Repo, strategy: str) -> None:
    both_have(here, there, {"notes.md": "one\n"})
    here.repo.write("notes.md", "two\n")
    back(here, operation(healthy(here.sync())))
    healthy(there.sync())
    there.repo.write("notes.md", "theirs\n")
    healthy(there.sync())
    here.sync()
    here.repo.git("checkout", "-q", "-b", "side")
    here.repo.git("commit", "-qam", "aside")
    here.repo.git("checkout", "-q", "main")
    there.repo.write("notes.md", "theirs, and on\n")
    healthy(there.sync())
    under(here, strategy)
    here.sync()
    assert here.repo.read("notes.md") == "theirs, and on\n"
    remote_keeps(remote, "notes.md", "theirs, and on\n")


def test_a_commit_of_a_part_of_what_was_undone_is_not_pushed(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there)
    here.repo.write_all({"t/p": "edited\n", "t/extra": "new\n"})
    back(here, operation(healthy(here.sync())))
    here.repo.git("commit", "-qam", "what git knows of it")
    assert here.task(here.sync(), "t").push_status != "completed"
    remote_keeps(remote, "t/p", "p0\n")
    assert "t/extra" not in remote.tree("main")
    assert (here.repo.read("t/p"), here.repo.read("t/extra")) == ("edited\n", "new\n")


# -- renames


def test_a_stash_of_the_held_half_of_a_rename_deletes_nothing(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there, {"plan.md": BODY})
    renamed(there, THEIRS)
    healthy(there.sync())
    here.repo.write("plan.md", BODY.replace("line 0", "ours"))
    assert here.sync().state == "conflict"
    there.repo.write("plan.md", "another plan\n")  # the rename is none any more: other.md is held for no reason
    healthy(there.sync())
    here.sync()
    here.repo.git("stash", "push", "-q", "-u")
    here.sync()
    here.repo.git("stash", "pop", "-q")
    for _ in range(2):
        here.sync()
        remote_keeps(remote, "other.md", THEIRS)


@pytest.mark.parametrize("half", ["plan.md", "other.md"])
def test_a_merge_offered_for_either_half_of_a_rename_settles_both(
    here: Side, there: Side, remote: Repo, half: str
) -> None:
    both_have(here, there, {"plan.md": BODY})
    renamed(there, THEIRS)
    healthy(there.sync())
    here.repo.write("plan.md", OURS)
    assert here.sync().state == "conflict"
    held = {each.unit: each for each in versions.held(here.settings, host=here.host)}
    assert held[half].merged is not None
    units = (half, *held[half].together)
    answers = {task_id(here.name, unit): Answer(Take.MERGED, held[unit].version) for unit in units}
    healthy(here.sync(by_hand=True, answers=answers))
    remote_keeps(remote, "other.md", THEIRS.replace("line 8", "ours"))
    assert here.repo.worktree() == remote.tree("main")
    assert "plan.md" not in remote.tree("main")


@pytest.mark.parametrize("strategy", ["fail", "take_remote"])
def test_an_edit_after_a_crash_after_the_push_of_a_rename_goes_on_from_it(
    here: Side, remote: Repo, strategy: str
) -> None:
    here.repo.write("plan.md", BODY)
    healthy(here.sync())
    renamed(here, OURS)
    assert killed_at(here, "push.sent") is None
    here.repo.write("other.md", OURS + "and on\n")
    under(here, strategy)
    healthy(here.sync())
    assert here.repo.read("other.md") == OURS + "and on\n"
    remote_keeps(remote, "other.md", OURS + "and on\n")


# -- rest


def test_one_more_sync_records_nothing_where_a_task_waits_beside_a_pull(here: Side, there: Side) -> None:
    both_have(here, there, {"t/metadata.json": '{"name":"t"}\n', "t/p": "p0\n", "notes.md": "one\n"})
    here.repo.path("t/metadata.json").unlink()
    there.repo.write("notes.md", "two\n")
    healthy(there.sync())
    here.sync()
    refs = here.repo.refs()
    here.sync()
    assert here.repo.refs() == refs
    assert here.repo.read("notes.md") == "two\n"


def test_a_save_where_a_dead_undo_had_begun_stays(here: Side, there: Side, remote: Repo) -> None:
    there.repo.write("deep/list.txt", "old\n")
    healthy(there.sync())
    healthy(here.sync())
    there.repo.delete("deep/list.txt")
    there.repo.write("deep", "a file now\n")
    healthy(there.sync())
    pulled = healthy(here.sync()).operation
    assert pulled is not None
    assert killed_at(here, "checkout.partial", cross=lambda: undo(here.settings, pulled.id, host=here.host)) is None
    here.repo.path("deep").unlink(missing_ok=True)
    here.repo.write("deep/list.txt", "mine\n")
    for _ in range(2):
        here.sync()
        assert here.repo.read("deep/list.txt") == "mine\n"
    assert remote.tree("main")["deep"] == b"a file now\n"


def test_undo_of_a_task_that_is_held_leaves_it_the_base_that_it_had(here: Side, there: Side, remote: Repo) -> None:
    manifest, main = "tasks/new/metadata.json", "tasks/new/main.txt"
    there.repo.write_all({manifest: '{"name": "new"}\n', main: BODY})
    healthy(there.sync())
    healthy(here.sync())
    there.repo.write(main, OURS)
    healthy(there.sync())
    pulled = operation(healthy(here.sync()))
    here.repo.path(manifest).unlink()
    there.repo.write(main, THEIRS)
    healthy(there.sync())
    assert here.task(here.sync(), "tasks/new").push_status == "failed"
    undo(here.settings, pulled.id, host=here.host)
    assert here.repo.read(main) == BODY
    here.repo.write(manifest, '{"name": "new", "version": "2"}\n')
    here.sync()
    assert remote.tree("main")[main] == THEIRS.encode()


# -- a pull that died after the files and before HEAD; then its author takes the change back


@pytest.mark.parametrize("point", ["checkout.partial", "index.followed", "ref.before_cas"])
@pytest.mark.parametrize(("old", "new"), [(None, "new\n"), ("old\n", None), ("old\n", "new\n")])
def test_what_a_dead_pull_had_brought_is_no_edit(
    here: Side, there: Side, remote: Repo, point: str, old: str | None, new: str | None
) -> None:
    def write(side: Side, content: str | None) -> None:
        if content is None:
            side.repo.path("notes.md").unlink(missing_ok=True)
        else:
            side.repo.write("notes.md", content)
        healthy(side.sync())

    write(there, old)
    healthy(here.sync())
    write(there, new)
    assert killed_at(here, point) is None
    write(there, old)
    under(here, "take_local")
    for _ in range(2):
        healthy(here.sync())
        assert here.repo.worktree().get("notes.md") == (None if old is None else old.encode())
        assert here.repo.worktree() == remote.tree("main")


@pytest.mark.parametrize("point", ["checkout.partial", "index.followed", "ref.before_cas"])
def test_an_edit_beside_what_a_dead_pull_had_brought_travels_alone(
    here: Side, there: Side, remote: Repo, point: str
) -> None:
    both_have(here, there)
    there.repo.write("t/p", "p1\n")
    healthy(there.sync())
    assert killed_at(here, point) is None
    there.repo.write("t/p", "p0\n")
    healthy(there.sync())
    here.repo.write("t/q", "q1\n")
    under(here, "merge")
    healthy(here.sync())
    remote_keeps(remote, "t/p", "p0\n")
    remote_keeps(remote, "t/q", "q1\n")


def test_the_same_edit_that_the_remote_has_had_and_taken_back_is_not_brought_again(
    here: Side, there: Side, remote: Repo
) -> None:
    both_have(here, there, {"notes.md": "one\n"})
    for content in ("two\n", "one\n"):
        there.repo.write("notes.md", content)
        healthy(there.sync())
    here.repo.write("notes.md", "two\n")
    healthy(here.sync())
    remote_keeps(remote, "notes.md", "one\n")


def test_a_deletion_under_a_conflict_with_two_bases_is_the_users(here: Side, there: Side, remote: Repo) -> None:
    here.pushback["conflict_strategy"] = "fail"
    there.repo.write("new.md", "theirs\n")
    healthy(there.sync())
    here.repo.write("new.md", "ours\n")
    assert here.statuses(here.sync())["new.md"] is PushStatus.CONFLICT
    here.repo.git("stash", "push", "-q", "-u")
    here.sync()
    assert here.repo.read("new.md") == "theirs\n", "ours is in the stash"
    here.repo.write("new.md", "edited\n")
    assert here.statuses(here.sync())["new.md"] is PushStatus.CONFLICT, "made of either"
    here.repo.delete("new.md")
    for _ in range(2):
        assert here.statuses(here.sync())["new.md"] is PushStatus.CONFLICT
        assert not here.repo.exists("new.md")
    assert remote.tree("main")["new.md"] == b"theirs\n"


@pytest.mark.parametrize("strategy", ["fail", "take_local"])
def test_a_task_without_its_manifest_stays_one_where_the_remote_deletes_it(
    here: Side, there: Side, remote: Repo, strategy: str
) -> None:
    manifest, part = "tasks/alpha/metadata.json", "tasks/alpha/main.js"
    both_have(here, there, {manifest: '{"name": "alpha"}\n', part: "one\n"})
    under(here, strategy)
    here.repo.delete(manifest)
    here.repo.write(part, "two\n")
    for path in (manifest, part):
        there.repo.delete(path)
    healthy(there.sync())
    for _ in range(3):
        (task,) = [task for task in here.sync().tasks if task.path == "tasks/alpha"]
        assert task.push_status is PushStatus.FAILED
        assert "is missing" in (task.reason or "")
        assert here.repo.read(part) == "two\n"
        assert part not in remote.tree("main")
