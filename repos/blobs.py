"""Files of a working tree, written to the object database as the entries that `git add` would make of them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from gitferry.repos import drivers, filters
from gitferry.repos.cleaning import clean
from gitferry.repos.content import EXECUTABLE, FILE, SYMLINK, Entry, File
from gitferry.repos.disk_errors import TreeError
from gitferry.repos.governing import ATTRIBUTES, BEING_WRITTEN
from gitferry.repos.large_files import named_by
from gitferry.repos.opened import Opened
from gitferry.repos.packs import BLOB, New
from gitferry.repos.recorded import recorded
from gitferry.repos.smudging import Wanted, smudge

IN_DOUBT = "git cannot tell whether it was edited, in the instant in which it was looked at: save it again"


class Blobs:
    """Writes files of one working tree into one object database."""

    def __init__(self, tree: Opened) -> None:
        self._place = tree.place
        self._git = tree.git
        self._objects = tree.objects
        self._worktree = tree.worktree
        self._config = tree.state.config
        self._file_mode = tree.state.file_mode
        self._trusted = tree.trusted
        self._large = tree.large
        # Where there are no symbolic links, a plain file holds the target of one.
        links = self._config.flag("core.symlinks", default=True)
        self._plain = (FILE, EXECUTABLE) if links else (FILE, EXECUTABLE, SYMLINK)
        self._attributed: frozenset[str] = frozenset()

    def attributed_here(self, changed: Collection[str]) -> None:
        """Note which of the paths that were changed here are files of attributes."""
        pairs = (path.rpartition("/") for path in changed)
        self._attributed = frozenset(directory for directory, _, name in pairs if name == ATTRIBUTES)

    def write(
        self, files: Mapping[str, File], known: Mapping[str, Entry | None]
    ) -> tuple[dict[str, Entry], dict[str, str]]:
        """Write each file as the blob git would write; return the entries, and for those refused the reason.

        `known` is what each was: a file that nobody edited since keeps its entry. Raises `GitError`.
        """
        regular = [path for path, file in files.items() if file.mode != SYMLINK]
        found = filters.conversions(self._git, self._place, self._config, regular, trusted=self._trusted)
        refused = {path: found[path].reason for path in regular if found[path].kind is filters.Kind.REFUSED}
        asked = {p: found[p].driver for p in regular if p not in refused and not found[p].keeps(files[p].data)}
        cleaned = clean(self._git, asked, extra_env=drivers.guarded(self._config, trusted=self._trusted))
        refused |= cleaned.refused
        self._keep(oid for path, oid in cleaned.oids.items() if drivers.is_lfs(self._config, asked[path]))
        # git may have cleaned the half of a save
        refused |= dict.fromkeys((path for path in asked if not self._stands(path, files[path])), BEING_WRITTEN)
        oids = {
            path: cleaned.oids.get(path) or self._objects.write_blob(file.data)
            for path, file in files.items()
            if path not in refused
        }
        kept, doubtful = self._unedited({path: oids.get(path) for path in regular}, asked, files, known)
        # Attributes that went away elsewhere would make plain text of what nobody edited.
        refused |= dict.fromkeys(doubtful - kept.keys() - refused.keys(), IN_DOUBT)
        oids = {path: oid for path, oid in oids.items() if path not in refused}
        refused = {path: reason for path, reason in refused.items() if path not in kept}
        return {p: Entry(self._mode(files[p], known.get(p)), oid) for p, oid in (oids | kept).items()}, refused

    def _keep(self, pointers: Iterable[str]) -> None:
        if self._large is None:
            return
        named = (named_by(self._objects.blob(oid)) for oid in pointers)
        self._large.keep(name for name in named if name is not None)

    def _stands(self, path: str, file: File) -> bool:
        try:
            return self._worktree.read(path) == file
        except TreeError:
            return False

    def _unedited(
        self,
        oids: Mapping[str, str | None],
        asked: Mapping[str, str],
        files: Mapping[str, File],
        known: Mapping[str, Entry | None],
    ) -> tuple[dict[str, str], set[str]]:
        """Return, of those files whose blob became another (None: refused), the ones that nobody edited, with the old.

        And those of which the index does not tell.

        `asked` are those that git converted, each with its filter.

        Attributes that came from elsewhere do not normalise what was committed before them: git itself says that such
        a file was modified once it looks into it, but nobody here has done anything. Where the attributes were changed
        here, whoever did it means what git makes of it.
        """
        before = {}
        for path, oid in oids.items():
            entry = known.get(path)
            own = any(directory in self._attributed for directory in filters.above(path))
            if entry is not None and entry.mode in self._plain and entry.oid != oid and not own:
                before[path] = entry.oid
        same, doubtful = self._untouched(before, files)
        converted = {path: oid for path, oid in before.items() if path in asked and oids[path] is not None}
        same |= {path for path, oid in converted.items() if New(BLOB, files[path].data).oid == oid}
        # git-lfs would fetch the old large file to tell.
        wanted = [
            Wanted(path, oid, asked[path])
            for path, oid in converted.items()
            if path not in same and not drivers.is_lfs(self._config, asked[path])
        ]
        made = smudge(self._git, wanted, extra_env=drivers.silenced(self._config, trusted=self._trusted)).files
        kept = {path: oid for path, oid in before.items() if path in same or made.get(path) == files[path].data}
        return kept, doubtful

    def _untouched(self, before: Mapping[str, str], files: Mapping[str, File]) -> tuple[set[str], set[str]]:
        """Return those files that were not written to since the index knew them to hold these blobs.

        And those that may have been all the same, by more than their line ends.
        """
        index = _modified(self._place.git_dir / "index")
        # What was saved is younger than the index, as a rule: git need not be asked.
        old = [path for path in before if _modified(self._place.root / path) <= index]
        found = {
            path: one
            for path, one in recorded(self._git, old).items()
            if one.oid == before[path] and one.untouched(self._place.root / path)
        }
        doubtful = {
            path
            for path, one in found.items()
            if one.doubtful(index) and not self._same_text(one.oid, files[path].data)
        }
        return found.keys() - doubtful, doubtful

    def _same_text(self, oid: str, data: bytes) -> bool:
        """Return whether a blob and a file differ by their line ends at most."""
        return _lines(self._objects.blob(oid)) == _lines(data)

    def _mode(self, file: File, known: Entry | None) -> int:
        """Return the mode that `git add` would record (git-config(1), core.fileMode and core.symlinks)."""
        if file.mode == SYMLINK:
            return SYMLINK
        if known is not None and known.mode == SYMLINK and SYMLINK in self._plain:
            return SYMLINK
        if self._file_mode:
            return file.mode
        return known.mode if known is not None and known.mode in (FILE, EXECUTABLE) else FILE


def _lines(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


def _modified(file: Path) -> int:
    """Return a file's modification time in nanoseconds; of one that is gone, that it is younger than all others."""
    try:
        return os.lstat(file).st_mtime_ns
    except OSError:
        return 1 << 64
