"""What holds secrets is its owner's alone: looked at before anything is read from it or written to it."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path

from gitferry.config.errors import GitferryError


class OpenToOthers(GitferryError):
    """Other users can reach a directory or file that holds, or will hold, secrets."""

    def __init__(self, path: Path, mode: int) -> None:
        wanted = "700" if stat.S_ISDIR(mode) else "600"
        kind = "the state directory" if stat.S_ISDIR(mode) else "the file"
        super().__init__(
            f"{kind} {path} has mode {stat.S_IMODE(mode):04o}: other users can reach the credentials in it",
            f"chmod {wanted} {path}; where it may have been read, `gitferry vault rekey` and rotate the credentials",
        )


def require_private(paths: Iterable[Path]) -> None:
    """Raise OpenToOthers where one of these has any permission for its group or for others; a missing one has none."""
    for path in paths:
        try:
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        if mode & 0o077:
            raise OpenToOthers(path, mode)
