"""The outcome of a crossing, put together from what was planned and carried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from gitferry.config.errors import GitferryError
from gitferry.config.listing import first_of
from gitferry.config.model import Repository
from gitferry.pushback.carry import Carried
from gitferry.pushback.commit import Tip
from gitferry.pushback.decision import (
    BOTH_CHANGED,
    CONFLICT_IN_REVIEW,
    PUSH_OFF,
    Action,
    Decision,
)
from gitferry.pushback.describe import first_facts
from gitferry.pushback.findings import Weight
from gitferry.pushback.ground import Ground, Unworkable
from gitferry.pushback.hooked import HookRefused, hooks_of, skipped
from gitferry.pushback.outcome import Lack, Outcome, PushStatus, State, Take, TaskState
from gitferry.pushback.planning import Planned
from gitferry.pushback.readiness import Waits
from gitferry.pushback.review import Reviewed
from gitferry.pushback.send import PushRefused
from gitferry.repos.disk_errors import TreeError
from gitferry.repos.hold import HoldState
from gitferry.repos.lfs import NotUploaded
from gitferry.repos.lock import LockBusy
from gitferry.repos.objects import Objects
from gitferry.repos.record import ObjectsPruned, Record
from gitferry.repos.remote_error import RemoteError
from gitferry.repos.review import Review
from gitferry.repos.signing_error import SigningWaits
from gitferry.repos.tasks import task_id
from gitferry.security.vault_faults import VaultLocked

_TO_REVIEW = f"{BOTH_CHANGED}; yours goes to a review branch"
_WAITING = frozenset({PushStatus.PENDING, PushStatus.AWAITING_APPROVAL, PushStatus.FAILED})
_NAMED = 3  # tasks in conflict that are named
_CONFLICT_HINT = "`gitferry conflicts TASK` shows both sides, and how to answer with `gitferry resolve`"


def waiting(settings: Repository, at: datetime, waits: Waits) -> Outcome:
    """Return the outcome of a crossing that could not begin, or not end, because of something of the user's."""
    return Outcome(settings.name, State.WAITING, at, waiting_for=waits.title, hint=waits.hint, retry=waits.retry)


def failed(settings: Repository, at: datetime, error: GitferryError) -> Outcome:
    """Return the outcome of a crossing that failed; what may pass by itself is tried again. Offline is no failure."""
    remote = error if isinstance(error, RemoteError) else None
    if remote is not None and remote.kind == "offline":
        return replace(waiting(settings, at, Waits(error.title, error.hint, retry=True)), offline=True)
    passing = isinstance(error, LockBusy | TreeError | ObjectsPruned | Unworkable) or (
        remote is not None and remote.retry
    )
    return Outcome(
        settings.name,
        State.FAILING,
        at,
        error=error.title,
        hint=error.hint,
        retry=passing or (remote is not None and remote.retry),
        at_remote=remote is not None or isinstance(error, VaultLocked),
        lacks=_lacks(error),
    )


def paused(ground: Ground, record: Record, at: datetime) -> Outcome:
    """Return the outcome of a crossing that its user has paused."""
    until = f" until {record.paused_until}" if record.paused_until else ""
    return Outcome(
        ground.settings.name,
        State.PAUSED,
        at,
        branch=record.branch,
        head=ground.state.head,
        upstream=upstream_name(ground),
        waiting_for=f"paused{until}",
        hint="gitferry resume",
    )


def upstream_name(ground: Ground) -> str | None:
    """Return the upstream as people write it, `origin/main`."""
    upstream = ground.state.upstream
    return None if upstream is None else f"{upstream.remote}/{upstream.branch}"


def crossed(
    ground: Ground,
    planned: Planned,
    carried: Carried,
    tip: Tip,
    at: datetime,
    *,
    trouble: GitferryError | None = None,
    reviewed: Reviewed | None = None,
) -> Outcome:
    """Return the outcome of a crossing that was carried, perhaps without the push it wanted (`trouble`)."""
    tasks = task_states(ground, planned, carried, tip, at, trouble)
    conflicts = sum(task.push_status is PushStatus.CONFLICT for task in tasks)
    pending = sum(task.push_status in _WAITING for task in tasks)
    stays = trouble is not None or planned.held_back
    upstream = planned.sides.upstream_commit if stays else tip.commit
    ahead, behind = ground.objects.ahead_behind(tip.commit, upstream)
    if trouble is None and reviewed is not None:
        trouble = reviewed.trouble
    offline = isinstance(trouble, RemoteError) and trouble.kind == "offline"
    waits = offline or isinstance(trouble, SigningWaits)  # for what comes back by itself, or the user gives
    state = State.FAILING if trouble is not None else State.CONFLICT if conflicts else State.HEALTHY
    state = State.WAITING if waits else state
    return Outcome(
        repository=ground.settings.name,
        state=state,
        at=at,
        branch=planned.record.branch,
        head=tip.commit,
        upstream=upstream_name(ground),
        ahead=ahead,
        behind=behind,
        pending=pending,
        conflicts=conflicts,
        waiting_for=trouble.title if waits and trouble else _in_conflict(tasks) if trouble is None else None,
        error=None if trouble is None or waits else trouble.title,
        hint=trouble.hint if trouble is not None else _CONFLICT_HINT if conflicts else None,
        retry=waits or (isinstance(trouble, RemoteError | NotUploaded) and trouble.retry),
        offline=offline,
        at_remote=isinstance(trouble, RemoteError | VaultLocked) and not waits,
        lacks=_lacks(trouble),
        tasks=tasks,
        operation=carried.operation,
        notes=(*_notes(ground, planned), *(reviewed.notes if reviewed else ()), *ground.notes),
    )


