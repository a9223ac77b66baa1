"""Undo of every kind of operation, and of the undo: files exactly as before, a new commit and never a rewrite.

Each kind is brought about between two clones of a task and some loose files, and undone where it was done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from gitferry.pushback.outcome import Answer, Outcome, Strategy, Take
from gitferry.pushback.undo import undo
from gitferry.repos.content import FILE, File
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

TASK = {"t/metadata.json": '{"name": "t"}\n', "t/main.txt": "main\n", "t/sub/data.txt": "data\n"}
LONG = "".join(f"line {number}\n" for number in range(9))
FILES = {**TASK, "a.txt": LONG, "b.txt": "b\n" + LONG, "c.txt": "c\n" + LONG}
OURS, THEIRS = LONG.replace("line 7\n", "from B\n"), LONG.replace("line 1\n", "from A\n")


@pytest.fixture
def shared() -> dict[str, str]:
    return FILES


def theirs(a: Side, /, *deleted: str, **files: str) -> None:
    """Let A write `<name>.txt` files and delete others, and push that."""
    for name in deleted:
        a.repo.delete(name)
    a.repo.write_all({f"{name}.txt": content for name, content in files.items()})
    healthy(a.sync())


def crossed(b: Side, strategy: Strategy = Strategy.FAIL) -> Outcome:
    b.pushback["conflict_strategy"] = strategy.value
    return healthy(b.sync())


def both(a: Side, b: Side) -> None:
    theirs(a, a=THEIRS)
    b.repo.write("a.txt", OURS)


# Each brings its operation about and returns what came of it. `ready` is called where everything stands just before.
Ready = Callable[[], None]
Kind = Callable[[Side, Side, Ready], Outcome]


def pull(a: Side, b: Side, ready: Ready) -> Outcome:
    theirs(a, a=THEIRS)
    ready()
    return crossed(b)


def pull_of_a_deletion(a: Side, b: Side, ready: Ready) -> Outcome:
    theirs(a, *TASK)
    ready()
    return crossed(b)


def pull_of_a_rename(a: Side, b: Side, ready: Ready) -> Outcome:
    theirs(a, "a.txt", moved=LONG)
    ready()
    return crossed(b)


def push(a: Side, b: Side, ready: Ready) -> Outcome:
    b.repo.write("a.txt", OURS)
    ready()
    return crossed(b)


def push_of_a_deletion(a: Side, b: Side, ready: Ready) -> Outcome:
    for path in TASK:
        b.repo.delete(path)
    ready()
    return crossed(b)


def push_of_a_rename(a: Side, b: Side, ready: Ready) -> Outcome:
    b.repo.path("a.txt").rename(b.repo.path("moved.txt"))
    ready()
    return crossed(b)


def push_of_a_mode(a: Side, b: Side, ready: Ready) -> Outcome:
    b.repo.path("a.txt").chmod(0o755)
    ready()
    return crossed(b)


def push_of_a_new_file(a: Side, b: Side, ready: Ready) -> Outcome:
    b.repo.write("new.txt", "new\n")
    ready()
    return crossed(b)


def push_of_a_commit(a: Side, b: Side, ready: Ready) -> Outcome:
    b.repo.write("a.txt", OURS)
    b.repo.commit("mine")
    ready()
    return crossed(b)


def push_of_a_commit_and_more(a: Side, b: Side, ready: Ready) -> Outcome:
    theirs(a, c="c, by A\n")
    b.repo.write("a.txt", OURS)
    b.repo.commit("mine")
    b.repo.write("a.txt", OURS + "and on\n")
    ready()
    return crossed(b)


def merge(a: Side, b: Side, ready: Ready) -> Outcome:
    both(a, b)
    ready()
    return crossed(b, Strategy.MERGE)


def merge_of_a_commit(a: Side, b: Side, ready: Ready) -> Outcome:
    both(a, b)
    b.repo.commit("mine")
    ready()
    return crossed(b, Strategy.MERGE)


def merge_within_a_task(a: Side, b: Side, ready: Ready) -> Outcome:
    a.repo.write("t/main.txt", "main, by A\n")
    healthy(a.sync())
    b.repo.write_all({"t/sub/data.txt": "data, by B\n", "t/new.txt": "new\n"})
    ready()
    return crossed(b, Strategy.MERGE)


def take_local(a: Side, b: Side, ready: Ready) -> Outcome:
    both(a, b)
    ready()
    return crossed(b, Strategy.TAKE_LOCAL)


def take_local_of_a_deletion(a: Side, b: Side, ready: Ready) -> Outcome:
    theirs(a, a=THEIRS)
    b.repo.delete("a.txt")
    ready()
    return crossed(b, Strategy.TAKE_LOCAL)


def take_remote(a: Side, b: Side, ready: Ready) -> Outcome:
    both(a, b)
    ready()
    return crossed(b, Strategy.TAKE_REMOTE)


def take_remote_of_a_deletion(a: Side, b: Side, ready: Ready) -> Outcome:
    theirs(a, "a.txt")
    b.repo.write("a.txt", OURS)
    ready()
    return crossed(b, Strategy.TAKE_REMOTE)


def resolve_local(a: Side, b: Side, ready: Ready) -> Outcome:
    return _resolve(a, b, ready, Take.LOCAL)


def resolve_remote(a: Side, b: Side, ready: Ready) -> Outcome:
    return _resolve(a, b, ready, Take.REMOTE)


def resolve_merged(a: Side, b: Side, ready: Ready) -> Outcome:
    return _resolve(a, b, ready, Take.MERGED)


def resolve_given(a: Side, b: Side, ready: Ready) -> Outcome:
    return _resolve(a, b, ready, Take.GIVEN)


def _resolve(a: Side, b: Side, ready: Ready, take: Take) -> Outcome:
    both(a, b)
    held = b.task(b.sync(), "a.txt")
    assert held.version_seen is not None
    ready()
    files: dict[str, File | None] = {"a.txt": File(FILE, b"given\n")} if take is Take.GIVEN else {}
    return healthy(b.sync(answers={held.id: Answer(take, held.version_seen, files)}, by_hand=True))


def several(a: Side, b: Side, ready: Ready) -> Outcome:
    theirs(a, a=THEIRS, c="c, by A\n")
    b.repo.write_all({"a.txt": OURS, "b.txt": "b, by B\n", "t/main.txt": "main, by B\n"})
    ready()
    return crossed(b, Strategy.MERGE)


KINDS: tuple[Kind, ...] = (
    *(pull, pull_of_a_deletion, pull_of_a_rename),
    *(push, push_of_a_deletion, push_of_a_rename, push_of_a_mode, push_of_a_new_file),
    *(push_of_a_commit, push_of_a_commit_and_more),
    *(merge, merge_of_a_commit, merge_within_a_task),
    *(take_local, take_local_of_a_deletion, take_remote, take_remote_of_a_deletion),
    *(resolve_local, resolve_remote, resolve_merged, resolve_given),
    several,
)
UNPUSHED = {pull, pull_of_a_deletion, pull_of_a_rename, take_remote, take_remote_of_a_deletion, resolve_remote}


@dataclass(frozen=True, slots=True)
class State:
    """What both sides hold."""

    files: dict[str, tuple[int, bytes]]
    remote: dict[str, tuple[str, str]]
    commits: list[str]

    @classmethod
    def of(cls, side: Side, remote: Repo) -> State:
        files = {path: (side.repo.path(path).stat().st_mode, content) for path, content in side.repo.worktree().items()}
        return cls(files, remote.entries("main"), remote.commits("main"))


@dataclass(frozen=True, slots=True)
class Done:
    """An operation, and what stood before and after it."""

    before: State
    after: State
    operation: str


@pytest.fixture(params=KINDS, ids=[kind.__name__ for kind in KINDS])
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
def done(kind: Kind, a: Side, b: Side, remote: Repo) -> Done:
    before: list[State] = []
    outcome = kind(a, b, lambda: before.append(State.of(b, remote)))
    assert outcome.operation is not None and outcome.operation.undoable
    assert bool(outcome.operation.commits) == (kind not in UNPUSHED)
    return Done(before[0], State.of(b, remote), outcome.operation.id)


def undone(side: Side, operation: str) -> str:
    """Undo an operation; return the undo's own id."""
    outcome = undo(side.settings, operation, host=side.host)
    assert outcome.error is None and outcome.operation is not None, outcome
    assert outcome.operation.undoes == operation
    return outcome.operation.id


