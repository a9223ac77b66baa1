"""The same steps as a state machine: Hypothesis chooses each and every chance in it, and shortens what it finds."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from gitferry.pushback.outcome import Strategy, Take
from gitferry.tests.integration.simulation_faults import CODES, Cut
from gitferry.tests.integration.simulation_forge import WAYS
from gitferry.tests.integration.simulation_history import ABSENCES, GIT, POINTS, STRATEGIES, History
from gitferry.tests.integration.simulation_oracle import Violation
from gitferry.tests.integration.simulation_report import judged
from gitferry.tests.integration.simulation_review_history import ReviewHistory
from gitferry.tests.integration.simulation_tally import Tally
from gitferry.tests.integration.simulation_user import LOOSE, PARTS, TASKS
from gitferry.tests.integration.simulation_world import Way

WHO = st.integers(0, 3)
ANYWAY = st.builds(Way, st.booleans(), st.sampled_from((False, False, True)))
NO_ANSWERS = st.sampled_from(("commit", "commit_part", "amend", "pull", "merge", "rebase", "reset", "stash"))
PATHS = st.sampled_from((*LOOSE, *(f"{task}/{part}" for task in TASKS[:2] for part in PARTS[:2])))


class Machine(RuleBasedStateMachine):
    """Two to four clones and one remote. Every step judges itself; the end asks whether they come to the same."""

    tally: ClassVar[Tally]  # what all examples of one run met
    place: ClassVar[Path]
    found: ClassVar[bool] = False  # what comes then is shortening, and counts no more

    def __init__(self) -> None:
        super().__init__()
        self._root = Path(tempfile.mkdtemp(dir=self.place))
        self._history: ReviewHistory | None = None
        self._broken = False

    @initialize(
        chance=st.randoms(use_true_random=False),
        strategies=st.lists(st.sampled_from(STRATEGIES), min_size=2, max_size=4),
        ways=st.none() | st.lists(ANYWAY, min_size=4, max_size=4),
    )
    def begin(self, chance: random.Random, strategies: list[Strategy], ways: list[Way] | None) -> None:
        self._history = ReviewHistory(self._root, chance, strategies, (ways or [])[: len(strategies)])

    def _do(self, who: int, step: Callable[..., object], *rest: Any) -> None:
        assert self._history is not None
        clone = self._history.clones[who % len(self._history.clones)]
        self._judge(lambda: step(self._history, clone, *rest))

    def _judge(self, step: Callable[[], object]) -> None:
        assert self._history is not None
        try:
            with judged(self._history, None, ""):
                step()
        except Violation as violation:
            self._broken = True
            if not type(self).found:
                print(f"{violation}\nNow a shorter history that does this is looked for.", flush=True)
            raise

    # -- at random

    @rule(who=WHO)
    def edit(self, who: int) -> None:
        self._do(who, History.edit)

    @rule(who=WHO)
    def sync(self, who: int) -> None:
        self._do(who, History.sync)

    @rule(who=WHO, does=st.sampled_from(sorted(GIT)))
    def git(self, who: int, does: str) -> None:
        self._do(who, History.git, does)

    # -- faults

    @rule(who=WHO, point=st.sampled_from(POINTS), count=st.integers(1, 3))
    def killed(self, who: int, point: str, count: int) -> None:
        self._do(who, History.killed, point, count)

    @rule(who=WHO, where=st.sampled_from(list(Cut)))
    def cut(self, who: int, where: Cut) -> None:
        self._do(who, History.cut, where)

    @rule(who=WHO)
    def refused(self, who: int) -> None:
        self._do(who, History.refused)

    @rule(who=WHO, code=st.sampled_from(CODES), good=st.integers(0, 30))
    def disk_fails(self, who: int, code: int, good: int) -> None:
        self._do(who, History.disk_fails, code, good)

    # -- directed

    @rule(who=WHO, path=PATHS)
    def conflict(self, who: int, path: str) -> None:
        self._do(who, History.conflict, path)

    @rule(who=WHO, absence=st.sampled_from(ABSENCES))
    def far_and_back(self, who: int, absence: tuple[str, str]) -> None:
        self._do(who, History.far_and_back, absence)

    @rule(who=WHO, does=NO_ANSWERS)
    def answered_by_git(self, who: int, does: str) -> None:
        self._do(who, History.answered_by_git, does)

    @rule(who=WHO, point=st.sampled_from(POINTS))
    def killed_then_edited(self, who: int, point: str) -> None:
        self._do(who, History.killed_then_edited, point)

    @rule(who=WHO)
    def directory_gone_then_pulled(self, who: int) -> None:
        self._do(who, History.directory_gone_then_pulled)

    @rule(who=WHO)
    def held_far_and_back(self, who: int) -> None:
        self._do(who, History.held_far_and_back)

    @rule(who=WHO)
    def renamed_and_edited(self, who: int) -> None:
        self._do(who, History.renamed_and_edited)

    # -- answers

    @rule(who=WHO, take=st.sampled_from(list(Take)))
    def resolve(self, who: int, take: Take) -> None:
        self._do(who, History.resolve, take)

    @rule(who=WHO)
    def resolve_late(self, who: int) -> None:
        self._do(who, lambda history, clone: history.resolve(clone, late=True))

    @rule(who=WHO, strategy=st.sampled_from(STRATEGIES))
    def push_with(self, who: int, strategy: Strategy) -> None:
        self._do(who, History.push_with, strategy)

    @rule(who=WHO)
    def undo(self, who: int) -> None:
        self._do(who, History.undo)

    @rule(who=WHO, point=st.sampled_from(POINTS))
    def undo_killed(self, who: int, point: str) -> None:
        self._do(who, lambda history, clone: history.undo(clone, point=point))

    @rule(who=WHO)
    def undo_twice(self, who: int) -> None:
        self._do(who, History.undo_twice)

    # -- review

    @rule(how=st.sampled_from(WAYS), delete=st.booleans())
    def land(self, how: str, delete: bool) -> None:
        assert self._history is not None
        history = self._history
        self._judge(lambda: history.land(how=how, delete=delete))

    @rule(
        does=st.sampled_from((ReviewHistory.delete, ReviewHistory.mend, ReviewHistory.update, ReviewHistory.force_push))
    )
    def meddle(self, does: Callable[[ReviewHistory], None]) -> None:
        assert self._history is not None
        history = self._history
        self._judge(lambda: does(history))

    @rule(
        who=WHO,
        does=st.sampled_from(
            (ReviewHistory.reviewed_and_mended, ReviewHistory.landed_and_edited, ReviewHistory.both_branches_changed)
        ),
    )
    def reviewed(self, who: int, does: Callable[[ReviewHistory, object], None]) -> None:
        self._do(who, does)

    @rule(who=WHO, does=st.sampled_from((ReviewHistory.prune, ReviewHistory.pull, ReviewHistory.word)))
    def asked(self, who: int, does: Callable[[ReviewHistory, object], None]) -> None:
        self._do(who, does)

    def teardown(self) -> None:
        """Ask for convergence where nothing was found before."""
        try:
            if self._history is not None and not self._broken:
                self._judge(self._history.end)
        finally:
            if self._history is not None and not type(self).found:
                self.tally.add(self._history.tally)
            type(self).found |= self._broken
            shutil.rmtree(self._root)


def run_machine(seed: int, root: Path, tally: Tally, *, examples: int, steps: int, shorten: bool) -> None:
    """Run `examples` histories of up to `steps` rules each below `root`. Raises Violation, the history in its message.

    `shorten`: look for the shortest one that breaks the same promise, which takes some minutes.
    """

    class Counted(Machine):
        pass

    Counted.tally, Counted.place = tally, root
    run_state_machine_as_test(
        hypothesis.seed(seed)(Counted),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=False,
            database=None,
            deadline=None,
            print_blob=False,
            report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink) if shorten else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
