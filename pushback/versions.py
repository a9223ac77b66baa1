"""The versions of tasks in conflict: base, ours, theirs and what they merge to. Read without moving anything."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gitferry.config.model import Repository
from gitferry.pushback.decision import Action, Decision, Side, clean
from gitferry.pushback.ground import Ground, opened
from gitferry.pushback.groups import grouped
from gitferry.pushback.host import Host
from gitferry.pushback.merging import Merger
from gitferry.pushback.outcome import Answer, Request, Take
from gitferry.pushback.planning import Planned, Planner
from gitferry.pushback.rules import bases_of
from gitferry.repos import record as records
from gitferry.repos.content import SUBMODULE, SYMLINK, Content, Entry
from gitferry.repos.git import zsplit
from gitferry.repos.mergeable import mergeable
from gitferry.repos.objects import EMPTY_TREE
from gitferry.repos.patch import patch
from gitferry.repos.tasks import task_id

_LOOKED_AT = 8000  # bytes; git takes a file with a NUL among them for binary (xdiff-interface.c)
_TOOL_SETTINGS = r"^(merge\.tool|mergetool\..*)$"


@dataclass(frozen=True, slots=True)
class Theirs:
    """The remote's last commit of a task, and who wrote it when."""

    commit: str
    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FileVersions:
    """One file that the sides have differently; None where it is absent. `merged` counts where `conflict` is None."""

    path: str
    base: Entry | None
    local: Entry | None
    remote: Entry | None
    merged: Entry | None
    conflict: str | None  # why it does not merge, in words
    text: bool = True  # a person can merge it as text


@dataclass(frozen=True, slots=True)
class Held:
    """One task that both sides changed. The contents are those of all tasks that a rename joins to it."""

    unit: str
    version: str  # of what both sides hold: it is another one as soon as either changes
    together: tuple[str, ...]  # the other tasks that a rename joins to it: one answer is for all of them
    base: Content
    local: Content
    remote: Content
    merged: Content | None  # None: it does not merge cleanly
    files: tuple[FileVersions, ...]
    theirs: Theirs | None


@dataclass(frozen=True, slots=True)
class Versions:
    """One task that both sides changed, with its contents (by object id) and differences, as git-diff(1) shows them."""

    held: Held
    blobs: Mapping[str, bytes]
    local_diff: str  # base → ours
    remote_diff: str  # base → theirs
    merged_diff: str | None  # ours → the clean merge
    tool_settings: Mapping[str, str]  # the repository's own for `git mergetool`, where it is trusted


def held(repository: Repository, *, host: Host) -> tuple[Held, ...]:
    """Return the tasks of a repository that both sides changed, in the order of their paths."""
    with opened(repository, host) as ground:
        return tuple(_Held(ground, host.clock()).each(None))


def versions(repository: Repository, path: str, *, host: Host) -> Versions | None:
    """Return all that is known of one task that both sides changed; None where that is not so."""
    with opened(repository, host) as ground:
        found = next(_Held(ground, host.clock()).each({path}), None)
        return None if found is None else _in_full(ground, found)


