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
