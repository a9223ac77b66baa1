"""Observe one repository and decide what becomes of each task; writes objects, moves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache

from gitferry.pushback import guards, head_moves, undone
from gitferry.pushback.decision import (
    PULL_ONLY,
    PUSH_OFF,
    SWITCHED_OFF,
    Decision,
    Policy,
    View,
)
from gitferry.pushback.feature_branch import completed, to_review
from gitferry.pushback.findings import Finding, Weight
from gitferry.pushback.gather import Gathered, Gatherer
from gitferry.pushback.given import answered
from gitferry.pushback.ground import Ground
from gitferry.pushback.held_outside import Outside
from gitferry.pushback.linking import linked
from gitferry.pushback.merging import Merger
from gitferry.pushback.outcome import WATCH, Request, Strategy
from gitferry.pushback.own_commits import OwnCommits
from gitferry.pushback.plan import held_back, not_at_head, plan
from gitferry.pushback.readiness import Waits, require_history
from gitferry.pushback.sides import Sides
from gitferry.pushback.soundness import Soundness
from gitferry.pushback.validation import Validator
from gitferry.repos import index, sparse
from gitferry.repos import record as records
from gitferry.repos.content import SUBMODULE, TREE, Entry
from gitferry.repos.filters import above
from gitferry.repos.hold import Hold, HoldState
from gitferry.repos.large_files import LargeFiles
from gitferry.repos.objects import EMPTY_TREE
from gitferry.repos.observe import Limits, Observation, Observer
from gitferry.repos.opened import Opened
from gitferry.repos.record import Record
from gitferry.repos.reflog import amended_from, newest
from gitferry.repos.review import Approval
from gitferry.repos.tasks import Grouping, resolve_layout, task_id
from gitferry.repos.tree_size import require_bearable


@dataclass(frozen=True, slots=True)
class Planned:
    """One attempt's plan, before anything is carried."""

    sides: Sides
    seen: Observation
    gathered: Gathered
    decisions: tuple[Decision, ...]
    record: Record
    held_back: str = ""  # why the user's own commits may not be pushed now, where that is so
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)  # by task, of what would travel
    approvals: tuple[Approval, ...] = ()  # the words that count for what was found

    def excused(self, unit: str) -> tuple[str, ...]:
        """Return what a check found in a task and its author excused."""
        found = self.findings.get(unit, ())
        return tuple(f"{each.path}:{each.line}: {each.message}" for each in found if each.weight is Weight.EXCUSED)

    def approved_by(self, unit: str) -> str | None:
        """Return who approved a task's change, where that was required."""
        return next((each.by for each in self.approvals if each.unit == unit and each.granted), None)


