"""One sync of one repository: observe → plan → carry → record. The rules are in docs/crossing.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gitferry.config.errors import GitferryError
from gitferry.config.failpoints import fp
from gitferry.config.model import Repository
from gitferry.pushback import answer
from gitferry.pushback.advance import in_index_alone
from gitferry.pushback.carry import Carrier
from gitferry.pushback.commit import TipBuilder
from gitferry.pushback.ground import Ground, opened
from gitferry.pushback.hooked import HookRefused
from gitferry.pushback.host import Host
from gitferry.pushback.outcome import Outcome, Request
from gitferry.pushback.planning import Planned, Planner
from gitferry.pushback.prune import prune
from gitferry.pushback.readiness import Waits, record_of, require_ready, tracked_branch
from gitferry.pushback.review import bring_to_review
from gitferry.pushback.review_look import looked
from gitferry.pushback.send import PushRefused
from gitferry.repos import drivers, index, ref_locks
from gitferry.repos import record as records
from gitferry.repos.content import Entry
from gitferry.repos.git import GitCancelled
from gitferry.repos.identity import NoIdentity
from gitferry.repos.lfs import NotUploaded
from gitferry.repos.lock import lane_lock
from gitferry.repos.objects import EMPTY_TREE
from gitferry.repos.record import Record
from gitferry.repos.reflog import newest
from gitferry.repos.remote_error import RemoteError
from gitferry.repos.signing_error import SigningWaits
from gitferry.repos.signing_key import SigningFailed
from gitferry.repos.status import status

#: What keeps things here, and nothing from coming.
_KEPT_HERE = (PushRefused, RemoteError, NotUploaded, HookRefused, NoIdentity, SigningWaits, SigningFailed)
_ATTEMPTS = 6  # plans overtaken by the remote or by a save, before the crossing gives way to the next one


def cross(repository: Repository, request: Request, *, host: Host) -> Outcome:
    """Sync one repository once and return what came of it; the repository's own troubles are in the outcome."""
    at = host.clock()
    try:
        with opened(repository, host) as ground, lane_lock(ground.place.common_dir, wait=host.lock_wait):
            ref_locks.sweep(ground.place.common_dir)
            return Crossing(ground, request, at).run()
    except Waits as waits:
        return answer.waiting(repository, at, waits)
    except GitCancelled:
        return answer.waiting(repository, at, Waits("its next try: this one was stopped", "gitferry sync", retry=True))
    except GitferryError as error:
        return answer.failed(repository, at, error)


