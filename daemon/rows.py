"""Rows: how repositories, tasks and operations look from outside, on the command line and over HTTP alike."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from gitferry.config.model import Repository
    from gitferry.daemon.board import Known
    from gitferry.daemon.health import Condition
    from gitferry.daemon.vitals import Vital
    from gitferry.pushback.outcome import Operation, Outcome, TaskState
    from gitferry.pushback.preview import Preview
    from gitferry.pushback.review_prune import Finished
    from gitferry.pushback.versions import FileVersions, Held, Versions
    from gitferry.repos.content import Entry

#: One JSON object. Its keys are a contract; the functions below say which there are.
Row: TypeAlias = dict[str, Any]


def instant(at: datetime | None) -> str | None:
    """Return `at` as RFC 3339 in UTC with seconds, the form every listing uses."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def repository(
    settings: Repository,
    known: Known,
    *,
    next_pull_at: datetime | None,
    watching: str | None,
    condition: Condition,
    vital: Vital,
    lag: float | None,
) -> Row:
    """Return the `status` row of one repository."""
    return {
        "name": settings.name,
        "path": str(settings.path),
        "url": known.url,
        "branch": known.branch or settings.branch,
        "head": known.head,
        "upstream": known.upstream,
        "ahead": known.ahead,
        "behind": known.behind,
        "pending": known.pending,
        "conflicts": known.conflicts,
        "state": known.state,
        "waiting_for": known.waiting_for,
        "last_crossing_at": instant(known.last_crossing_at),
        "last_error": known.last_error,
        "hint": known.hint,
        "next_pull_at": instant(next_pull_at) if known.state != "paused" else None,
        "paused_until": instant(known.paused_until),
        "held": known.pushes_held,
        "pending_for": [{"reason": reason, "tasks": count} for reason, count in known.pending_for],
        "in_review": [
            {"task": each.task, "review": each.review, "in_conflict": each.in_conflict} for each in known.in_review
        ],
        "offline": known.offline,
        "watching": watching,
        "health": condition.health.value,
        "health_reason": condition.why,
        "lag_seconds": None if lag is None else round(lag),
        "failures": vital.failures,
        "crossings": vital.crossings,
        "success_rate": None if vital.success_rate is None else round(vital.success_rate, 4),
        "duration_p50": None if vital.duration_p50 is None else round(vital.duration_p50, 3),
        "duration_p95": None if vital.duration_p95 is None else round(vital.duration_p95, 3),
        "notes": list(known.notes),
    }


def named(state: TaskState) -> Row:
    """Return what names one task."""
    return {"id": state.id, "repository": state.repository, "name": state.name, "path": state.path}


def task(state: TaskState) -> Row:
    """Return the `tasks` row of one task."""
    return named(state) | {
        "kind": state.kind,
        "version": state.version,
        "push_status": state.push_status.value,
        "reason": state.reason,
        "modified": state.modified,
    }


def push(state: TaskState) -> Row:
    """Return the `push status` row of one task."""
    return named(state) | {
        "version": state.version,
        "push_status": state.push_status.value,
        "local_modification_time": instant(state.local_modification_time),
        "last_registry_sync": instant(state.last_registry_sync),
        "error": state.reason,
        "commit": state.commit,
        "pull_request_url": state.pull_request_url,
        "version_seen": state.version_seen,
        "in_conflict": state.in_conflict,
        "warnings": list(state.warnings),
    }


def finished(settings: Repository, found: Finished) -> Row:
    """Return the row of one review branch that is over; `kept` says why it was not deleted."""
    return {"repository": settings.name, "branch": found.branch, "why": found.why, "kept": found.kept}


def push_status(states: Iterable[TaskState]) -> Row:
    """Return what `push status` prints: how many tasks have each status, and the tasks."""
    states = tuple(states)
    counts = Counter(state.push_status.value for state in states)
    return {"counts": dict(sorted(counts.items())), "tasks": [push(state) for state in states]}


def conflict(state: TaskState, strategy: str, held: Held | None) -> Row:
    """Return the `conflicts` row of a task; `held` is None where it was answered while it was looked at."""
    theirs = held.theirs if held else None
    return {
        "id": state.id,
        "repository": state.repository,
        "task": state.name,
        "path": state.path,
        "push_status": state.push_status.value,
        "strategy": strategy,
        "reason": state.reason,
        "local_changed_at": instant(state.local_modification_time),
        "remote_commit": theirs.commit if theirs else None,
        "remote_author": theirs.author if theirs else None,
        "remote_changed_at": instant(theirs.at) if theirs else None,
        "pull_request_url": state.pull_request_url,
        "together": list(held.together) if held else [],
        "mergeable": held is not None and held.merged is not None,
        "version": held.version if held else None,
        "files": [_conflict_file(file) for file in held.files] if held else [],
    }


