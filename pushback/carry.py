"""Carry out a plan. The order is the promise: after any prefix of it and a crash, the next crossing goes on rightly.

Record (holds, own commits, journal) → push → working tree, file by file → holds for what raced → index → HEAD →
journal closed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from gitferry.config.errors import GitferryError
from gitferry.config.failpoints import fp
from gitferry.pushback import operations
from gitferry.pushback.commit import Tip
from gitferry.pushback.describe import first_facts
from gitferry.pushback.ground import Ground
from gitferry.pushback.outcome import Operation, TaskChange
from gitferry.pushback.plan import UNDONE, Action, Decision
from gitferry.pushback.planning import Planned
from gitferry.pushback.readiness import Waits
from gitferry.repos import filters, index, lfs, record, transport
from gitferry.repos.content import SUBMODULE, SYMLINK, Entry, File
from gitferry.repos.disk_errors import EscapesTree, IsDirectory, NotAFile, Obstructed, StillChanging, UnsafeName
from gitferry.repos.git import GitError
from gitferry.repos.observe import Observer
from gitferry.repos.record import Hold, HoldState, Journal, Record
from gitferry.repos.tasks import task_id
from gitferry.repos.worktree import Raced

#: What keeps one file from being replaced; its task is held. Anything else (a full disk) stops the crossing.
_IN_THE_WAY = (EscapesTree, IsDirectory, NotAFile, Obstructed, StillChanging, UnsafeName)
_ZERO = "0" * 40
#: Task → its files that must be replaced, each with what it will hold.
Steps: TypeAlias = Mapping[str, tuple[tuple[str, Entry | None], ...]]
_LOCALS_KEPT = 100  # contents of one held task that are listed; older ones stay reachable through the record's parents


class PushRefused(GitferryError):
    """The remote moved, or will not take it. `stale`: fetch and plan again."""

    def __init__(self, message: str, *, stale: bool) -> None:
        hint = "" if stale else "the remote's own rules decide this; the change is tried again when it is edited"
        super().__init__(f"the remote refused the push: {message}", hint)
        self.stale = stale


@dataclass(frozen=True, slots=True)
class Carried:
    """What was done. `pushed` are all commits that reached the remote, oldest first."""

    record: Record
    pushed: tuple[str, ...]
    raced: Mapping[str, str]  # task → what kept it from being replaced
    operation: Operation | None


@dataclass(frozen=True, slots=True)
class Undoing:
    """What an undo carries instead of the usual: the working tree's new content, the holds, the operation undone."""

    target: str  # root tree
    holds: tuple[Hold, ...]
    operation: str


class Unchanged:
    """Tells whether one file is still what was observed; asked about the file in place, then about what was displaced.

    A converted file (line ends, a filter) is compared through git once, where it stands; after that by its bytes.
    """

    def __init__(self, observer: Observer, path: str, entry: Entry | None) -> None:
        self._observer = observer
        self._path = path
        self._entry = entry
        self._known: list[File | None] = []

    def __call__(self, file: File | None) -> bool:
        """Return whether this is what was observed."""
        if self._known:
            return file == self._known[0]
        if file is None or self._entry is None:
            same = file is None and self._entry is None
        else:
            entries, _ = self._observer.entries({self._path: file}, {self._path: self._entry})
            same = entries.get(self._path) == self._entry
        if same:
            self._known.append(file)
        return same


