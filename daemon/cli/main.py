"""The `gitferry` command: finds the verb, and is the one place that turns errors into exit codes."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

import click
from click.exceptions import NoArgsIsHelpError

from gitferry.config.errors import GitferryError
from gitferry.daemon.cli.context import Context, context_of
from gitferry.daemon.cli.verb import VerbTable, common_options
from gitferry.daemon.garbage import look_seldom

VERBS = {
    "init": "init:init",
    "add": "add:add",
    "remove": "add:remove",
    "run": "run:run",
    "service": "service:service",
    "status": "status:status",
    "tasks": "tasks:tasks",
    "diff": "diff:diff",
    "conflicts": "conflicts:conflicts",
    "resolve": "resolve:resolve",
    "push": "push:push",
    "pull": "sync:pull",
    "sync": "sync:sync",
    "log": "log:log",
    "show": "log:show",
    "undo": "undo:undo",
    "pause": "pause:pause",
    "resume": "pause:resume",
    "doctor": "doctor:doctor",
    "vault": "vault:vault",
    "credentials": "credentials:credentials",
    "audit": "audit:audit",
    "config": "config:config",
    "demo": "demo:demo",
    "completion": "completion:completion",
}

CRASHED, INTERRUPTED = 3, 130
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def _print_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    from gitferry.daemon.crash import version

    click.echo(f"gitferry {version()}")
    context.exit()


@click.command(
    cls=VerbTable,
    verbs=VERBS,
    params=[
        *common_options(hidden=False),
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Print the version.",
        ),
    ],
)
@click.pass_context
def cli(context: click.Context) -> None:
    """Keep working trees and their git remotes the same, in both directions."""
    context.call_on_close(context_of(context).close)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 failed, 2 usage, 3 our fault, 4 in part, 130 ^C."""
    look_seldom()
    context = Context(environ=dict(os.environ))
    try:
        code = cli.main(arguments, prog_name="gitferry", standalone_mode=False, obj=context)
    except Exception as error:
        return _explained(error, context)
    return code if isinstance(code, int) else 0


def _explained(error: Exception, context: Context) -> int:
    """Say what went wrong on standard error and return the exit code. (What a broken pipe needs, click does.)"""
    if isinstance(error, click.Abort):
        return INTERRUPTED
    if isinstance(error, NoArgsIsHelpError):
        error.show()
        return error.exit_code
    if isinstance(error, click.ClickException):
        asked = error.ctx if isinstance(error, click.UsageError) else None
        _tell(GitferryError(error.format_message(), f"`{asked.command_path} --help` tells more" if asked else ""))
        return error.exit_code
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        error = GitferryError(f"there is no room: {error}", "free some space and try again; nothing was lost")
    if type(error).__module__ == "_pygit2" and "failed to load certificates" in str(error):
        # pygit2 looks for the system's certificates while it is imported, also where no server is to be asked.
        error = GitferryError(
            f"git's library cannot start without the system's certificates: {error}",
            "install them (the package ca-certificates), or set SSL_CERT_FILE to a file that holds some",
        )
    if isinstance(error, GitferryError):
        _tell(error)
        return error.exit_code
    return _crashed(error, context)


def _tell(error: GitferryError) -> None:
    from gitferry.daemon.cli.output import paint, printable, said
    from gitferry.security.redact import redact

    title, hint = (printable(redact(text), lines=True) for text in (error.title, error.hint))
    lines = said(title, indent="  ", first=f"{paint('error:', 'red', err=True)} ")
    if hint:
        lines += said(hint, indent="    ", first="  → ")
    for line in lines:
        click.echo(line, err=True)


def _crashed(error: Exception, context: Context) -> int:
    from gitferry.config.paths import state_dir
    from gitferry.daemon import crash
    from gitferry.security.redact import redact

    click.echo(f"gitferry has a fault: {type(error).__name__}: {redact(str(error))}", err=True)
    try:
        report = crash.write(error, state_dir(context.environ), context.doing)
    except OSError as unwritten:
        import traceback

        click.echo(f"  its report cannot be written ({unwritten}), so here it is:", err=True)
        click.echo(redact("".join(traceback.format_exception(error))), err=True)
    else:
        click.echo(f"  please report it with {report} (credentials are masked in it)", err=True)
    return CRASHED
