"""`gitferry pull` and `gitferry sync`: cross now, and wait for the result."""

from __future__ import annotations

import click

from gitferry.daemon.cli.context import context_of
from gitferry.daemon.cli.names import REPOSITORY
from gitferry.daemon.cli.output import progress
from gitferry.daemon.cli.results import finish
from gitferry.daemon.cli.verb import Verb


@click.command(cls=Verb)
@click.argument("repositories", type=REPOSITORY, nargs=-1)
@click.pass_context
def pull(ctx: click.Context, repositories: tuple[str, ...]) -> None:
    """Bring in what the remotes have; push nothing."""
    context = context_of(ctx)
    with progress("pulling"):
        answer = context.control().pull(list(repositories))
    ctx.exit(finish(context, answer))


@click.command(cls=Verb)
@click.argument("repositories", type=REPOSITORY, nargs=-1)
@click.pass_context
def sync(ctx: click.Context, repositories: tuple[str, ...]) -> None:
    """Cross in both directions now."""
    context = context_of(ctx)
    with progress("syncing"):
        answer = context.control().sync(list(repositories))
    ctx.exit(finish(context, answer))