class _Held:
    """Plans one repository as `survey` does, and tells of the decisions that both sides' changes left open."""

    def __init__(self, ground: Ground, at: datetime) -> None:
        self._ground = ground
        self._at = at
        self._merger = Merger(ground)
        self._record = records.load(ground.objects, ground.state.branch or "HEAD")

    def each(self, units: Collection[str] | None) -> Iterator[Held]:
        """Yield those of the units that are held; without units all."""
        planned = self._plan({})
        chosen = [d for d in planned.decisions if _is_held(d) and (units is None or d.unit in units)]
        known = {decision.unit: decision for decision in planned.decisions}
        joined_to = {unit: group for group in grouped(known, planned.gathered.links) for unit in group}
        groups = {decision.unit: joined_to[decision.unit] for decision in chosen}
        joined = self._merged_together(planned, groups)
        for decision in chosen:
            group = [known[unit] for unit in groups[decision.unit]]
            if len(group) > 1:
                merged = joined.get(decision.unit)
            else:
                merged = clean(decision.bases, decision.view.local, decision.view.remote, self._merger.merge)
            yield self._told(decision, group, merged, planned)

    def _plan(self, answers: Mapping[str, Answer]) -> Planned:
        ground = self._ground
        request = Request("survey", by_hand=True, answers=answers)
        return Planner(ground, request, self._at).plan(
            self._record, push=ground.settings.pushback.enabled, strict=False
        )

    def _merged_together(self, planned: Planned, groups: Mapping[str, Collection[str]]) -> dict[str, Content]:
        """Return what the tasks of each group that a rename joins merge to, all in one, where that is clean."""
        joined = {unit for group in groups.values() if len(group) > 1 for unit in group}
        name = self._ground.settings.name
        asked = {
            task_id(name, decision.unit): Answer(Take.MERGED, decision.view.version)
            for decision in planned.decisions
            if decision.unit in joined and _is_held(decision)
        }
        if not asked:
            return {}
        again = {decision.unit: decision for decision in self._plan(asked).decisions}
        found = {}
        for unit, group in groups.items():
            members = [again[member] for member in group if member in again]
            if unit in joined and not any(member.action in (Action.HOLD, Action.WAIT) for member in members):
                found[unit] = _union(
                    member.view.remote.content if member.action is Action.PULL else member.carried for member in members
                )
        return found

    def _told(self, decision: Decision, group: Sequence[Decision], merged: Content | None, planned: Planned) -> Held:
        base = _base(decision)
        local, remote = decision.view.local.content, decision.view.remote.content
        mine = planned.gathered.paths[decision.unit]
        paths = [path for path in mine if any(path in side for side in (base, local, remote, merged or {}))]
        files = [self._file(path, decision, base, merged) for path in paths]
        return Held(
            unit=decision.unit,
            version=decision.view.version,
            together=tuple(each.unit for each in group if each is not decision),
            base=_union(_base(each) for each in group),
            local=_union(each.view.local.content for each in group),
            remote=_union(each.view.remote.content for each in group),
            merged=merged,
            files=tuple(file for file in files if file.local != file.remote or file.merged != file.local),
            theirs=self._theirs(decision, planned),
        )

    def _file(self, path: str, decision: Decision, base: Content, merged: Content | None) -> FileVersions:
        local, remote = decision.view.local.content, decision.view.remote.content
        three = (base.get(path), local.get(path), remote.get(path))
        text = all(self._is_text(entry) for entry in three if entry is not None)
        if merged is not None:
            return FileVersions(path, *three, merged.get(path), None, text)
        crowd = _crowded(path, {*local, *remote})
        alone = tuple(Side(_only(each.content, path)) for each in decision.bases)
        ours, theirs = Side(_only(local, path)), Side(_only(remote, path))
        found = ours.content if ours == theirs else clean(alone, ours, theirs, self._merger.merge)
        if found is not None and crowd is None:
            return FileVersions(path, *three, found.get(path), None, text)
        why, text = self._why(path, three, text) if crowd is None else (crowd, False)
        return FileVersions(path, *three, None, why, text)

    def _why(self, path: str, three: tuple[Entry | None, Entry | None, Entry | None], text: bool) -> tuple[str, bool]:
        """Return why a file does not merge, and whether a person may merge it as text."""
        base, local, remote = three
        modes = {entry.mode for entry in three if entry is not None}
        if modes & {SYMLINK, SUBMODULE}:
            return "a symbolic link or a submodule", False
        if local is None or remote is None:
            return ("deleted here, changed there" if local is None else "changed here, deleted there"), text
        if not text:
            return "both changed it, and it is binary", False
        if not mergeable(self._ground.git, self._ground.place, path):
            return "both changed it, and its git attributes allow no merge", False
        return ("both added it, differently" if base is None else "both changed the same part"), True

    def _is_text(self, entry: Entry) -> bool:
        return entry.mode not in (SYMLINK, SUBMODULE) and b"\0" not in self._ground.objects.blob(entry.oid)[:_LOOKED_AT]

    def _theirs(self, decision: Decision, planned: Planned) -> Theirs | None:
        hold = self._record.hold(decision.unit)
        tip = hold.theirs_commit if hold is not None and hold.theirs_commit else planned.sides.upstream_commit
        if tip is None or not self._ground.objects.has(tip):
            return None
        scope = [] if decision.unit == "." else [decision.unit]
        arguments = ("log", "-1", "--format=%H%x00%an <%ae>%x00%aI", tip, "--", *scope)
        found = zsplit(self._ground.git.run("--literal-pathspecs", *arguments).stdout.rstrip(b"\n"))
        return Theirs(found[0], found[1], datetime.fromisoformat(found[2])) if found else None


def _is_held(decision: Decision) -> bool:
    return decision.in_conflict and decision.view.local != decision.view.remote and not decision.view.unread


def _base(decision: Decision) -> Content:
    """Return what both sides come from; the first, where there are two."""
    bases = decision.bases or bases_of(decision.view, decision.view.held)
    return bases[0].content if bases else {}


def _union(contents: Iterable[Content]) -> Content:
    return {path: entry for content in contents for path, entry in content.items()}


def _only(content: Content, path: str) -> Content:
    return {path: content[path]} if path in content else {}


def _crowded(path: str, paths: Collection[str]) -> str | None:
    """Return why a path and others cannot be in one tree, None where they can."""
    if any(other.startswith(path + "/") for other in paths) or any(path.startswith(other + "/") for other in paths):
        return "a file on one side, a directory on the other"
    return None


def _in_full(ground: Ground, found: Held) -> Versions:
    objects = ground.objects
    sides = (found.base, found.local, found.remote)
    trees = [objects.apply(EMPTY_TREE, dict(side)) for side in sides]
    merged = None if found.merged is None else objects.apply(EMPTY_TREE, dict(found.merged))
    entries = (e for file in found.files for e in (file.base, file.local, file.remote, file.merged) if e is not None)
    blobs = {entry.oid: objects.blob(entry.oid) for entry in entries if entry.mode != SUBMODULE}
    return Versions(
        held=found,
        blobs=blobs,
        local_diff=patch(ground.git, trees[0], trees[1]),
        remote_diff=patch(ground.git, trees[0], trees[2]),
        merged_diff=None if merged is None else patch(ground.git, trees[1], merged),
        tool_settings=_tool_settings(ground) if ground.settings.trusted else {},
    )


def _tool_settings(ground: Ground) -> dict[str, str]:
    """Return which merge tool the repository's own settings name, and how it is run; the last value counts."""
    done = ground.git.run("config", "--local", "-z", "--get-regexp", _TOOL_SETTINGS, check=False)
    pairs = (item.partition("\n") for item in zsplit(done.stdout))
    return {key: value for key, newline, value in pairs if newline}
