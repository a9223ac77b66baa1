"""`gitferry init`: a settings file with every key and what it is for."""

from __future__ import annotations

import click

from gitferry.daemon.cli.context import context_of
from gitferry.daemon.cli.verb import Verb

# As in config/template.py, which imports pydantic: `gitferry --help` must not. A test keeps the two equal.
PROFILES = ("workstation", "development", "staging", "production", "enterprise", "hub")


@click.command(cls=Verb)
@click.option(
    "--profile",
    type=click.Choice(PROFILES),
    default="workstation",
    show_default=True,
    help="The kind of installation to start from.",
)
@click.pass_context
def init(ctx: click.Context, profile: str) -> None:
    """Write a commented settings file, readable by its owner only.

    An existing file is never written over.
    """
    from gitferry.config import write
    from gitferry.config.paths import settings_to_create
    from gitferry.config.template import template

    context = context_of(ctx)
    path = settings_to_create(context.config, context.environ)
    write.create(path, template(profile))
    lines = [f"{path} is written, with the {profile} profile", "  `gitferry add PATH` registers a working tree in it"]
    context.show({"settings": str(path), "profile": profile}, lines)
