"""Which paths a sparse checkout has in its working tree: git's patterns, evaluated as git evaluates them.

git keeps the others in its index alone, marked skip-worktree. `git sparse-checkout check-rules` would tell, but came
with git 2.41. Sources: git-sparse-checkout(1), "INTERNALS"; git's dir.c (add_patterns_from_buffer,
parse_path_pattern, add_pattern_to_hashsets, path_matches_pattern_list) and unpack-trees.c (clear_ce_flags).
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gitferry.repos import filters, wildmatch
from gitferry.repos.gitconfig import Config
from gitferry.repos.state import Place

_BOM = b"\xef\xbb\xbf"
_SPECIAL = frozenset(b"*?[\\")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line: `text` without its `!` and its last slash. `expression` is matched with the whole path or its name."""

    text: bytes
    negative: bool
    directories: bool  # it ends in a slash
    by_name: bool  # it has no other slash
    expression: re.Pattern[bytes]

    def matches(self, path: bytes, *, directory: bool) -> bool:
        """Return whether the pattern speaks of this very path; what it says of a directory holds below it too."""
        if self.directories and not directory:
            return False
        return self.expression.fullmatch(path.rpartition(b"/")[2] if self.by_name else path) is not None


@dataclass(frozen=True, slots=True)
class Cone:
    """Patterns that name directories only: those checked out whole, and those of which just the files are."""

    whole: frozenset[bytes]
    parents: frozenset[bytes]

    def includes(self, path: bytes) -> bool:
        """Return whether a file is checked out. The top's files always are."""
        directory = path.rpartition(b"/")[0]
        if not directory or path in self.whole or directory in self.parents:
            return True
        while directory:
            if directory in self.whole:
                return True
            directory = directory.rpartition(b"/")[0]
        return False


class Sparse:
    """The patterns of one working tree, as they were when they were read."""

    def __init__(
        self,
        text: bytes | None,
        *,
        root: Path,
        cone: bool = False,
        ignore_case: bool = False,
    ) -> None:
        """`text` is that of the patterns' file, None where there is none: then everything is checked out."""
        self._root = root
        self._ignore_case = ignore_case
        self._everything = text is None
        self._patterns = parse(text or b"", fold=ignore_case)
        self._cone: Cone | None = None
        if cone and text is not None:
            found = _cone(self._patterns, fold=ignore_case)
            self._everything = found is True
            self._cone = found if isinstance(found, Cone) else None
        self._directories: dict[bytes, bool] = {b"": False}

    def includes(self, path: str) -> bool:
        """Return whether `path` is one that git checks out. A submodule counts as a file, as it does when it arrives.

        (git 2.39 asks the disk, for want of ce_to_dtype() in its cache.h: a submodule is a directory once that is
        there, and so is a file while it arrives where a directory stands. Its next command corrects the latter.)
        """
        if self._everything:
            return True
        name = os.fsencode(path).lower() if self._ignore_case else os.fsencode(path)  # of ASCII's letters, as git
        if self._cone is not None:
            return self._cone.includes(name)
        said = self._said(name, directory=False)
        return self._directory(name.rpartition(b"/")[0]) if said is None else said

    def leaves_out(self, path: str) -> bool:
        """Return whether git keeps `path` in its index alone: it is outside, and nothing stands there.

        A file outside that is there counts as any other, as it does for git since 2.36.
        """
        return not self.includes(path) and not os.path.lexists(self._root / path)

    def lacks(self, path: str) -> bool:
        """Return whether `path` is outside and no file stands there, though a directory may, or a link above it.

        git lists it as deleted then, and commits no such deletion: who never had the file has not removed it.
        """
        here = self._root / path
        if self.includes(path) or not os.path.lexists(here):
            return not self.includes(path)
        behind = any((self._root / directory).is_symlink() for directory in filters.above(path) if directory)
        return behind or (here.is_dir() and not here.is_symlink())

    def _directory(self, path: bytes) -> bool:
        """What holds for that which no pattern speaks of below a directory."""
        known = self._directories.get(path)
        if known is None:
            said = self._said(path, directory=True)
            known = self._directory(path.rpartition(b"/")[0]) if said is None else said
            self._directories[path] = known
        return known

    def _said(self, path: bytes, *, directory: bool) -> bool | None:
        for pattern in reversed(self._patterns):
            if pattern.matches(path, directory=directory):
                return not pattern.negative
        return None