def _lacks(trouble: GitferryError | None) -> Lack | None:
    if isinstance(trouble, VaultLocked):
        return Lack.VAULT
    return Lack.CREDENTIAL if isinstance(trouble, RemoteError) and trouble.kind == "auth" else None


def glanced(ground: Ground, planned: Planned, nothing: Carried, tip: Tip, at: datetime) -> Outcome:
    """Return what a crossing would find; what it would push is pending."""
    outcome = crossed(ground, planned, nothing, tip, at)
    tasks = tuple(not_yet(task) for task in outcome.tasks)
    ahead, behind = ground.objects.ahead_behind(planned.sides.head_commit, planned.sides.upstream_commit)
    pending = sum(task.push_status in _WAITING for task in tasks)
    return replace(outcome, tasks=tasks, ahead=ahead, behind=behind, pending=pending, operation=None)


def not_yet(task: TaskState) -> TaskState:
    """Return a state that was only planned: what would be completed is still pending."""
    if task.push_status is not PushStatus.COMPLETED:
        return task
    return replace(task, push_status=PushStatus.PENDING, modified=True, last_registry_sync=None)


def task_states(
    ground: Ground,
    planned: Planned,
    carried: Carried,
    tip: Tip,
    at: datetime,
    trouble: GitferryError | None,
) -> tuple[TaskState, ...]:
    """Return the state of every task that this crossing looked at."""
    commits = {unit: commit.oid for commit in tip.commits for unit in commit.units}
    states = []
    for decision in planned.decisions:
        unit = planned.gathered.units[decision.unit]
        if not unit.carry and decision.action is not Action.HOLD:
            continue
        review = _review(decision, planned.record, carried.record)
        status, reason = _told(ground, planned, carried, decision, review, trouble)
        found = first_facts(
            ground.objects,
            (planned.sides.local, tip.tree, planned.sides.head),
            unit,
            ground.settings.tasks.manifests,
        )
        synced = status in (PushStatus.COMPLETED, PushStatus.NOT_REQUIRED)
        states.append(
            TaskState(
                id=task_id(ground.settings.name, unit.path),
                repository=ground.settings.name,
                name=found.name,
                path=unit.path,
                kind=unit.kind,
                version=found.version,
                push_status=status,
                reason=reason,
                modified=not synced,
                local_modification_time=None if synced else modification_time(ground, planned, unit.path),
                last_registry_sync=at.astimezone(UTC) if synced else None,
                commit=commits.get(decision.unit) or (None if review is None else review.tip),
                warnings=tuple(
                    str(found) for found in planned.findings.get(decision.unit, ()) if found.weight is Weight.WARN
                ),
                version_seen=decision.view.version if decision.action in (Action.HOLD, Action.WAIT) else None,
                in_conflict=decision.in_conflict,
                pull_request_url=None if review is None else review.url,
                held_since=_held_since(carried.record, decision.unit) if status is PushStatus.CONFLICT else None,
            )
        )
    return tuple(states)


def _held_since(record: Record, unit: str) -> datetime | None:
    hold = record.hold(unit)
    return datetime.fromisoformat(hold.since) if hold is not None and hold.since else None


def modification_time(ground: Ground, planned: Planned, unit: str) -> datetime | None:
    """Return when the newest of the task's changed files was written, None where none is left."""
    times = []
    for path in planned.gathered.paths[unit]:
        try:
            times.append((ground.place.root / path).lstat().st_mtime)
        except (FileNotFoundError, NotADirectoryError):
            continue  # a deleted file has no time
    return datetime.fromtimestamp(max(times), UTC) if times else None


def _told(
    ground: Ground,
    planned: Planned,
    carried: Carried,
    decision: Decision,
    review: Review | None,
    trouble: GitferryError | None,
) -> tuple[PushStatus, str | None]:
    """Return what users are told of a task: its status, and why it is that one."""
    status, reason = _status(decision, carried.raced, carried.record, trouble)
    paths = planned.gathered.paths[decision.unit]
    if decision.review and not decision.in_conflict and decision.unit not in carried.raced:
        return _under_way(ground.objects, decision, paths, review, trouble)
    if status is PushStatus.CONFLICT and ground.settings.pushback.branch_strategy == "main":
        return _reviewed(ground.objects, decision, paths, review)
    return status, reason


