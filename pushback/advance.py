"""The index and HEAD follow the new tip, where they still are what was observed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gitferry.config.failpoints import fp
from gitferry.pushback.checkout import patterns_now, stays_out
from gitferry.pushback.commit import Tip
from gitferry.pushback.ground import Ground
from gitferry.pushback.readiness import Waits
from gitferry.pushback.sides import Sides
from gitferry.repos import drivers, index, sparse
from gitferry.repos.content import Entry
from gitferry.repos.filters import above
from gitferry.repos.git import GitError
from gitferry.repos.objects import Objects
from gitferry.repos.observe import Observation
from gitferry.repos.state import operation_under_way

_ZERO = "0" * 40


def staged_in_the_way(objects: Objects, sides: Sides, seen: Observation, tip: Tip) -> str | None:
    """Return a path that the user has staged and that would change under their hands, or None."""
    follows = tuple(objects.changed(sides.head, tip.tree))
    stay = {path for path, change in seen.changes.items() if change.index is not None} - set(follows)
    below = {directory: path for path in stay for directory in above(path)}
    for path in follows:
        # git's index has no file where it has a directory: the entry that comes would drop the one that is there.
        if objects.file_at(tip.tree, path) is not None:
            displaced = below.get(path) or next((each for each in above(path) if each in stay), None)
            if displaced is not None:
                return displaced
        change = seen.changes.get(path)
        if change is None or change.intent_to_add:
            continue
        either = (objects.file_at(sides.head, path), objects.file_at(tip.tree, path))
        if change.unmerged or change.index not in either:
            return path
    return None


def require_head(ground: Ground, sides: Sides) -> None:
    """Raise Waits where the user's own git moved HEAD, or began something, since we looked."""
    branch = f"refs/heads/{ground.state.branch}"
    if ground.objects.symbolic("HEAD") != branch or ground.objects.ref(branch) != sides.head_commit:
        raise Waits("HEAD moved while the crossing ran", "nothing to do: the next crossing goes on", retry=True)
    operation = operation_under_way(ground.place)
    if operation is not None:
        raise Waits(f"a {operation} began while the crossing ran", f"finish it, or git {operation} --abort")


def advance(
    ground: Ground, sides: Sides, seen: Observation, tip: Tip, left: Mapping[str, Entry | None] | None = None
) -> None:
    """Let the index follow the tip, then HEAD by compare-and-swap. Raises Waits; the next crossing goes on then.

    `left` are the files that the working tree lacks because they are outside the sparse checkout, and what they become.
    """
    left = left or {}
    require_head(ground, sides)
    _require_left(ground, left)
    _follow(ground, _following(ground.objects, sides, seen, tip), seen)
    fp("index.followed")
    _require_left(ground, left)  # brought from here on, they are what the index has now
    if tip.commit is None or tip.commit == sides.head_commit:
        return
    fp("ref.before_cas")
    name, old = f"refs/heads/{ground.state.branch}", sides.head_commit or _ZERO
    words = ("update-ref", "--create-reflog", "-m", "gitferry: sync", name, tip.commit, old)
    if ground.git.run(*words, check=False).code != 0:
        raise Waits("HEAD moved while the crossing ran", "nothing to do: the next crossing goes on", retry=True)
    fp("ref.after_cas")


def _require_left(ground: Ground, left: Mapping[str, Entry | None]) -> None:
    """Raise Waits where a file that we left out is there by now: git has brought it as the index had it, or may.

    HEAD must not pass a remote change that the working tree lacks. While the patterns are written nobody knows.
    """
    patterns = patterns_now(ground)
    stays = all(patterns is not None and stays_out(ground, patterns, path, entry) for path, entry in left.items())
    if not stays or (patterns is not None and sparse.changing(ground.place)):
        raise Waits(
            "the sparse checkout changed while the crossing ran",
            "nothing to do: the next crossing goes on",
            retry=True,
        )


@dataclass(frozen=True, slots=True)
class _Following:
    """One path whose index entry must follow: what it was seen to be, and what it becomes."""

    seen: Entry | None
    new: Entry | None
    intended: bool  # git add --intent-to-add: an entry, and nothing staged

    def still(self, found: index.Staged | None) -> bool:
        """Whether the entry is what was seen; what was staged while we pushed is the user's."""
        if found is None:
            return self.seen is None and not self.intended
        if self.intended:
            return found.entry is not None and found.entry.oid == index.INTENDED
        return found.entry is not None and found.entry == self.seen


def _following(objects: Objects, sides: Sides, seen: Observation, tip: Tip) -> dict[str, _Following]:
    entries = {}
    for path in objects.changed(sides.head, tip.tree):
        new = objects.file_at(tip.tree, path)
        change = seen.changes.get(path)
        now = change.index if change is not None else objects.file_at(sides.head, path)
        if now != new:
            entries[path] = _Following(now, new, change is not None and change.intent_to_add)
    return entries


def _follow(ground: Ground, entries: Mapping[str, _Following], seen: Observation) -> None:
    try:
        found = index.read(ground.git, entries)
        ours = {path: entry.new for path, entry in entries.items() if entry.still(found.get(path))}
        skip = in_index_alone(ground, ours)

        def follow(silent: Mapping[str, str]) -> None:
            index.follow(ground.git, ours, known=found, skip=skip, extra_env=silent)
            now = in_index_alone(ground, ours) or frozenset()
            index.rehide(ground.git, before=skip or frozenset(), after=now, extra_env=silent)

        drivers.despite_filters(ground.state.config, follow, trusted=ground.settings.trusted)
        ground.notes.extend(_unmarked(ground, seen, ours))
    except GitError as error:
        raise Waits(
            f"the index could not follow: {error.title}",
            "if no git command is running, remove .git/index.lock",
            retry=True,
        ) from error


def _unmarked(ground: Ground, seen: Observation, entries: Mapping[str, Entry | None]) -> Iterator[str]:
    """Yield what to tell of files that were only marked to be added, where the index has something else by now.

    git's index has no file where it has a directory, and HEAD goes on: without the entry that comes, the next commit
    would delete that. The file itself stays, and its task is held.
    """
    marked = {path for path, change in seen.changes.items() if change.intent_to_add and ground.worktree.has_file(path)}
    below = {directory: path for path in marked for directory in above(path)}
    for path in (path for path, entry in entries.items() if entry is not None):
        gone = below.get(path) or next((each for each in above(path) if each in marked), None)
        if gone is not None:
            yield f"{gone} is no longer marked to be added (git add --intent-to-add): {path} came in its place"


def in_index_alone(ground: Ground, entries: Mapping[str, Entry | None]) -> frozenset[str] | None:
    """Return those of the paths that a sparse checkout has in the index alone; None where there is no such."""
    patterns = patterns_now(ground)
    if patterns is None:
        return None
    return frozenset(path for path, entry in entries.items() if entry is not None and patterns.leaves_out(path))
