"""Many new objects reach the object database as one pack, where each would be a file with two flushes of its own.

The formats are those of gitformat-pack(5): a pack of version 2 whose objects are all whole, and its index of version 2.
`git pack-objects` and libgit2's pack builder make packs of what is stored already, pygit2 (1.21) has no database in
memory, and `git fast-import` takes no trees of their own.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha1
from itertools import accumulate
from pathlib import Path
from typing import Final

from gitferry.config.durable import flush_directory, write_flushed
from gitferry.config.failpoints import fp

#: An object's kind is written by these numbers.
TREE: Final = 2
BLOB: Final = 3

_HEADER: Final = struct.Struct(">4sII")


@dataclass(frozen=True, slots=True)
class New:
    """An object to be stored: what git's object header says of it, and its content."""

    kind: int
    data: bytes

    @property
    def oid(self) -> str:
        """The object's id."""
        name = b"tree" if self.kind == TREE else b"blob"
        return sha1(b"%s %d\0%s" % (name, len(self.data), self.data), usedforsecurity=False).hexdigest()


def write_pack(directory: Path, objects: Mapping[str, New]) -> None:
    """Store these objects, by id, in `directory` (objects/pack). They are on the disk when it returns.

    After a crash there is all of it or none, or a file `tmp_*`, which `git gc` clears away. Raises OSError.

    They are less than 2 GiB together: beyond, the index would need offsets of another form.
    """
    packed, rows = _packed(objects)
    index = _index(rows, packed[-20:])
    name = f"pack-{packed[-20:].hex()}"
    directory.mkdir(exist_ok=True)
    waiting = []
    try:
        # A pack is looked for by its index, which therefore comes last.
        for suffix, data in ((".pack", packed), (".idx", index)):
            waiting.append((directory / f"tmp_{name}{suffix}", directory / f"{name}{suffix}"))
            write_flushed(waiting[-1][0], data, 0o444)
        fp("pack.flushed")
        for written, final in waiting:
            written.rename(final)
    finally:
        for written, _ in waiting:
            written.unlink(missing_ok=True)
    flush_directory(directory)


def _packed(objects: Mapping[str, New]) -> tuple[bytes, list[tuple[bytes, int, int]]]:
    """Return the pack, and of each object its id, its checksum and where it begins."""
    parts = [_HEADER.pack(b"PACK", 2, len(objects))]
    rows, at = [], _HEADER.size
    for oid, new in objects.items():
        part = _entry_header(new) + zlib.compress(new.data)
        rows.append((bytes.fromhex(oid), zlib.crc32(part), at))
        parts.append(part)
        at += len(part)
    body = b"".join(parts)
    return body + sha1(body, usedforsecurity=False).digest(), rows


def _entry_header(new: New) -> bytes:
    """Return kind and size: four bits of the size in the first byte, seven in each that follows, lowest first."""
    size = len(new.data)
    found = [new.kind << 4 | size & 15]
    size >>= 4
    while size:
        found[-1] |= 128
        found.append(size & 127)
        size >>= 7
    return bytes(found)


def _index(rows: Iterable[tuple[bytes, int, int]], checksum: bytes) -> bytes:
    ordered = sorted(rows)
    counts = [0] * 256
    for oid, _, _ in ordered:
        counts[oid[0]] += 1
    body = b"".join(
        (
            b"\377tOc",
            struct.pack(">I256I", 2, *accumulate(counts)),
            *(oid for oid, _, _ in ordered),
            *(struct.pack(">I", check) for _, check, _ in ordered),
            *(struct.pack(">I", at) for _, _, at in ordered),
            checksum,
        )
    )
    return body + sha1(body, usedforsecurity=False).digest()
