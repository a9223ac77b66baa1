"""HEAD and the index follow the tip, unless the user did something with either meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from gitferry.pushback.advance import advance, require_head, staged_in_the_way
from gitferry.pushback.commit import Tip
from gitferry.pushback.ground import Ground, opened
from gitferry.pushback.outcome import Request
from gitferry.pushback.planning import Planner
from gitferry.pushback.readiness import Waits
from gitferry.pushback.sides import Sides
from gitferry.repos.content import FILE, Entry
from gitferry.repos.objects import Person
from gitferry.repos.observe import Observation
from gitferry.repos.record import Record
from gitferry.tests.pushback.kit import Side

WRITER = Person("Test Person", "test@example.org")
PATH = "README.md"


@dataclass
class Step:
    """What a crossing has in hand when it has replaced the files of the working tree."""

    ground: Ground
    sides: Sides
    seen: Observation
    tip: Tip

    def take(self) -> None:
        """Advance."""
        advance(self.ground, self.sides, self.seen, self.tip)


def observed(ground: Ground, side: Side, files: Mapping[str, str | None]) -> Step:
    """Look at the repository as it is, and write the tip that it is to advance to (None: the file is gone)."""
    objects, head, at = ground.objects, ground.state.head, side.clock()
    assert head is not None
    sides, seen, _ = Planner(ground, Request("request"), at).look(Record("main"), head, head)
    changes = {
        path: None if text is None else Entry(FILE, objects.write_blob(text.encode())) for path, text in files.items()
    }
    tree = objects.apply(sides.head, changes)
    commit = objects.write_commit(tree, [head], "new\n", author=WRITER, committer=WRITER, at=at)
    return Step(ground, sides, seen, Tip(commit, tree, ()))


# -- what is staged before anything moves


def way(ground: Ground, here: Side, tip: Mapping[str, str | None]) -> str | None:
    step = observed(ground, here, tip)
    return staged_in_the_way(ground.objects, step.sides, step.seen, step.tip)


def test_a_staged_path_that_the_tip_changes_is_in_the_way(here: Side, ground: Ground) -> None:
    here.repo.write(PATH, "staged\n")
    here.repo.git("add", PATH)
    assert way(ground, here, {PATH: "new\n"}) == PATH
    assert way(ground, here, {PATH: None}) == PATH


def test_a_staged_path_that_the_tip_leaves_alone_is_not(here: Side, ground: Ground) -> None:
    here.repo.write(PATH, "staged\n")
    here.repo.git("add", PATH)
    assert way(ground, here, {"other.md": "new\n"}) is None


def test_a_path_staged_as_the_tip_has_it_is_not(here: Side, ground: Ground) -> None:
    here.repo.write(PATH, "new\n")
    here.repo.git("add", PATH)
    assert way(ground, here, {PATH: "new\n"}) is None


def test_an_unstaged_edit_and_intended_files_are_not(here: Side, ground: Ground) -> None:
    here.repo.write(PATH, "edited\n")
    here.repo.write("intended.md", "new\n")
    here.repo.git("rm", "-q", "--cached", "registry.yaml")
    here.repo.git("add", "--intent-to-add", "intended.md", "registry.yaml")
    assert way(ground, here, {PATH: "new\n", "intended.md": "new\n", "registry.yaml": "new\n"}) is None


@pytest.mark.parametrize(("staged", "comes"), [("deep/er", "deep/er/list.txt"), ("deep/er/list.txt", "deep/er")])
def test_a_staged_file_where_the_tip_needs_a_directory_is_in_the_way(
    here: Side, ground: Ground, staged: str, comes: str
) -> None:
    here.repo.write(staged, "staged\n")
    here.repo.git("add", staged)
    assert way(ground, here, {comes: "new\n"}) == staged
    assert way(ground, here, {"deep/other.txt": "new\n"}) is None


def test_an_unmerged_path_is_in_the_way(here: Side, ground: Ground) -> None:
    here.repo.write(PATH, "stashed\n")
    here.repo.git("stash", "-q")
    here.repo.write(PATH, "staged\n")
    here.repo.git("add", PATH)
    assert here.repo.try_git("stash", "pop").returncode == 1
    assert way(ground, here, {PATH: "new\n"}) == PATH
    assert way(ground, here, {PATH: None}) == PATH


# -- HEAD and what the user began


def test_head_as_it_was_seen_is_no_reason_to_wait(here: Side, ground: Ground) -> None:
    require_head(ground, observed(ground, here, {}).sides)


@pytest.mark.parametrize(
    "moved",
    [
        ("commit", "-q", "--allow-empty", "-m", "mine"),
        ("switch", "-qc", "other"),
        ("switch", "-q", "--detach"),
    ],
    ids=["commit", "branch", "detached"],
)
def test_a_head_that_moved_since_stays_where_the_user_put_it(
    here: Side, ground: Ground, moved: tuple[str, ...]
) -> None:
    step = observed(ground, here, {PATH: "new\n"})
    here.repo.git(*moved)
    head, main, index = here.repo.head, here.repo.tip("main"), here.repo.staged()
    with pytest.raises(Waits, match="HEAD moved") as waits:
        step.take()
    assert waits.value.retry
    assert (here.repo.head, here.repo.tip("main"), here.repo.staged()) == (head, main, index)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("merge", ("merge", "-q", "--no-commit", "--no-ff", "feature")),
        ("cherry-pick", ("cherry-pick", "feature")),
        ("revert", ("revert", "--no-edit", "HEAD~1")),
        ("bisect", ("bisect", "start")),
    ],
)
def test_an_operation_begun_since_keeps_head_and_index(here: Side, operation: str, words: tuple[str, ...]) -> None:
    repo = here.repo
    repo.git("branch", "before")
    for text in ("one\n", "two\n"):
        repo.write(PATH, text)
        repo.commit(f"write {text}")
    repo.git("switch", "-qc", "feature", "before")
    repo.write("feature.md" if operation == "merge" else PATH, "feature\n")
    repo.commit("on the feature branch")
    repo.git("switch", "-q", "main")
    with opened(here.settings, here.host) as ground:
        step = observed(ground, here, {PATH: "new\n"})
        repo.try_git(*words)
        head, index = repo.head, repo.staged()
        with pytest.raises(Waits, match=operation):
            step.take()
    assert (repo.head, repo.staged()) == (head, index)


# -- the step itself


def test_head_and_index_follow_and_the_log_says_who_moved_it(here: Side, ground: Ground) -> None:
    step = observed(ground, here, {PATH: "new\n", "registry.yaml": None, "added.md": "added\n"})
    here.repo.write_all({PATH: "new\n", "added.md": "added\n"})
    here.repo.delete("registry.yaml")
    step.take()
    assert here.repo.head == step.tip.commit
    assert here.repo.status() == ""
    assert here.repo.git("reflog", "-1", "--format=%gs") == "gitferry: sync"


def test_what_was_staged_elsewhere_stays_staged(here: Side, ground: Ground) -> None:
    here.repo.write("registry.yaml", "staged\n")
    here.repo.git("add", "registry.yaml")
    observed(ground, here, {PATH: "new\n"}).take()
    assert here.repo.git("show", ":registry.yaml") == "staged"
    assert here.repo.git("show", f":{PATH}") == "new"


def test_what_was_staged_since_stays_staged(here: Side, ground: Ground) -> None:
    step = observed(ground, here, {PATH: "new\n"})
    here.repo.write(PATH, "staged since\n")
    here.repo.git("add", PATH)
    step.take()
    assert here.repo.head == step.tip.commit
    assert here.repo.git("show", f":{PATH}") == "staged since"


def test_an_intended_file_that_travelled_is_tracked(here: Side, ground: Ground) -> None:
    here.repo.write("intended.md", "new\n")
    here.repo.git("add", "--intent-to-add", "intended.md")
    observed(ground, here, {"intended.md": "new\n"}).take()
    assert here.repo.status() == ""


def test_a_held_index_lock_keeps_head(here: Side, ground: Ground) -> None:
    step = observed(ground, here, {PATH: "new\n"})
    head, lock = here.repo.head, here.repo.path(".git/index.lock")
    lock.write_text("")
    with pytest.raises(Waits, match="index could not follow") as waits:
        step.take()
    assert waits.value.retry
    assert lock.exists()
    assert here.repo.head == head


def test_a_branch_that_is_locked_keeps_head(here: Side, ground: Ground) -> None:
    step = observed(ground, here, {PATH: "new\n"})
    head, lock = here.repo.head, here.repo.path(".git/refs/heads/main.lock")
    lock.write_text("")
    with pytest.raises(Waits, match="HEAD moved"):
        step.take()
    lock.unlink()
    assert here.repo.head == head
