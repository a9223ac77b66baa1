"""Three-way merge of a task's content, file by file. Pure: the merge of lines is passed in."""

from __future__ import annotations

from collections.abc import Callable

from gitferry.repos.content import SUBMODULE, SYMLINK, Content, Entry

#: Merge of one file both sides changed: base (None: both added it), local, remote → the clean result, or None.
MergeFile = Callable[[Entry | None, Entry, Entry], Entry | None]


def merge_content(base: Content, local: Content, remote: Content, merge_file: MergeFile) -> Content | None:
    """Return the content that holds both sides' changes, or None where they do not merge cleanly."""
    result: dict[str, Entry] = {}
    for path in sorted({*base, *local, *remote}):
        b, ours, theirs = base.get(path), local.get(path), remote.get(path)
        if ours == theirs or theirs == b:
            entry = ours
        elif ours == b:
            entry = theirs
        elif ours is None or theirs is None:
            return None
        else:
            entry = _merge_entry(b, ours, theirs, merge_file)
            if entry is None:
                return None
        if entry is not None:
            result[path] = entry
    return result


def _merge_entry(base: Entry | None, ours: Entry, theirs: Entry, merge_file: MergeFile) -> Entry | None:
    special = (SYMLINK, SUBMODULE)
    if ours.mode in special or theirs.mode in special or (base is not None and base.mode in special):
        return None
    mode = ours.mode if base is None or theirs.mode == base.mode else theirs.mode
    if base is None and ours.mode != theirs.mode:
        return None
    if ours.oid == theirs.oid:
        return Entry(mode, ours.oid)
    if base is not None and theirs.oid == base.oid:
        return Entry(mode, ours.oid)
    if base is not None and ours.oid == base.oid:
        return Entry(mode, theirs.oid)
    merged = merge_file(base, ours, theirs)
    return None if merged is None else Entry(mode, merged.oid)
