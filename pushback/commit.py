"""The new tip: one commit a batch on the upstream tip, and one merge where the user's own commits diverged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitferry.pushback.decision import Action, Decision
from gitferry.pushback.describe import first_facts
from gitferry.pushback.gather import Gathered
from gitferry.pushback.ground import Ground
from gitferry.pushback.message import TaskWords, commit_words, literal
from gitferry.pushback.plan import batches
from gitferry.pushback.sides import Sides
from gitferry.repos.content import Content, Entry


@dataclass(frozen=True, slots=True)
class NewCommit:
    """A commit we wrote, and the tasks whose edits it carries (none for a merge)."""

    oid: str
    message: str
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tip:
    """What the branch will be: `commit` is None where neither side has one. No ref points at it yet."""

    commit: str | None
    tree: str
    commits: tuple[NewCommit, ...]  # ours, oldest first
    merged: bool = False


class TipBuilder:
    """Writes the commits of one crossing."""

    def __init__(self, ground: Ground, sides: Sides, gathered: Gathered, message: str | None) -> None:
        self._ground = ground
        self._sides = sides
        self._gathered = gathered
        self._message = message
        self._commits: list[NewCommit] = []

    def build(self, decisions: Sequence[Decision], *, held_back: bool = False) -> Tip:
        """Return the tip that carries what the decisions push. Raises NoIdentity where a commit is due without one.

        `held_back`: the user's own commits stay here, and so does everything that would go on top of them.
        """
        if held_back:
            return Tip(self._sides.head_commit, self._sides.head, ())
        commit, tree = self._start(decisions)
        settings = self._ground.settings.pushback
        size = settings.max_batch_size if settings.batch_changes else 1
        for batch in batches(decisions, size):
            changes: dict[str, Entry | None] = {}
            for decision in batch:
                changes |= self._changes(decision.unit, decision.carried)
            after = self._ground.objects.apply(tree, changes)
            if after == tree:
                continue
            message = self._words(batch, tree, after)
            commit = self._write(after, [commit] if commit else [], message, tuple(d.unit for d in batch))
            tree = after
        return Tip(commit, tree, tuple(self._commits), merged=commit is not None and self._diverged)

    def _start(self, decisions: Sequence[Decision]) -> tuple[str | None, str]:
        """Return what the batches go on top of: the upstream tip, with the user's own commits where there are any."""
        sides, objects = self._sides, self._ground.objects
        head, upstream = sides.head_commit, sides.upstream_commit
        if head is None or (upstream is not None and objects.is_ancestor(head, upstream)):
            return upstream, sides.upstream
        instead: dict[str, Entry | None] = {}  # of what the user's commits must not carry as it is
        merged: dict[str, Entry | None] = {}
        joined: list[str] = []
        for decision in decisions:
            if decision.committed is Action.PUSH:
                merged |= self._changes(decision.unit, decision.view.head.content)
            elif decision.committed is Action.MERGE and decision.joined is not None:
                instead |= self._changes(decision.unit, decision.joined)
                joined.append(decision.unit)
            elif decision.committed is not None:
                upstream_content = objects.content(sides.upstream, self._gathered.paths[decision.unit])
                instead |= self._changes(decision.unit, upstream_content)
        if not self._diverged:
            tree = objects.apply(sides.head, instead)
            if tree == sides.head:
                return head, tree
            message = "Keep what the remote has of tasks in conflict\n"
            if joined:
                message = f"Bring both sides' changes of {', '.join(joined)} together\n"
            return self._write(tree, [head], message, tuple(joined)), tree
        tree = objects.apply(sides.upstream, merged | instead)
        branch = self._ground.state.branch
        message = f"Merge the remote's {branch} and {self._ground.host.hostname}'s\n"
        return self._write(tree, [upstream or "", head], message, tuple(joined)), tree

    @property
    def _diverged(self) -> bool:
        head, upstream = self._sides.head_commit, self._sides.upstream_commit
        if head is None or upstream is None:
            return False
        objects = self._ground.objects
        return not objects.is_ancestor(head, upstream) and not objects.is_ancestor(upstream, head)

    def _changes(self, unit: str, content: Content) -> Mapping[str, Entry | None]:
        return {path: content.get(path) for path in self._gathered.paths[unit]}

    def _write(self, tree: str, parents: Sequence[str], message: str, units: tuple[str, ...]) -> str:
        oid = self._ground.write_commit(tree, parents, message)
        self._commits.append(NewCommit(oid, self._ground.objects.message(oid), units))
        return oid

    def _words(self, batch: Sequence[Decision], before: str, after: str) -> str:
        return self.message([self.task_words(decision, before, after) for decision in batch])

    def message(self, words: Sequence[TaskWords]) -> str:
        """Return a commit's message: what a person gave, else the template's; what is wrong with that is noted."""
        given = "" if self._message is None else literal(self._message)
        if given:
            return given
        ground = self._ground
        filled = commit_words(ground.settings.pushback.commit_message, words, host=ground.host.hostname)
        if filled.fault is not None:
            ground.notes.append(f"pushback.commit_message: {filled.fault}; the default one was taken")
        return filled.text

    def task_words(self, decision: Decision, before: str, after: str) -> TaskWords:
        """Return how a commit's message names one task."""
        objects, unit = self._ground.objects, self._gathered.units[decision.unit]
        manifests = self._ground.settings.tasks.manifests
        was, now = objects.at(before, unit.path), objects.at(after, unit.path)
        old = first_facts(objects, (before,), unit, manifests)
        new = first_facts(objects, (after, before), unit, manifests)
        verb = (
            "add" if was is None else "delete" if now is None else "merge" if decision.merged is not None else "update"
        )
        paths = self._gathered.paths[decision.unit]
        files = tuple(path for path in paths if objects.file_at(before, path) != objects.file_at(after, path))
        version = new.version if now is not None else old.version
        return TaskWords(new.name, verb, old.version, version, unit.path, files)
