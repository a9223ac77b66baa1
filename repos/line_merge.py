"""Three-way merge of one file by lines, as git does it."""

from __future__ import annotations

import pygit2
from pygit2.enums import FileMode

from gitferry.repos.content import FILE, Entry
from gitferry.repos.objects import Objects


def merge_lines(objects: Objects, base: Entry | None, ours: Entry, theirs: Entry) -> Entry | None:
    """Merge one file by lines as git does; return the clean result, written, or None where lines conflict.

    A file with a NUL is binary and never merged.
    """
    blobs = [objects.blob(side.oid) for side in (base, ours, theirs) if side is not None]
    if any(b"\0" in data for data in blobs):
        return None
    # pygit2 1.21 hands the merged lines over as text in UTF-8. Lines in another encoding are merged with each
    # byte as a character of its own, which keeps them apart and together just the same.
    plain = all(_is_utf8(data) for data in blobs)

    def index_entry(entry: Entry | None) -> pygit2.IndexEntry | None:
        if entry is None:
            return None
        oid = entry.oid if plain else objects.write_blob(objects.blob(entry.oid).decode("latin-1").encode())
        return pygit2.IndexEntry("file", pygit2.Oid(hex=oid), FileMode(FILE))

    merged = objects.repo.merge_file_from_index(
        index_entry(base), index_entry(ours), index_entry(theirs), use_deprecated=False
    )
    if not merged.automergeable:
        return None
    return Entry(ours.mode, objects.write_blob(merged.contents.encode("utf-8" if plain else "latin-1")))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
