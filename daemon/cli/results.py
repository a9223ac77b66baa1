"""What a push, pull, sync or undo came to: said in lines, and as an exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from gitferry.daemon.cli.context import Context
from gitferry.daemon.cli.output import STATE_COLOURS, counted, paint, printable

DONE, FAILED, IN_PART = 0, 1, 4
NO_REPOSITORIES = "no repositories are registered: `gitferry add PATH` adds one"

_VERBS = {"push": "pushed", "pull": "pulled", "restore": "restored", "revert": "reverted"}
_NAMED = frozenset({"conflict", "failed", "awaiting_approval"})
_NAMES_SHOWN = 8


def finish(context: Context, answer: Mapping[str, Any]) -> int:
    """Print the results and return the exit code, contracts §3."""
    results: Sequence[Mapping[str, Any]] = answer["results"]
    lines = [line for result in results for line in told(result)]
    context.show(answer, lines or [NO_REPOSITORIES])
    return exit_code(results)


def exit_code(results: Sequence[Mapping[str, Any]]) -> int:
    """Return 0 where all is done, 1 where every repository failed outright, else 4."""
    if all(_is_done(result) for result in results):
        return DONE
    return FAILED if all(_has_failed(result) for result in results) else IN_PART


def _is_done(result: Mapping[str, Any]) -> bool:
    if result["error"] is not None or result["state"] not in ("healthy", "paused"):
        return False
    return not any(task["push_status"] in _NAMED for task in result["tasks"])


def _has_failed(result: Mapping[str, Any]) -> bool:
    return result["error"] is not None and result["operation"] is None


def told(result: Mapping[str, Any]) -> list[str]:
    """Return the lines that tell of one repository: what was done, then what was not and why."""
    name = printable(result["repository"])
    lines = [f"{name}: {_done(result)}"] if result["operation"] is not None else []
    if result["error"]:
        lines.append(f"{name}: {paint('failed', 'red')}: {printable(result['error'])}")
    elif result["waiting_for"]:
        lines.append(f"{name}: {paint('waits', 'yellow')} for {printable(result['waiting_for'])}")
    if result["hint"] and (result["error"] or result["waiting_for"]):
        lines.append(f"  {printable(result['hint'])}")
    for task in result["tasks"]:
        if task["push_status"] in _NAMED:
            status = task["push_status"]
            words = paint(status.replace("_", " "), STATE_COLOURS[status])
            reason = f": {printable(task['reason'])}" if task["reason"] else ""
            lines.append(f"{name}: {printable(task['name'])}: {words}{reason}")
    lines += [f"{name}: note: {printable(note)}" for note in result["notes"]]
    return lines or [f"{name}: {_nothing(result)}"]


def _nothing(result: Mapping[str, Any]) -> str:
    pending = sum(task["push_status"] == "pending" for task in result["tasks"])
    return f"nothing to do, {counted(pending, 'task')} pending" if pending else "nothing to do"


def _done(result: Mapping[str, Any]) -> str:
    pushed = f" as {', '.join(commit[:8] for commit in result['commits'])}" if result["commits"] else ""
    return f"{summary(result['tasks']) or 'recorded'}{pushed} (operation {result['operation']})"


def summary(tasks: Sequence[Mapping[str, Any]]) -> str:
    """Return what was done to these tasks, as `pushed a, b; pulled c`; nothing for a task without an action."""
    parts = []
    for action, verb in _VERBS.items():
        names = [printable(task["name"]) for task in tasks if task["action"] == action]
        if names:
            more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
            parts.append(f"{verb} {', '.join(names[:_NAMES_SHOWN])}{more}")
    return "; ".join(parts)


def unreadable(answer: Mapping[str, Any]) -> int:
    """Say on standard error which repositories could not be read or changed, and return the exit code."""
    missing: Sequence[Mapping[str, Any]] = answer.get("unreadable") or ()
    for each in missing:
        click.echo(f"{printable(each['repository'])}: {printable(each['error'])}", err=True)
        if each["hint"]:
            click.echo(f"  {printable(each['hint'])}", err=True)
    return IN_PART if missing else DONE
