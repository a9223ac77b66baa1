"""`gitferry push`: what would go back, and sending it back by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from gitferry.daemon.cli.context import context_of
from gitferry.daemon.cli.names import REPOSITORY, TASK
from gitferry.daemon.cli.output import counted, paint, printable, progress, relative, table, wrapped
from gitferry.daemon.cli.results import approval_remedy, finish, remedy, unreadable
from gitferry.daemon.cli.verb import VerbGroup

_MARKS = {"added": ("A", "green"), "modified": ("M", "yellow"), "deleted": ("D", "red")}
_QUIET = frozenset({"not_required", "completed"})


@click.group(cls=VerbGroup)
def push() -> None:
    """Show or send what goes back to the remotes."""


@push.command()
@click.pass_context
def status(ctx: click.Context) -> None:
    """Show where each changed task stands on its way back."""
    context = context_of(ctx)
    with progress("looking at the working trees"):
        answer = context.control().push_status()
    context.show(answer, _standing(answer))
    ctx.exit(unreadable(answer))


def _standing(answer: Mapping[str, Any]) -> list[str]:
    counts = [f"{number} {status.replace('_', ' ')}" for status, number in answer["counts"].items() if number]
    rows = [row for row in answer["tasks"] if row["push_status"] not in _QUIET]
    cells = [
        (
            row["repository"],
            row["name"],
            row["push_status"],
            relative(row["local_modification_time"]),
            row["pull_request_url"] or row["error"] or "",
        )
        for row in rows
    ]
    lines = [", ".join(counts)] if counts else [] if answer["unreadable"] else ["No tasks."]
    if rows:
        lines += ["", *table(("REPOSITORY", "TASK", "PUSH STATUS", "CHANGED", "WHY"), cells)]
    open_ = [row["name"] for row in rows if row["push_status"] in ("conflict", "in_review") and row["in_conflict"]]
    if open_:
        task = printable(open_[0]) if len(open_) == 1 else "TASK"
        lines += remedy(f"`gitferry conflicts {task}` shows who changed what, and how to answer")
    awaiting = [row["name"] for row in rows if row["push_status"] == "awaiting_approval"]
    if awaiting:
        lines += approval_remedy(awaiting[0] if len(awaiting) == 1 else "TASK")
    return lines


_message = click.option("-m", "--message", help="The commit message, instead of the template's.")
_strategy = click.option(
    "--strategy",
    type=click.Choice(["fail", "merge", "take_local", "take_remote", "manual", "create_pr"]),
    help="What answers a conflict of these tasks, this once.",
)
_dry_run = click.option("--dry-run", is_flag=True, help="Show files, message and target; change nothing.")


@push.command()
@click.argument("tasks", type=TASK, nargs=-1, required=True)
@_strategy
@_dry_run
@_message
@click.pass_context
def task(ctx: click.Context, tasks: tuple[str, ...], strategy: str | None, dry_run: bool, message: str | None) -> None:
    """Push the TASKs named, whatever they wait for.

    Where the remote changed one too, the repository's `conflict_strategy` answers, or the one given here.
    """
    _push(ctx, list(tasks), dry_run=dry_run, message=message, strategy=strategy)


@push.command(name="all")
@_dry_run
@_message
@click.pass_context
def everything(ctx: click.Context, dry_run: bool, message: str | None) -> None:
    """Push every changed task, first pushes that are held too."""
    _push(ctx, None, dry_run=dry_run, message=message)


@push.command()
@click.argument("tasks", type=TASK, nargs=-1, required=True, metavar="ID...")
@click.pass_context
def approve(ctx: click.Context, tasks: tuple[str, ...]) -> None:
    """Approve the changes of tasks as they are now, and push them."""
    context = context_of(ctx)
    with progress("pushing"):
        answer = context.control().approve(list(tasks))
    ctx.exit(finish(context, answer))


@push.command()
@click.argument("tasks", type=TASK, nargs=-1, required=True, metavar="ID...")
@click.pass_context
def reject(ctx: click.Context, tasks: tuple[str, ...]) -> None:
    """Reject the changes of tasks as they are now.

    They stay here, and go nowhere until they are edited.
    """
    context = context_of(ctx)
    with progress("noting it down"):
        answer = context.control().approve(list(tasks), granted=False)
    if any(result["error"] or result["state"] in ("waiting", "failing") for result in answer["results"]):
        ctx.exit(finish(context, answer))
    names = [printable(task["name"]) for task in answer["tasks"]]
    context.show(
        answer, [f"rejected {name}: it stays as it is here, and goes nowhere until it is edited" for name in names]
    )


@push.command()
@click.argument("repository", type=REPOSITORY, required=False)
@click.option("--yes", is_flag=True, help="Delete them without asking.")
@click.pass_context
def prune(ctx: click.Context, repository: str | None, yes: bool) -> None:
    """Delete review branches that are over at the remotes.

    They are merged, withdrawn, or no longer needed. Each goes only where it stands as it was left.
    """
    context = context_of(ctx)
    control = context.control()
    found = control.prune(repository, dry_run=True)
    if not found["branches"]:
        context.show(found, ["No review branch is over."])
        ctx.exit(unreadable(found))
    if not yes:
        for row in found["branches"]:
            click.echo(f"{printable(row['repository'])}: {printable(row['branch'])} {row['why']}", err=True)
        click.confirm(f"Delete {counted(len(found['branches']), 'review branch')} at the remote?", abort=True, err=True)
    with progress("deleting"):
        done = control.prune(repository)
    context.show(done, [_pruned(row) for row in done["branches"]])
    ctx.exit(unreadable(done) or (4 if any(row["kept"] for row in done["branches"]) else 0))


def _pruned(row: Mapping[str, Any]) -> str:
    name = f"{printable(row['repository'])}: {printable(row['branch'])}"
    return f"{name} stays: {printable(row['kept'])}" if row["kept"] else f"{name} is deleted"


def _push(
    ctx: click.Context, tasks: list[str] | None, *, dry_run: bool, message: str | None, strategy: str | None = None
) -> None:
    """Push these tasks; None: all that wait."""
    context = context_of(ctx)
    with progress("planning" if dry_run else "pushing"):
        answer = context.control().push(tasks or [], tasks is None, message, dry_run, strategy)
    if not dry_run:
        ctx.exit(finish(context, answer))
    shown = [line for preview in answer["previews"] for line in preview_lines(preview)]
    context.show(answer, shown or ["Nothing would be pushed."])
    ctx.exit(unreadable(answer))


def preview_lines(preview: Mapping[str, Any]) -> list[str]:
    """Return the lines that tell what a push of one repository would do; none where it would do nothing."""
    name = printable(preview["repository"])
    lines = []
    if preview["waiting_for"]:
        first = f"{name}: {paint('waits', 'yellow')}: "
        lines += wrapped(printable(preview["waiting_for"]), indent="  ", first=first)
    if preview["commits"]:
        count = counted(len(preview["commits"]), "commit")
        lines.append(f"{name}: would push {count} to {printable(preview['target'])}")
    for commit in preview["commits"]:
        lines += ["", *(f"    {line}".rstrip() for line in printable(commit["message"], lines=True).splitlines()), ""]
        lines.append(f"  tree {commit['tree']} to {printable(commit['branch'])}")
        for file in commit["files"]:
            mark, colour = _MARKS[file["change"]]
            lines.append(f"  {paint(mark, colour)} {printable(file['path'])}")
    for each in preview["findings"]:
        if each["weight"] != "stop":  # what stops a task is why it would stay
            place = each["path"] if each["line"] is None else f"{each['path']}:{each['line']}"
            words = {"warn": paint("warning", "yellow"), "excused": "excused"}[each["weight"]]
            lines += wrapped(printable(f"{place}: {each['message']}"), indent="  ", first=f"{name}: {words}: ")
    if preview["hooks"]:
        lines += wrapped(", ".join(preview["hooks"]), indent="  ", first=f"{name}: hooks that would run: ")
    for skipped in preview["skipped"]:
        first = f"{name}: {printable(skipped['task'])} would stay: "
        lines += wrapped(printable(skipped["reason"]), indent="  ", first=first)
    return lines
