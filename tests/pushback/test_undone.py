"""What an undo leaves held: nothing that was held before is let go of, and an undo that died is one or none."""

from __future__ import annotations

import pytest

from gitferry.pushback import checkout
from gitferry.pushback.outcome import Operation, Outcome, Take
from gitferry.pushback.undo import undo
from gitferry.tests.pushback.adversary import Meanwhile, both_have, remote_keeps
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.shared_file import LINES, NAME, OURS, OURS_FAR, THEIRS, answer, at_line, both_change
from gitferry.tests.repo import Repo


def done(outcome: Outcome) -> Operation:
    """Return what a crossing did, and that it went well."""
    assert outcome.error is None, outcome
    assert outcome.operation is not None, outcome
    return outcome.operation


def back(side: Side, operation: Operation) -> Outcome:
    return undo(side.settings, operation.id, host=side.host)


def under(side: Side, strategy: str) -> None:
    side.pushback["conflict_strategy"] = strategy


def pushed(side: Side, path: str, content: str) -> Operation:
    """Let a side write a file and push it; return the operation."""
    healthy(side.sync())
    side.repo.write(path, content)
    return done(healthy(side.sync()))


def pulled_then_contested(here: Side, there: Side) -> Operation:
    """Pull one file of a task, then bring about a conflict over another of it; return the pull."""
    both_have(here, there)
    pushed(there, "t/p", "p1\n")
    pulled = done(healthy(here.sync()))
    pushed(there, "t/q", "theirs\n")
    here.repo.write("t/q", "ours\n")
    assert here.sync().state == "conflict"
    return pulled


def keeps(repo: Repo, *words: str) -> None:
    """Assert that lines stand in the remote's shared file."""
    assert {*words} <= {*repo.tree("main")[NAME].decode().splitlines()}


# -- holds


def test_the_undo_of_an_undo_beside_a_conflict_of_the_same_task_leaves_it_held(
    here: Side, there: Side, remote: Repo
) -> None:
    both_have(here, there)
    undone = done(back(here, pushed(here, "t/p", "edited\n")))
    pushed(there, "t/q", "theirs\n")
    here.repo.write("t/q", "ours\n")
    assert here.sync().state == "conflict"
    done(back(here, undone))
    for _ in range(2):
        assert here.sync().state == "conflict"
        assert here.repo.read("t/q") == "ours\n"
        remote_keeps(remote, "t/q", "theirs\n")
        remote_keeps(remote, "t/p", "edited\n")


def test_an_edit_in_the_stash_stays_held_through_undo_and_undo_again(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there, {NAME: LINES})
    base = at_line(4, "before")
    first = pushed(here, NAME, base)
    pushed(there, NAME, at_line(1, "theirs", base))
    here.repo.write(NAME, at_line(1, "ours", base))
    assert here.sync().state == "conflict"
    here.repo.git("stash", "push", "-q")
    here.sync()
    done(back(here, done(back(here, first))))
    here.sync()
    here.repo.git("stash", "pop", "-q")
    for _ in range(2):
        assert here.sync().state == "conflict"
        assert here.repo.read(NAME) == at_line(1, "ours", base)
        remote_keeps(remote, NAME, at_line(1, "theirs", base))


def test_the_undo_of_a_file_that_belongs_to_a_held_task_by_now_keeps_its_base(
    here: Side, there: Side, remote: Repo
) -> None:
    both_have(here, there, {"x/metadata.json": '{"name":"x"}\n', "t/p": LINES, "t/q": "q0\n"})
    pushed(there, "t/p", OURS)
    pulled = done(healthy(here.sync()))
    pushed(there, "t/metadata.json", '{"name":"t"}\n')
    healthy(here.sync())
    there.repo.write("t/p", at_line(4, "later", OURS))
    pushed(there, "t/q", "theirs\n")
    here.repo.write("t/q", "ours\n")
    assert here.sync().state == "conflict"
    done(back(here, pulled))
    under(here, "merge")
    here.repo.write("t/p", OURS_FAR)
    for _ in range(2):
        here.sync()
        assert "later" in remote.tree("main")["t/p"].decode().splitlines()
        remote_keeps(remote, "t/q", "theirs\n")


