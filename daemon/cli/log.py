"""`gitferry log` and `gitferry show`: what was done, newest first, and one operation in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from gitferry.daemon.cli.context import context_of
from gitferry.daemon.cli.names import REPOSITORY
from gitferry.daemon.cli.output import local, printable, progress, relative, table
from gitferry.daemon.cli.results import summary, unreadable
from gitferry.daemon.cli.verb import Verb

_ANSWERS = {
    "local": ": both sides changed it, and yours was taken",
    "remote": ": both sides changed it, and theirs was taken",
    "merged": ": both sides changed it, and their changes were merged",
    "given": ": both sides changed it, and it was merged by hand",
}


@click.command(cls=Verb)
@click.argument("repository", type=REPOSITORY, required=False)
@click.option("-n", "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
@click.pass_context
def log(ctx: click.Context, repository: str | None, limit: int) -> None:
    """List operations, newest first."""
    context = context_of(ctx)
    with progress("reading the log"):
        answer = context.control().log(repository, limit)
    cells = [
        (row["id"], local(row["at"])[:16], row["repository"], row["cause"], _what(row)) for row in answer["operations"]
    ]
    nothing = [] if answer["unreadable"] else ["No operations yet."]
    context.show(answer, table(("OPERATION", "WHEN", "REPOSITORY", "CAUSE", "WHAT"), cells) if cells else nothing)
    ctx.exit(unreadable(answer))


@click.command(cls=Verb)
@click.argument("operation")
@click.pass_context
def show(ctx: click.Context, operation: str) -> None:
    """Show one OPERATION: tasks, files, commits."""
    context = context_of(ctx)
    with progress("reading the log"):
        answer = context.control().show(operation)
    diff = ["", printable(answer["diff"], lines=True)] if answer["diff"] else []
    context.show(answer, [*_told(answer["operation"]), *diff])


def _what(row: Mapping[str, Any]) -> str:
    done = summary(row["tasks"])
    return f"undid {row['undoes']}: {done}" if row["undoes"] else done


def _told(row: Mapping[str, Any]) -> list[str]:
    facts = {
        "operation": row["id"],
        "repository": row["repository"],
        "at": f"{local(row['at'])} ({relative(row['at'])})",
        "cause": row["cause"],
        "by": f"{row['user']} on {row['host']}",
        "head": _moved(row["head_before"], row["head_after"]),
        "remote": _moved(row["upstream_before"], row["upstream_after"]),
        "pushed": ", ".join(commit[:12] for commit in row["commits"]) or "-",
        "undo": f"gitferry undo {row['id']}" if row["undoable"] else _why_not(row),
    }
    if row["undoes"]:
        facts["undoes"] = row["undoes"]
    lines = [f"{key:<11} {printable(value)}" for key, value in facts.items()]
    for task in row["tasks"]:
        answered = _ANSWERS.get(task["answered"], "")
        lines += ["", f"{task['action']} {printable(task['name'])}{answered}"]
        lines += [f"  approved by {printable(task['approved_by'])}"] if task["approved_by"] else []
        lines += [f"  excused: {printable(found)}" for found in task["excused"]]
        lines += [f"  {printable(file)}" for file in task.get("files", ())]
    return lines


def _why_not(row: Mapping[str, Any]) -> str:
    reviews = bool(row["tasks"]) and all(task["action"] == "review" for task in row["tasks"])
    return "not possible: others may look at it; edit the task, or answer its conflict" if reviews else "not possible"


def _moved(before: str | None, after: str | None) -> str:
    if before == after:
        return (after or "-")[:12]
    return f"{(before or '-')[:12]} → {(after or '-')[:12]}"
