"""How this very gitferry is started again: by systemd, by the demo."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from gitferry.config.errors import GitferryError

_NAME = "gitferry"


class NoProgram(GitferryError):
    """The code runs, but no `gitferry` command stands anywhere for another program to start."""

    def __init__(self) -> None:
        super().__init__(
            f"there is no {_NAME} program beside {sys.executable}",
            "install gitferry into this Python (pip install, or pipx install), then try again",
        )


def program() -> Path:
    """Return the absolute path of the `gitferry` command that belongs to the running Python. Raises NoProgram.

    The one beside the interpreter goes first: a `gitferry` on PATH may be another installation.
    """
    started = Path(sys.argv[0])
    places = [Path(sys.executable).with_name(_NAME), Path(sysconfig.get_path("scripts")) / _NAME]
    if started.name == _NAME:
        places.append(started.absolute())
    for place in places:
        if place.is_file() and os.access(place, os.X_OK):
            return place.absolute()
    raise NoProgram


def command() -> tuple[str, ...]:
    """Return the words that run this gitferry, also where it is not installed: its verb follows them."""
    try:
        return (str(program()),)
    except NoProgram:
        # -P: a module of that name in the working directory must not stand in for ours.
        start = "import sys; from gitferry.daemon.cli.main import main; sys.exit(main())"
        return (sys.executable, "-P", "-c", start)
