"""How verbs are declared: options that may stand before or after the verb, and modules imported when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from gitferry.daemon.cli.context import context_of


class Verb(click.Command):
    """A command that also takes the common options, so that `gitferry tasks --json` is `gitferry --json tasks`."""

    def __init__(self, *args: Any, takes_json: bool = True, **attributes: Any) -> None:
        """`takes_json`: its help mentions --json, which a verb that prints no answer has no use for."""
        given = common_options(hidden=True)
        for option in given:
            option.hidden = option.hidden and not (takes_json and option.name == "json")
        attributes["params"] = [*(attributes.get("params") or []), *given]
        super().__init__(*args, **attributes)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb, remembering what is done for a crash report."""
        context_of(ctx).doing = ctx.command_path
        return super().invoke(ctx)


class VerbGroup(click.Group):
    """A verb with verbs of its own, as `push`."""

    command_class = Verb

    def __init__(self, *args: Any, **attributes: Any) -> None:
        attributes["params"] = [*(attributes.get("params") or []), *common_options(hidden=True)]
        super().__init__(*args, **attributes)


class VerbTable(click.Group):
    """Maps each verb to `module:attribute` below this package; only the verb that is run is imported."""

    def __init__(self, *args: Any, verbs: Mapping[str, str], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the table, which is the order one meets them in."""
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb's command, importing its module; None for an unknown verb."""
        place = self._verbs.get(cmd_name)
        if place is None:
            return None
        module, attribute = place.split(":")
        command = getattr(importlib.import_module(f"gitferry.daemon.cli.{module}"), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{place} is not a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb; an unknown one is a usage error that names the nearest."""
        name = args[0]
        if name not in self._verbs and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, self._verbs, n=1)
            ctx.fail(f"there is no verb {name!r}" + (f", did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)


def common_options(*, hidden: bool) -> list[click.Option]:
    """Return new `--config`, `--json` and `-v`; they are listed in the help of `gitferry` alone."""
    return [
        click.Option(
            ["--config"],
            type=click.Path(readable=False, path_type=Path),
            metavar="FILE",
            expose_value=False,
            hidden=hidden,
            callback=_given("config"),
            help="The settings file to use.",
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            expose_value=False,
            hidden=hidden,
            callback=_given("json"),
            help="Print one JSON object.",
        ),
        click.Option(
            ["-v", "--verbose"],
            count=True,
            expose_value=False,
            hidden=hidden,
            callback=_more,
            help="Log what is done to standard error; -vv every git command too.",
        ),
    ]


def _more(context: click.Context, parameter: click.Parameter, value: int) -> None:
    context_of(context).verbose += value  # before the verb and after it


def _given(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value:
            setattr(context_of(context), name, value)

    return remember
