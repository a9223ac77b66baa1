"""`gitferry service`: the systemd unit, installed, removed and looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitferry.daemon.cli.context import context_of
from gitferry.daemon.cli.output import paint, progress
from gitferry.daemon.cli.verb import VerbGroup

if TYPE_CHECKING:
    from pathlib import Path

    from gitferry.config.errors import GitferryError
    from gitferry.daemon.cli.context import Context
    from gitferry.daemon.systemctl import Manager, UnitState
    from gitferry.daemon.unit import Scope

FAILED = 1


_SCOPE = click.option(
    "--user/--system", "user", default=True, help="A service of the user who asks (the default), or the machine's own."
)


@click.group(cls=VerbGroup)
def service() -> None:
    """Have systemd start the daemon and keep it running."""


@service.command()
@_SCOPE
@click.pass_context
def install(ctx: click.Context, user: bool) -> None:
    """Write the unit, enable it and start it.

    A unit that gitferry did not write is left alone. Where no systemd manager can be reached, the unit is written
    and the commands that are left to do are printed.
    """
    from gitferry.daemon import unit
    from gitferry.daemon.program import program
    from gitferry.daemon.systemctl import Manager

    context, scope = context_of(ctx), _scope(user)
    path = unit.place(scope, context.environ)
    wanted = unit.service(scope, program(), context.config, context.environ)
    written = unit.write(path, unit.text(wanted))
    manager = Manager(scope, context.environ)
    fault = _settings_fault(context, wanted.settings)
    to_run = _start(manager, changed=written, now=fault is None)
    state = manager.state() if not to_run else None
    notes = [*_first_the_settings(manager, fault), *_notes(scope)]
    lines = [f"{path} {'is written' if written else 'is as it should be'}"]
    if state is not None:
        lines.append(f"  gitferry.service is {_coloured(state.active)}, and will start with {_beginning(scope)}")
    row = {"unit": str(path), "scope": scope, "written": written, "enabled": state is not None}
    row |= {"active": state.active if state else None, "to_run": to_run, "notes": notes}
    context.show(row, [*lines, *_left_to_do(scope, to_run), *(f"  {note}" for note in notes)])


@service.command()
@_SCOPE
@click.pass_context
def uninstall(ctx: click.Context, user: bool) -> None:
    """Stop and disable the service and remove its unit.

    The settings, the state directory and every repository stay.
    """
    from gitferry.daemon import unit
    from gitferry.daemon.systemctl import Manager

    context, scope = context_of(ctx), _scope(user)
    path = unit.place(scope, context.environ)
    manager = Manager(scope, context.environ)
    removed = unit.installed(path) is not None
    to_run: list[str] = []
    if removed:
        reachable = manager.reachable()
        if reachable:
            with progress("stopping"):
                manager.do("disable", "--now", unit.NAME)
        unit.remove(path)
        if reachable:
            manager.do("daemon-reload")
        else:
            to_run = [manager.command("stop", unit.NAME), manager.command("daemon-reload")]
    line = f"{path} is removed" if removed else f"there is no {path}: nothing to do"
    row = {"unit": str(path), "scope": scope, "removed": removed, "to_run": to_run}
    context.show(row, [line, *_left_to_do(scope, to_run)])


@service.command()
@_SCOPE
@click.pass_context
def status(ctx: click.Context, user: bool) -> None:
    """Show whether the unit is installed and runs.

    The exit code is 0 where it runs and 1 where it does not.
    """
    from gitferry.daemon import unit
    from gitferry.daemon.systemctl import Manager

    context, scope = context_of(ctx), _scope(user)
    path = unit.place(scope, context.environ)
    installed = unit.installed(path) is not None
    state = Manager(scope, context.environ).state()
    notes = _notes(scope) if installed else []
    row = {"unit": str(path), "scope": scope, "installed": installed, "manager": state is not None}
    row |= {"enabled": state.enabled == "enabled" if state else None, "active": state.active if state else None}
    row |= {"sub": state.sub if state else None, "pid": state.pid if state else None, "notes": notes}
    again = "gitferry service install" + (" --system" if scope == "system" else "")
    line = f"unit     {path}" if installed else f"unit     none ({path}); `{again}` writes it"
    context.show(row, [line, *_told(scope, state), *(f"note     {note}" for note in notes)])
    ctx.exit(0 if state is not None and state.active == "active" else FAILED)


def _scope(user: bool) -> Scope:
    return "user" if user else "system"


def _settings_fault(context: Context, named: Path | None) -> GitferryError | None:
    """Why a daemon could not start by the settings as they are; None where it can."""
    from gitferry.config.errors import GitferryError
    from gitferry.config.load import load
    from gitferry.config.paths import settings_path

    try:
        load(settings_path(named, context.environ), context.environ)
    except GitferryError as error:
        return error
    return None


def _first_the_settings(manager: Manager, fault: GitferryError | None) -> list[str]:
    if fault is None:
        return []
    from gitferry.daemon.unit import NAME

    said = " ".join(fault.title.split())
    return [f"it is not started: {said}", f"{fault.hint}; then {manager.command('start', NAME)}"]


def _start(manager: Manager, *, changed: bool, now: bool) -> list[str]:
    """Have the unit read, enabled and, with `now`, running; return what is left to do where no manager answers."""
    from gitferry.daemon.unit import NAME

    before = manager.state()
    if before is None:
        words = ("enable", "--now", NAME) if now else ("enable", NAME)
        return [manager.command("daemon-reload"), manager.command(*words)]
    steps: list[tuple[str, ...]] = [("daemon-reload",), ("enable", NAME)]
    if now:
        steps.append(("restart" if changed and before.active == "active" else "start", NAME))
    with progress("starting the service"):
        for step in steps:
            manager.do(*step)
    return []


def _told(scope: Scope, state: UnitState | None) -> list[str]:
    if state is None:
        return [f"service  unknown: {_no_manager(scope)}"]
    who = f", process {state.pid}" if state.pid else ""
    why = f", {state.result}" if state.result not in ("", "success") else ""
    lines = [f"service  {_coloured(state.active)} ({state.sub}{why}){who}"]
    if state.load == "loaded":
        starts = (
            f"with {_beginning(scope)}" if state.enabled == "enabled" else "only by hand (gitferry service install)"
        )
        lines.append(f"starts   {starts}")
    if state.outdated:
        lines.append("note     the unit was changed since systemd read it: gitferry service install")
    return lines


def _notes(scope: Scope) -> list[str]:
    from gitferry.daemon.systemctl import lingers, user_name

    if scope == "system":
        return [
            "it runs as root, and git works in no tree of another user: for one, give it that User= in"
            " `systemctl edit gitferry`"
        ]
    user = user_name()
    return [] if lingers(user) else [f"it ends when {user} logs out, unless you run: loginctl enable-linger {user}"]


def _left_to_do(scope: Scope, to_run: list[str]) -> list[str]:
    """Return the lines that name the commands for where no manager answers; none where nothing is left."""
    return [f"  {_no_manager(scope)}; where it can be, run", *(f"    {line}" for line in to_run)] if to_run else []


def _beginning(scope: Scope) -> str:
    return "the machine" if scope == "system" else "your session"


def _no_manager(scope: Scope) -> str:
    return f"no systemd manager of the {'system' if scope == 'system' else 'user'} can be reached from here"


def _coloured(active: str) -> str:
    return paint(active, "green" if active == "active" else "red" if active == "failed" else "yellow")