def test_the_files_are_as_before_the_remote_gets_a_new_commit_and_the_task_waits(
    done: Done, kind: Kind, a: Side, b: Side, remote: Repo
) -> None:
    undone(b, done.operation)
    now = State.of(b, remote)
    assert now.files == done.before.files
    assert now.remote == done.before.remote
    if kind in UNPUSHED:
        assert now.commits == done.after.commits
    else:
        assert now.commits[1:] == done.after.commits
    assert b.repo.head == remote.tip("main")
    assert b.repo.git("diff", "--cached", "--name-only") == ""
    healthy(a.sync())
    assert (a.repo.head, a.repo.status()) == (remote.tip("main"), "")
    differs = b.repo.status() != ""
    for strategy in (Strategy.FAIL, Strategy.MERGE, Strategy.TAKE_LOCAL, Strategy.TAKE_REMOTE):
        b.pushback["conflict_strategy"] = strategy.value
        outcome = b.sync()
        assert State.of(b, remote) == now, strategy
        assert {task.push_status.value for task in outcome.tasks} <= {"pending", "conflict"}
        assert differs == bool(outcome.tasks)
    theirs(a, other="another file\n")  # what comes meanwhile is no word for it
    b.sync()
    assert State.of(b, remote).files.items() >= now.files.items()
    assert remote.entries("main").items() >= now.remote.items()
    for repo in (b.repo, remote):
        repo.fsck()


