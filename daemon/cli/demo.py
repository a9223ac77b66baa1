"""`gitferry demo`: two people, two daemons and a remote, told as it happens."""

from __future__ import annotations

import signal
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from gitferry.config.errors import GitferryError
from gitferry.daemon.cli.context import context_of
from gitferry.daemon.cli.output import print_json, printable, wrapped
from gitferry.daemon.cli.verb import Verb

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

_WIDTH = 80
_AT = 9  # columns of "[ 12.3 s]"


@click.command(cls=Verb)
@click.option("--keep", is_flag=True, help="Leave the directory with remote, clones and logs.")
@click.pass_context
def demo(ctx: click.Context, keep: bool) -> None:
    """Show edits travelling both ways, and one conflict.

    It makes a bare remote, two clones and two daemons in a directory of its own, and touches nothing else. The exit
    code is 0 only if everything arrived and the conflict was named without loss.
    """
    import shutil

    from gitferry.daemon.demo import Demo, directory

    context = context_of(ctx)
    events: list[dict[str, object]] = []

    def tell(at: float, text: str) -> None:
        events.append({"at": round(at, 1), "text": text})
        if not context.json:
            for line in _lines(at, text):
                click.echo(line)
            sys.stdout.flush()

    root = directory()
    try:
        with _ended_by_signals():
            Demo(root, context.environ, tell).run()
    except GitferryError:
        keep = True  # what the error names is in there
        raise
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)
        elif not context.json:
            _kept(root)
    if context.json:
        print_json({"events": events, "passed": True, "directory": str(root) if keep else None})


def _lines(at: float, text: str) -> list[str]:
    """The line with its time; what is too long goes on below, and what another command printed stays as it is."""
    text = printable(text)
    if text.startswith("  "):
        margin = " " * (len(text) - len(text.lstrip()) + 2)
        words = text.strip() if len(text) + 2 > _WIDTH else ""
        return wrapped(words, limit=_WIDTH, indent=f"{margin}  ", first=margin) or [f"  {text}".rstrip()]
    head = f"[{at:5.1f} s]".ljust(_AT)
    first, *rest = textwrap.wrap(text, _WIDTH - _AT - 1, break_long_words=False, break_on_hyphens=False)
    return [f"{head} {first}", *(f"{' ' * _AT} {line}" for line in rest)]


def _kept(root: Path) -> None:
    click.echo(f"Everything is in {root}. To look around on Ada's side:")
    click.echo(f"  export GITFERRY_CONFIG={root}/ada/config.yaml GITFERRY_STATE_DIR={root}/ada/state")
    click.echo(f"  export GITFERRY_RUNTIME_DIR={root}/ada/run; cd {root}/ada/tasks; gitferry status")


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have SIGTERM and SIGHUP end the demo as ^C does: with both daemons stopped."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
