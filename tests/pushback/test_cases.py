"""Every three-way case under every strategy: what comes of it, beside real git, and that nothing is lost on the way.

The cases stand side by side in one repository, so one crossing for each strategy also shows that none of them stops
another. `python -m gitferry.tests.pushback.cases` runs each of them alone, under each strategy, and prints the table.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pytest

from gitferry.pushback.outcome import Strategy
from gitferry.tests.integration import simulation
from gitferry.tests.pushback.cases import (
    Judged,
    Row,
    Stage,
    built,
    judged,
    meet,
    require_git,
    require_kept,
    require_rest,
    results,
    run,
)
from gitferry.tests.pushback.kit import Side
from gitferry.tests.pushback.three_way import DEVIATIONS, Case, Says, cases
from gitferry.tests.repo import Repo

CASES = {case.name: case for case in cases()}
SIDE_BY_SIDE = [case for case in CASES.values() if case.layout == "auto"]
WHOLE = [case for case in CASES.values() if case.layout != "auto"]


def each(rows: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", rows, ids=[case.name for case in rows])


every_strategy = pytest.mark.parametrize("strategy", list(Strategy))


@dataclass(frozen=True, slots=True)
class Crossed:
    """Our side after one crossing of many cases."""

    stage: Stage
    side: Side
    rows: dict[Case, Row]
    theirs: str  # the remote's tip before it


@dataclass
class World:
    """The base that all tests of this file start from; what they share is made when it is first asked for."""

    root: Path
    _judged: dict[Case, Judged] = field(default_factory=dict, repr=False)
    _met: dict[str, Stage] = field(default_factory=dict, repr=False)
    _crossed: dict[tuple[Strategy, bool], Crossed] = field(default_factory=dict, repr=False)

    @cached_property
    def base(self) -> Stage:
        return built(self.root / "base", CASES.values())

    @cached_property
    def _judge(self) -> Repo:
        return Repo.clone(self.base.remote.root, self.root / "judge")

    def judged(self, case: Case) -> Judged:
        if case not in self._judged:
            self._judged[case] = judged(self._judge, case)
        return self._judged[case]

    def met(self, name: str, rows: list[Case], *, committed: bool = False) -> Stage:
        """A stage on which both sides have made of these cases what they make of them; to be copied."""
        if name not in self._met:
            stage = self.base.copied(self.root / f"met-{len(self._met)}")
            meet(stage, rows, committed=committed)
            self._met[name] = stage
        return self._met[name]

    def crossed(self, strategy: Strategy, committed: bool) -> Crossed:
        if (strategy, committed) not in self._crossed:
            met = self.met(f"committed {committed}", SIDE_BY_SIDE, committed=committed)
            stage = met.copied(self.root / f"crossed-{strategy}-{committed}")
            side, theirs = stage.side("b", strategy=strategy), stage.remote.tip("main")
            facts = {case: self.judged(case) for case in SIDE_BY_SIDE}
            self._crossed[strategy, committed] = Crossed(stage, side, results(stage, facts, side.sync()), theirs)
        return self._crossed[strategy, committed]


@pytest.fixture(scope="module", autouse=True)
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One home for all of these tests, most of which only look at what one crossing came to."""
    kept = dict(os.environ)
    simulation.house(tmp_path_factory.mktemp("home"))
    yield
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("cases"))


@each(list(CASES.values()))
def test_git_says_the_same(case: Case, world: World) -> None:
    require_git(case, world.judged(case))


def test_every_deviation_is_a_case() -> None:
    assert DEVIATIONS.keys() <= CASES.keys()
    assert len(CASES) == len(cases())


@each(SIDE_BY_SIDE)
@every_strategy
def test_case(case: Case, strategy: Strategy, world: World) -> None:
    assert world.crossed(strategy, committed=False).rows[case] == Row(*case.expects(strategy))


@every_strategy
def test_the_same_where_ours_are_commits(strategy: Strategy, world: World) -> None:
    other = []
    for case, row in world.crossed(strategy, committed=True).rows.items():
        expected = Row(*case.expects(strategy, committed=True))
        same = (row.remote, row.tree) == (expected.remote, expected.tree) and row.answered == expected.answered
        if not same or not (row.answered or row.status == expected.status):
            other.append(f"{case.name}: {row}")
    assert other == []


@every_strategy
@pytest.mark.parametrize("committed", [False, True], ids=["edited", "committed"])
def test_nothing_is_lost_and_all_come_to_rest(strategy: Strategy, committed: bool, world: World) -> None:
    crossed = world.crossed(strategy, committed)
    require_kept(crossed.stage, {case: world.judged(case) for case in SIDE_BY_SIDE}, crossed.theirs)
    require_rest(crossed.stage, crossed.side, answered=all(row.answered for row in crossed.rows.values()))


@each(WHOLE)
@every_strategy
def test_whole_tree(case: Case, strategy: Strategy, world: World, tmp_path: Path) -> None:
    stage = world.met(case.name, [case]).copied(tmp_path / "stage")
    assert run(stage, case, world.judged(case), strategy) == Row(*case.expects(strategy))


@each([case for case in SIDE_BY_SIDE if case.says is Says.MERGES and case.both is None])
def test_a_merge_alone_is_gits_tree(case: Case, world: World, tmp_path: Path) -> None:
    stage = world.base.copied(tmp_path / "stage")
    meet(stage, (case,))
    stage.side("b", strategy=Strategy.MERGE).sync()
    assert stage.remote.entries("main") == world.judged(case).merged
