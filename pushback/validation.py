"""Everything that is checked before a task's content leaves: schemas, conflict markers, credentials, names, sizes.

A manifest that cannot be read is found earlier, while planning (`describe.facts`), and how much one push may carry is
weighed there too (`guards`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gitferry.config.model import Repository
from gitferry.config.units import write_size
from gitferry.pushback.findings import Finding, Weight
from gitferry.pushback.marker_check import USUAL_SIZE, forgotten, may_hold_markers
from gitferry.pushback.name_check import names
from gitferry.pushback.own_changes import against_parents, own
from gitferry.pushback.remembered import key_of
from gitferry.pushback.schema_process import SchemaWorkers
from gitferry.pushback.schema_rules import SchemaRules
from gitferry.pushback.validated import Validated, Verdict
from gitferry.repos.added import added
from gitferry.repos.content import REGULAR, SUBMODULE, Content, Entry
from gitferry.repos.objects import CommitInfo, Objects
from gitferry.repos.tasks import Unit


class Validator:
    """Checks what one crossing of a repository would push; for one thread.

    `known` keeps what was found for the next crossings, `workers` the process that applies schemas.
    """

    def __init__(self, objects: Objects, settings: Repository, known: Validated, workers: SchemaWorkers) -> None:
        self._objects = objects
        self._pushback = settings.pushback
        self._known = known
        self._schemas = SchemaRules(objects, settings, workers)
        source = self._schemas.source
        self._settings = (
            settings.tasks.manifests,
            None if source is None else (source.path, source.version),
            settings.pushback.secrets,
            settings.pushback.secrets_ignore,
            settings.pushback.limits.file,
        )

    def task(self, unit: Unit, before: Content, after: Content, tree: str) -> tuple[Finding, ...]:
        """Return what speaks against giving the remote `after` in the place of `before`.

        Both have the paths of the task that differ anywhere; `tree` is the root tree that `after` would stand in. A
        task that is deleted has nothing against it.
        """
        if not after:
            return ()
        new = [path for path in after if path not in before]
        return (*self._content(unit, before, after, tree), *(names(self._objects, tree, new) if new else ()))

    def commits(self, oids: Iterable[str]) -> tuple[tuple[str, Finding], ...]:
        """Return what speaks against pushing the user's own commits, each with the commit that it is in.

        What a commit adds is what its first parent lacks, and, of a merge, what every parent has otherwise.
        """
        wanted = tuple(oids)
        keys = {oid: key_of("commit", oid, self._settings) for oid in wanted}
        verdicts = {oid: self._known.get(key) for oid, key in keys.items()}
        new = [oid for oid in wanted if verdicts[oid] is None]
        secrets: dict[str, list[Finding]] = {}
        for oid, finding in self._secrets_in_commits(new):
            secrets.setdefault(oid, []).append(finding)
        for oid in new:
            found, lasting = self._commit(self._objects.info(oid))
            verdict = verdicts[oid] = Verdict((*found, *secrets.get(oid, ())))
            if lasting:
                self._known.put(keys[oid], verdict)
        told = ((oid, verdicts[oid]) for oid in wanted)
        return tuple((oid, finding) for oid, verdict in told if verdict is not None for finding in verdict.findings)

    # -- one task

    def _content(self, unit: Unit, before: Content, after: Content, tree: str) -> tuple[Finding, ...]:
        """Return what the task's own content has against it, remembered."""
        key = key_of("task", unit, sorted(before.items()), sorted(after.items()), self._settings)
        known = self._known.get(key)
        if known is not None and all(self._objects.at(tree, path) == entry for path, entry in known.rests_on):
            return known.findings
        rules = self._schemas.prepare(unit, before, after, tree)
        markers, lasting = self._markers(before, after)
        secrets = self._secrets(before, after)
        # Which file is the manifest depends on what else the directory holds.
        rests_on: tuple[tuple[str, Entry | None], ...] = ((unit.path, self._objects.at(tree, unit.path)),)
        rests_on = () if self._schemas.source is None else rests_on
        ruled: tuple[Finding, ...] = ()
        if rules is not None:
            answer = rules.apply(before, after)
            ruled, lasting = answer.findings, lasting and answer.lasting
            rests_on += answer.rests_on
        findings = (*ruled, *markers, *secrets)
        if lasting:
            self._known.put(key, Verdict(findings, rests_on))
        return findings

    def _markers(self, before: Content, after: Content) -> tuple[list[Finding], bool]:
        """Return the conflicts that were forgotten, and whether that depends on nothing but the contents."""
        found: list[Finding] = []
        lasting = True
        moved = {entry.oid for entry in before.values()}
        for path, entry in after.items():
            if entry.mode not in REGULAR or entry.oid in moved:
                continue
            data = self._objects.blob(entry.oid)
            if may_hold_markers(data):
                lasting = False  # an attribute decides
                old = before.get(path)
                found += self._forgotten(path, None if old is None else self._text(old), data)
        return found, lasting

    def _forgotten(self, path: str, old: bytes | None, new: bytes) -> Iterator[Finding]:
        for line in forgotten(old, new, self._marker_size(path), added):
            remedy = "settle the conflict in the file, or indent the lines that show one"
            yield Finding(
                "markers", Weight.STOP, path, "a conflict is not settled: its markers stand here", remedy, line
            )

    def _marker_size(self, path: str) -> int:
        """Return how many signs a conflict marker has in a file. Source: gitattributes(5), conflict-marker-size."""
        value = self._objects.repo.get_attr(path.encode("utf-8", "surrogateescape"), "conflict-marker-size")
        return int(value) if isinstance(value, str) and value.isdecimal() and int(value) > 0 else USUAL_SIZE

    def _text(self, entry: Entry) -> bytes | None:
        return self._objects.blob(entry.oid) if entry.mode in REGULAR else None

    # -- credentials

    def _secrets(self, before: Content, after: Content) -> Iterable[Finding]:
        if self._pushback.secrets == "off":
            return ()
        from gitferry.pushback.secret_scan import secrets_in  # it takes its time

        found = secrets_in(self._objects, before, after, ignore=self._pushback.secrets_ignore)
        return [self._weighed(finding) for finding in found]

    def _secrets_in_commits(self, oids: list[str]) -> Iterator[tuple[str, Finding]]:
        if self._pushback.secrets == "off" or not oids:
            return
        from gitferry.pushback.secret_scan import secrets_in_commits  # it takes its time

        for oid, finding in secrets_in_commits(self._objects, oids, ignore=self._pushback.secrets_ignore):
            yield oid, self._weighed(finding)

    def _weighed(self, finding: Finding) -> Finding:
        """Return a finding as heavy as the settings have it (`pushback.secrets`)."""
        warns = self._pushback.secrets == "warn" and finding.weight is Weight.STOP
        return replace(finding, weight=Weight.WARN) if warns else finding

    # -- one commit

    def _commit(self, commit: CommitInfo) -> tuple[list[Finding], bool]:
        """Return the forgotten markers and the too large files of a commit, and whether that will stay so."""
        objects, limit = self._objects, self._pushback.limits.file
        parents = against_parents(objects, commit)
        paths = own(parents)
        after = objects.content(commit.tree, sorted(paths))
        found: list[Finding] = []
        small: dict[str, Entry] = {}
        for path, entry in after.items():
            size = 0 if entry.mode == SUBMODULE else objects.size(entry.oid)
            if size > limit:
                message = f"{size:,} bytes, over {write_size(limit)} (pushback.limits.file)"
                remedy = "take it out of the commit (git commit --amend, git rebase -i), or raise the limit"
                found.append(Finding("size", Weight.STOP, path, message, remedy))
            else:
                small[path] = entry
        lasting = True
        sides = []
        for parent in parents:
            markers, certain = self._markers(objects.content(parent.tree, paths), small)
            sides.append(markers)
            lasting = lasting and certain
        found += [finding for finding in sides[0] if all(finding in side for side in sides)]
        return found, lasting
