"""Three-way merge of a task's content, file by file. Pure: the merge of one file is passed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gitferry.repos.content import SUBMODULE, SYMLINK, Content, Entry

#: Merge of one file both sides changed: path, base (None: both added it), local, remote → the clean result, or None.
MergeFile = Callable[[str, Entry | None, Entry, Entry], Entry | None]
#: Where one side moved files: the path in the base → the path now.
Moves = Mapping[str, str]


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
            entry = merge_entry(path, b, ours, theirs, merge_file)
            if entry is None:
                return None
        if entry is not None:
            result[path] = entry
    return None if _in_each_others_place(result) else result


def merge_moved(
    base: Content, local: Content, remote: Content, moves: tuple[Moves, Moves], merge_file: MergeFile
) -> Content | None:
    """Return what `merge_content` does, an edit on one side following the file that the other side moved.

    `moves` are those of the local and of the remote side. A file that both moved apart, or that one moved to where the
    other has another one, or that one moved and the other deleted, is a conflict, as for git-merge(1).
    """
    mine, yours = moves
    base, local, remote = dict(base), dict(local), dict(remote)
    for old in sorted({*mine, *yours}):
        target = mine.get(old, yours.get(old, old))
        if yours.get(old, target) != target:
            return None
        for content, moved in ((local, mine), (remote, yours)):
            if old in moved:
                continue
            if old not in content or target in content:
                return None
            content[target] = content.pop(old)
        if target in base:
            return None
        base[target] = base.pop(old)
    return merge_content(base, local, remote, merge_file)


def merge_entry(path: str, base: Entry | None, ours: Entry, theirs: Entry, merge_file: MergeFile) -> Entry | None:
    """Return the one file that holds both sides' changes of it, mode and content, or None."""
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
    merged = merge_file(path, base, ours, theirs)
    return None if merged is None else Entry(mode, merged.oid)


def _in_each_others_place(content: Content) -> bool:
    """Whether one file stands where another needs a directory: what each side added alone may not fit together."""
    return any(path[:end] in content for path in content for end in range(len(path)) if path[end] == "/")