def versions(found: Versions) -> Row:
    """Return what the `conflicts` row of a single task has besides: every version, in full and as differences."""

    def side(entry: Entry | None) -> Row | None:
        if entry is None:
            return None
        content = found.blobs.get(entry.oid, b"")  # a submodule has none
        return {"mode": f"{entry.mode:o}", "content": base64.b64encode(content).decode()}

    return {
        "files": [
            _conflict_file(file)
            | {"base": side(file.base), "local": side(file.local), "remote": side(file.remote)}
            | {"merged": side(file.merged)}
            for file in found.held.files
        ],
        "local_diff": found.local_diff,
        "remote_diff": found.remote_diff,
        "merged_diff": found.merged_diff,
        "tool_settings": dict(found.tool_settings),
    }


def _conflict_file(file: FileVersions) -> Row:
    return {
        "path": file.path,
        "local_change": _change(file.base, file.local),
        "remote_change": _change(file.base, file.remote),
        "conflict": file.conflict,
        "text": file.text,
    }


def _change(base: Entry | None, side: Entry | None) -> str | None:
    if base == side:
        return None
    return "added" if base is None else "deleted" if side is None else "modified"


def operation(done: Operation, *, full: bool = False) -> Row:
    """Return the `log` row of an operation; `full` adds what `show` tells besides."""
    row: Row = {
        "id": done.id,
        "repository": done.repository,
        "at": instant(done.at),
        "cause": done.cause,
        "kind": done.kind,
        "tasks": [
            {"id": change.task, "name": change.name, "path": change.path, "action": change.action}
            | {"answered": change.answered if done.kind == "sync" else None, "approved_by": change.approved}
            | {"excused": list(change.excused)}
            for change in done.tasks
        ],
        "commits": list(done.commits),
        "undoable": done.undoable,
        "undoes": done.undoes,
    }
    if full:
        for change, shown in zip(done.tasks, row["tasks"], strict=True):
            shown["files"] = list(change.files)
        row |= {
            "host": done.host,
            "user": done.user,
            "head_before": done.head_before,
            "head_after": done.head_after,
            "upstream_before": done.upstream_before,
            "upstream_after": done.upstream_after,
        }
    return row


def preview(found: Preview) -> Row:
    """Return what a push of one repository would do."""
    return {
        "repository": found.repository,
        "target": found.target,
        "waiting_for": found.waiting_for,
        "commits": [
            {
                "message": commit.message,
                "tasks": list(commit.tasks),
                "branch": commit.branch,
                "tree": commit.tree,
                "files": [{"path": file.path, "change": file.change} for file in commit.files],
            }
            for commit in found.commits
        ],
        "skipped": [{"task": task, "reason": reason} for task, reason in found.skipped],
        "findings": [
            {
                "rule": each.rule,
                "weight": each.weight.value,
                "path": each.path,
                "line": each.line,
                "message": each.message,
                "remedy": each.remedy,
            }
            for each in found.findings
        ],
        "hooks": list(found.hooks),
    }


def result(outcome: Outcome, *, held: bool = False) -> Row:
    """Return what a crossing that was asked for came to: its state, what it carried and what it could not.

    `held`: first pushes are held back.
    """
    done = outcome.operation
    actions = {change.task: change for change in done.tasks} if done else {}
    shown = [
        {"id": state.id, "name": state.name, "path": state.path}
        | {"action": actions[state.id].action if state.id in actions else None}
        | {"answered": actions[state.id].answered if state.id in actions else None}
        | {"push_status": state.push_status.value, "reason": state.reason, "in_conflict": state.in_conflict}
        | {"warnings": list(state.warnings)}
        for state in outcome.tasks
    ]
    told = {state.id for state in outcome.tasks}
    shown += [
        {"id": change.task, "name": change.name, "path": change.path, "action": change.action}
        | {"answered": change.answered}
        | {"push_status": None, "reason": None, "in_conflict": False, "warnings": list[str]()}
        for change in actions.values()
        if change.task not in told
    ]
    return {
        "repository": outcome.repository,
        "state": outcome.state.value,
        "waiting_for": outcome.waiting_for,
        "error": outcome.error,
        "hint": outcome.hint,
        "retry": outcome.retry,
        "operation": done.id if done else None,
        "tasks": shown,
        "commits": list(done.commits) if done else [],
        "held": held,
        "notes": list(outcome.notes),
    }


def push_back(results: Row, state: Row) -> Row:
    """Return the answer to pushing one task: whether it arrived, as which commit, and why not."""
    failed = [row["error"] or row["waiting_for"] for row in results["results"] if row["state"] != "healthy"]
    arrived = state["push_status"] in ("completed", "not_required", "in_review")
    errors = [] if arrived else [text for text in (state["error"], *failed) if text]
    return {
        "success": arrived,
        "commit": state["commit"],
        "pull_request_url": state["pull_request_url"],
        "errors": errors,
        "task": state,
        "results": results["results"],
    }
