"""`gitferry undo`: bring back what an operation replaced, and revert what it pushed."""

from __future__ import annotations

import click

from gitferry.daemon.cli.context import context_of
from gitferry.daemon.cli.output import progress
from gitferry.daemon.cli.results import finish
from gitferry.daemon.cli.verb import Verb


@click.command(cls=Verb)
@click.argument("operation")
@click.pass_context
def undo(ctx: click.Context, operation: str) -> None:
    """Undo one OPERATION of the log.

    Its tasks then wait until they are edited or pushed by hand.
    """
    context = context_of(ctx)
    with progress("undoing"):
        answer = context.control().undo(operation)
    ctx.exit(finish(context, answer))