def read(place: Place, config: Config) -> Sparse | None:
    """Return the patterns in force in this working tree, None where it is no sparse checkout. Raises OSError."""
    if not config.flag("core.sparsecheckout"):
        return None
    try:
        text = _file(place).read_bytes()
    except FileNotFoundError:
        text = None
    return Sparse(
        text,
        root=place.root,
        cone=config.flag("core.sparsecheckoutcone"),
        ignore_case=config.flag("core.ignorecase"),
    )


def changing(place: Place) -> bool:
    """Return whether a git command is just writing the patterns: the index may follow others than the file says."""
    return os.path.lexists(f"{_file(place)}.lock")


def _file(place: Place) -> Path:
    return place.git_dir / "info" / "sparse-checkout"  # each linked worktree has its own


# -- the file -----------------------------------------------------------------------------------------------------


def parse(text: bytes, *, fold: bool = False) -> list[Pattern]:
    """Return the patterns in a file's text, in its order. `fold`: they are to be matched with paths in lower case."""
    lines = (line for line in text.removeprefix(_BOM).split(b"\n") if line and not line.startswith(b"#"))
    return [_pattern(_trimmed(line.removesuffix(b"\r").partition(b"\0")[0]), fold) for line in lines]


def _trimmed(line: bytes) -> bytes:
    """A line without the blanks at its end that no backslash keeps."""
    end = len(line)
    while end and line[end - 1 : end] == b" " and not _is_open(line[: end - 1]):
        end -= 1
    return line[:end]


def _is_open(line: bytes) -> bool:
    """Whether a backslash at the end of `line` is there for what comes next."""
    return (len(line) - len(line.rstrip(b"\\"))) % 2 == 1


def _pattern(line: bytes, fold: bool) -> Pattern:
    text = line.removeprefix(b"!")
    directories = text.endswith(b"/")
    text = text.removesuffix(b"/")
    by_name = b"/" not in text
    if by_name:
        expression = wildmatch.translated(text, fold=fold) if text else wildmatch.NEVER
    else:
        whole = text.removeprefix(b"/")
        # git compares what stands before the first special byte by itself, and the rest as a pattern of its own.
        literal = wildmatch.literal_length(whole)
        start = whole[:literal].lower() if fold else whole[:literal]
        expression = re.escape(start) + wildmatch.translated(whole[literal:], fold=fold)
    return Pattern(text, line.startswith(b"!"), directories, by_name, re.compile(expression, re.DOTALL))


# -- cones --------------------------------------------------------------------------------------------------------


def _cone(patterns: Sequence[Pattern], *, fold: bool) -> Cone | bool:
    """Return the patterns as directories; True where they name everything, False where they are no cone's.

    git then takes them for ordinary ones.
    """
    whole: Counter[bytes] = Counter()  # what is named twice is taken back once
    parents: set[bytes] = set()
    everything = False
    for pattern in patterns:
        plain = not pattern.negative and not pattern.directories
        if pattern.text == b"/*" and (plain or (pattern.negative and pattern.directories)):
            everything = plain
            continue
        if not _names_directory(pattern):
            return False
        name = _unescaped(pattern.text.lower() if fold else pattern.text)
        if pattern.text.endswith(b"/*") and len(pattern.text) > len(b"/*"):
            if not pattern.negative or not whole[name]:
                return False
            whole[name] -= 1
            parents.add(name)
        elif pattern.negative or name in parents:
            return False
        else:
            whole[name] += 1
    return everything or Cone(frozenset(+whole), frozenset(parents))


def _names_directory(pattern: Pattern) -> bool:
    """Whether a pattern is of the form that `git sparse-checkout set --cone` writes."""
    text = pattern.text
    if len(text) < len(b"/a") or not text.startswith(b"/") or b"**" in text or not pattern.directories:
        return False
    return not any(_is_glob(text, at) for at in range(1, len(text)))


def _is_glob(text: bytes, at: int) -> bool:
    before, byte, after = text[at - 1 : at], text[at], text[at + 1 : at + 2]
    if byte not in _SPECIAL or before == b"\\":
        return False
    if byte == ord("\\") and after and after[0] in _SPECIAL:
        return False
    return not (byte == ord("*") and before == b"/" and not after)


def _unescaped(text: bytes) -> bytes:
    """The directory that a cone's pattern names, without its first slash, its escapes and its last `/*`."""
    name = re.sub(rb"\\(.)", rb"\1", text, flags=re.DOTALL)
    return (name.removesuffix(b"/*") if len(name) > len(b"/*") else name).removeprefix(b"/")