def test_undo_of_the_undo_brings_both_sides_back(done: Done, a: Side, b: Side, remote: Repo) -> None:
    first = undone(b, done.operation)
    between = remote.commits("main")
    second = undone(b, first)
    now = State.of(b, remote)
    assert (now.files, now.remote) == (done.after.files, done.after.remote)
    assert now.commits[-len(between) :] == between
    healthy(b.sync())
    assert State.of(b, remote) == now
    assert (b.repo.head, b.repo.status()) == (remote.tip("main"), "")
    healthy(a.sync())
    assert (a.repo.head, a.repo.status()) == (remote.tip("main"), "")
    undone(b, second)  # and a third time
    now = State.of(b, remote)
    assert (now.files, now.remote) == (done.before.files, done.before.remote)
    for repo in (b.repo, remote):
        repo.fsck()


def test_other_tasks_that_went_on_since_stay_and_a_push_by_hand_carries_it(
    done: Done, a: Side, b: Side, remote: Repo
) -> None:
    healthy(a.sync())
    theirs(a, later="later, by A\n")
    b.repo.write("mine.txt", "later, by B\n")
    healthy(b.sync())
    undone(b, done.operation)
    now, later = State.of(b, remote), {"later.txt", "mine.txt"}
    assert {path: file for path, file in now.files.items() if path not in later} == done.before.files
    assert {path: entry for path, entry in now.remote.items() if path not in later} == done.before.remote
    assert later <= now.files.keys() & now.remote.keys()
    b.pushback["conflict_strategy"] = "take_local"  # what was a conflict before is one again
    healthy(b.sync(all_tasks=True, by_hand=True))
    assert State.of(b, remote).files == now.files
    assert (b.repo.head, b.repo.status()) == (remote.tip("main"), "")