def _status(
    decision: Decision, raced: Mapping[str, str], record: Record, trouble: GitferryError | None
) -> tuple[PushStatus, str | None]:
    if decision.unit in raced:
        return PushStatus.PENDING, raced[decision.unit]
    if decision.action in (Action.PUSH, Action.MERGE):
        return PushStatus.COMPLETED, None
    if decision.action in (Action.AGREED, Action.PULL):
        return decision.status or PushStatus.NOT_REQUIRED, None
    if trouble is not None and decision.reason == PUSH_OFF:
        waits = PushStatus.FAILED if _is_refused(trouble) else PushStatus.PENDING
        return (waits if decision.pending else PushStatus.CONFLICT), trouble.title
    hold = record.hold(decision.unit)
    if decision.held_up is None and hold is not None and hold.state is not HoldState.PARKED:
        return PushStatus.CONFLICT, decision.reason or BOTH_CHANGED
    reason = _TO_REVIEW if decision.reason == CONFLICT_IN_REVIEW else decision.reason  # that no crossing met yet
    return decision.held_up or PushStatus.PENDING, reason


def _is_refused(trouble: GitferryError) -> bool:
    """Whether a push came to nothing because someone said no: it failed. What else stopped it may pass by itself."""
    return isinstance(trouble, PushRefused | HookRefused) or (isinstance(trouble, NotUploaded) and not trouble.retry)


def _review(decision: Decision, before: Record, now: Record) -> Review | None:
    """Return the review branch that a task goes to, or that the tracked branch just took over."""
    if decision.action in (Action.HOLD, Action.WAIT) or decision.review:
        return now.review(decision.unit)
    return before.review(decision.unit) if decision.status is PushStatus.COMPLETED else None


def _under_way(
    objects: Objects,
    decision: Decision,
    paths: Sequence[str],
    review: Review | None,
    trouble: GitferryError | None,
) -> tuple[PushStatus, str | None]:
    """Return how far a change is that goes to its review branch."""
    if review is None or review.tip is None or not objects.has(review.tip):
        return PushStatus.PENDING, "it goes to a review branch" if trouble is None else trouble.title
    if review.gone:
        return PushStatus.PENDING, f"its review branch {review.branch} was removed at the remote"
    if review.there:
        known = objects.has(review.there)
        rewritten = known and not objects.is_ancestor(review.tip, review.there)
        how = "rewritten" if rewritten else "changed"
        return PushStatus.IN_REVIEW, f"at {review.branch}, which was {how} there"
    if objects.content(objects.tree_of(review.tip), paths) != decision.carried:
        return PushStatus.PENDING, f"it is in review at {review.branch}, without your last edit"
    return PushStatus.IN_REVIEW, f"at {review.branch}"


def _reviewed(
    objects: Objects, decision: Decision, paths: Sequence[str], review: Review | None
) -> tuple[PushStatus, str | None]:
    """Return what a conflict is: in review, where our side of it reached a branch for that."""
    reason = _TO_REVIEW if decision.reason == CONFLICT_IN_REVIEW else decision.reason or BOTH_CHANGED
    if review is None or review.tip is None or not objects.has(review.tip):
        return PushStatus.CONFLICT, reason
    whole = objects.content(objects.tree_of(review.tip), paths) == decision.view.local.content
    # That nothing may be pushed now takes nothing out of review; what another strategy says of it goes before.
    unmerged = reason == BOTH_CHANGED or decision.answered is Take.MERGED  # nothing came of the merge that was wanted
    elsewhere = whole and (unmerged or decision.partner is not None)
    if not decision.review and not elsewhere:
        return PushStatus.CONFLICT, reason
    if review.gone:
        return PushStatus.CONFLICT, f"{BOTH_CHANGED}; its review branch {review.branch} was removed at the remote"
    more = "" if review.there is None else ", which was changed there"
    more += "" if whole else "; your last edit is not there yet"
    return PushStatus.IN_REVIEW, f"{CONFLICT_IN_REVIEW} at {review.branch}{more}"


def _in_conflict(tasks: tuple[TaskState, ...]) -> str | None:
    found = [task for task in tasks if task.push_status is PushStatus.CONFLICT]
    if not found:
        return None
    alike = Counter(task.name for task in found)  # of a task that was moved, both places have its name
    names = [task.name if alike[task.name] == 1 else task.path for task in found]
    return f"an answer: both sides changed {first_of(names, _NAMED)}"


def _notes(ground: Ground, planned: Planned) -> tuple[str, ...]:
    notes: list[str] = []
    foreign, held_back = planned.seen.foreign, planned.held_back
    if foreign:
        notes.append(f"submodules and other repositories are left as they are: {first_of(foreign, _NAMED)}")
    hooks = hooks_of(ground)
    if hooks is not None:
        notes += hooks.hints()
    elif left := skipped(ground):
        notes.append(f"hooks exist and are skipped: {', '.join(left)}")
    if held_back and ground.settings.pushback.branch_strategy == "main":
        notes.append(f"waits here: {held_back}")
    return tuple(notes)