class Planner:
    """Plans one request on an opened, locked repository."""

    def __init__(self, ground: Ground, request: Request, at: datetime) -> None:
        self._ground = ground
        self._objects = ground.objects
        self._request = request
        self._at = at
        self._vouched = request.cause == WATCH
        self.merger = Merger(ground)
        self._validator = Validator(ground.objects, ground.settings, ground.host.validated, ground.host.schema_workers)
        large = None if ground.dry else LargeFiles(ground.place, ground.state.config)
        self.observer = Observer(
            Opened(
                ground.place,
                ground.git,
                ground.objects,
                ground.worktree,
                ground.state,
                ground.settings.trusted,
                large,
            )
        )

    def waited(self) -> None:
        """Take note that the remote was asked: what the watcher vouched for may be saved again by now."""
        self._vouched = False

    def upstream(self) -> str | None:
        """Return the upstream tip as last seen."""
        upstream = self._ground.state.upstream
        return None if upstream is None else self._objects.ref(upstream.tracking_ref)

    def plan(self, record: Record, *, push: bool, strict: bool = True) -> Planned:
        """Return what is to be done. Raises Waits where the histories do not fit, or the tree looks lost.

        `strict` false looks on without those checks: what is returned is then to be shown, not carried.
        """
        objects, head, upstream = self._objects, self._ground.state.head, self.upstream()
        if strict:
            require_history(self._ground, record, head, upstream)
        sides, seen, grouping = self.look(record, head, upstream)
        record = undone.taken_up(objects, record, sides)
        gathered = Gatherer(objects, record, sides, seen, grouping, record.branch).gather()
        soundness = Soundness(self._ground, gathered, sides, grouping)
        views = tuple(soundness.here(view) for view in gathered.views)
        approvals = self._approvals(record, views)
        policy = self._policy(record, gathered, approvals, push=push)
        own = OwnCommits(self._ground, self._validator, policy, sides, views)
        if strict:
            try:
                self._require_tree(sides, seen, policy)
                own.require_together()
            except Waits:
                self._keep(record, sides, seen)
                raise
        decisions = plan(views, policy, self.merger.merge, gathered.links)
        decisions, findings = soundness.leaving(soundness.merged(decisions), policy, self._validator)
        decisions = self._guarded(decisions, policy, record, sides, grouping)
        stays = own.why_they_stay
        if policy.review:
            decisions = [to_review(decision, policy, self.merger.merge) for decision in decisions]
        elif stays:
            decisions = held_back(decisions, views, f"it waits behind {stays}")
        if stays:
            decisions = not_at_head(decisions, f"it waits behind {stays}")
        decisions = linked(decisions, views, gathered.links)
        decisions = [completed(decision, self.merger.merge) for decision in decisions]
        gathered = replace(gathered, views=views)
        return Planned(sides, seen, gathered, tuple(decisions), record, stays, findings, approvals)

    def _keep(self, record: Record, sides: Sides, seen: Observation) -> None:
        """Note down what was read and will not be carried: it may be gone when we look again."""
        if seen.disk != sides.head and seen.disk not in record.snapshots:
            kept = replace(record, snapshots=(seen.disk,))
            records.save(self._objects, kept, head=sides.head_commit, at=self._at)

    def look(self, record: Record, head: str | None, upstream: str | None) -> tuple[Sides, Observation, Grouping]:
        """Return the root trees of both sides, what the working tree holds, and how paths belong to tasks.

        Raises TooMuch where the remote's would burst.
        """
        objects = self._objects
        head_tree, upstream_tree = objects.tree_of(head), objects.tree_of(upstream)
        require_bearable(objects, head_tree, upstream_tree)
        bases = () if head is None or upstream is None else objects.merge_bases(head, upstream)
        trees = tuple(objects.tree_of(base) for base in bases) or (EMPTY_TREE,)
        log = None if head is None else newest(objects)
        lost, behind = head_moves.lost(objects, record, head), head_moves.moved_over(objects, record, head)
        # Where HEAD was moved over the files, any of them may have stayed: once we agree upon HEAD, nobody knows.
        seen = self._observe(record, head_tree, upstream_tree, trees, None if behind else self._request.paths)
        grouping = self.grouping((head_tree, upstream_tree, seen.disk))
        if lost is not None and amended_from(objects, lost):
            trees, lost = (objects.tree_of(lost),), None
        sides = Sides(
            local=self._uninterrupted(record, seen),
            head_commit=head,
            head=head_tree,
            upstream_commit=upstream,
            upstream=upstream_tree,
            base_commits=bases,
            bases=trees,
            agreed=None if lost is None else objects.tree_of(lost),
            passed=head_moves.passed(objects, behind, upstream),
            log=log,
        )
        return sides, seen, grouping

    def grouping(self, trees: Sequence[str]) -> Grouping:
        """Return how paths belong to tasks, a directory being one where any of the trees has a manifest in it."""
        tasks, manifests = self._ground.settings.tasks, self._ground.host.manifests
        found = frozenset[str]().union(*(manifests.directories(self._objects, t, tasks.manifests) for t in set(trees)))
        return Grouping(tasks, found, resolve_layout(tasks.layout, found))

    def _observe(
        self, record: Record, head_tree: str, upstream_tree: str, bases: Sequence[str], hints: frozenset[str] | None
    ) -> Observation:
        settings, request = self._ground.settings, self._request
        grouping = self.grouping((head_tree, upstream_tree))
        paths = None if hints is None else self._scope(record, hints, head_tree, upstream_tree, grouping)
        # The watcher vouches for what it names, and for no more.
        settled = request.by_hand or (self._vouched and hints == request.paths)
        limits = Limits(
            size=settings.pushback.limits.file,
            quiet=0.0 if settled else settings.watch.quiet,
            now=self._ground.host.clock().timestamp(),  # what was saved while the remote was asked is no quieter
            unsettled=frozenset() if request.by_hand else request.unsettled,
        )

        in_a_new_task = self._new_tasks()

        def wanted(path: str) -> bool:
            return (
                grouping.unit_of(path).carry
                or self._objects.file_at(upstream_tree, path) is not None
                or (settings.tasks.rest == "ignore" and in_a_new_task(path))
            )

        patterns = sparse.read(self._ground.place, self._ground.state.config)
        seen = self.observer.observe(
            head_tree,
            paths,
            limits,
            wanted,
            always=tuple(path for hold in record.holds for path in self._held_files(hold, head_tree)),
            carries=lambda path: grouping.unit_of(path).carry,
            brought=() if record.journal is None else record.journal.paths,
            never=frozenset() if patterns is None else self._never_here(record, head_tree),
        )
        if patterns is None:
            return seen

        def given(path: str) -> bool:
            staged, now = path in seen.changes and seen.changes[path].staged, self._objects.file_at(head_tree, path)
            return staged or any(self._objects.file_at(base, path) != now for base in bases)

        recorded = Outside(self._objects, patterns, head_tree, lambda path: grouping.unit_of(path).path, given)
        return recorded.with_record(record, seen)

    def _new_tasks(self) -> Callable[[str], bool]:
        """Return what tells whether a file is in a task whose manifest is in the working tree, be it in no tree yet."""
        tasks, worktree = self._ground.settings.tasks, self._ground.worktree

        @cache
        def is_task(directory: str) -> bool:
            return any(worktree.has_file(f"{directory}/{name}") for name in tasks.manifests)

        def contains(path: str) -> bool:
            found = frozenset(each for each in above(path) if each and is_task(each))
            return bool(found) and Grouping(tasks, found, "directory").unit_of(path).carry

        return contains

    def _never_here(self, record: Record, head_tree: str) -> frozenset[str]:
        """Return those of held tasks' files that came with the remote's change: what is held here has none of them."""
        known: dict[str, bool] = {}
        for hold in sorted(record.holds, key=lambda hold: len(hold.unit)):  # of one inside another, its own counts
            if hold.locals and hold.state is not HoldState.PARKED:
                files = self._held_files(hold, head_tree)
                known |= {path: self._objects.file_at(hold.locals[-1], path) is None for path in files}
        return frozenset(path for path, never in known.items() if never)

    def _held_files(self, hold: Hold, head_tree: str) -> Iterator[str]:
        """Yield the files of a held task: an edit that git was told not to look at must not pass for none."""
        here = self._objects.at(head_tree, hold.unit)
        if hold.kind == "file":
            yield hold.unit
        elif here is not None and here.mode == TREE:
            files = self._objects.walk(here.oid, "" if hold.unit == "." else hold.unit + "/")
            yield from (path for path, entry in files if entry.mode != SUBMODULE)

    def _scope(
        self, record: Record, hints: frozenset[str], head_tree: str, upstream_tree: str, grouping: Grouping
    ) -> set[str] | None:
        """Return where to look: the whole tasks of what was hinted at, of what the remote changes, and what waits."""
        near = {*hints, *self._objects.changed(head_tree, upstream_tree)}
        manifests = frozenset(self._ground.settings.tasks.manifests)
        if record.journal is not None:
            near.update(record.journal.paths)
        paths = {hold.unit for hold in record.holds} | set(record.waiting)
        for path in near:
            unit = grouping.unit_of(path)
            paths.add(unit.path if unit.kind == "directory" and unit.carry else path)
            directory, _, name = path.rpartition("/")
            if directory and name in manifests:  # it makes, or made, a task of all that its directory holds
                paths.add(directory)
        paths |= self._in_their_place(near | paths, head_tree)
        return None if "." in paths or self._ground.settings.tasks.layout == "repository" else paths

    def _in_their_place(self, paths: Iterable[str], head_tree: str) -> set[str]:
        """Return the files that working tree or index have where there are, or come, directories above these paths.

        What is staged there goes from the index with that. The directories themselves may hold anything.
        """
        objects, ground = self._objects, self._ground
        directories = {directory for path in paths for directory in above(path) if directory}
        standing = {each for each in directories if ground.worktree.has_file(each)}
        new = {
            each
            for each in directories - standing
            if (found := objects.at(head_tree, each)) is None or found.mode != TREE
        }
        return standing | index.read(ground.git, new).keys()

    def _uninterrupted(self, record: Record, seen: Observation) -> str:
        """Return the observed tree with what a dead crossing had begun to pull read as not begun.

        Its files hold either what it found or what it wrote; neither is the user's edit. A file that holds
        something else was edited since, and speaks for itself.
        """
        journal = record.journal
        if journal is None or journal.head != self._ground.state.head:
            return seen.disk
        objects, paths = self._objects, journal.paths
        now, before, after = (objects.content(tree, paths) for tree in (seen.disk, journal.before, journal.after))
        if all(now.get(path) == after.get(path) for path in paths):
            return seen.disk
        begun = {path: before.get(path) for path in paths if now.get(path) == after.get(path)}
        unbegun = objects.apply(seen.disk, begun)
        # What was saved since where a file had stood, or a directory, must not go for it.
        return unbegun if begun.keys() >= set(objects.changed(seen.disk, unbegun)) else seen.disk

    def _approvals(self, record: Record, views: Iterable[View]) -> tuple[Approval, ...]:
        """Return the words that count: those given now and before, to what is there now."""
        if self._ground.settings.pushback.approval == "none":
            return ()
        words, name = self._request.words, self._ground.settings.name
        at = self._at.isoformat(timespec="seconds")
        known = {each.unit: each for each in record.approvals}
        for view in views:
            word = words.get(task_id(name, view.unit))
            if word is not None:
                known[view.unit] = Approval(view.unit, word.version, word.by, at, word.granted)
        versions = {view.unit: view.version for view in views}
        return tuple(each for each in known.values() if versions.get(each.unit) == each.version)

    def _policy(self, record: Record, gathered: Gathered, approvals: Iterable[Approval], *, push: bool) -> Policy:
        settings, request = self._ground.settings, self._request
        ids = {unit: task_id(settings.name, unit) for unit in gathered.units}
        views = {view.unit: view for view in gathered.views}
        pushback = settings.pushback
        given = {known for known, word in request.words.items() if word.granted}
        return Policy(
            push=push,
            off=self._why_not(),
            review=pushback.branch_strategy == "feature_branch",
            automatic=pushback.auto_push and not record.pushes_held,
            approval=pushback.approval == "required",
            approved=frozenset(each.unit for each in approvals if each.granted),
            rejected={each.unit: each.by for each in approvals if not each.granted},
            only_asked=bool(request.tasks or request.answers or request.words) and not request.all_tasks,
            asked=frozenset(unit for unit, known in ids.items() if known in request.tasks or known in given),
            asked_all=request.all_tasks,
            strategy=Strategy(pushback.conflict_strategy),
            strategies={unit: request.strategies[known] for unit, known in ids.items() if known in request.strategies},
            answers={
                unit: answered(self._objects, views[unit], request.answers[known], gathered.paths[unit])
                for unit, known in ids.items()
                if known in request.answers
            },
        )

    def _why_not(self) -> str:
        """Return why nothing is pushed, where that is so."""
        if not self._request.push:
            return PULL_ONLY
        return PUSH_OFF if self._ground.settings.pushback.enabled else SWITCHED_OFF

    def _require_tree(self, sides: Sides, seen: Observation, policy: Policy) -> None:
        """Raise Waits where every tracked file is gone: more likely a lost disk than a wish."""
        if sides.head == EMPTY_TREE or policy.asked_all or policy.asked:
            return
        gone = {path for path, change in seen.changes.items() if change.worktree_mode == 0 and not change.submodule}
        if gone and all(path in gone for path, entry in self._checked_out(sides) if entry.mode != SUBMODULE):
            raise Waits(
                f"the working tree is empty: all {len(gone)} tracked files are gone",
                "mount or restore it (git checkout -- .); if it is meant, `gitferry push all`",
            )

    def _checked_out(self, sides: Sides) -> Iterator[tuple[str, Entry]]:
        """Yield the files of HEAD that are here, or should be: all but those that a sparse checkout leaves out."""
        patterns = sparse.read(self._ground.place, self._ground.state.config)
        for path, entry in self._objects.walk(sides.head):
            if patterns is None or not patterns.leaves_out(path):
                yield path, entry

    def _guarded(
        self, decisions: Sequence[Decision], policy: Policy, record: Record, sides: Sides, grouping: Grouping
    ) -> list[Decision]:
        limits, objects = self._ground.settings.pushback.limits, self._objects

        def total() -> int:
            units = {unit.path for path, _ in self._checked_out(sides) if (unit := grouping.unit_of(path)).carry}
            return len(units)

        def load(decision: Decision) -> guards.Load:
            local, remote = decision.carried, decision.view.remote.content
            new = [entry for path, entry in local.items() if remote.get(path) != entry]
            return guards.Load(sum(objects.size(e.oid) for e in new), len(new) + len(remote.keys() - local.keys()))

        return guards.guarded(
            decisions,
            policy,
            remembered=record.guarded,
            total_tasks=total,
            load=load,
            batch_limit=limits.batch,
            files_limit=limits.files,
        )
