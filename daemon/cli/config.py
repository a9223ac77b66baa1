"""`gitferry config`: the settings file, where it is, what it says, and whether it can be used."""

from __future__ import annotations

import click

from gitferry.config.errors import GitferryError
from gitferry.daemon.cli.context import context_of
from gitferry.daemon.cli.output import print_json
from gitferry.daemon.cli.verb import VerbGroup


@click.group(cls=VerbGroup)
def config() -> None:
    """Look at the settings, check and change them."""


@config.command("path")
@click.pass_context
def path_(ctx: click.Context) -> None:
    """Print where the settings file is, or would be."""
    context = context_of(ctx)
    path = context.settings_path()
    context.show({"settings": str(path), "exists": path.exists()}, [str(path)])


@config.command()
@click.pass_context
def show(ctx: click.Context) -> None:
    """Print the settings in force, secrets masked.

    Defaults are filled in and variables replaced.
    """
    from gitferry.config.load import load
    from gitferry.config.render import block
    from gitferry.config.shown import shown
    from gitferry.security.redact import redacted_row

    context = context_of(ctx)
    settings = redacted_row(shown(load(context.settings_path(), context.environ)))
    context.show(settings, block(settings))


@config.command("set")
@click.argument("key")
@click.argument("value")
@click.pass_context
def set_(ctx: click.Context, key: str, value: str) -> None:
    """Set KEY to VALUE in the settings file, whose comments stay.

    \b
    gitferry config set defaults.pull.every 1m
    gitferry config set defaults.tasks.exclude '[drafts/**]'
    gitferry config set repositories.NAME.branch main
    """
    from gitferry.config import edit

    if edit.secret(key) and "${" not in value:
        raise GitferryError(
            f"{key} is a secret, and arguments can be read by every user of this machine",
            "give '${VARIABLE}' and set the variable, or edit the file",
        )
    context = context_of(ctx)
    path = context.settings_path()
    edit.set_value(path, key, value, environ=context.environ)
    context.reload(key)
    context.show({"settings": str(path), "key": key}, [f"{key} is set in {path}"])


@config.command()
@click.pass_context
def validate(ctx: click.Context) -> None:
    """Check the settings file and name every fault in it."""
    from gitferry.config.load import SettingsError, load
    from gitferry.security.redact import redacted_row

    context = context_of(ctx)
    path = context.settings_path()
    try:
        load(path, context.environ)
    except SettingsError as error:
        if not context.json:
            raise
        faults = [
            redacted_row({"file": str(each.file), "line": each.line, "column": each.column, "message": each.message})
            for each in error.faults
        ]
        print_json({"settings": str(path), "valid": False, "faults": faults})
        ctx.exit(error.exit_code)
    context.show({"settings": str(path), "valid": True, "faults": []}, [f"{path} is valid"])


@config.command(takes_json=False)
def schema() -> None:
    """Print the JSON Schema of a settings file, for editors."""
    from gitferry.config.schema import json_schema

    print_json(json_schema())