class Crossing:
    """One crossing of an opened, locked repository."""

    def __init__(self, ground: Ground, request: Request, at: datetime) -> None:
        self._ground = ground = replace(ground, by_hand=request.by_hand)
        self._request = request
        self._at = at
        self._planner = Planner(ground, request, at)

    def run(self) -> Outcome:
        """Cross: attempt, and after a push that was refused because the remote moved, fetch and attempt again."""
        ground, request = self._ground, self._request
        record = record_of(ground, tracked_branch(ground))
        if record.is_paused(self._at) and not request.by_hand:
            return answer.paused(ground, record, self._at)
        require_ready(ground, record)
        record = self.rescued(record)
        # Of a push that was not acknowledged only the remote knows whether it arrived.
        if request.fetch or record.agreed is None or record.journal is not None or record.sent:
            record = self.fetched(record)
        if request.all_tasks and record.pushes_held:
            record = records.save(
                ground.objects, replace(record, pushes_held=False), head=ground.state.head, at=self._at
            )
        outcome = self._attempt(record)
        prune(ground, record.branch, self._at)
        return outcome

    def _attempt(self, record: Record) -> Outcome:
        ground = self._ground
        push = self._request.push and ground.settings.pushback.enabled
        trouble: GitferryError | None = None
        for _ in range(_ATTEMPTS):
            try:
                planned = self._planner.plan(record, push=push)
            except Waits:
                if trouble is not None:
                    raise trouble from None  # that the user's commits cannot go is the trouble's doing
                raise
            planned = self._approved(planned)
            record = planned.record
            builder = TipBuilder(ground, planned.sides, planned.gathered, self._request.message)
            carrier = Carrier(ground, planned, self._planner.observer, self._request.cause, self._at)
            try:
                tip = builder.build(planned.decisions, held_back=bool(planned.held_back))
                if not self._planner.observer.still(planned.seen):
                    continue  # something was saved while we planned: look again
                carried = carrier.carry(tip)
            except _KEPT_HERE as error:
                if not push:
                    raise
                record = records.load(ground.objects, record.branch)
                if isinstance(error, PushRefused) and error.stale:
                    record = self.fetched(record)
                else:
                    push, trouble = False, error  # what is to be pulled comes all the same
                continue
            reviewed = bring_to_review(ground, planned, carried, tip, self._request, self._at)
            return answer.crossed(ground, planned, reviewed.carried, tip, self._at, trouble=trouble, reviewed=reviewed)
        raise Waits("one of the sides changes faster than gitferry can follow", "it is tried again", retry=True)

    def _approved(self, planned: Planned) -> Planned:
        """Note down the words that people gave to changes, before anything goes by them."""
        if planned.approvals == planned.record.approvals:
            return planned
        objects, head = self._ground.objects, self._ground.state.head
        noted = replace(planned.record, approvals=planned.approvals)
        return replace(planned, record=records.save(objects, noted, head=head, at=self._at))

    def rescued(self, record: Record) -> Record:
        """Keep what a dead crossing displaced from the working tree, clear its leftovers away, return the record."""
        worktree, objects = self._ground.worktree, self._ground.objects
        left = worktree.leftovers()
        if left:
            # As they are on disk, unconverted: nobody knows any more by which attributes they were written.
            tree = objects.apply(
                EMPTY_TREE,
                {
                    f"{found.token}/{found.path or 'unknown'}": Entry(
                        found.file.mode, objects.write_blob(found.file.data)
                    )
                    for found in left
                },
            )
            kept = replace(record, snapshots=tuple(dict.fromkeys((*record.snapshots, tree))))
            record = records.save(objects, kept, head=self._ground.state.head, at=self._at)
        worktree.sweep()
        self._take_index_back(record)
        return record

    def _take_index_back(self, record: Record) -> None:
        """Give the index HEAD's entries again where a crossing died after the index followed and before HEAD did."""
        ground, journal = self._ground, record.journal
        objects, upstream = ground.objects, self._planner.upstream()
        if journal is None or journal.head != ground.state.head or not objects.has(journal.tip or EMPTY_TREE):
            return
        if journal.tip and (upstream is None or not objects.is_ancestor(journal.tip, upstream)):
            return  # it never came to the index: what is staged is the user's
        head, tip = objects.tree_of(journal.head), objects.tree_of(journal.tip or None)

        def take_back(silent: Mapping[str, str]) -> None:
            changes = status(ground.git, set(objects.changed(head, tip)), extra_env=silent).changes.values()
            ours = {c.path for c in changes if not c.unmerged and c.staged and c.index == objects.file_at(tip, c.path)}
            entries = {path: objects.file_at(head, path) for path in ours}
            index.follow(ground.git, entries, skip=in_index_alone(ground, entries), extra_env=silent)

        drivers.despite_filters(ground.state.config, take_back, trusted=ground.settings.trusted)

    def fetched(self, record: Record) -> Record:
        """Ask the remote for its tip; the first time, note down what was agreed before that."""
        ground, upstream = self._ground, self._ground.state.upstream
        if upstream is None:
            return record
        record = known = self._noted(record)
        timeouts = ground.settings.timeouts
        tip = ground.host.transport.fetch(
            ground.git, upstream.remote, upstream.branch, timeouts=timeouts, tracking_ref=upstream.tracking_ref
        )
        fp("fetch.pack")
        self._planner.waited()
        if tip is not None:
            arrived = tuple(
                s for s in known.sent if ground.objects.has(s.tip) and ground.objects.is_ancestor(s.tip, tip)
            )
            known = looked(ground, replace(known, fetched=True, sent=arrived), upstream.remote)
        elif (
            known.agreed is not None
            or known.fetched
            or ground.host.transport.remote_refs(ground.git, upstream.remote, timeouts=timeouts)
        ):
            raise Waits(
                f"{upstream.remote} has no branch {upstream.branch}",
                "gitferry never recreates a branch that was there: push it yourself, or track another one",
            )
        if known == record:
            return record
        return records.save(ground.objects, known, head=ground.state.head, at=self._at)

    def _noted(self, record: Record) -> Record:
        """Note down what the upstream had before it is asked: what it drops later must be known to have been there.

        That is the tracking ref as it was before our first fetch, and what the user's own pulls have brought since.
        """
        objects, head, seen = self._ground.objects, self._ground.state.head, self._planner.upstream()
        agreed = record.agreed
        if seen is None or seen in (agreed, record.seen):
            return record
        if agreed is None and not record.fetched:
            log = None if head is None else newest(objects, head)
            return records.save(objects, replace(record, agreed=seen, head=head, log=log), head=head, at=self._at)
        if agreed is None or head is None or not objects.has(agreed):
            return record
        if not (objects.is_ancestor(agreed, seen) and objects.is_ancestor(seen, head)):
            return record
        return records.save(objects, replace(record, seen=seen), head=head, at=self._at)