def test_an_undo_for_which_the_remote_has_something_elses_place_is_refused(
    here: Side, there: Side, remote: Repo
) -> None:
    both_have(here, there, {"deep/er/list.txt": "one\n"})
    here.repo.delete("deep/er/list.txt")
    deleted = done(healthy(here.sync()))
    pushed(there, "deep/er", "a file\n")
    healthy(here.sync())
    tip = remote.tip("main")
    assert "deep/er" in (back(here, deleted).error or "")
    healthy(here.sync())
    assert (remote.tip("main"), here.repo.read("deep/er")) == (tip, "a file\n")


# -- bases


@pytest.mark.parametrize("strategy", ["fail", "take_remote", "merge"])
def test_an_edit_after_two_undos_in_one_task_is_no_conflict_with_oneself(
    here: Side, there: Side, remote: Repo, strategy: str
) -> None:
    both_have(here, there)
    first, second = pushed(here, "t/p", "p1\n"), pushed(here, "t/q", "q1\n")
    done(back(here, first))
    done(back(here, second))
    under(here, strategy)
    here.repo.write("t/q", "q2\n")
    healthy(here.sync())
    assert (here.repo.read("t/p"), here.repo.read("t/q")) == ("p1\n", "q2\n")
    remote_keeps(remote, "t/q", "q2\n")


def test_an_edit_of_another_file_after_the_undo_of_an_answer_travels(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there, {"t/metadata.json": '{"name":"t"}\n', "t/p": LINES, "t/q": "q0\n"})
    pushed(there, "t/p", THEIRS)
    under(here, "take_remote")
    here.repo.write("t/p", OURS_FAR)
    done(back(here, done(healthy(here.sync()))))
    under(here, "merge")
    here.repo.write("t/q", "q1\n")
    here.sync()
    assert (here.repo.read("t/q"), remote.tree("main")["t/q"]) == ("q1\n", b"q1\n")


@pytest.mark.parametrize("strategy", ["fail", "merge"])
def test_an_edit_after_the_undo_of_an_old_pull_reverts_no_later_one(
    here: Side, there: Side, remote: Repo, strategy: str
) -> None:
    both_have(here, there, {NAME: LINES})
    pushed(there, NAME, THEIRS)
    pulled = done(healthy(here.sync()))
    pushed(there, NAME, at_line(4, "later", THEIRS))
    healthy(here.sync())
    done(back(here, pulled))
    assert here.repo.read(NAME) == LINES
    under(here, strategy)
    here.repo.write(NAME, OURS_FAR)
    here.sync()
    keeps(remote, "later")


def test_the_undo_of_an_undo_brings_back_nothing_that_the_remote_took_away_meanwhile(
    here: Side, there: Side, remote: Repo
) -> None:
    both_change(here, there, OURS_FAR)
    under(here, "merge")
    undone = done(back(here, done(healthy(here.sync()))))
    pushed(there, NAME, at_line(4, "later"))  # its own line 1 is as it was
    done(back(here, undone))
    here.repo.write(NAME, at_line(8, "and on", here.repo.read(NAME)))
    here.sync()
    keeps(remote, "line 1", "later")


def test_undo_again_and_again_of_what_the_remote_went_on_from_is_a_conflict(
    here: Side, there: Side, remote: Repo
) -> None:
    both_have(here, there, {NAME: LINES})
    undone = done(back(here, pushed(here, NAME, OURS)))
    pushed(there, NAME, THEIRS)
    here.sync()
    for _ in range(3):
        undone = done(back(here, undone))
        assert here.repo.read(NAME) == OURS
    here.repo.write(NAME, at_line(7, "and on", OURS))
    for _ in range(2):
        assert here.sync().state == "conflict"
        remote_keeps(remote, NAME, THEIRS)


# -- undos that are overtaken, or die


