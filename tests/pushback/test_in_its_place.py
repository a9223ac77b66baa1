"""A file that the user has staged, or marked to be added, where the remote puts a directory, or the other way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitferry.pushback.outcome import Answer, Outcome, PushStatus, State, Take
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

PLACES = [("d/x", "d"), ("d", "d/x"), ("d", "d/e/x"), ("d/e/x", "d")]


@pytest.fixture
def writer(there: Side) -> Repo:
    return there.repo


def arrive(here: Side, writer: Repo, path: str) -> None:
    """Bring a file to the remote, and to `here` as the user's own fetch does."""
    writer.write_all({path: "theirs\n", "beside.md": "theirs\n"})
    writer.commit("x")
    writer.push()
    here.repo.fetch()


def saved(side: Side) -> Outcome:
    return side.save("elsewhere.md")


@pytest.mark.parametrize("look", [Side.sync, saved], ids=["everywhere", "at one file"])
@pytest.mark.parametrize(("mine", "theirs"), PLACES)
def test_what_is_staged_is_waited_for(
    here: Side, writer: Repo, mine: str, theirs: str, look: Callable[[Side], Outcome]
) -> None:
    here.repo.write(mine, "staged\n")
    here.repo.git("add", mine)
    here.repo.write(mine, "on disk\n")
    arrive(here, writer, theirs)
    for _ in range(2):
        told = look(here)
        assert told.state is State.WAITING and mine in (told.waiting_for or "")
        assert (here.repo.git("show", f":{mine}"), here.repo.read(mine)) == ("staged", "on disk\n")
    here.repo.git("reset", "-q")
    told = here.sync()
    assert here.task(told, mine).push_status is PushStatus.CONFLICT
    assert (here.repo.read(mine), here.repo.read("beside.md")) == ("on disk\n", "theirs\n")


def test_also_where_a_directory_stands_by_now(here: Side, writer: Repo) -> None:
    here.repo.write("d", "staged\n")
    here.repo.git("add", "d")
    here.repo.delete("d")
    here.repo.write("d/own", "on disk\n")
    arrive(here, writer, "d/x")
    assert saved(here).state is State.WAITING
    assert here.repo.git("show", ":d") == "staged"


def test_also_where_what_waited_goes_by_a_look_at_another_file(here: Side) -> None:
    here.pushback["auto_push"] = False
    here.repo.write("d", "staged\n")
    here.repo.git("add", "d")
    here.repo.delete("d")
    here.repo.write("d/e/x", "on disk\n")
    here.sync()
    here.pushback["auto_push"] = True
    assert saved(here).state is State.WAITING
    assert here.repo.git("show", ":d") == "staged"


def test_but_nobody_looks_at_all_that_a_new_directory_holds(here: Side, remote: Repo) -> None:
    here.repo.write_all({"new/saved.md": "saved\n", "new/being/saved.md": "hal"})
    healthy(here.save("new/saved.md"))
    assert remote.tree("main").get("new/saved.md") == b"saved\n"
    assert "new/being/saved.md" not in remote.tree("main")


@pytest.mark.parametrize("look", [Side.sync, saved], ids=["everywhere", "at one file"])
@pytest.mark.parametrize("strategy", ["fail", "merge"])
@pytest.mark.parametrize(("mine", "theirs"), PLACES)
def test_what_is_only_marked_is_held_and_the_loss_of_its_mark_is_told(
    here: Side, writer: Repo, mine: str, theirs: str, strategy: str, look: Callable[[Side], Outcome]
) -> None:
    here.pushback["conflict_strategy"] = strategy
    here.repo.write(mine, "mine\n")
    here.repo.git("add", "--intent-to-add", mine)
    arrive(here, writer, theirs)
    told = look(here)
    assert [note for note in told.notes if mine in note and "intent-to-add" in note]
    assert look(here).notes == ()
    for path in (mine, theirs):
        assert here.task(told, path).push_status is PushStatus.CONFLICT
    assert (here.repo.read(mine), here.repo.read("beside.md")) == ("mine\n", "theirs\n")
    assert (here.repo.head, here.repo.git("diff", "--cached")) == (writer.head, "")


@pytest.mark.parametrize("take", [Take.LOCAL, Take.REMOTE])
@pytest.mark.parametrize(("mine", "theirs"), PLACES)
def test_a_persons_answer_to_it_counts(
    here: Side, writer: Repo, remote: Repo, mine: str, theirs: str, take: Take
) -> None:
    here.repo.write(mine, "mine\n")
    here.repo.git("add", "--intent-to-add", mine)
    arrive(here, writer, theirs)
    told = here.sync()
    healthy(here.sync(answers={t.id: Answer(take, t.version_seen) for t in told.tasks if t.version_seen is not None}))
    stays, goes = (mine, theirs) if take is Take.LOCAL else (theirs, mine)
    assert stays in remote.tree("main") and goes not in remote.tree("main")
    assert (here.repo.tree(), here.repo.status()) == (remote.tree("main"), "")


@pytest.mark.parametrize("strategy", ["take_local", "take_remote"])
@pytest.mark.parametrize(("mine", "theirs"), PLACES)
def test_a_strategy_that_answers_it_leaves_nothing_to_tell(
    here: Side, writer: Repo, remote: Repo, mine: str, theirs: str, strategy: str
) -> None:
    here.pushback["conflict_strategy"] = strategy
    here.repo.write(mine, "mine\n")
    here.repo.git("add", "--intent-to-add", mine)
    arrive(here, writer, theirs)
    assert healthy(here.sync()).notes == ()
    assert (here.repo.tree(), here.repo.status()) == (remote.tree("main"), "")
    assert (mine if strategy == "take_local" else theirs) in remote.tree("main")
