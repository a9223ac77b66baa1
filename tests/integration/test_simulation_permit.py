"""The simulation's judge: what it lets a strategy do, and what it calls a loss."""

from __future__ import annotations

from gitferry.pushback.outcome import Strategy, Take
from gitferry.tests.integration.simulation_lineage import Lineage
from gitferry.tests.integration.simulation_permit import Judge, Permit

PATH = "notes.md"


class Sides:
    """A base, and what two people made of it, each having seen the base alone."""

    def __init__(self, ours: str = "ours\nb\nc\n", theirs: str = "a\nb\ntheirs\n") -> None:
        self.lineage = Lineage()
        self.base = self.lineage.wrote(PATH, b"a\nb\nc\n", [])
        self.ours = self.lineage.wrote(PATH, ours.encode(), [self.base])
        self.theirs = self.lineage.wrote(PATH, theirs.encode(), [self.base])

    def judge(self, permit: Permit, ours: str | None = None) -> Judge:
        here = {PATH: ours or self.ours}
        return Judge(self.lineage, (here, here), {PATH: self.theirs}, (), permit)

    def merged(self, text: str, permit: Permit) -> list[str] | str:
        self.lineage.contents["merged"] = text.encode()
        return self.judge(permit).merged(PATH, "merged")


def test_only_the_strategy_that_says_so_may_put_one_side_over_the_other() -> None:
    sides = Sides()
    for strategy in Strategy:
        judge = sides.judge(Permit(strategy))
        assert judge.may_push(PATH, sides.theirs, sides.ours, set()) is (strategy is Strategy.TAKE_LOCAL)
        assert judge.may_check_out(PATH, sides.ours, sides.theirs, set()) is (strategy is Strategy.TAKE_REMOTE)


def test_what_is_no_conflict_is_answered_by_no_strategy() -> None:
    sides = Sides()
    older = sides.judge(Permit(Strategy.TAKE_LOCAL), ours=sides.base)
    assert not older.may_push(PATH, sides.theirs, sides.base, set())


def test_what_was_undone_is_a_change_once_a_person_asks_for_it() -> None:
    lineage = Lineage()
    names = [f"tasks/beta/{name}" for name in ("metadata.json", "extra.txt")]
    before = lineage.wrote(names[0], b"{}", [])
    undone = lineage.wrote(names[0], b'{"owner": "B"}', [before])
    lineage.written(names[0], before.rpartition(":")[2], [undone])
    lineage.went_back(undone, before)
    added = lineage.wrote(names[1], b"theirs", [lineage.never(names[1])])
    ours, theirs = {names[0]: undone}, {names[0]: before, names[1]: added}
    by_hand = Permit(Strategy.TAKE_LOCAL, asked=frozenset({"tasks/beta"}))
    for permit, given_up, may in (
        (by_hand, {before}, True),
        (by_hand, set[str](), False),  # somebody else took it back
        (Permit(Strategy.TAKE_LOCAL), {before}, False),  # nobody asks for it
        (Permit(Strategy.FAIL, asked=by_hand.asked), {before}, False),
    ):
        judge = Judge(lineage, (ours, ours), theirs, given_up, permit)
        assert judge.may_push(names[1], added, lineage.never(names[1]), set()) is may


def test_an_answer_counts_for_its_own_task() -> None:
    sides = Sides()
    assert sides.judge(Permit(takes={PATH: Take.LOCAL})).may_push(PATH, sides.theirs, sides.ours, set())
    assert not sides.judge(Permit(takes={"plan.md": Take.LOCAL})).may_push(PATH, sides.theirs, sides.ours, set())


def test_a_merge_holds_both_changes_and_nothing_else() -> None:
    sides, permit = Sides(), Permit(Strategy.MERGE)
    assert sides.merged("ours\nb\ntheirs\n", permit) == [sides.ours, sides.theirs]
    assert "which nobody wrote" in sides.merged("ours\nb\ntheirs\n", Permit(Strategy.FAIL))
    assert "lacks ['theirs']" in sides.merged("ours\nb\n", permit)
    assert "lacks ['b']" in sides.merged("ours\ntheirs\n", permit)
    assert "of neither side" in sides.merged("ours\nb\ntheirs\n<<<<<<<\n", permit)
    assert "had taken out" in sides.merged("a\nours\nb\ntheirs\n", permit)
