"""An answer is given to what was asked and to nothing else, and never told as done where it was not."""

from __future__ import annotations

import pytest

from gitferry.pushback.outcome import Answer, Take
from gitferry.repos.content import FILE, File
from gitferry.tests.pushback.adversary import both_have, remote_keeps
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.shared_file import BOTH, LINES, NAME, OURS, OURS_FAR, THEIRS, answer
from gitferry.tests.repo import Repo

# -- behind the user's own commits, which may not go


@pytest.mark.parametrize("take", [Take.MERGED, Take.LOCAL])
def test_an_answer_behind_unpushed_commits_waits_and_replaces_nothing(
    here: Side, there: Side, remote: Repo, take: Take
) -> None:
    here.pushback["auto_push"] = False
    both_have(there, here, {NAME: LINES, "other.md": "other\n"})
    there.repo.write(NAME, THEIRS)
    healthy(there.sync())
    here.repo.write(NAME, OURS_FAR)
    here.sync()
    here.repo.write("other.md", "mine\n")
    here.repo.commit("my own", "other.md")
    outcome = answer(here, here.sync(), take)
    assert here.task(outcome, NAME).push_status in ("pending", "conflict")
    assert here.repo.read(NAME) == OURS_FAR
    remote_keeps(remote, NAME, THEIRS)
    here.sync(by_hand=True, all_tasks=True)
    healthy(answer(here, here.sync(), Take.MERGED))
    assert here.repo.read(NAME) == BOTH
    assert here.repo.worktree() == remote.tree("main")


def test_a_push_by_hand_behind_unpushed_commits_is_not_called_completed(here: Side, there: Side, remote: Repo) -> None:
    here.pushback["auto_push"] = False
    both_have(there, here, {NAME: LINES, "other.md": "other\n"})
    here.repo.write("other.md", "mine\n")
    here.repo.commit("my own", "other.md")
    here.repo.write(NAME, OURS)
    asked = frozenset({here.task(here.sync(), NAME).id})
    for _ in range(2):
        task = here.task(here.sync(by_hand=True, tasks=asked), NAME)
        assert task.push_status == "pending"
        assert "unpushed commit" in (task.reason or "")
        remote_keeps(remote, NAME, LINES)


# -- what is given is a task


MANIFEST = "name: t\nversion: '1'\na:\n  k:\n  - x1\n  - x2\n  - x3\n  - x4\n  - x5\nz: 1\n"
TASKS = {"t/task.yaml": MANIFEST, "u/task.yaml": "name: u\n", "u/one": "1\n", "u/two": "1\n"}


@pytest.mark.parametrize("given", [File(FILE, b"name: [\n"), None], ids=["broken", "deleted"])
def test_an_answer_that_would_be_no_valid_task_is_refused(
    here: Side, there: Side, remote: Repo, given: File | None
) -> None:
    both_have(here, there, TASKS)
    theirs, ours = MANIFEST.replace("z: 1", "z: 2"), MANIFEST.replace("z: 1", "z: 3")
    there.repo.write("t/task.yaml", theirs)
    healthy(there.sync())
    here.repo.write_all({"t/task.yaml": ours, "t/more": "more\n"})
    outcome = answer(here, here.sync(), Take.GIVEN, "t", files={"t/task.yaml": given})
    assert "no valid task" in (outcome.error or here.task(outcome, "t").reason or "")
    assert here.repo.read("t/task.yaml") == ours
    remote_keeps(remote, "t/task.yaml", theirs)
    assert here.sync().state == "conflict"


def test_an_answer_carries_no_other_task(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there, TASKS)
    there.repo.write("t/task.yaml", MANIFEST.replace("z: 1", "z: 2"))
    healthy(there.sync())
    here.repo.write("t/task.yaml", MANIFEST.replace("z: 1", "z: 3"))
    task = here.task(here.sync(), "t")
    assert task.version_seen is not None
    here.repo.write("u/one", "2\n")  # u/two follows in a moment
    answers = {task.id: Answer(Take.LOCAL, task.version_seen)}
    here.sync(answers=answers, by_hand=True, unsettled=frozenset({"u/one"}))
    remote_keeps(remote, "t/task.yaml", MANIFEST.replace("z: 1", "z: 3"))
    remote_keeps(remote, "u/one", "1\n")
