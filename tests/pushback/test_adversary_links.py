"""Tasks that only share a file's text, or a moved file, keep a life of their own when one of them is answered."""

from __future__ import annotations

import json

import pytest

from gitferry.pushback.outcome import PushStatus
from gitferry.repos.objects import Objects
from gitferry.tests.pushback.adversary import both_have, remote_keeps
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

ALIKE = "".join(f"sentence {number}, which every task has\n" for number in range(20))


def files_of(task: str, main: str = "one\ntwo\nthree\n") -> dict[str, str]:
    """Return a task whose README is much like that of any other."""
    manifest = json.dumps({"name": task, "version": "1", "about": task * 3}, indent=1) + "\n"
    return {f"r/{task}/metadata.json": manifest, f"r/{task}/main": main, f"r/{task}/README": ALIKE + task + "\n"}


@pytest.fixture
def pair(here: Side, there: Side) -> tuple[Side, Side]:
    """Two clones of the tasks alpha and beta."""
    both_have(here, there, {**files_of("alpha"), **files_of("beta")})
    return here, there


def in_conflict(here: Side, there: Side, strategy: str) -> None:
    """Let both sides change alpha, theirs pushed, and say what answers that here."""
    there.repo.write("r/alpha/main", "theirs\n")
    healthy(there.sync())
    here.repo.write("r/alpha/main", "ours\n")
    here.pushback["conflict_strategy"] = strategy


def test_taking_the_remotes_side_leaves_a_new_task_made_of_the_same_text(pair: tuple[Side, Side], remote: Repo) -> None:
    here, there = pair
    here.repo.delete("r/alpha/README")
    here.repo.write_all(files_of("gamma", "a week of work\n"))
    in_conflict(here, there, "take_remote")
    for _ in range(2):
        here.sync()
        assert here.repo.read("r/gamma/main") == "a week of work\n"
    assert here.repo.read("r/alpha/main") == "theirs\n"
    remote_keeps(remote, "r/gamma/main", "a week of work\n")


def test_taking_our_side_leaves_their_new_task_made_of_the_same_text(pair: tuple[Side, Side], remote: Repo) -> None:
    here, there = pair
    there.repo.delete("r/alpha/README")
    there.repo.write_all(files_of("gamma", "a week of work\n"))
    in_conflict(here, there, "take_local")
    healthy(here.sync())
    remote_keeps(remote, "r/alpha/main", "ours\n")
    remote_keeps(remote, "r/gamma/main", "a week of work\n")
    assert here.repo.read("r/gamma/main") == "a week of work\n"


def test_taking_our_side_leaves_their_fix_in_the_task_that_a_file_was_moved_to(
    pair: tuple[Side, Side], remote: Repo
) -> None:
    here, there = pair
    there.repo.path("r/alpha/README").rename(there.repo.path("r/beta/README-alpha"))
    there.repo.write("r/beta/main", "a fix\n")
    in_conflict(here, there, "take_local")
    here.sync()
    remote_keeps(remote, "r/beta/main", "a fix\n")


def test_taking_the_remotes_side_leaves_a_new_file_much_like_the_deleted_one(here: Side, there: Side) -> None:
    both_have(here, there, {"one.md": ALIKE + "one\n"})
    there.repo.write("one.md", ALIKE + "one, theirs\n")
    healthy(there.sync())
    here.repo.delete("one.md")
    here.repo.write("two.md", ALIKE + "two, and all mine\n" * 5)
    here.pushback["conflict_strategy"] = "take_remote"
    here.sync()
    assert here.repo.read("two.md") == ALIKE + "two, and all mine\n" * 5


def test_taking_our_side_deletes_nothing_that_may_not_be_pushed(here: Side, there: Side, remote: Repo) -> None:
    for side in (here, there):
        side.tasks["exclude"] = ["archive/**"]
    both_have(here, there, {"note.md": ALIKE})
    there.repo.git("rm", "-q", "note.md")
    there.repo.write("archive/note.md", ALIKE)
    there.repo.commit("archived")
    there.repo.push()
    here.repo.write("note.md", ALIKE + "edited\n")
    here.pushback["conflict_strategy"] = "take_local"
    here.sync()
    remote_keeps(remote, "archive/note.md", ALIKE)
    assert here.repo.read("note.md") == ALIKE + "edited\n"


@pytest.mark.parametrize("strategy", ["take_local", "take_remote"])
def test_what_each_side_made_of_a_template_that_both_removed_stays(
    here: Side, there: Side, remote: Repo, strategy: str
) -> None:
    both_have(here, there, {"template.md": ALIKE})
    there.repo.delete("template.md")
    there.repo.write("theirs.md", ALIKE + "theirs\n" * 3)
    healthy(there.sync())
    here.repo.delete("template.md")
    here.repo.write("ours.md", ALIKE + "all mine\n" * 3)
    here.pushback["conflict_strategy"] = strategy
    here.sync()
    assert here.repo.read("ours.md") == ALIKE + "all mine\n" * 3
    remote_keeps(remote, "theirs.md", ALIKE + "theirs\n" * 3)


