"""A working tree before it is registered: what is to see of it, and its first pushes held back or let go."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gitferry.daemon import candidate, safe
from gitferry.daemon.ferry import Ferry

if TYPE_CHECKING:
    from gitferry.daemon.house import House
    from gitferry.daemon.rows import Row


class Adding:
    """`house` is None before there are settings: the first `add` makes the file, and needs an engine all the same."""

    def __init__(self, house: House | None, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._settings = None if house is None else house.roster.settings
        self._ferry = Ferry(environ, threading.Event()) if house is None else house.ferry

    def survey(self, path: str, branch: str | None, credential: str | None) -> Row:
        """Return what `add` shows of a working tree. Changes nothing."""
        settings, ferry = self._settings, self._ferry
        if settings is not None or credential is None:
            return candidate.survey(Path(path), branch, settings, ferry, credential=credential)
        with safe.lent(None, self._environ) as logins:
            ferry.host = replace(ferry.host, logins=logins)
            return candidate.survey(Path(path), branch, None, ferry, credential=credential)

    def hold(self, path: str, branch: str | None, *, held: bool) -> Row:
        """Let first pushes of the working tree wait for `push all` or `resume`, or no longer."""
        self._ferry.hold(candidate.as_repository(Path(path), self._settings, branch=branch), held=held)
        return {"held": held}
