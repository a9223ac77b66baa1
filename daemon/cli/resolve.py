"""`gitferry resolve`: answer a conflict with one of its versions, with their merge, or with what is made of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from gitferry.config.errors import GitferryError
from gitferry.daemon.cli.context import Context, context_of
from gitferry.daemon.cli.names import TASK
from gitferry.daemon.cli.output import counted, printable, progress
from gitferry.daemon.cli.results import DONE, IN_PART, exit_code, remedy, told
from gitferry.daemon.cli.verb import Verb

if TYPE_CHECKING:
    from gitferry.daemon.mergetool import ScratchMerge


@click.command(cls=Verb)
@click.argument("task", type=TASK)
@click.option("--take", type=click.Choice(["local", "remote", "merged"]), help="The version that both sides get.")
@click.option("--edit", is_flag=True, help="Merge by hand, in your merge tool or editor.")
@click.option("--if-version", metavar="VERSION", help="Only while `conflicts --json` still tells this version.")
@click.pass_context
def resolve(ctx: click.Context, task: str, take: str | None, edit: bool, if_version: str | None) -> None:
    """Answer the conflict of TASK, without a question.

    `--take local` keeps yours, `--take remote` theirs, `--take merged` what both merge to where that is clean.
    `--edit` opens what conflicts outside the working tree, in git's merge.tool or else in the editor.

    Where a side has changed since you looked, nothing is done and the exit code is 4.
    """
    if (take is not None) + edit != 1:
        raise click.UsageError("give one of --take local, --take remote, --take merged or --edit", ctx)
    context = context_of(ctx)
    if take is None:
        ctx.exit(_by_hand(context, task, if_version))
    with progress("resolving"):
        answer = context.control().resolve(task, take, if_version)
    ctx.exit(_finish(context, answer))


def _finish(context: Context, answer: Mapping[str, Any]) -> int:
    """Print what came of it and return the exit code, which is about this task alone."""
    (result,) = answer["results"]
    resolved, task = answer["resolved"], answer["task"]["id"]
    others = [row for row in result["tasks"] if row["push_status"] == "conflict" and row["id"] != task]
    mine = result | {"tasks": [row for row in result["tasks"] if row not in others]}
    if resolved and others:
        mine |= {"state": "healthy", "waiting_for": None, "hint": None}  # the conflict that is left is another one
    lines = told(mine)
    undo = f"`gitferry undo {result['operation']}`"
    if resolved and result["operation"] and not any(undo in line for line in lines):
        lines += remedy(f"{undo} takes it back")
    if not resolved and (result["error"] or result["state"] == "waiting"):
        lines += remedy(f"{printable(answer['task']['name'])} is not answered yet: after that, resolve it again")
    if others:
        verb = "is" if len(others) == 1 else "are"
        lines.append(f"{printable(result['repository'])}: {counted(len(others), 'other task')} {verb} in conflict")
    context.show(answer, lines)
    return DONE if resolved else exit_code([result]) or IN_PART


def _by_hand(context: Context, task: str, version: str | None) -> int:
    from gitferry.daemon.mergetool import ScratchMerge, Uneditable
    from gitferry.daemon.resolving import ChangedSince
    from gitferry.daemon.three_way import three_ways

    with progress("looking at both sides"):
        (row,) = context.control().conflict(task)["conflicts"]
    if version is not None and version != row["version"]:
        raise ChangedSince(row["task"])
    if row["together"]:
        raise Uneditable(row["task"], f"a rename joins it to {', '.join(row['together'])}")
    scratch = ScratchMerge(three_ways(row["files"]), context.environ, row["tool_settings"])
    resolved = False
    try:
        tool = scratch.tool()
        _announce(row, scratch, tool)
        scratch.edit(tool, output=sys.stderr.fileno() if context.json else None)
        with progress("resolving"):
            answer = context.control().resolve(row["id"], "given", row["version"], scratch.result())
        resolved = answer["resolved"]
        code = _finish(context, answer)
    except GitferryError as error:
        kept = scratch.close(keep=True)
        if kept is not None:
            error.hint = f"{error.hint}; what you wrote is kept in {kept}" if error.hint else f"see {kept}"
        raise
    except BaseException:
        _say_kept(scratch)
        raise
    if resolved:
        scratch.close(keep=False)
    else:
        _say_kept(scratch)
    return code


def _announce(row: Mapping[str, Any], scratch: ScratchMerge, tool: str | None) -> None:
    """Say on standard error what is opened, and what is merged already."""
    click.echo(f"Merging {printable(row['task'])} in {scratch.root}, with your {tool or 'editor'}:", err=True)
    for file in scratch.merged:
        click.echo(f"  {printable(file.path)}: merged already", err=True)
    for file in scratch.edited:
        gone = "you" if file.local is None else "they" if file.remote is None else None
        says = f"{gone} deleted it: leave it empty to have it deleted" if gone else "both sides changed it"
        click.echo(f"  {printable(file.path)}: {says}", err=True)


def _say_kept(scratch: ScratchMerge) -> None:
    kept = scratch.close(keep=True)
    if kept is not None:
        click.echo(f"What you wrote is kept in {kept}", err=True)
