"""`gitferry tasks`: the tasks, their versions and where each stands on its way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from gitferry.daemon.cli.context import context_of
from gitferry.daemon.cli.names import REPOSITORY
from gitferry.daemon.cli.output import progress, table
from gitferry.daemon.cli.results import unreadable
from gitferry.daemon.cli.verb import Verb


@click.command(cls=Verb)
@click.argument("repository", type=REPOSITORY, required=False)
@click.option("--modified", is_flag=True, help="Only those that differ from the remote as last seen.")
@click.pass_context
def tasks(ctx: click.Context, repository: str | None, modified: bool) -> None:
    """List tasks with version and push status."""
    context = context_of(ctx)
    with progress("looking at the working trees"):
        answer = context.control().tasks(repository, modified)
    rows = answer["tasks"]
    context.show(answer, _listed(rows, modified=modified) if rows or not answer["unreadable"] else [])
    ctx.exit(unreadable(answer))


def _listed(rows: Sequence[Mapping[str, Any]], *, modified: bool) -> list[str]:
    if not rows:
        return ["No task is modified." if modified else "No tasks."]
    columns = {
        "REPOSITORY": [row["repository"] for row in rows],
        "TASK": [row["name"] for row in rows],
        "VERSION": [row["version"] or "-" for row in rows],
        "KIND": [row["kind"] for row in rows],
        "PUSH STATUS": [row["push_status"] for row in rows],
        "REASON": [row["reason"] or "" for row in rows],
    }
    if not any(columns["REASON"]):
        del columns["REASON"]
    return table(list(columns), list(zip(*columns.values(), strict=True)))
