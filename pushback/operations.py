"""The log of what crossings did: a commit each at `refs/gitferry/ops/<id>`, which keeps the local state it replaced."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from gitferry.config.errors import GitferryError
from gitferry.pushback.outcome import Operation, TaskChange
from gitferry.repos.content import FILE, TREE, Entry
from gitferry.repos.objects import EMPTY_TREE, Objects
from gitferry.repos.record import OURSELVES, move_ref

OPS_REFS = "refs/gitferry/ops/"
_ID = 12  # hex digits of the operation's own commit id


class NoSuchOperation(GitferryError):
    """The id names no operation, or several."""


class OperationUnreadable(GitferryError):
    """What stands below refs/gitferry/ops/ was written by something else."""


@dataclass(frozen=True, slots=True)
class Entered:
    """One operation with the root trees around it."""

    operation: Operation
    sequence: int
    branch: str
    local_before: str
    local_after: str
    upstream_before: str
    upstream_after: str
    base: str = EMPTY_TREE  # of the tasks that both sides had changed: what they came from


@dataclass(frozen=True, slots=True)
class Travel:
    """When a task travelled last."""

    at: datetime
    pushed: bool
    commit: str | None  # the last that was pushed of it


def enter(objects: Objects, entered: Entered) -> Operation:
    """Write an operation down and return it with its id."""
    op = entered.operation
    trees = {
        "local-before": entered.local_before,
        "local-after": entered.local_after,
        "upstream-before": entered.upstream_before,
        "upstream-after": entered.upstream_after,
        "base": entered.base,
    }
    body = json.dumps(_to_json(entered), indent=1, sort_keys=True).encode()
    entries = {name: Entry(TREE, oid) for name, oid in trees.items() if oid != EMPTY_TREE}
    entries["operation.json"] = Entry(FILE, objects.write_blob(body))
    parents = dict.fromkeys(c for c in (op.head_before, op.upstream_before, op.head_after, *op.commits[-1:]) if c)
    oid = objects.write_commit(
        objects.write_tree(entries),
        parents,
        f"gitferry {op.kind} of {op.repository}\n",
        author=OURSELVES,
        committer=OURSELVES,
        at=op.at,
    )
    move_ref(objects, OPS_REFS + oid[:_ID], oid, None)
    return _from_json(json.loads(body), oid[:_ID], trees).operation


def read_all(objects: Objects) -> list[Entered]:
    """Return every operation of a repository, newest first."""
    found = [_read(objects, name.removeprefix(OPS_REFS), oid) for name, oid in objects.refs(OPS_REFS).items()]
    return sorted(found, key=lambda entered: (entered.sequence, entered.operation.at), reverse=True)


def travels(objects: Objects) -> dict[str, Travel]:
    """Return when each task that is in the log travelled last, and how, by the task's path."""
    found: dict[str, Travel] = {}
    for entered in reversed(read_all(objects)):
        op = entered.operation
        for change in op.tasks:
            if change.action in ("restore", "review"):
                continue  # it went nowhere, or not to the upstream
            before = found.get(change.path)
            commit = _commit_of(objects, change, op.commits) or (before.commit if before else None)
            found[change.path] = Travel(op.at, change.action == "push", commit)
    return found


def _commit_of(objects: Objects, change: TaskChange, commits: tuple[str, ...]) -> str | None:
    """Return the newest of the pushed commits that touches the task; None where the history no longer tells."""
    if len(commits) == 1 and change.action in ("push", "revert"):
        return commits[0]
    files = set(change.files)
    for commit in reversed(commits):
        if objects.has(commit):
            info = objects.info(commit)
            parent = info.parents[0] if info.parents else None
            if not files.isdisjoint(objects.changed(objects.tree_of(parent), info.tree)):
                return commit
    return None


def outdated(objects: Objects, before: datetime, *, newest: int) -> tuple[str, ...]:
    """Return the refs of operations from before a time, without the `newest` of each branch by their own order."""
    refs = objects.refs(OPS_REFS)
    if len(refs) <= newest or not any(objects.time_of(oid) < before for oid in refs.values()):
        return ()  # the usual case, without reading what each of them says
    branches: defaultdict[str, list[Entered]] = defaultdict(list)
    for entered in read_all(objects):
        branches[entered.branch].append(entered)
    old = (each for found in branches.values() for each in found[newest:] if each.operation.at < before)
    return tuple(OPS_REFS + entered.operation.id for entered in old)


def find(objects: Objects, prefix: str) -> Entered:
    """Return the operation whose id begins with `prefix`. Raises NoSuchOperation."""
    names = [name for name in objects.refs(OPS_REFS) if name.removeprefix(OPS_REFS).startswith(prefix)]
    if len(names) != 1 or not prefix:
        word = "no operation" if not names else f"{len(names)} operations"
        raise NoSuchOperation(f"{word} with an id that begins with {prefix!r}", "see `gitferry log`")
    return _read(objects, names[0].removeprefix(OPS_REFS), objects.refs(names[0])[names[0]])


def _read(objects: Objects, op_id: str, oid: str) -> Entered:
    root = objects.entries(objects.tree_of(oid))
    if "operation.json" not in root:
        name = OPS_REFS + op_id
        raise OperationUnreadable(f"{name} holds no operation", f"if you made it, remove it: git update-ref -d {name}")
    trees = {
        name: root[name].oid if name in root else EMPTY_TREE
        for name in ("local-before", "local-after", "upstream-before", "upstream-after", "base")
    }
    return _from_json(json.loads(objects.blob(root["operation.json"].oid)), op_id, trees)


def _to_json(entered: Entered) -> dict[str, Any]:
    known = asdict(entered.operation) | {"at": entered.operation.at.astimezone(UTC).isoformat()}
    del known["id"]  # the commit's own id, which is not known before it is written
    return {"version": 1, "sequence": entered.sequence, "branch": entered.branch, **known}


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _from_json(data: dict[str, Any], op_id: str, trees: dict[str, str]) -> Entered:
    own = {name: value for name, value in data.items() if name not in ("version", "sequence", "branch")}
    own["at"] = datetime.fromisoformat(data["at"])
    own["tasks"] = tuple(TaskChange(**{name: _tuple(value) for name, value in task.items()}) for task in data["tasks"])
    own["commits"] = tuple(data["commits"])
    around = {name.replace("-", "_"): tree for name, tree in trees.items()}
    return Entered(Operation(id=op_id, **own), data["sequence"], data["branch"], **around)
