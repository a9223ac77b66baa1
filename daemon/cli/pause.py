"""`gitferry pause` and `gitferry resume`: nothing crosses by itself meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from gitferry.config.units import read_duration
from gitferry.daemon.cli.context import context_of
from gitferry.daemon.cli.names import REPOSITORY
from gitferry.daemon.cli.output import local, printable, progress, remaining
from gitferry.daemon.cli.results import NO_REPOSITORIES, unreadable
from gitferry.daemon.cli.verb import Verb


class Duration(click.ParamType[float]):
    """A time span as `90s`, `5m`, `2h` or `1d`, in seconds."""

    name = "duration"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds; a usage error where the text is no time span."""
        if isinstance(value, (int, float)):
            return float(value)
        try:
            seconds = read_duration(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}: write 90s, 5m, 2h or 1d", param, ctx)
        if seconds == 0:
            self.fail("a pause of no time is none", param, ctx)
        return seconds


@click.command(cls=Verb)
@click.argument("repository", type=REPOSITORY, required=False)
@click.option("--for", "seconds", type=Duration(), metavar="TIME", help="Resume by itself after 90s, 5m, 2h, 1d.")
@click.pass_context
def pause(ctx: click.Context, repository: str | None, seconds: float | None) -> None:
    """Let nothing cross by itself, in one repository or all."""
    context = context_of(ctx)
    with progress("pausing"):
        answer = context.control().pause(repository, seconds)
    until = answer["until"]
    end = f"until {local(until)} ({remaining(until)})" if until else "until `gitferry resume`"
    context.show(answer, _lines(answer, {name: f"paused {end}" for name in answer["paused"]}))
    ctx.exit(unreadable(answer))


@click.command(cls=Verb)
@click.argument("repository", type=REPOSITORY, required=False)
@click.pass_context
def resume(ctx: click.Context, repository: str | None) -> None:
    """End a pause, and let first pushes go that were held."""
    context = context_of(ctx)
    with progress("resuming"):
        answer = context.control().resume(repository)
    idle = answer["idle"]
    context.show(
        answer, _lines(answer, {name: "was not paused" if name in idle else "resumed" for name in answer["resumed"]})
    )
    ctx.exit(unreadable(answer))


def _lines(answer: Mapping[str, Any], done: Mapping[str, str]) -> list[str]:
    if not done and not answer["unreadable"]:
        return [NO_REPOSITORIES]
    return [f"{printable(name)}: {what}" for name, what in done.items()]
