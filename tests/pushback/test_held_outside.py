"""What a task has outside a sparse checkout is what the record says of it, for as long as nothing else speaks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitferry.pushback.held_outside import Outside
from gitferry.repos.content import FILE, Entry
from gitferry.repos.hold import Hold, HoldState
from gitferry.repos.objects import EMPTY_TREE, Objects, Person
from gitferry.repos.observe import Observation
from gitferry.repos.record import Record
from gitferry.repos.review import Review
from gitferry.repos.sparse import Sparse
from gitferry.repos.tasks import Kind
from gitferry.tests.repo import Repo

THEN = {"task/in/a": "edited", "task/out/a": "then", "task/out/gone": "then"}
NOW = {"task/in/a": "edited", "task/out/a": "now", "task/out/new": "now"}


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "repo")


class Scene:
    """A working tree without task/out/, and the objects of its repository."""

    def __init__(self, repo: Repo) -> None:
        self.objects = Objects(repo.root / ".git")
        self.patterns = Sparse(b"/*\n!/task/out/\n!out\n", root=repo.root)

    def tree(self, files: dict[str, str]) -> str:
        entries = {path: Entry(FILE, self.objects.write_blob(text.encode())) for path, text in files.items()}
        return self.objects.apply(EMPTY_TREE, dict(entries))

    def read(
        self, now: dict[str, str], *holds: Hold, reviews: tuple[Review, ...] = (), inner: str = "none"
    ) -> dict[str, str]:
        """What is taken for the working tree's content where HEAD has NOW with its visible file unedited."""
        head = self.tree({**NOW, "task/in/a": "head"})
        outside = Outside(
            self.objects, self.patterns, head, lambda path: "task/out" if path.startswith(inner) else "task"
        )
        seen = Observation(self.tree(now), {}, {}, True, {})
        found = self.objects.walk(outside.with_record(Record("main", holds=holds, reviews=reviews), seen).disk)
        return {path: self.objects.blob(entry.oid).decode() for path, entry in found}

    def hold(
        self, *files: dict[str, str], unit: str = "task", kind: Kind = "directory", state: HoldState = HoldState.ACTIVE
    ) -> Hold:
        return Hold(unit, kind, (), EMPTY_TREE, tuple(self.tree(some) for some in files), "held", state=state)

    def review(self, files: dict[str, str]) -> Review:
        someone = Person("Test Person", "test@example.org")
        tip = self.objects.write_commit(
            self.tree(files), (), "x\n", author=someone, committer=someone, at=datetime(2026, 1, 2, tzinfo=UTC)
        )
        return Review("gitferry/here/task", ("task",), tip)


@pytest.fixture
def scene(repo: Repo) -> Scene:
    return Scene(repo)


@pytest.mark.parametrize("state", [HoldState.ACTIVE, HoldState.UNDONE])
def test_it_is_what_it_was(scene: Scene, state: HoldState) -> None:
    assert scene.read(NOW, scene.hold(THEN, state=state)) == THEN


def test_the_latest_that_fits_counts(scene: Scene) -> None:
    earlier = {**THEN, "task/out/a": "earlier"}
    assert scene.read(NOW, scene.hold(earlier, THEN)) == THEN
    assert scene.read(NOW, scene.hold(earlier, {**THEN, "task/in/a": "other"})) == earlier


def test_once_the_rest_is_edited_only_what_can_be_seen_counts(scene: Scene) -> None:
    edited = {**NOW, "task/in/a": "edited again"}
    assert scene.read(edited, scene.hold(THEN)) == edited


def test_a_file_that_is_there_speaks_for_itself(scene: Scene, repo: Repo) -> None:
    repo.write("task/out/a", "now")
    assert scene.read(NOW, scene.hold(THEN)) == NOW


def test_a_parked_task_is_elsewhere(scene: Scene) -> None:
    assert scene.read(NOW, scene.hold(THEN, state=HoldState.PARKED)) == NOW


def test_a_file_that_is_a_task(scene: Scene) -> None:
    hold = scene.hold({"out": "then"}, unit="out", kind="file")
    assert scene.read({"out": "now"}, hold) == {"out": "then"}
    assert scene.read({"out": "then"}, hold) == {"out": "then"}


def test_of_a_task_inside_another_its_own_hold_counts(scene: Scene) -> None:
    inner = scene.hold({**THEN, "task/out/a": "inner"}, unit="task/out")
    assert scene.read(NOW, inner, scene.hold(THEN))["task/out/a"] == "inner"


def test_of_a_task_in_review_it_is_what_the_branch_has(scene: Scene) -> None:
    assert scene.read(NOW, reviews=(scene.review(THEN),)) == THEN
    edited = {**NOW, "task/in/a": "edited again"}
    assert scene.read(edited, reviews=(scene.review(THEN),)) == {**THEN, "task/in/a": "edited again"}


def test_a_task_that_was_taken_back_from_review_is_at_head(scene: Scene) -> None:
    back = {**NOW, "task/in/a": "head"}
    assert scene.read(back, reviews=(scene.review(THEN),)) == back


def test_of_a_task_inside_one_in_review_the_branch_says_nothing(scene: Scene) -> None:
    assert scene.read(NOW, reviews=(scene.review(THEN),), inner="task/out/") == NOW


def test_a_review_that_is_over_says_nothing(scene: Scene) -> None:
    assert scene.read(NOW, reviews=(replace(scene.review(THEN), over="merged"),)) == NOW


def test_nothing_held_changes_nothing(scene: Scene) -> None:
    assert scene.read(NOW) == NOW
