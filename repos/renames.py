"""Renames that never overwrite what they did not expect: renameat2(2), and what stands in where it is missing."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from dataclasses import dataclass

_NOREPLACE = 1
_EXCHANGE = 2
#: The kernel or the file system does not know the flag.
UNSUPPORTED = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


@dataclass(frozen=True, slots=True)
class Place:
    """A name in an open directory. Holding the directory open keeps a renamed parent from leading elsewhere."""

    dir_fd: int
    name: str


class Renames:
    """The two atomic renames. `native=False` acts as a kernel or file system without renameat2 would."""

    def __init__(self, *, native: bool = True) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self._call = getattr(library, "renameat2", None) if native else None  # musl before 1.2.6 has no wrapper

    def exchange(self, one: Place, other: Place) -> None:
        """Swap two existing names in one step. Raises OSError, its errno in `UNSUPPORTED` where that cannot be done."""
        self._renameat2(one, other, _EXCHANGE)

    def move_new(self, source: Place, target: Place) -> None:
        """Rename `source` to `target`, which must not exist (FileExistsError).

        Without renameat2 it is link(2) and unlink(2), which never overwrite either; on a file system without hard
        links (FAT) it is a look and a rename, between which a file could appear and be overwritten.
        """
        try:
            self._renameat2(source, target, _NOREPLACE)
            return
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
        try:
            os.link(source.name, target.name, src_dir_fd=source.dir_fd, dst_dir_fd=target.dir_fd, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        else:
            os.unlink(source.name, dir_fd=source.dir_fd)
            return
        with contextlib.suppress(FileNotFoundError):
            os.stat(target.name, dir_fd=target.dir_fd, follow_symlinks=False)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target.name)
        os.rename(source.name, target.name, src_dir_fd=source.dir_fd, dst_dir_fd=target.dir_fd)

    def _renameat2(self, source: Place, target: Place, flags: int) -> None:
        if self._call is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), target.name)
        result = self._call(
            ctypes.c_int(source.dir_fd),
            ctypes.c_char_p(os.fsencode(source.name)),
            ctypes.c_int(target.dir_fd),
            ctypes.c_char_p(os.fsencode(target.name)),
            ctypes.c_uint(flags),
        )
        if result != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), target.name)