@pytest.mark.parametrize("how", ["edited", "busy"])
def test_an_undo_that_is_overtaken_leaves_the_conflict(
    here: Side, there: Side, remote: Repo, meanwhile: Meanwhile, how: str
) -> None:
    pulled = pulled_then_contested(here, there)
    if how == "edited":
        meanwhile(checkout, "_replace", lambda: here.repo.write("t/p", "p1, edited\n"))
        assert back(here, pulled).error is not None
    else:
        with here.repo.path("t/p").open("r+"):
            assert back(here, pulled).error is not None
    under(here, "merge")
    for _ in range(2):
        here.sync()
        assert here.repo.read("t/q") == "ours\n"
        remote_keeps(remote, "t/q", "theirs\n")


def test_a_dead_answer_that_is_taken_back_and_overtaken_leaves_the_conflict(
    here: Side, there: Side, remote: Repo, meanwhile: Meanwhile
) -> None:
    names = [f"t/f{number}" for number in range(3)]
    both_have(here, there, {**dict.fromkeys(names, LINES), "t/metadata.json": '{"name":"t"}\n'})
    there.repo.write_all(dict.fromkeys(names, THEIRS))
    healthy(there.sync())
    here.repo.write_all(dict.fromkeys(names, OURS))
    seen = here.sync()
    assert killed_at(here, "checkout.partial", 1, lambda: answer(here, seen, Take.REMOTE, "t")) is None
    (begun,) = [name for name in names if here.repo.read(name) == THEIRS]
    meanwhile(checkout, "_replace", lambda: here.repo.write(begun, at_line(8, "edited", THEIRS)))
    here.sync()
    under(here, "merge")
    for _ in range(2):
        here.sync()
        assert all(here.repo.read(name) == OURS for name in names if name != begun)
        assert all(remote.tree("main")[name] == THEIRS.encode() for name in names)


@pytest.mark.parametrize("point", ["push.before", "push.sent", "checkout.partial", "index.followed"])
def test_a_killed_undo_of_the_undo_of_a_merge_reverts_nothing(
    here: Side, there: Side, remote: Repo, point: str
) -> None:
    both_change(here, there, OURS_FAR)
    under(here, "merge")
    undone = done(back(here, done(healthy(here.sync()))))
    under(here, "fail")
    assert killed_at(here, point, 1, lambda: back(here, undone)) is None
    for _ in range(2):
        here.sync()
        keeps(remote, "theirs")


@pytest.mark.parametrize("point", ["record.saved", "checkout.partial", "index.followed"])
def test_a_killed_undo_of_the_undo_of_a_pull_reverts_nothing(here: Side, there: Side, remote: Repo, point: str) -> None:
    both_have(here, there, {NAME: LINES})
    pushed(there, NAME, THEIRS)
    undone = done(back(here, done(healthy(here.sync()))))
    here.sync()
    assert killed_at(here, point, 1, lambda: back(here, undone)) is None
    for _ in range(2):
        here.sync()
        remote_keeps(remote, NAME, THEIRS)


@pytest.mark.parametrize("strategy", ["fail", "take_remote", "merge"])
@pytest.mark.parametrize("point", ["record.saved", "push.before", "push.sent", "index.followed"])
def test_an_edit_after_a_killed_undo_of_a_push_goes_on(here: Side, there: Side, strategy: str, point: str) -> None:
    both_have(here, there, {NAME: LINES})
    edited = pushed(here, NAME, OURS)
    under(here, strategy)
    assert killed_at(here, point, 1, lambda: back(here, edited)) is None
    here.repo.write(NAME, at_line(1, "ours, and on"))
    for _ in range(2):
        healthy(here.sync())
        assert here.repo.read(NAME) == at_line(1, "ours, and on")


@pytest.mark.parametrize("point", ["push.sent", "push.acked_before_db", "index.followed", "ref.after_cas"])
def test_an_undo_that_died_after_its_push_is_done(here: Side, there: Side, remote: Repo, point: str) -> None:
    both_change(here, there, OURS)
    under(here, "take_local")
    taken = done(healthy(here.sync()))
    assert killed_at(here, point, 1, lambda: back(here, taken)) is None
    under(here, "fail")
    for _ in range(2):
        here.sync()
        assert here.repo.read(NAME) == OURS
        remote_keeps(remote, NAME, THEIRS)
