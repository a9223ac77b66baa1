"""Bring together, task by task, what a decision looks at: the contents on every side, from root trees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from gitferry.pushback.decision import HeldView, Reviewed, Side, Touch, View
from gitferry.pushback.links import Links
from gitferry.pushback.moved import Moved, moved_to
from gitferry.pushback.review_look import review_ref, unseen
from gitferry.pushback.sides import Sides
from gitferry.repos.content import TREE, Content, Entry
from gitferry.repos.hold import Hold
from gitferry.repos.objects import EMPTY_TREE, CommitInfo, Objects
from gitferry.repos.observe import Observation
from gitferry.repos.record import Journal, Record
from gitferry.repos.review import Review
from gitferry.repos.stashes import other_trees
from gitferry.repos.tasks import Grouping, Unit
from gitferry.repos.tree_size import TooMuch, require_bearable


@dataclass(frozen=True, slots=True)
class Gathered:
    """The views to decide on, the paths each task's content is compared on, and the pairs a rename joins."""

    views: tuple[View, ...]
    paths: Mapping[str, tuple[str, ...]]
    units: Mapping[str, Unit]
    links: tuple[tuple[str, str], ...]


class Gatherer:
    """Builds the views of one crossing."""

    def __init__(
        self, objects: Objects, record: Record, sides: Sides, seen: Observation, grouping: Grouping, branch: str
    ) -> None:
        self._objects = objects
        self._record = record
        self._sides = sides
        self._seen = seen
        self._grouping = grouping
        self._branch = branch
        self._unbearable: dict[str, str] = {}  # review branches that would burst, and why their tasks wait

    def gather(self) -> Gathered:
        """Return a view of every task that differs between any two sides, or is held."""
        paths: dict[str, set[str]] = defaultdict(set)
        units: dict[str, Unit] = {}
        for path in self._interesting():
            unit = self.owner(path)
            units[unit.path] = unit
            paths[unit.path].add(path)
        for hold in self._record.holds:
            units.setdefault(hold.unit, Unit(hold.unit, hold.kind, True))
            paths[hold.unit] |= {path for path in self._held_paths(hold) if self.owner(path).path == hold.unit}
        for review in (each for each in self._record.reviews if each.over is None):
            for path in self._reviewed_paths(review):
                unit = self.owner(path)
                if unit.path in review.units:
                    units[unit.path] = unit
                    paths[unit.path].add(path)
        ordered = {name: tuple(sorted(paths[name])) for name in sorted(units)}
        links = Links(self._objects, self._record, self._sides, self.owner)
        views = tuple(self._view(units[name], here, links) for name, here in ordered.items())
        return Gathered(views, ordered, units, links.pairs)

    def owner(self, path: str) -> Unit:
        """Return the task a path belongs to. A held task keeps its files until it is answered."""
        unit = self._grouping.unit_of(path)
        for hold in self._innermost:
            if hold.covers(path) and (unit.carry or self._holds(hold, path)):
                return Unit(hold.unit, hold.kind, True)
        return unit

    @cached_property
    def _innermost(self) -> list[Hold]:
        return sorted(self._record.holds, key=lambda hold: -len(hold.unit))

    def _holds(self, hold: Hold, path: str) -> bool:
        """Whether a path was in a task when it was held; excluding it since does not let go of it."""
        trees = (*hold.bases, hold.theirs, *hold.locals)
        return any(self._objects.file_at(tree, path) is not None for tree in trees)

    def _interesting(self) -> Iterator[str]:
        sides, changed = self._sides, self._objects.changed
        yield from self._seen.changes
        yield from changed(sides.local, sides.head)
        yield from changed(sides.head, sides.upstream)
        for base in sides.bases:
            if base not in (sides.head, sides.upstream):
                yield from changed(base, sides.head)
                yield from changed(base, sides.upstream)
        if sides.agreed is not None:
            yield from changed(sides.agreed, sides.head)

    def _held_paths(self, hold: Hold) -> Iterator[str]:
        if hold.kind == "file":
            yield hold.unit
            return
        now = self._subtree(self._sides.local, hold.unit)
        prefix = "" if hold.unit == "." else hold.unit + "/"
        for tree in (*hold.bases, hold.theirs, *hold.locals, self._sides.upstream):
            yield from self._objects.changed(self._subtree(tree, hold.unit), now, prefix)

    @cached_property
    def _reviews(self) -> tuple[Review, ...]:
        """The review branches that tasks go to, of those whose commits are here."""
        return tuple(each for each in self._record.reviews if each.over is None and self._has(each.tip))

    def _has(self, oid: str | None) -> bool:
        return bool(oid) and self._objects.has(str(oid))

    def _reviewed_paths(self, review: Review) -> Iterator[str]:
        """Yield what a review branch changed since it left the tracked branch, unless that would burst."""
        objects, upstream = self._objects, self._sides.upstream_commit
        # Our ref may be ahead: a push began of which nobody knows whether it arrived.
        for tip in {review.tip, review.there, objects.ref(review_ref(review.branch))}:
            if tip is None or not self._has(tip):
                continue
            bases = () if upstream is None else objects.merge_bases(tip, upstream)
            for base in bases or (None,):
                before, after = objects.tree_of(base), objects.tree_of(tip)
                try:
                    require_bearable(objects, before, after)  # who may push to the branch made of it what they liked
                except TooMuch as error:
                    self._unbearable[review.branch] = (
                        f"its review branch {review.branch} would unpack to {error.what}: see who pushed that, and put "
                        "the branch back or delete it at the remote"
                    )
                else:
                    yield from objects.changed(before, after)

    def _reviewed(self, unit: str, paths: tuple[str, ...]) -> Reviewed | None:
        objects = self._objects
        review = next((each for each in self._reviews if unit in each.units), None)
        if review is None or review.tip is None:
            return None
        tips, there = [review.tip], review.there  # newest first
        unbearable = self._unbearable.get(review.branch)
        if unseen(objects, review):
            unbearable = (
                f"what others did on its review branch {review.branch} could not be fetched: see what that is, then "
                "`gitferry sync`"
            )
        if there and unbearable is None and objects.is_ancestor(review.tip, there):
            tips = [there, review.tip]
        sides = [self._side(objects.tree_of(tip), paths) for tip in tips]
        remote = self._side(self._sides.upstream, paths)
        upstream = self._sides.upstream_commit
        landed = any(
            side == remote or (upstream is not None and objects.is_ancestor(tip, upstream))
            for tip, side in zip(tips, sides, strict=True)
        )
        if unit in review.left and self._side(self._sides.local, paths) not in sides:
            landed = False  # what stands here was made of the tracked branch's content since
        amended = sides[0] if len(sides) > 1 else None
        # Also where it landed with others' commits: what stands here was made of ours, not of theirs.
        made_of = self._made_of(objects.tree_of(review.tip), paths) if landed else None
        return Reviewed(sides[-1], amended, made_of, review.gone, unbearable)

    def _made_of(self, known: str, paths: tuple[str, ...]) -> Side:
        """Return the tree that what stands here was made of: `known`, without what the user has put away since.

        `git stash` leaves new files behind. The others stand at HEAD then, which is no edit of the ones it took.
        """
        now, made = self._content(self._sides.local, paths), self._content(known, paths)
        at_head = [self._content(tree, paths) for tree in (self._sides.head, *self._sides.bases)]
        away: dict[str, Entry | None] = {}
        for path in paths:
            mine, edit = now.get(path), made.get(path)
            if mine != edit and all(mine == each.get(path) for each in at_head) and self._keeps(path, edit):
                away[path] = mine
        return self._side(self._objects.apply(known, away), paths)

    def _keeps(self, path: str, edit: Entry | None) -> bool:
        """Whether a stash or another branch has this edit of a file."""
        file_at = self._objects.file_at
        return any(file_at(tree, path) == edit != file_at(base, path) for tree, base in self._elsewhere)

    def _subtree(self, tree: str, path: str) -> str:
        found = self._objects.at(tree, path)
        return found.oid if found is not None and found.mode == TREE else EMPTY_TREE

    def _view(self, unit: Unit, paths: tuple[str, ...], links: Links) -> View:
        sides = self._sides
        local, head, remote = (self._side(tree, paths) for tree in (sides.local, sides.head, sides.upstream))
        bases = tuple(self._side(tree, paths) for tree in sides.bases)
        hold = self._record.hold(unit.path)
        held = None if hold is None else self._held(hold, paths)
        changed = local != remote and local not in bases
        unread = [self._seen.unread[path] for path in paths if path in self._seen.unread]
        return View(
            unit=unit.path,
            local=local,
            head=head,
            remote=remote,
            bases=bases,
            agreed=None if sides.agreed is None else self._side(sides.agreed, paths),
            passed=tuple(self._side(tree, paths) for tree in sides.passed),
            parted=self._parted(paths),
            held=held,
            reviewed=self._reviewed(unit.path, paths),
            touches=tuple(self._touches(paths)) if (changed or unread) and held is None else (),
            committed=any(path in self._committed for path in paths),
            carry=unit.carry and all(self._grouping.unit_of(path).carry for path in paths),
            staged=any(self._is_staged(path) for path in paths),
            blocked=unread[0] if unread else None,
            unread=bool(unread),
            elsewhere=hold is not None and self._is_elsewhere(hold, paths),
            moved_from=self._moved_from(unit.path, paths, hold) if local != head else None,
            unsure=hold is not None and hold.unsure,
            moved=links.moved(unit.path),
            in_place=unit.path in links.in_place,
        )

    def _moved_from(self, unit: str, paths: tuple[str, ...], hold: Hold | None) -> str | None:
        if hold is not None:  # then it is known whose it is
            known = self._content(self._sides.local, paths) in [self._content(tree, paths) for tree in hold.locals]
            return hold.moved_from if known else None
        moved = self._moved
        return moved.record.branch if moved is not None and moved.has(unit, paths, self._sides.local) else None

    @cached_property
    def _moved(self) -> Moved | None:
        return moved_to(self._objects, self._branch)

    def _side(self, tree: str, paths: Iterable[str]) -> Side:
        return Side(self._objects.content(tree, paths), tree)

    def _parted(self, paths: tuple[str, ...]) -> Side | None:
        """Return what stood here when a crossing set out to make both sides one that did not come to its end.

        Its push arrived without our knowing it, or HEAD did not follow. Files that it had replaced were made from what
        it brought. None for a task that it left as it was.
        """
        sent = self._arrived
        if sent is None:
            return None
        after = self._content(sent.after, paths)
        if after != self._content(self._objects.tree_of(sent.tip), paths):
            return None
        now = self._content(self._sides.local, paths)
        known = {path for path in paths if path in sent.paths and now.get(path) == after.get(path)}
        brought = {path: after.get(path) for path in known} if sent is self._record.journal else {}
        return self._made_of(self._objects.apply(sent.before, brought), paths)

    @cached_property
    def _arrived(self) -> Journal | None:
        """The last push whose tip the upstream has and HEAD has not: our crossing died after it, or nobody said so."""
        objects, head, upstream = self._objects, self._sides.head_commit, self._sides.upstream_commit
        for sent in (self._record.journal, *reversed(self._record.sent)):
            if sent is None or upstream is None or not sent.tip or not objects.has(sent.tip):
                continue
            known = head is not None and objects.is_ancestor(sent.tip, head)
            if not known and objects.is_ancestor(sent.tip, upstream):
                return sent
        return None

    def _held(self, hold: Hold, paths: tuple[str, ...]) -> HeldView:
        return HeldView(
            tuple(self._side(tree, paths) for tree in hold.bases),
            tuple(self._side(tree, paths) for tree in hold.locals),
            hold.state,
        )

    def _is_staged(self, path: str) -> bool:
        change = self._seen.changes.get(path)
        if change is None or not change.staged:
            return False
        return change.unmerged or change.index != self._objects.file_at(self._sides.upstream, path)

    def _is_elsewhere(self, hold: Hold, paths: tuple[str, ...]) -> bool:
        # One that is held for another's sake may be at its base here; away and back, that is no wish to go there.
        ours = [self._content(tree, paths) for tree in hold.locals]
        known = [self._content(tree, paths) for tree in (*hold.bases, hold.theirs)]
        known = [content for content in known if content not in ours]
        pairs = ((self._content(tree, paths), self._content(base, paths)) for tree, base in self._elsewhere)
        return any(content != base and content not in known for content, base in pairs)

    def _content(self, tree: str, paths: Iterable[str]) -> Content:
        return self._objects.content(tree, paths)

    @cached_property
    def _elsewhere(self) -> tuple[tuple[str, str], ...]:
        return other_trees(self._objects, self._branch, self._sides.upstream_commit)

    @cached_property
    def _committed(self) -> frozenset[str]:
        """The paths that the user's own unpushed commits changed."""
        sides = self._sides
        if sides.head_commit is None or sides.head_commit in sides.base_commits:
            return frozenset()
        bases = sides.bases or (EMPTY_TREE,)
        return frozenset(path for base in bases for path in self._objects.changed(base, sides.head))

    @cached_property
    def _commits(self) -> tuple[CommitInfo, ...]:
        """The commits that the upstream has beyond the merge bases."""
        sides = self._sides
        if sides.upstream_commit is None:
            return ()
        return self._objects.between(sides.base_commits, sides.upstream_commit)

    def _touches(self, paths: tuple[str, ...]) -> Iterator[Touch]:
        own = set(self._record.own)
        for commit in self._commits:
            content = self._side(commit.tree, paths)
            parents = [self._content(self._objects.tree_of(parent), paths) for parent in commit.parents] or [{}]
            if all(content.content == parent for parent in parents):
                continue
            yield Touch(
                content,
                introduced=all(content.content != parent for parent in parents),
                single_parent=len(commit.parents) == 1,
                own=commit.oid in own,
            )
