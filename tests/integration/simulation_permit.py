"""What a crossing may put over what it never contained: by its clone's strategy, a person's answer, or an undo.

Every line of the simulation, and every value of a manifest, was written once. What became of each side's can
therefore be told from a merge's content, without the base that the engine chose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from gitferry.pushback.outcome import Strategy, Take
from gitferry.tests.integration.simulation_lineage import Lineage, is_absent
from gitferry.tests.integration.simulation_user import TASKS

Versions = Mapping[str, str]  # path → version

_BY_STRATEGY = {
    Strategy.TAKE_LOCAL: Take.LOCAL,
    Strategy.TAKE_REMOTE: Take.REMOTE,
    Strategy.MERGE: Take.MERGED,
}


@dataclass(frozen=True, slots=True)
class Undoing:
    """What an undo brings back, by path: the versions before the operation that it undoes."""

    local: Versions
    upstream: Versions


@dataclass(frozen=True, slots=True)
class Permit:
    """What answers a conflict in one crossing."""

    strategy: Strategy = Strategy.FAIL
    takes: Mapping[str, Take] = field(default_factory=dict)  # by a person, for one task
    by_unit: Mapping[str, Strategy] = field(default_factory=dict)  # for this crossing
    asked: frozenset[str] = frozenset()  # tasks that a person pushes or answers now
    undoing: Undoing | None = None
    silent: bool = False  # nothing is to be sent

    def asks(self, unit: str) -> bool:
        """Return whether our side of a conflict goes to review as it is."""
        return unit not in self.takes and self.by_unit.get(unit, self.strategy) is Strategy.CREATE_PR

    def of(self, unit: str) -> Take | None:
        """Return what may become of a task that both sides changed; None: it waits."""
        return self.takes.get(unit) or _BY_STRATEGY.get(self.by_unit.get(unit, self.strategy))


def unit_of(path: str) -> str:
    """Return the task that a file belongs to."""
    return next((task for task in TASKS if path.startswith(task + "/")), path)


class Judge:
    """Judges one crossing by what all sides held before it: the clone's disk and HEAD, and the remote."""

    def __init__(
        self,
        lineage: Lineage,
        ours: tuple[Versions, Versions],  # of the disk, and of HEAD
        theirs: Versions,
        given_up: Iterable[str],  # versions that this user took back after having seen them
        permit: Permit,
        reviewed: Sequence[Versions] = (),  # what each of this clone's review branches has of what it changed
    ) -> None:
        self._lineage = lineage
        self._ours = ours
        self._theirs = dict(theirs)
        self._given_up = frozenset(given_up)
        self._permit = permit
        self._reviewed = reviewed
        self.silent = permit.silent
        self.answered: set[str] = set()  # tasks whose conflict this crossing answered

    def absence(self, path: str) -> str | None:
        """Return the version of a file's absence that one of the clone's review branches has."""
        found = (branch[path] for branch in self._reviewed if path in branch)
        return next((version for version in found if is_absent(version)), None)

    def had(self, version: str) -> bool:
        """Return whether the clone's user had a version, on disk or in HEAD."""
        return any(version in side.values() for side in self._ours)

    def undone_here(self, path: str) -> str | None:
        """Return the version that an undo brings back to the working tree."""
        return None if self._permit.undoing is None else self._permit.undoing.local.get(path)

    def undone_there(self, path: str) -> str | None:
        """Return the version that an undo brings back to the remote."""
        return None if self._permit.undoing is None else self._permit.undoing.upstream.get(path)

    def asked(self, path: str) -> bool:
        """Return whether a person asked for the file's task, or one that a rename joins to it, to be pushed."""
        return bool(self._group(path) & (self._permit.asked | set(self._permit.takes)))

    def answers(self, path: str) -> bool:
        """Return whether a person who has seen both sides answers for the file's task, or one joined to it."""
        return not self._group(path).isdisjoint(self._permit.takes)

    def may_push(self, path: str, old: str, new: str, result: set[str]) -> bool:
        """Return whether `new` may stand at the remote for `old`; `result`: all that the remote then has."""
        return self._may(path, Take.LOCAL) or self._moved_on(path, old, new, result) or self._is_merge(path, new)

    def may_show(self, path: str, old: str, new: str, result: set[str]) -> bool:
        """Return whether `new` may stand on a review branch for `old`, which the tracked branch had where it began."""
        asks = any(self._permit.asks(unit) for unit in self._group(path))
        return (asks and self._both_changed(path)) or self.may_push(path, old, new, result)

    def may_check_out(self, path: str, old: str, new: str, result: set[str]) -> bool:
        """Return whether `new` may stand in the working tree in the place of `old`."""
        return self._may(path, Take.REMOTE) or self._moved_on(path, old, new, result) or self._is_merge(path, new)

    def _is_merge(self, path: str, new: str) -> bool:
        """Whether a merge rightly came to a version that there was: a side took back what was brought there."""
        name = self._lineage.name(new)
        taken_back = any(side.get(path) in self._lineage.brought_back for side in (*self._ours, self._theirs))
        return name is not None and taken_back and isinstance(self.merged(path, name), list)

    def merged(self, path: str, name: str) -> list[str] | str:
        """Return what a content that nobody wrote was rightly merged from, or in words what is wrong with it."""
        for branch in self._reviewed:
            for ours in self._ours:
                if path in branch:
                    here, there = self._source(ours, path), self._source(self._theirs, path)
                    if not self._fault_of_all(path, name, [here, there, branch[path]]):
                        return [here, there, branch[path]]
                    # Where ours goes over theirs, a reviewer's commits are merged with ours alone.
                    if not self._fault_of_all(path, name, [here, branch[path]]) and self._may(path, Take.LOCAL):
                        return [here, branch[path]]
        if Take.MERGED not in self._takes(path):
            return "which nobody wrote"
        fault = ""
        for ours in self._ours:
            one, other = self._source(ours, path), self._source(self._theirs, path)
            found = self._fault(path, name, ours, one, other)
            if not found:
                self.answered.add(unit_of(path))
                return [one, other]
            fault = fault or found
        return f"a merge that {fault}"

    def _fault(self, path: str, name: str, ours: Versions, one: str, other: str) -> str:
        lineage = self._lineage
        new = lineage.tokens(f"{path}:{name}")
        sides = [side[q] for side in (ours, self._theirs) for q in side if unit_of(q) in self._group(path)]
        if strange := new.difference(*map(lineage.tokens, sides)):
            return f"holds {sorted(strange)} of neither side"
        names = {path, *(old for old, moved in self._moves() if moved == path)}
        taken_back = {version for version in self._given_up if version.rpartition(":")[0] in names}
        here = lineage.seen(one).union(*map(lineage.tokens, taken_back))
        there = lineage.seen(other)
        for mine, seen, yours, known in ((one, here, other, there), (other, there, one, here)):
            had = lineage.tokens(mine)
            if missing := ((had - known) | (had & lineage.tokens(yours))) - new:
                return f"lacks {sorted(missing)} of {mine}"
            if back := (new & (seen - had)) - lineage.restored:
                return f"holds {sorted(back)}, which {mine} had taken out"
        return ""

    def _fault_of_all(self, path: str, name: str, sources: Sequence[str]) -> str:
        """Return what is wrong with a merge of what is here, on the tracked branch and on a review branch."""
        lineage = self._lineage
        new = lineage.tokens(f"{path}:{name}")
        had = [lineage.tokens(one) for one in sources]
        out = [lineage.seen(one) - tokens for one, tokens in zip(sources, had, strict=True)]
        out[0] |= set[str]().union(*map(lineage.tokens, self._given_up)) - had[0]
        # What was sent for review and is gone here, for the remote's side: only what reviewers added to it counts.
        for sent in lineage.parents(sources[-1]):
            if not lineage.contains(sources[0], sent):
                out[0] |= lineage.seen(sent) - had[0]
        if strange := new.difference(*had):
            return f"holds {sorted(strange)} of no side"
        for tokens in had:
            if missing := {one for one in tokens - new if not any(one in taken for taken in out)}:
                return f"lacks {sorted(missing)}"
        back = {one for one in new & set[str]().union(*out) if not all(one in tokens for tokens in had)}
        return f"holds {sorted(back)} again" if back - lineage.restored else ""

    def _source(self, side: Versions, path: str) -> str:
        """Return what a side has of a file, perhaps under the name from which the other side moved it."""
        there = side.get(path)
        if there is not None and not is_absent(there):
            return there
        for old, new in self._moves():
            found = side.get(old)
            if new == path and found is not None and not is_absent(found):
                return found
        return there or self._lineage.never(path)

    def _moved_on(self, path: str, old: str, new: str, result: set[str]) -> bool:
        """Whether all that the author of `new` had not seen of `old` is in `result`, perhaps in another file."""
        if Take.MERGED not in self._takes(path) or not any(path in move for move in self._moves()):
            return False
        return self._lineage.tokens(old) - self._lineage.seen(new) <= result

    def _may(self, path: str, take: Take) -> bool:
        if take not in self._takes(path):
            return False
        # A person's word answers also for what they undid: only one side has changed there.
        if not self._both_changed(path) and not self.answers(path):
            return False
        self.answered.add(unit_of(path))
        return True

    def _takes(self, path: str) -> set[Take]:
        takes = {self._permit.of(unit) for unit in self._group(path)}
        if Take.GIVEN in takes:
            takes.add(Take.MERGED)
            # What stands in the way of what a person gave goes with our side.
            takes |= set() if unit_of(path) in self._permit.takes else {Take.LOCAL}
        return {take for take in takes if take is not None}

    def _both_changed(self, path: str) -> bool:
        contains = self._lineage.contains
        group = self._group(path)
        known = [(ours, {**self._theirs, **more}) for ours in self._ours for more in ({}, *self._reviewed)]
        again = self._lineage.brought_back
        here = there = False
        for ours, theirs in known:
            paths = {q for q in {*ours, *theirs} if unit_of(q) in group}
            pairs = [(ours.get(q) or self._lineage.never(q), theirs.get(q) or self._lineage.never(q)) for q in paths]
            here |= any(one != other and (one in again or not contains(other, one)) for one, other in pairs)
            # Whoever reset HEAD to before a commit has its changes to come yet, although they saw them.
            there |= any(one != other and (other in again or not contains(one, other)) for one, other in pairs)
            # What this user took back, although others built on it, is their change once they ask for it to be pushed.
            built_on = (self._lineage.ancestors(other) for one, other in pairs if one != other)
            here |= self.asked(path) and any(not self._given_up.isdisjoint(versions) for versions in built_on)
            # What was undone here waits against what the remote has, although its user had seen that.
            there |= any(one != other and not again.isdisjoint(self._lineage.ancestors(one)) for one, other in pairs)
        return here and there

    def _group(self, path: str) -> set[str]:
        """Return the tasks that share the fate of a file's: those that a rename joins to it, or that need its place."""
        group = {unit_of(path)}
        links = {(unit_of(old), unit_of(new)) for old, new in (*self._moves(), *self._clashes())}
        while more := {unit for link in links if group & set(link) for unit in link} - group:
            group |= more
        return group

    def _clashes(self) -> Iterator[tuple[str, str]]:
        """Yield the files that cannot be in one tree: one stands where the other's directory is."""
        paths = {q for side in (*self._ours, self._theirs) for q, version in side.items() if not is_absent(version)}
        for path in paths:
            for parent in PurePosixPath(path).parents:
                if str(parent) in paths:
                    yield str(parent), path

    def _moves(self) -> Iterator[tuple[str, str]]:
        """Yield the renames (from, to) that one of the sides made and that are not the same on both."""
        for side in (*self._ours, self._theirs):
            for path, version in side.items():
                if is_absent(version):
                    continue
                for old in self._lineage.moved_from(version):
                    gone = old not in side or is_absent(side[old])
                    differs = any(ours.get(q) != self._theirs.get(q) for ours in self._ours for q in (old, path))
                    if gone and differs:
                        yield old, path
