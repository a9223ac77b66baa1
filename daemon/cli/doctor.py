"""`gitferry doctor`: what works, what does not, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitferry.daemon.cli.context import context_of
from gitferry.daemon.cli.output import counted, paint, printable, progress, width, wrapped
from gitferry.daemon.cli.verb import Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitferry.daemon.finding import Check

DONE, FAILED = 0, 1
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
_INDENT = " " * 18


@click.command(cls=Verb)
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Check git, limits, remotes, clock, disk and the service.

    Everything that does not work is named with its remedy, and makes the exit code 1. Nothing is changed.
    """
    from dataclasses import asdict

    from gitferry.config.paths import settings_path
    from gitferry.daemon.client import DaemonSilent
    from gitferry.daemon.doctor import examine

    context = context_of(ctx)
    with progress("examining"):
        status, silent = None, None
        try:
            daemon = context.daemon()
            status = daemon.status() if daemon is not None else None
        except DaemonSilent as error:
            silent = error
        path = Path(status["daemon"]["settings_path"]) if status else settings_path(context.config, context.environ)
        checks = examine(path, context.environ, status, silent)
    context.show({"checks": [asdict(check) for check in checks]}, _told(checks))
    ctx.exit(FAILED if any(check.level == "fail" for check in checks) else DONE)


def _told(checks: Sequence[Check]) -> list[str]:
    lines: list[str] = []
    about: str | None = None
    for check in checks:
        if check.repository != about:
            about = check.repository
            lines += ["", paint(printable(about or ""), None, bold=True)]
        lines += _lines(check)
    wrong = [check.level for check in checks]
    summary = f"{counted(wrong.count('fail'), 'failure')}, {counted(wrong.count('warn'), 'warning')}"
    return [*lines, "", summary if {"fail", "warn"} & set(wrong) else "All is well."]


def _lines(check: Check) -> list[str]:
    """The finding and, below it, its remedy; commands in a remedy are not broken, so that they can be copied."""
    head = f"{check.level:<5} {check.name:<12}"
    what = " ".join(printable(check.what, lines=True).split())
    first, *rest = wrapped(what, limit=width(), indent=_INDENT) or [_INDENT]
    lines = [f"{paint(head, _COLOURS[check.level])}{first.removeprefix(_INDENT)}", *rest]
    if check.remedy:
        lines += wrapped(printable(check.remedy), limit=width(), indent=f"{_INDENT}  ", first=f"{_INDENT}→ ")
    return lines
