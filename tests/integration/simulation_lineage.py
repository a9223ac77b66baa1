"""Who wrote which version of a file after having seen what.

Every edit of the simulation writes content that never was before, so a content names its version. A version's
parents are what stood in the file when it was written: to put a version over one that is not among its ancestors is
to lose an edit. Absence is a version too, a new one with every deletion.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable


def oid(data: bytes) -> str:
    """Return the name git gives a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class Lineage:
    """Which version of which file came from which."""

    def __init__(self) -> None:
        self._parents: defaultdict[str, set[str]] = defaultdict(set)
        self._deletions = 0
        self._moved: dict[str, str] = {}  # version → the version that it is another name of
        self.restored: set[str] = set()  # tokens that somebody brought back on purpose, or that went with an undo
        self.brought_back: set[str] = set()  # versions, of which an older one counts as a change
        self.contents: dict[str, bytes] = {}  # by object name

    def parents(self, version: str) -> frozenset[str]:
        """Return the versions that a version was made of."""
        return frozenset(self._parents.get(version, ()))

    def known(self, version: str) -> bool:
        """Return whether the version was ever written."""
        return version in self._parents

    def written(self, path: str, name: str, parents: Iterable[str]) -> str:
        """Note a content written to a file where `parents` stood."""
        version = f"{path}:{name}"
        self._parents[version] |= set(parents) - {version}
        return version

    def wrote(self, path: str, data: bytes, parents: Iterable[str]) -> str:
        """Note a content that was written elsewhere than in the file."""
        name = oid(data)
        self.contents[name] = data
        return self.written(path, name, parents)

    def name(self, version: str) -> str | None:
        """Return the object name of a version's content, None where the file is absent."""
        return None if is_absent(version) else version.rpartition(":")[2]

    def deleted(self, path: str, parent: str) -> str:
        """Note a deletion of `parent`."""
        self._deletions += 1
        return self.written(path, f"deleted {self._deletions}", [parent])

    def moved(self, old: str, new: str) -> None:
        """Note that a file was moved: `new` was made of `old`, which has another path."""
        self._parents[new].add(old)
        self._moved[new] = old

    def moved_from(self, version: str) -> set[str]:
        """Return the paths from which this version, or one that it was made of, was moved to where it is."""
        path = version.rpartition(":")[0]
        known = (one for one in self.ancestors(version) if one in self._moved and one.rpartition(":")[0] == path)
        return {self._moved[one].rpartition(":")[0] for one in known}

    def holding(self, names: Iterable[str]) -> list[str]:
        """Return the versions whose content has one of these object names."""
        wanted = set(names)
        return [version for version in self._parents if version.rpartition(":")[2] in wanted]

    def tokens(self, version: str) -> set[str]:
        """Return what tells where a version's content comes from: its lines, or the values of a manifest by key."""
        if is_absent(version):
            return set()
        path, _, name = version.rpartition(":")
        data = self.contents[name].decode()
        if path.endswith(".json"):
            return {f"{key}={value}" for key, value in json.loads(data).items()}
        return set(data.splitlines())

    def seen(self, version: str) -> set[str]:
        """Return what a version and all that it was made of ever held."""
        return set[str]().union(*map(self.tokens, self.ancestors(version)))

    def went_back(self, old: str, new: str) -> None:
        """Note that somebody put `new` in the place of `old`, knowing what they did."""
        self.restored |= self.tokens(new) ^ self.tokens(old)
        self.brought_back.add(new)

    def same(self, one: str, other: str) -> None:
        """Note that two versions came to the same: two deletions of one file."""
        self._parents[one].add(other)
        self._parents[other].add(one)

    def never(self, path: str) -> str:
        """Return the version of a file that was never written."""
        return self.written(path, "never", [])

    def ancestors(self, version: str) -> set[str]:
        """Return the version and all that it came from. A file that never was is an ancestor of all."""
        found: set[str] = {self.never(version.rpartition(":")[0])}
        left = [version]
        while left:
            one = left.pop()
            if one not in found:
                found.add(one)
                left += self._parents[one]
        return found

    def contains(self, new: str, old: str) -> bool:
        """Return whether `new` was made by someone who had seen `old`.

        An absent file holds nothing that could be lost, but for the deletion of what both came from last.
        """
        before, after = self.ancestors(old), self.ancestors(new)
        if old in after:
            return True
        path = old.rpartition(":")[0]
        common = {one for one in before & after if one.rpartition(":")[0] == path}
        past = {one: self.ancestors(one) for one in common}
        # Who undoes an undo comes from both: of such, all are last.
        last = {one for one in common if not any(one in past[other] and other not in past[one] for other in common)}
        return is_absent(old) and all(is_absent(one) for one in last)


def is_absent(version: str) -> bool:
    """Return whether a version is a file's absence."""
    name = version.rpartition(":")[2]
    return not name or name == "never" or name.startswith("deleted")
