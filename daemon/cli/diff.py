"""`gitferry diff`: what changed in a task here, or at the remote, since both agreed."""

from __future__ import annotations

from collections.abc import Iterator

import click

from gitferry.daemon.cli.context import context_of
from gitferry.daemon.cli.names import TASK
from gitferry.daemon.cli.output import paint, printable, progress
from gitferry.daemon.cli.verb import Verb

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_HEADERS = ("+++", "---", "diff ", "index ")


@click.command(cls=Verb)
@click.argument("task", type=TASK)
@click.option("--remote", is_flag=True, help="Show what changed at the remote instead.")
@click.pass_context
def diff(ctx: click.Context, task: str, remote: bool) -> None:
    """Show what changed in TASK since both sides agreed."""
    context = context_of(ctx)
    with progress("comparing"):
        answer = context.control().diff(task, remote)
    context.show(answer, coloured_diff(answer["diff"]))


def coloured_diff(text: str) -> Iterator[str]:
    """Yield the lines of a difference as a terminal shows them."""
    return (_coloured(printable(line, lines=True)) for line in text.splitlines())


def _coloured(line: str) -> str:
    if line.startswith(_HEADERS):
        return paint(line, None, bold=True)
    return paint(line, _COLOURS[line[0]]) if line[:1] in _COLOURS else line
