"""Git's form of a tree object: `<octal mode> SP <name> NUL <20 bytes>`, repeated. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gitferry.repos.content import TREE, Entry


def parsed(data: bytes) -> Iterator[tuple[str, Entry]]:
    """Yield a tree's own entries by name; bytes of a name that are not UTF-8 become surrogates."""
    start = 0
    while start < len(data):
        space = data.index(b" ", start)
        nul = data.index(b"\0", space)
        name = data[space + 1 : nul].decode("utf-8", "surrogateescape")
        yield name, Entry(int(data[start:space], 8), data[nul + 1 : nul + 21].hex())
        start = nul + 21


def formatted(entries: Mapping[str, Entry]) -> bytes:
    """Return the bytes of the tree that has these entries (git sorts directories as if they ended in a slash)."""
    rows = []
    for name, entry in entries.items():
        raw = name.encode("utf-8", "surrogateescape")
        key = raw + b"/" if entry.mode == TREE else raw
        rows.append((key, b"%o %s\0%s" % (entry.mode, raw, bytes.fromhex(entry.oid))))
    return b"".join(row for _, row in sorted(rows))