@pytest.mark.parametrize("strategy", ["fail", "merge"])
def test_a_file_in_the_place_of_a_renamed_and_edited_ones_directory_is_a_conflict(
    here: Side, there: Side, remote: Repo, strategy: str
) -> None:
    both_have(here, there, {"plan.md": ALIKE})
    there.repo.delete("plan.md")
    there.repo.write("deep/plan.md", ALIKE + "theirs\n")
    healthy(there.sync())
    here.repo.write("deep", "a file\n")
    here.pushback["conflict_strategy"] = strategy
    for _ in range(2):
        assert here.task(here.sync(), "deep").push_status == "conflict"
        assert here.repo.read("deep") == "a file\n"
        remote_keeps(remote, "deep/plan.md", ALIKE + "theirs\n")


def test_the_half_of_a_move_waits_for_what_stops_the_other_half_and_is_no_conflict(here: Side, there: Side) -> None:
    both_have(here, there, {"old.md": ALIKE})
    there.repo.path("old.md").rename(there.repo.path("new.md"))
    healthy(there.sync())
    here.repo.write("old.md", ALIKE + "an edit that is too large\n")
    here.pushback["limits"] = {"file": len(ALIKE)}
    outcome = here.sync()
    assert here.statuses(outcome) == {"old.md": PushStatus.FAILED, "new.md": PushStatus.FAILED}
    assert "over the limit" in (here.task(outcome, "new.md").reason or "")
    assert here.repo.read("old.md").endswith("too large\n")
    here.repo.write("old.md", ALIKE)
    healthy(here.sync())
    assert here.repo.worktree().keys() & {"old.md", "new.md"} == {"new.md"}


def test_two_that_need_one_place_stay_joined_when_each_is_a_conflict(here: Side, there: Side) -> None:
    both_have(here, there, {"deep/er/list.txt": "one\n"})
    for side, content in ((there, "theirs\n"), (here, "ours\n")):
        side.repo.delete("deep/er/list.txt")
        side.repo.write("deep/er", content)
        side.pushback["conflict_strategy"] = "fail"
    healthy(there.sync())
    here.sync()
    there.repo.delete("deep/er")
    there.repo.write("deep/er/list.txt", "again\n")
    healthy(there.sync())
    outcome = here.sync()
    assert set(here.statuses(outcome).values()) == {PushStatus.CONFLICT}
    before = here.repo.refs("refs/gitferry/base")
    here.sync()
    assert here.repo.refs("refs/gitferry/base") == before, "nothing happened"
    assert here.repo.read("deep/er") == "ours\n"


def test_a_new_file_where_an_answered_one_stood_has_no_part_in_the_conflict_that_is_left(
    here: Side, there: Side, remote: Repo
) -> None:
    both_have(here, there, {"old.md": ALIKE})
    there.repo.path("old.md").rename(there.repo.path("new.md"))
    healthy(there.sync())
    here.repo.write("old.md", ALIKE + "ours\n")
    here.sync()
    here.repo.write("new.md", ALIKE + "another\n")  # now both are in conflict by themselves
    assert set(here.statuses(here.sync()).values()) == {PushStatus.CONFLICT}
    here.repo.delete("old.md")  # theirs, of this one
    here.sync()
    here.repo.write("old.md", "a new one\n")
    assert here.statuses(here.sync()) == {"new.md": PushStatus.CONFLICT, "old.md": PushStatus.COMPLETED}
    assert remote.tree("main")["old.md"] == b"a new one\n"


def test_two_trees_are_compared_once_however_many_tasks_they_hold(
    here: Side, there: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{number}.md" for number in range(5)]
    both_have(here, there, dict.fromkeys(names, "base\n"))
    here.repo.write_all(dict.fromkeys(names, "theirs\n"))
    healthy(here.sync())
    there.repo.write_all(dict.fromkeys(names, "ours\n"))
    there.sync()
    compared: list[tuple[str, str]] = []
    real = Objects.renames

    def renames(objects: Objects, old: str, new: str) -> list[tuple[str, str]]:
        compared.append((old, new))
        return real(objects, old, new)

    monkeypatch.setattr(Objects, "renames", renames)
    assert len(there.sync().tasks) == len(names)
    assert compared and len(compared) == len(set(compared))


def test_a_conflict_about_a_moved_task_names_both_places(here: Side, there: Side) -> None:
    both_have(here, there)
    there.pushback["conflict_strategy"] = "fail"
    here.repo.write("t/new", "theirs\n")
    healthy(here.sync())
    there.repo.path("t").rename(there.repo.path("moved"))
    outcome = there.sync()
    assert {task.name for task in outcome.tasks if task.in_conflict} == {"t"}
    assert outcome.waiting_for == "an answer: both sides changed moved, t"
