"""What is saved comes back, in whatever order, from however many threads, and after reopening."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from gitferry.pushback.outcome import PushStatus, State
from gitferry.store.rows import KnownPath, OutcomeLike, TaskLike
from gitferry.store.store import Store
from gitferry.tests.store.values import NOON, outcome, task


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state' / 'gitferry.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store(url) as store:
        yield store


def test_an_outcome_is_what_a_crossing_makes() -> None:
    like: OutcomeLike = outcome()
    task_like: TaskLike = task("a")
    assert (like.repository, task_like.push_status) == ("tasks", "pending")


def test_a_saved_outcome_comes_back_after_reopening(url: str) -> None:
    saved = outcome(
        state=State.WAITING,
        head="1" * 40,
        ahead=2,
        behind=1,
        pending=3,
        conflicts=4,
        waiting_for="a rebase in progress",
        error="the remote is offline",
        hint="look at the network",
        offline=True,
        notes=("hooks are skipped: pre-commit",),
        tasks=(task("a"), task("b", status=PushStatus.CONFLICT)),
    )
    with Store(url) as store:
        store.save_outcome(saved)
    with Store(url) as store:
        row = store.repository("tasks")
        assert row is not None
        assert (row.state, row.branch, row.head, row.upstream) == ("waiting", "main", "1" * 40, "origin/main")
        assert (row.ahead, row.behind, row.pending, row.conflicts) == (2, 1, 3, 4)
        assert (row.waiting_for, row.last_error, row.hint) == (saved.waiting_for, saved.error, saved.hint)
        assert (row.offline, row.notes, row.last_crossing_at) == (True, saved.notes, NOON)
        assert [(each.name, each.push_status) for each in store.tasks()] == [("a", "pending"), ("b", "conflict")]


def test_a_later_outcome_replaces_what_it_tells_and_keeps_the_rest(store: Store) -> None:
    pushed = replace(task("a"), last_registry_sync=NOON, commit="1" * 40)
    store.save_outcome(outcome(error="offline", tasks=(pushed, task("b"))))
    store.save_outcome(outcome(branch="topic", tasks=(task("a", status=PushStatus.COMPLETED),)))
    row = store.repository("tasks")
    assert row is not None
    assert (row.branch, row.last_error) == ("topic", None)
    first, second = store.tasks("tasks")
    assert (first.push_status, first.last_registry_sync, first.commit) == ("completed", NOON, "1" * 40)
    assert second.push_status == "pending"


def test_times_come_back_in_utc_and_need_a_zone(store: Store) -> None:
    paris = timezone(timedelta(hours=1))
    store.save_outcome(outcome(at=datetime(2025, 3, 1, 13, 0, 0, 250_000, tzinfo=paris)))
    row = store.repository("tasks")
    assert row is not None
    assert row.last_crossing_at == NOON
    assert row.last_crossing_at.utcoffset() == timedelta(0)
    with pytest.raises(Exception, match="a time without a zone"):
        store.save_outcome(outcome(at=datetime(2025, 3, 1, 13)))


@pytest.mark.parametrize("odd", ["caf\udce9", "a\nb", "tab\t", "\x01already", "nul\0", "☃", "'; DROP TABLE tasks; --"])
def test_any_name_that_a_path_can_have_survives(store: Store, odd: str) -> None:
    store.save_outcome(outcome(tasks=(replace(task("a"), name=odd),), hint=odd, notes=(odd,)))
    (row,) = store.tasks()
    assert row.name == odd
    (saved,) = store.repositories()
    assert (saved.hint, saved.notes) == (odd, (odd,))


def test_a_survey_replaces_the_tasks_of_its_repository_only(store: Store) -> None:
    store.replace_tasks("tasks", [task("a"), task("b")])
    store.replace_tasks("other", [task("a", "other")])
    store.replace_tasks("tasks", [task("b", status=PushStatus.FAILED), task("c")])
    assert [(row.repository, row.name, row.push_status) for row in store.tasks()] == [
        ("other", "a", "pending"),
        ("tasks", "b", "failed"),
        ("tasks", "c", "pending"),
    ]
    unseen = store.repository("other")
    assert unseen is not None
    assert (unseen.state, unseen.last_crossing_at) == ("unknown", None)


def test_forgetting_takes_tasks_along(store: Store) -> None:
    for name in ("tasks", "other"):
        store.save_outcome(outcome(name, tasks=(task("a", name),)))
    store.forget("tasks")
    assert [row.name for row in store.repositories()] == ["other"]
    assert [row.repository for row in store.tasks()] == ["other"]
    store.forget("never seen")


def test_the_root_is_remembered_whatever_a_crossing_says(store: Store) -> None:
    root = KnownPath("/srv/tasks", 2**63 + 5, 2**64 - 1, "https://git.example.org/tasks.git")
    store.remember_root("tasks", root)
    store.save_outcome(outcome())
    row = store.repository("tasks")
    assert row is not None
    assert row.known_path == root


def test_many_threads_lose_no_outcome(store: Store) -> None:
    failures: list[BaseException] = []

    def work(thread: int) -> None:
        try:
            for number in range(100):
                name = f"{thread}-{number}"
                store.save_outcome(outcome(tasks=(task(name),)))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store.tasks("tasks")) == 800
