"""`gitferry service`: the systemd unit, installed, removed and looked at."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import click

from gitferry.daemon.cli.context import context_of
from gitferry.daemon.cli.output import paint, progress
from gitferry.daemon.cli.verb import VerbGroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitferry.config.errors import GitferryError
    from gitferry.config.model import Settings
    from gitferry.daemon.cli.context import Context
    from gitferry.daemon.remains import Remains
    from gitferry.daemon.systemctl import Manager, UnitState
    from gitferry.daemon.unit import Scope, Service

FAILED = 1
ROOT = "root"


_SCOPE = click.option(
    "--user/--system", "user", default=True, help="A service of the user who asks (the default), or the machine's own."
)


@click.group(cls=VerbGroup)
def service() -> None:
    """Have systemd start the daemon and keep it running."""


@service.command()
@_SCOPE
@click.option(
    "--account",
    metavar="NAME",
    help="With --system: the user it runs as, who owns the trees (root, or whom the unit names).",
)
@click.pass_context
def install(ctx: click.Context, user: bool, account: str | None) -> None:
    """Write the unit, enable it and start it.

    A unit that gitferry did not write is left alone. Where no systemd manager can be reached, the unit is written
    and the commands that are left to do are printed.

    The system's service reads /etc/gitferry/config.yaml, unless it is root's and root has settings, or --config names
    others. git works in no tree of another user, so it must run as the one who owns the repositories.
    """
    from gitferry.daemon import unit
    from gitferry.daemon.program import program
    from gitferry.daemon.systemctl import Manager

    context, scope = context_of(ctx), _scope(user)
    if user and account is not None:
        raise click.UsageError("--account is for the service of the system: add --system", ctx)
    path = unit.place(scope, context.given)
    before = unit.installed(path)
    account = account or (ROOT if before is None else unit.account_of(before))
    # Who writes it anew need not have set what was set then: in another directory there would be no credentials.
    environ = ({} if before is None else unit.directories_of(before)) | dict(context.given)
    wanted = unit.service(scope, program(), context.config, environ, account)
    settings, fault = _settings(context, wanted)
    if scope == "system":
        _require_account(wanted, settings)
    written = unit.write(path, unit.text(wanted))
    manager = Manager(scope, context.given)
    to_run = _start(manager, changed=written, now=fault is None)
    state = manager.state() if not to_run else None
    notes = [*_first_the_settings(manager, fault), *_notes(scope, wanted.account)]
    lines = [f"{path} {'is written' if written else 'is as it should be'}"]
    if state is not None:
        lines.append(f"  gitferry.service is {_coloured(state.active)}, and will start with {_beginning(scope)}")
    row = {"unit": str(path), "scope": scope, "written": written, "enabled": state is not None}
    row |= {"account": wanted.account if scope == "system" else None}
    row |= {"active": state.active if state else None, "to_run": to_run, "notes": notes}
    context.show(row, [*lines, *_left_to_do(scope, to_run), *(f"  {note}" for note in notes)])


@service.command()
@_SCOPE
@click.pass_context
def uninstall(ctx: click.Context, user: bool) -> None:
    """Stop and disable the service and remove its unit.

    The settings, the state directory and every repository stay; it says where, and what was not pushed.
    """
    from gitferry.daemon import remains, unit
    from gitferry.daemon.systemctl import Manager

    context, scope = context_of(ctx), _scope(user)
    path = unit.place(scope, context.given)
    manager = Manager(scope, context.given)
    removed = unit.installed(path) is not None
    look = _remains(context) if removed else None  # the unit itself tells where its directories are
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
    found = None if look is None else look()
    row = {"unit": str(path), "scope": scope, "removed": removed, "to_run": to_run}
    row["remains"] = None if found is None else remains.row(found)
    context.show(row, [line, *_left_to_do(scope, to_run), *([] if found is None else remains.lines(found))])


def _remains(context: Context) -> Callable[[], Remains]:
    """Return what tells, once the service has stopped, what stays of what it used."""
    from gitferry.config.errors import GitferryError
    from gitferry.config.load import load
    from gitferry.config.paths import settings_path, state_dir
    from gitferry.daemon.remains import remains

    environ, path = context.environ, settings_path(context.config, context.environ)
    settings: Settings | None = None
    with suppress(GitferryError):  # then only its place is told
        settings = load(path, environ)
    return partial(remains, path, state_dir(environ), settings)


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
    path = unit.place(scope, context.given)
    text = unit.installed(path)
    installed = text is not None
    state = Manager(scope, context.given).state()
    notes = [] if text is None else [*_writing(scope, text), *_notes(scope, unit.account_of(text))]
    row = {"unit": str(path), "scope": scope, "installed": installed, "manager": state is not None}
    row |= {"enabled": state.enabled == "enabled" if state else None, "active": state.active if state else None}
    row |= {"sub": state.sub if state else None, "pid": state.pid if state else None, "notes": notes}
    row["written"] = unit.written(text).value if text is not None else None
    line = f"unit     {path}" if installed else f"unit     none ({path}); `{unit.install_command(scope)}` writes it"
    context.show(row, [line, *_told(scope, state), *(f"note     {note}" for note in notes)])
    ctx.exit(0 if state is not None and state.active == "active" else FAILED)


@service.command()
@click.pass_context
def reload(ctx: click.Context) -> None:
    """Have the daemon read its settings now, and wait for that.

    When it ends they are in force. The exit code is 1 where they have a fault: the last good ones stay in force then.
    """
    from gitferry.config.errors import GitferryError
    from gitferry.daemon.client import DaemonNotRunning

    context = context_of(ctx)
    daemon = context.daemon()
    if daemon is None:
        from gitferry.config.paths import socket_path

        raise DaemonNotRunning(socket_path(context.environ))
    row = daemon.reload()
    if row["settings_error"] is not None:
        title, _, hint = row["settings_error"].partition("\n  ")
        raise GitferryError(f"the last good settings stay in force: {title}", hint)
    changes = ", ".join(f"{name} {what}" for what in ("added", "changed", "removed") for name in row[what])
    context.show(row, [f"The settings are in force{': ' if changes else ''}{changes}."])


def _scope(user: bool) -> Scope:
    return "user" if user else "system"


def _settings(context: Context, wanted: Service) -> tuple[Settings | None, GitferryError | None]:
    """The settings as the service would read them, or why it could not start by them. Raises NoAccount."""
    from gitferry.config.errors import GitferryError
    from gitferry.config.load import load
    from gitferry.config.paths import settings_path
    from gitferry.daemon.account import account

    environ = dict(context.given)
    if wanted.scope == "system" and wanted.account != ROOT:
        environ["HOME"] = str(account(wanted.account).home)
    try:
        return load(settings_path(wanted.settings, environ), environ), None
    except GitferryError as error:
        return None, error


def _require_account(wanted: Service, settings: Settings | None) -> None:
    """Raise where the account is not there, cannot reach what it needs, or would work in others' trees."""
    from gitferry.daemon import account

    who = account.account(wanted.account)
    account.require_reach(who, wanted.program, wanted.settings)
    if settings is not None:
        account.require_own(who, [(each.name, each.path) for each in settings.repositories])


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


def _writing(scope: Scope, text: str) -> list[str]:
    """Return what is to say of how the unit came about."""
    from gitferry.daemon import unit
    from gitferry.daemon.unit_seal import Writing

    how, install = unit.written(text), unit.install_command(scope, text)
    if how is Writing.OLDER:
        return [f"another version of gitferry wrote the unit, and this one writes it differently: {install}"]
    return [f"the unit was edited by hand; `{install}` would write it anew"] if how is Writing.EDITED else []


def _notes(scope: Scope, account: str) -> list[str]:
    from gitferry.daemon.systemctl import lingers, user_name

    if scope == "system":
        return [f"it runs as {account}, looks after trees of {account} only, and answers commands of {account}"]
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
