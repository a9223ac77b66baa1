"""Refs of our own go, loose and packed, in a way that leaves no lock behind whenever the process dies.

`git update-ref` and libgit2 would take `packed-refs.lock`, which nobody could tell from another's after a power cut,
and which every later `git gc` and `git branch -d` would stumble over. Ours says that it is ours from its first moment
on. What is locked, and in which order the files change, is as in git's refs/files-backend.c: first the packed value
goes, then the loose one, so that no reader meets an old value in between.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from gitferry.config.failpoints import fp
from gitferry.repos.renames import Place, Renames

_PREFIX = "refs/gitferry/"
_PACKED = "packed-refs"
_LOCK = "packed-refs.lock"
_SIGN = b"gitferry\n"  # git and libgit2 have nothing or a list of refs in it


def drop(common_dir: Path, names: Collection[str]) -> bool:
    """Remove these refs of ours; their logs go too (`core.logAllRefUpdates=always` makes some).

    Return False, with nothing removed, where another program is just writing packed-refs. The caller has the lane's
    lock. Raises OSError.
    """
    if not all(name.startswith(_PREFIX) for name in names):
        raise ValueError("only refs below refs/gitferry/ are ours to remove")
    if names and not _unpacked(common_dir, frozenset(os.fsencode(name) for name in names)):
        return False
    for name in sorted(names):
        (common_dir / name).unlink(missing_ok=True)
        (common_dir / "logs" / name).unlink(missing_ok=True)
        fp("refs.dropped")
    return True


def sweep(common_dir: Path) -> None:
    """Remove what a dead crossing left in the middle of `drop`, its lock above all. The caller has the lane's lock."""
    for name in (_LOCK, _PACKED):
        (common_dir / "gitferry" / name).unlink(missing_ok=True)
    lock = common_dir / _LOCK
    try:
        ours = lock.read_bytes() == _SIGN
    except OSError:
        return  # there is none, or one that only its owner reads
    if ours:
        lock.unlink(missing_ok=True)


def _unpacked(common_dir: Path, names: Collection[bytes]) -> bool:
    """Take the refs out of packed-refs, where they are in it; False where it cannot be locked now."""
    packed = common_dir / _PACKED
    if _without(packed, names) is None:
        return True
    if packed.is_symlink():  # made by the old git-new-workdir; git would lock what it leads to
        return False
    with _locked(common_dir) as locked:
        if not locked:
            return False
        fp("packed_refs.locked")
        rest = _without(packed, names)  # it may be another by now
        if rest is not None:
            written = common_dir / "gitferry" / _PACKED
            _write(written, rest, stat.S_IMODE(packed.stat().st_mode))
            written.replace(packed)
            fp("packed_refs.written")
    return True


def _without(packed: Path, names: Collection[bytes]) -> bytes | None:
    """Return the file's bytes without these refs, None where it names none of them.

    A line is `<id> <ref>`; one that begins with `^` belongs to the line before (gitrepository-layout(5)).
    """
    try:
        lines = packed.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return None
    kept, dropped = [], False
    for line in lines:
        if not line.startswith(b"^"):
            dropped = line[:1] != b"#" and line.rstrip(b"\n").partition(b" ")[2] in names
        if not dropped:
            kept.append(line)
    return None if len(kept) == len(lines) else b"".join(kept)


@contextmanager
def _locked(common_dir: Path) -> Iterator[bool]:
    """Hold `packed-refs.lock`, as every program does that writes packed-refs; yields False where another does."""
    sign = common_dir / "gitferry" / _LOCK
    _write(sign, _SIGN, 0o644)
    fp("packed_refs.signed")
    directory = os.open(common_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            Renames().move_new(Place(directory, f"gitferry/{_LOCK}"), Place(directory, _LOCK))
        except FileExistsError:
            sign.unlink()
            yield False
            return
        try:
            yield True
        finally:
            (common_dir / _LOCK).unlink(missing_ok=True)
            os.fsync(directory)
    finally:
        os.close(directory)


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file that is on the disk before it gets its name."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, mode)
        file.write(data)
        file.flush()
        os.fsync(handle)
