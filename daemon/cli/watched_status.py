"""`gitferry status --watch`: asked every two seconds of whoever answers then, on the whole screen or a line below."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from gitferry.config.errors import GitferryError
from gitferry.daemon.cli.context import Context
from gitferry.daemon.cli.output import paint, print_json, printable, progress, width, wrapped
from gitferry.daemon.cli.screen import Screen, possible

Answer = Mapping[str, Any]

#: Lines of an answer; `few`: without the repositories that are well, of which only their number is told.
Lines = Callable[[Answer, bool], list[str]]

_BETWEEN = 2.0  # seconds from one look to the next
_SHARE = 4.0  # times as long as a look took, where that is more: without a daemon every tree is looked at
_PATIENCE = 1.5  # seconds that a silent daemon has to say that it lives: the screen shall not stand still


def watch(context: Context, repository: str | None, lines: Lines) -> None:
    """Show the status again and again, until ^C or `q`. Raises what the first look raises.

    On a terminal the picture is drawn anew in its place. Elsewhere, and with `-v`, each look is printed below the last
    one, as JSON an object a line.
    """
    context.patience = _PATIENCE
    with progress("looking"):
        first, _ = _look(context, repository)
    if context.json or context.verbose or not possible():  # the log is not written into a picture
        _print(context, repository, lines, first)
    else:
        _draw(context, repository, lines, first)


def _look(context: Context, repository: str | None) -> tuple[Answer, float]:
    """Return what is answered now, and how many seconds that took; a daemon may have come or gone since the last."""
    begun = time.monotonic()
    try:
        answer = context.control().status(repository)
    finally:
        context.close()
    return answer, time.monotonic() - begun


def _print(context: Context, repository: str | None, lines: Lines, answer: Answer) -> None:
    fault: str | None = None
    took = 0.0  # the first look's time went into loading modules
    while True:
        if context.json:
            print_json(dict(answer), indent=None)
        else:
            click.echo("\n".join([f"{datetime.now():%Y-%m-%d %H:%M:%S}", *lines(answer, False), ""]))
        while True:
            time.sleep(_pause(took))
            try:
                answer, took = _look(context, repository)
            except GitferryError as error:
                if fault != error.title:
                    click.echo("\n".join(_fault(error)), err=True)
                fault = error.title
            else:
                fault = None
                break


def _draw(context: Context, repository: str | None, lines: Lines, answer: Answer) -> None:
    seen, faults, took = datetime.now(), list[str](), 0.0
    os.environ.pop("COLUMNS", None)  # where a shell exports it, it is the width of then: here the terminal is asked
    with Screen() as screen:
        while True:
            due = time.monotonic() + _pause(took)
            while (left := due - time.monotonic()) > 0:
                screen.draw(picture(answer, faults, seen, lines, screen.height))
                key = screen.wait(min(left, _BETWEEN))
                if key in ("q", "Q"):
                    return
                if key in (" ", "\n", "\r") or _has_come(context, answer):
                    break
            try:
                answer, took = _look(context, repository)
            except GitferryError as error:
                faults = _fault(error)
            else:
                seen, faults = datetime.now(), []


def picture(answer: Answer, faults: Sequence[str], seen: datetime, lines: Lines, height: int) -> list[str]:
    """Return what fills a screen of `height` lines: what keeps from looking, and the answer that was `seen` last.

    Where it does not fit, the repositories that are well go first, and then what is furthest below.
    """
    right = f"{seen:%H:%M:%S}  q ends"
    title = "gitferry status"
    room = max(1, width() - len(title) - len(right))
    head = [f"{paint(title, None, bold=True)}{' ' * room}{right}", *faults]
    shown = lines(answer, False)
    if len(head) + len(shown) > height:
        shown = lines(answer, True)
    if len(head) + len(shown) > height:
        left = height - len(head) - 1
        shown = [*shown[:left], f"… {len(shown) - left} more lines: `gitferry status` shows all"]
    return [*head, *shown]


def _has_come(context: Context, answer: Answer) -> bool:
    """Return whether a daemon answers that did not when all was looked at without one."""
    if answer["daemon"]["running"]:
        return False
    try:
        return context.daemon() is not None
    except GitferryError:
        return False
    finally:
        context.close()


def _pause(took: float) -> float:
    return max(_BETWEEN, _SHARE * took)


def _fault(error: GitferryError) -> list[str]:
    """Return why there is nothing newer, and what to do."""
    first = f"{paint('no news', 'red')}: "
    said = " ".join(printable(error.title, lines=True).split())
    lines = wrapped(said, limit=width(), indent="  ", first=first)
    hint = " ".join(printable(error.hint, lines=True).split())
    return [*lines, *(wrapped(hint, limit=width(), indent="    ", first="  → ") if hint else [])]
