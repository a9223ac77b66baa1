"""The vault's key in a file beside the database, which its owner alone may read."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from gitferry.config.durable import flush_directory, write_flushed
from gitferry.config.errors import GitferryError
from gitferry.config.failpoints import fp
from gitferry.security import envelope
from gitferry.security.key_sources import KeySourceError, SourceName

NAME = "vault.key"
_HEAD = "# The key of gitferry's vault: whoever has this file and the database has every credential in it.\n"
_LINE = re.compile(r"([0-9a-f]{32}) ([A-Za-z0-9+/]{43}=)")
_MOST_BYTES = 64 * 1024


class KeyFile:
    """Keys in `vault.key`, a line each: two during a rekey, and those of vaults that were here before."""

    name: SourceName = "keyfile"

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / NAME

    def require(self) -> None:
        """Return where the file is ours alone, or can be made. Raises KeySourceError."""
        self._read()
        if not os.access(self._path.parent, os.W_OK | os.X_OK):
            raise KeySourceError(
                f"the vault's key cannot be written to {self._path.parent}", "make that directory this user's own"
            )

    def make(self, unlike: bytes | None) -> bytes:
        """Return a random key."""
        return envelope.new_key()

    def keep(self, key_id: str, key: bytes) -> None:
        """Add the key to the file; it is on disk when this returns."""
        self._write(self._read() | {key_id: key})

    def load(self, key_id: str) -> tuple[bytes, ...]:
        """Return the key of that id. Raises KeySourceError: there is no file, or it is open to others."""
        if not os.path.lexists(self._path):
            raise KeySourceError(
                f"the vault's key file {self._path} is missing",
                "bring it back from a backup; without it, `gitferry vault import` brings what an export has",
            )
        found = self._read().get(key_id)
        return () if found is None else (found,)

    def forget(self, key_id: str) -> None:
        """Take the key out of the file."""
        keys = self._read()
        if keys.pop(key_id, None) is not None:
            self._write(keys)

    def _read(self) -> dict[str, bytes]:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unusable(error) from error
        try:
            self._require_private(os.fstat(descriptor))
            text = os.read(descriptor, _MOST_BYTES).decode("ascii", "replace")
        except OSError as error:
            raise self._unusable(error) from error
        finally:
            os.close(descriptor)
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        found = [_LINE.fullmatch(line) for line in lines]
        if None in found:
            raise KeySourceError(
                f"the vault's key file {self._path} is damaged: line {found.index(None) + 1} of its keys is none",
                "bring it back from a backup; its lines are a key's id and the key in base64",
            )
        return {line[1]: envelope.from_text(line[2]) for line in found if line is not None}

    def _require_private(self, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise KeySourceError(f"the vault's key file {self._path} is no ordinary file", "move it out of the way")
        if found.st_uid != os.geteuid():
            raise KeySourceError(
                f"the vault's key file {self._path} belongs to user {found.st_uid}, not to {os.geteuid()}",
                f"chown {os.geteuid()} {self._path}, if its content is yours",
            )
        if found.st_mode & 0o077:
            raise KeySourceError(
                f"the vault's key file {self._path} has mode {stat.S_IMODE(found.st_mode):04o}: others can reach it",
                f"chmod 600 {self._path}; if others had a look, then `gitferry vault rekey` and rotate the credentials",
            )

    def _write(self, keys: dict[str, bytes]) -> None:
        """Replace the file whole. What a crash left of an earlier attempt is written over."""
        new = self._path.with_name(f"{NAME}.new")
        text = _HEAD + "".join(f"{key_id} {envelope.text(key)}\n" for key_id, key in keys.items())
        try:
            write_flushed(new, text.encode("ascii"))
            fp("key.file_written")
            new.rename(self._path)
            flush_directory(self._path.parent)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> GitferryError:
        why = "it is a symbolic link" if self._path.is_symlink() else (error.strerror or str(error)).lower()
        return KeySourceError(
            f"the vault's key file {self._path} cannot be used: {why}", "see its owner, its mode and its disk"
        )
