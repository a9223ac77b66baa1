"""Every task of a repository and where it stands, read without changing anything but the object database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from gitferry.config.errors import GitferryError
from gitferry.config.model import Repository
from gitferry.pushback import answer
from gitferry.pushback.carry import Carried
from gitferry.pushback.commit import Tip
from gitferry.pushback.describe import first_facts
from gitferry.pushback.ground import Ground, opened
from gitferry.pushback.host import Host
from gitferry.pushback.outcome import Outcome, PushStatus, Request, TaskState
from gitferry.pushback.planning import Planned, Planner
from gitferry.pushback.readiness import Waits, require_ready, tracked_branch
from gitferry.repos import record as records
from gitferry.repos.patch import patch
from gitferry.repos.record import Record
from gitferry.repos.tasks import Unit, task_id


def survey(repository: Repository, *, host: Host) -> tuple[TaskState, ...]:
    """Return every task, those that differ from the upstream tip last seen with their push status."""
    with opened(repository, host) as ground:
        return surveyed(ground, host.clock())


def glance(repository: Repository, *, host: Host) -> Outcome:
    """Return what a crossing would find, without fetching, pushing or touching anything."""
    at = host.clock()
    try:
        with opened(repository, host) as ground:
            record = records.load(ground.objects, tracked_branch(ground))
            if record.is_paused(at):
                return answer.paused(ground, record, at)
            require_ready(ground, record)
            planned = _planned(ground, record, at)
            nothing = Carried(record, {}, None)
            tip = Tip(ground.state.head, planned.sides.head, ())
            return answer.glanced(ground, planned, nothing, tip, at)
    except Waits as waits:
        return answer.waiting(repository, at, waits)
    except GitferryError as error:
        return answer.failed(repository, at, error)


def surveyed(ground: Ground, at: datetime) -> tuple[TaskState, ...]:
    """Return every task of an opened repository, in the order of their paths."""
    objects = ground.objects
    record = records.load(objects, ground.state.branch or "HEAD")
    planned = _planned(ground, record, at)
    sides = planned.sides
    grouping = Planner(ground, Request("survey"), at).grouping((sides.head, sides.upstream, sides.local))
    units = {unit.path: unit for path, _ in objects.walk(sides.local) if (unit := grouping.unit_of(path)).carry}
    nothing, tip = Carried(record, {}, None), Tip(ground.state.head, sides.head, ())
    changed = {state.path: state for state in answer.task_states(ground, planned, nothing, tip, at, None)}
    changed = {path: answer.not_yet(state) for path, state in changed.items()}
    return tuple(changed.get(path) or _plain(ground, sides.local, units[path]) for path in sorted({*units, *changed}))


def _planned(ground: Ground, record: Record, at: datetime) -> Planned:
    push = ground.settings.pushback.enabled
    return Planner(ground, Request("survey", by_hand=True), at).plan(record, push=push, strict=False)


def _plain(ground: Ground, tree: str, unit: Unit) -> TaskState:
    found = first_facts(ground.objects, (tree,), unit, ground.settings.tasks.manifests)
    return TaskState(
        id=task_id(ground.settings.name, unit.path),
        repository=ground.settings.name,
        name=found.name,
        path=unit.path,
        kind=unit.kind,
        version=found.version,
        push_status=PushStatus.NOT_REQUIRED,
    )


def diff(repository: Repository, paths: Iterable[str], *, host: Host, remote: bool = False) -> str:
    """Return the difference that a task's own side made: base against local, or base against the remote."""
    with opened(repository, host) as ground:
        record = records.load(ground.objects, ground.state.branch or "HEAD")
        planned = _planned(ground, record, host.clock())
        sides = planned.sides
        wanted = list(paths)
        hold = next((hold for path in wanted if (hold := record.hold(path)) is not None), None)
        base = hold.bases[0] if hold is not None and hold.bases else sides.bases[0]
        tree = sides.upstream if remote else sides.local
        return patch(ground.git, base, tree, [] if wanted == ["."] else wanted)
