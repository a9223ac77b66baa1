"""What a task's content would be, checked as a push would: the bench of the tests of validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gitferry.config.model import Pushback, Repository, Tasks
from gitferry.pushback.findings import Finding
from gitferry.pushback.schema_process import SchemaWorkers
from gitferry.pushback.validated import Validated
from gitferry.pushback.validation import Validator
from gitferry.repos.content import FILE, Entry
from gitferry.repos.objects import Objects
from gitferry.repos.tasks import Kind, Unit
from gitferry.tests.repo import Repo

TASK = "tasks/word-count"


@dataclass
class Bench:
    """A clone, and changes to it that stand in trees only."""

    repo: Repo
    tasks: dict[str, Any] = field(default_factory=dict)
    pushback: dict[str, Any] = field(default_factory=dict)
    known: Validated = field(default_factory=Validated)
    workers: SchemaWorkers = field(default_factory=SchemaWorkers)
    _made: tuple[Repository, Validator] | None = None

    def __post_init__(self) -> None:
        self.objects = Objects(self.repo.root / ".git")

    def settings(self) -> Repository:
        """The settings as a file would give them."""
        pushback = Pushback(**{"secrets": "off", **self.pushback})
        return Repository(name="tasks", path=self.repo.root, pushback=pushback, tasks=Tasks(**self.tasks))

    def tree(self, changes: Mapping[str, str | bytes | Entry | None], base: str | None = None) -> str:
        """The root tree of HEAD, or `base`, with files changed; None removes one."""
        return self.objects.apply(
            base or self.objects.tree_of(self.repo.head),
            {path: self._entry(content) for path, content in changes.items()},
        )

    def _entry(self, content: str | bytes | Entry | None) -> Entry | None:
        if content is None or isinstance(content, Entry):
            return content
        return Entry(FILE, self.objects.write_blob(content.encode() if isinstance(content, str) else content))

    def check(
        self,
        changes: Mapping[str, str | bytes | Entry | None],
        *,
        unit: str = TASK,
        kind: Kind = "directory",
        base: str | None = None,
    ) -> list[str]:
        """What speaks against the changes: weight and text of each finding."""
        return [shown(finding) for finding in self.findings(changes, unit=unit, kind=kind, base=base)]

    def findings(
        self,
        changes: Mapping[str, str | bytes | Entry | None],
        *,
        unit: str = TASK,
        kind: Kind = "directory",
        base: str | None = None,
    ) -> tuple[Finding, ...]:
        """The findings themselves."""
        old = base or self.objects.tree_of(self.repo.head)
        new = self.tree(changes, old)
        before, after = self.objects.content(old, changes), self.objects.content(new, changes)
        return self.validator().task(Unit(unit, kind, carry=True), before, after, new)

    def validator(self) -> Validator:
        """The validator of the settings: the one before, where they are the same."""
        settings = self.settings()
        if self._made is None or self._made[0] != settings:
            self._made = (settings, Validator(self.objects, settings, self.known, self.workers))
        return self._made[1]

    def commits(self, *oids: str) -> list[str]:
        """What speaks against commits: subject, weight and text."""
        found = self.validator().commits(oids)
        return [f"{self.repo.git('log', '-1', '--format=%s', oid)}: {shown(finding)}" for oid, finding in found]


def shown(finding: Finding) -> str:
    """A finding without its remedy."""
    place = finding.path if finding.line is None else f"{finding.path}:{finding.line}"
    return f"{finding.weight} {place}: {finding.message}"
