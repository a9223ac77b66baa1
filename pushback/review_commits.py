"""What a review branch gets: the tree and message of its next commit, and what of it goes into the log."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeAlias

from gitferry.pushback import operations
from gitferry.pushback.commit import TipBuilder
from gitferry.pushback.decision import Action, Decision
from gitferry.pushback.describe import first_facts
from gitferry.pushback.ground import Ground
from gitferry.pushback.merging import Merger
from gitferry.pushback.message import TaskWords, request_words
from gitferry.pushback.outcome import Request, TaskChange
from gitferry.pushback.planning import Planned
from gitferry.pushback.requests import ReviewRequest
from gitferry.repos.content import Entry
from gitferry.repos.review import Review
from gitferry.repos.tasks import task_id
from gitferry.repos.upstream import Upstream
from gitferry.security.redact import redact

#: Tasks that go to one branch: one, or those that a rename joins.
Group: TypeAlias = tuple[Decision, ...]


class ReviewCommits:
    """Writes the commits of one crossing's review branches; `base` is what a new one is made from."""

    def __init__(self, ground: Ground, planned: Planned, upstream: Upstream, base: str, request: Request) -> None:
        self._ground = ground
        self._objects = ground.objects
        self._planned = planned
        self._upstream = upstream
        self._base = base
        self._merge = Merger(ground).merge
        self._words = TipBuilder(ground, planned.sides, planned.gathered, request.message)

    def written(self, group: Group, review: Review) -> str | None:
        """Write the commit that gives the branch what the group carries; None where it has that."""
        goal = self.goal(group, review)
        if goal is None:
            return None
        tree, parents = goal
        return self._ground.write_commit(tree, parents, self.words(group, tree, parents))

    def words(self, group: Group, tree: str, parents: Sequence[str]) -> str:
        """Return the message of a commit."""
        return self._words.message(self._task_words(group, self._objects.tree_of(parents[0]), tree))

    def goal(self, group: Group, review: Review) -> tuple[str, list[str]] | None:
        """Return the tree and parents of the branch's next commit; None where it has what the group carries."""
        objects, parent = self._objects, review.tip or self._base
        changes: dict[str, Entry | None] = {}
        for decision in group:
            content = decision.carried
            changes |= {path: content.get(path) for path in self._planned.gathered.paths[decision.unit]}
        back = self._taken_back(group, review)
        # Our side of a conflict has not taken theirs in: it must not say so.
        together = None if any(each.in_conflict for each in group) else self._with_tracked(parent, changes, back)
        if together is not None:
            return together, [parent, self._base]
        before = objects.tree_of(parent)
        after = objects.apply(before, {**back, **changes})
        return None if after == before else (after, [parent])

    def _taken_back(self, group: Group, review: Review) -> dict[str, Entry | None]:
        """Return what the branch gets again of those of its tasks that have gone back to the tracked branch's side."""
        objects, gathered = self._objects, self._planned.gathered
        here = {decision.unit for decision in group}
        stay = (Action.HOLD, Action.WAIT)
        here |= {each.unit for each in self._planned.decisions if each.review or each.action in stay}
        back = [unit for unit in review.units if unit not in here and gathered.paths.get(unit)]
        forks = objects.merge_bases(review.tip, self._base) if back and review.tip else ()
        changes: dict[str, Entry | None] = {}
        for unit in back if forks else ():
            if not self._landed(unit, str(review.tip), forks[0]):
                tree = objects.tree_of(forks[0])
                changes |= {path: objects.file_at(tree, path) for path in gathered.paths[unit]}
        return changes

    def _landed(self, unit: str, tip: str, fork: str) -> bool:
        """Whether the tracked branch has taken over a task's change; it may have gone on from it since.

        Taking that off the branch again, where reviewers may have gone on from it too, would say that it is not wanted:
        who rebases the branch would undo it.
        """
        objects, paths = self._objects, self._planned.gathered.paths[unit]
        before, now = (objects.content(objects.tree_of(commit), paths) for commit in (fork, self._base))
        if now == before:
            return False  # or it was undone there
        since = [objects.content(commit.tree, paths) for commit in objects.between((fork,), self._base)]
        taken = [content for content in (now, *since) if content != before]
        sent = (objects.content(objects.tree_of(commit), paths) for commit in self._newest(tip, fork))
        return any(self._merge(before, ours, content) == content for ours in sent for content in taken)

    def _newest(self, tip: str, fork: str) -> Iterator[str]:
        """Yield where a branch is, and the newest of our commits on it: reviewers may have gone on from that."""
        yield tip
        own = {commit for known in operations.read_all(self._objects) for commit in known.operation.commits}
        yield from islice((each.oid for each in self._objects.between((fork,), tip) if each.oid in own), 1)

    def _with_tracked(self, parent: str, changes: Mapping[str, Entry | None], back: Collection[str]) -> str | None:
        """Return the branch's tree with the tracked branch's changes in it, where those touch the same files.

        A forge would otherwise find both changed, although what is carried has taken theirs in. None where the tracked
        branch left them alone, or the branch has changes of its own to other files of those. What was taken `back` is
        as the tracked branch has it now: where the branch began it may have been otherwise.
        """
        objects = self._objects
        forks = objects.merge_bases(parent, self._base)
        if len(forks) != 1 or forks[0] == self._base:
            return None
        fork, tracked, branch = (objects.tree_of(commit) for commit in (forks[0], self._base, parent))
        theirs, own = set(objects.changed(fork, tracked)), set(objects.changed(fork, branch)).difference(back)
        if theirs.isdisjoint(changes) or not theirs.isdisjoint(own - changes.keys()):
            return None
        return objects.apply(tracked, {**{path: objects.file_at(branch, path) for path in own}, **changes})

    def changes(self, group: Group, commit: str) -> list[TaskChange]:
        """Return what a commit did to the tasks of a group, as the log has it."""
        changes = []
        before, after = self._around(commit)
        for decision in self._differing(group, before, after):
            paths = self._planned.gathered.paths[decision.unit]
            old, new = (self._objects.content(tree, paths) for tree in (before, after))
            unit, settings = self._planned.gathered.units[decision.unit], self._ground.settings
            found = first_facts(self._objects, (after, before), unit, settings.tasks.manifests)
            files = tuple(path for path in paths if old.get(path) != new.get(path))
            by = self._planned.approved_by(unit.path)
            excused = self._planned.excused(unit.path)
            task = task_id(settings.name, unit.path)
            changes.append(TaskChange(task, found.name, unit.path, "review", files, approved=by, excused=excused))
        return changes

    def _differing(self, group: Group, tree: str, other: str | None = None) -> list[Decision]:
        """Return the tasks whose content in a root tree is not that in another one, or here."""
        paths, content = self._planned.gathered.paths, self._objects.content

        def wanted(decision: Decision) -> object:
            return decision.carried if other is None else content(other, paths[decision.unit])

        return [each for each in group if content(tree, paths[each.unit]) != wanted(each)]

    def _around(self, commit: str) -> tuple[str, str]:
        info = self._objects.info(commit)
        return self._objects.tree_of(info.parents[0]), info.tree

    def _task_words(self, group: Group, before: str, after: str) -> list[TaskWords]:
        return [self._words.task_words(each, before, after) for each in self._differing(group, before, after)]

    def request(self, group: Group, review: Review, tip: str) -> ReviewRequest:
        """Return what a forge is asked to show."""
        ground = self._ground
        words = self._task_words(group, *self._around(tip))
        body = request_words(ground.settings.pushback.pr_template, words, host=ground.host.hostname)
        if body.fault is not None:
            ground.notes.append(f"pushback.pr_template: {body.fault}; the default one was taken")
        return ReviewRequest(
            repository=redact(self._upstream.url or ""),
            source=review.branch,
            target=self._upstream.branch,
            title=self._objects.message(tip).partition("\n")[0],
            body=body.text,
            commit=tip,
        )
