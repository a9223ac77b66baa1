"""`gitferry run`: the daemon in the foreground, which is what systemd starts."""

from __future__ import annotations

import click

from gitferry.daemon.cli.context import context_of
from gitferry.daemon.cli.verb import Verb


@click.command(cls=Verb, takes_json=False)
@click.pass_context
def run(ctx: click.Context) -> None:
    """Run the daemon in the foreground.

    SIGTERM and ^C finish the step in hand and leave no lock behind.
    """
    from gitferry.daemon import process

    context = context_of(ctx)
    ctx.exit(process.run(context.config, context.environ))