class Carrier:
    """Carries out one plan on one repository."""

    def __init__(
        self,
        ground: Ground,
        planned: Planned,
        observer: Observer,
        cause: str,
        at: datetime,
        back: Undoing | None = None,
    ) -> None:
        self._ground = ground
        self._objects = ground.objects
        self._planned = planned
        self._sides = planned.sides
        self._seen = planned.seen
        self._gathered = planned.gathered
        self._observer = observer
        self._cause = cause
        self._at = at
        self._back = back

    def carry(self, tip: Tip) -> Carried:
        """Do what was planned. Raises Waits, PushRefused, RemoteError; nothing local is replaced then."""
        decisions, before = self._planned.decisions, self._planned.record
        self._check_index(tip)
        steps = self._steps(tip)
        intent = self._intent(tip, steps)
        current = self._save(intent, before)
        pushed = self._push(tip, before, current)
        if tip.commit == self._sides.head_commit and not steps:
            operation = self._enter(tip, current, pushed, {}) if pushed else None
            return Carried(self._close(current, tip), pushed, {}, operation)
        operation = self._enter(tip, current, pushed, steps)
        raced = self._replace(steps)
        if raced:
            current = self._save(self._with_raced(current, decisions, raced), current)
        self._move(tip)
        return Carried(self._close(current, tip), pushed, raced, operation)

    def _intent(self, tip: Tip, steps: Steps) -> Record:
        """Return the record that must stand before anything moves."""
        before, decisions = self._planned.record, self._planned.decisions
        waiting = tuple(sorted(d.unit for d in decisions if d.action is Action.WAIT and d.view.carry))
        waiting = before.waiting if self._back is not None else waiting
        intent = replace(
            before.with_own(self._going(tip)),
            holds=self._holds(decisions, before) if self._back is None else self._back.holds,
            waiting=waiting,
            snapshots=(self._seen.disk,) if waiting else before.snapshots,
        )
        if tip.commit == self._sides.head_commit == self._sides.upstream_commit and not steps:
            return intent
        return replace(intent, journal=self._journal(tip, steps), sequence=before.sequence + 1)

    def _going(self, tip: Tip) -> Iterator[str]:
        """Yield the commits that the push will carry, the user's own among them, oldest first."""
        old = self._sides.upstream_commit
        if tip.commit is not None and tip.commit != old:
            yield from (commit.oid for commit in reversed(self._objects.between((old,) if old else (), tip.commit)))

    def _enter(self, tip: Tip, current: Record, pushed: tuple[str, ...], steps: Steps) -> Operation | None:
        """Write the operation down, and with it the local state that is about to be replaced."""
        changes = self._changes(tip, steps)
        if not changes and not pushed:
            return None
        sides, ground = self._sides, self._ground
        operation = Operation(
            id="",
            repository=ground.settings.name,
            at=self._at,
            cause=self._cause,
            kind="sync" if self._back is None else "undo",
            host=ground.host.hostname,
            user=ground.host.user,
            tasks=changes,
            commits=pushed,
            head_before=sides.head_commit,
            head_after=tip.commit,
            upstream_before=sides.upstream_commit,
            upstream_after=tip.commit,
            undoable=bool(changes),
            undoes=None if self._back is None else self._back.operation,
        )
        after = current.journal.after if current.journal is not None else self._seen.disk
        return operations.enter(
            self._objects,
            operations.Entered(
                operation, current.sequence, current.branch, self._seen.disk, after, sides.upstream, tip.tree
            ),
        )

    def _changes(self, tip: Tip, steps: Steps) -> tuple[TaskChange, ...]:
        changes = []
        carried = {unit for commit in tip.commits for unit in commit.units}
        for decision in self._planned.decisions:
            unit = self._gathered.units[decision.unit]
            paths = self._gathered.paths[decision.unit]
            if self._back is not None:
                action, files = "revert" if decision.unit in carried else "restore", paths
            elif decision.unit in steps:
                action, files = "pull", tuple(path for path, _ in steps[decision.unit])
            elif decision.unit in carried or decision.committed is Action.PUSH:
                upstream, new = (self._objects.content(tree, paths) for tree in (self._sides.upstream, tip.tree))
                action, files = "push", tuple(path for path in paths if upstream.get(path) != new.get(path))
            else:
                continue
            found = first_facts(
                self._objects,
                (tip.tree, self._sides.head, self._sides.local),
                unit,
                self._ground.settings.tasks.manifests,
            )
            changes.append(
                TaskChange(task_id(self._ground.settings.name, unit.path), found.name, unit.path, action, files)
            )
        return tuple(changes)

    # -- before anything moves ----------------------------------------------------------------------------------

    def _check_index(self, tip: Tip) -> None:
        """The whole crossing waits where a staged path would change under the user's hands."""
        staged = [
            path
            for path in self._objects.changed(self._sides.head, tip.tree)
            if not self._follows(path, tip) and not self._is_intent(path)
        ]
        if staged:
            record = self._planned.record
            self._save(replace(record, snapshots=(self._seen.disk,)), record)  # what was read may be gone next time
            raise Waits(
                f"you have staged {staged[0]}, which the remote changes too", "commit it, or unstage it with git reset"
            )

    def _follows(self, path: str, tip: Tip) -> bool:
        change = self._seen.changes.get(path)
        if change is None:
            return True
        head = self._objects.file_at(self._sides.head, path)
        return change.index in (head, self._objects.file_at(tip.tree, path)) and not change.unmerged

    def _is_intent(self, path: str) -> bool:
        change = self._seen.changes.get(path)
        return change is not None and change.intent_to_add

    def _steps(self, tip: Tip) -> Steps:
        """Return, for each task to be pulled, its files whose content on disk must become another."""
        steps = {}
        target = tip.tree if self._back is None else self._back.target
        for decision in self._planned.decisions:
            if decision.action is not Action.PULL and self._back is None:
                continue
            files = []
            for path in self._gathered.paths[decision.unit]:
                new, now = (self._objects.file_at(tree, path) for tree in (target, self._seen.disk))
                if new != now and SUBMODULE not in {side.mode for side in (new, now) if side is not None}:
                    files.append((path, new))
            if files:
                steps[decision.unit] = tuple(files)
        return steps

    def _journal(self, tip: Tip, steps: Steps) -> Journal:
        changes = {path: entry for files in steps.values() for path, entry in files}
        after = self._objects.apply(self._seen.disk, changes)
        return Journal(self._sides.head_commit, tip.commit or "", self._seen.disk, after, tuple(sorted(changes)))

    def _holds(self, decisions: Sequence[Decision], before: Record) -> tuple[Hold, ...]:
        holds = []
        for decision in decisions:
            old = before.hold(decision.unit)
            if decision.action is Action.HOLD:
                holds.append(self._hold(decision, old))
            elif old is not None and decision.park:
                holds.append(replace(old, state=HoldState.PARKED))
        return tuple(holds)

    def _hold(self, decision: Decision, old: Hold | None) -> Hold:
        view, sides = decision.view, self._sides
        locals_ = old.locals if old is not None else ()
        if old is None or view.held is None or all(view.local != seen for seen in view.held.locals):
            locals_ = (*locals_, sides.local)[-_LOCALS_KEPT:]
        paths = self._gathered.paths[decision.unit]
        theirs = sides.upstream
        if old is not None and self._objects.content(old.theirs, paths) == view.remote.content:
            theirs = old.theirs  # the same content in another tree: nothing to write down anew
        bases = tuple(base.tree for base in decision.bases)
        if old is not None and view.held is not None and decision.bases == view.held.bases:
            bases = old.bases
        undone = old is not None and old.state is HoldState.UNDONE and decision.reason == UNDONE
        return Hold(
            unit=decision.unit,
            kind=self._gathered.units[decision.unit].kind,
            bases=bases,
            theirs=theirs,
            locals=locals_,
            reason=decision.reason or "",
            theirs_commit=old.theirs_commit if old is not None and theirs == old.theirs else sides.upstream_commit,
            state=HoldState.UNDONE if undone else HoldState.ACTIVE,
            since=old.since if old is not None else self._ground.host.clock().isoformat(timespec="seconds"),
        )

    # -- the push -----------------------------------------------------------------------------------------------

    def _push(self, tip: Tip, before: Record, current: Record) -> tuple[str, ...]:
        upstream = self._ground.state.upstream
        old = self._sides.upstream_commit
        if tip.commit is None or tip.commit == old or upstream is None:
            return ()
        fp("push.before")
        try:
            self._upload(tip, upstream.remote, upstream.branch)
            answer = transport.push(
                self._ground.git,
                upstream.remote,
                upstream.branch,
                tip.commit,
                old,
                timeouts=self._ground.settings.timeouts,
                is_ancestor=self._objects.is_ancestor,
            )
            fp("push.sent")
            if isinstance(answer, transport.Refused):
                raise PushRefused(answer.message, stale=answer.kind == "stale")
        except GitferryError:
            # What was recorded as ours stays so: the push may have arrived although nobody said it.
            self._save(replace(before, oid=current.oid, own=current.own), current)
            raise
        fp("push.acked_before_db")
        self._follow_tracking_ref(tip.commit, upstream.tracking_ref)
        commits = self._objects.between((old,) if old else (), tip.commit)
        return tuple(commit.oid for commit in reversed(commits))

    def _upload(self, tip: Tip, remote: str, branch: str) -> None:
        """Send large files first: commits whose pointers nobody can follow must not arrive."""
        objects, old = self._objects, self._sides.upstream_commit
        changed = (objects.file_at(tip.tree, path) for path in objects.changed(self._sides.upstream, tip.tree))
        if tip.commit is not None and lfs.has_pointers(objects, (entry for entry in changed if entry is not None)):
            deadline = self._ground.settings.timeouts.transfer
            lfs.upload(self._ground.git, remote, branch, tip.commit, old, deadline=deadline)

    def _follow_tracking_ref(self, commit: str, name: str) -> None:
        # `git push` moves it where the remote has a fetch refspec for the branch, which is the rule.
        if self._objects.ref(name) != commit:
            self._ground.git.run("update-ref", "-m", "gitferry: pushed", name, commit)

    # -- the working tree, the index, HEAD ----------------------------------------------------------------------

    def _replace(self, steps: Steps) -> dict[str, str]:
        """Replace file by file; return the tasks that could not be, and why."""
        self._require_head()
        raced: dict[str, str] = {}
        flat = [(unit, path, entry) for unit, files in steps.items() for path, entry in files]
        # The attributes that arrive decide how the other files are written.
        attributes = [step for step in flat if step[1].rpartition("/")[2] == ".gitattributes"]
        for group in (attributes, [step for step in flat if step not in attributes]):
            files, refused = self._files({path: entry for _, path, entry in group if entry is not None})
            raced |= {unit: refused[path] for unit, path, _ in group if path in refused}
            for unit, path, entry in sorted(group, key=_deletions_first):
                if path not in refused:
                    reason = self._replace_one(path, None if entry is None else files.get(path))
                    raced |= {} if reason is None else {unit: reason}
        self._ground.worktree.flush()
        return raced

    def _replace_one(self, path: str, new: File | None) -> str | None:
        observed = self._objects.file_at(self._seen.disk, path)
        try:
            result = self._ground.worktree.replace(path, new, Unchanged(self._observer, path, observed))
        except _IN_THE_WAY as error:
            return error.title
        fp("checkout.partial")
        if isinstance(result, Raced):
            why = "a program has it open" if result.busy else "it was changed while it was being replaced"
            return f"{path}: {why}"
        return None

    def _files(self, wanted: Mapping[str, Entry]) -> tuple[dict[str, File], dict[str, str]]:
        """Return what each path will hold on disk, converted as git's checkout would, and those refused with why."""
        ground, config = self._ground, self._ground.state.config
        trusted = ground.settings.trusted
        regular = [path for path, entry in wanted.items() if entry.mode != SYMLINK]
        found = filters.conversions(ground.git, ground.place, config, regular, trusted=trusted)
        refused = {path: found[path].reason for path in regular if found[path].kind is filters.Kind.REFUSED}
        converted = [(path, wanted[path].oid) for path in regular if found[path].kind is filters.Kind.GIT]
        silent = filters.silenced(config, trusted=trusted)
        by_git = filters.smudge(ground.git, converted, extra_env=silent) if converted else {}
        files = {}
        for path, entry in wanted.items():
            if path not in refused:
                data = by_git[path] if path in by_git else self._objects.blob(entry.oid)
                files[path] = File(entry.mode, data)
        return files, refused

    def _with_raced(self, current: Record, decisions: Sequence[Decision], raced: Mapping[str, str]) -> Record:
        holds = list(current.holds)
        by_unit = {decision.unit: decision for decision in decisions}
        for unit, reason in raced.items():
            hold = self._hold(replace(by_unit[unit], action=Action.HOLD, reason=reason), current.hold(unit))
            # What it held before we began is what both its halves come from.
            holds = [*(h for h in holds if h.unit != unit), replace(hold, bases=(self._sides.local,))]
        return replace(current, holds=tuple(holds))

    def _require_head(self) -> None:
        """The user's own git may have moved HEAD since we looked."""
        branch = f"refs/heads/{self._ground.state.branch}"
        if self._objects.symbolic("HEAD") != branch or self._objects.ref(branch) != self._sides.head_commit:
            raise Waits("HEAD moved while the crossing ran", "nothing to do: the next crossing goes on")

    def _move(self, tip: Tip) -> None:
        head, state = self._sides.head_commit, self._ground.state
        self._require_head()
        entries = {}
        for path in self._objects.changed(self._sides.head, tip.tree):
            new = self._objects.file_at(tip.tree, path)
            change = self._seen.changes.get(path)
            now = change.index if change is not None else self._objects.file_at(self._sides.head, path)
            if now != new:
                entries[path] = new
        silent = filters.silenced(state.config, trusted=self._ground.settings.trusted)
        try:
            index.follow(self._ground.git, entries, extra_env=silent)
        except GitError as error:
            raise Waits(
                f"the index could not follow: {error.title}", "if no git command is running, remove .git/index.lock"
            ) from error
        fp("index.followed")
        if tip.commit is None or tip.commit == head:
            return
        fp("ref.before_cas")
        name = f"refs/heads/{state.branch}"
        done = self._ground.git.run(
            "update-ref", "--create-reflog", "-m", "gitferry: sync", name, tip.commit, head or _ZERO, check=False
        )
        if done.code != 0:
            raise Waits("HEAD moved while the crossing ran", "nothing to do: the next crossing goes on")
        fp("ref.after_cas")

    # -- the record ---------------------------------------------------------------------------------------------

    def _close(self, current: Record, tip: Tip) -> Record:
        fetched = current.fetched or tip.commit is not None
        done = replace(current, journal=None, agreed=tip.commit or current.agreed, fetched=fetched)
        return self._save(done, current, head=tip.commit)

    def _save(self, new: Record, old: Record, *, head: str | None = None) -> Record:
        if replace(new, oid=old.oid) == old:
            return old
        return record.save(
            self._objects,
            replace(new, oid=old.oid),
            head=head or self._sides.head_commit,
            at=self._ground.host.clock(),
        )


def _deletions_first(step: tuple[str, str, Entry | None]) -> tuple[bool, int, str]:
    # A file may give way to a directory, or a directory to a file: the deepest goes first.
    _, path, entry = step
    return (entry is not None, -path.count("/") if entry is None else 0, path)
