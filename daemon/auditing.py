"""What goes on the audit log's record, and that a log which cannot be written is said and stops nothing."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gitferry.config.errors import GitferryError

if TYPE_CHECKING:
    from gitferry.config.model import Settings
    from gitferry.daemon.ledger import Ledger
    from gitferry.pushback.host import Host
    from gitferry.pushback.outcome import Outcome, TaskState
    from gitferry.security.audit import AuditLog

log = logging.getLogger(__name__)

_PRUNE_EVERY = 86_400.0  # seconds
_NAMED = 50  # keys, commits, files or tasks that one record lists


class Auditing:
    """Puts on record what people and crossings do. `fault` is the sentence that says why it could not, None if it did.

    Nothing here may be called inside a transaction of the index, which shares the log's database.
    """

    def __init__(self, ledger: Ledger, state_dir: Path, host: Host, keep: Callable[[], int] | None) -> None:
        """`keep` tells how many days records are kept; None: nothing is removed here."""
        self.fault: str | None = None
        self._ledger = ledger
        self._state_dir = state_dir
        self._host = host
        self._keep = keep
        self._pruned_at: float | None = None

    def log(self) -> AuditLog:
        """Return the log itself, to be read. Raises StoreError."""
        from gitferry.security.audit import AuditLog

        return AuditLog(self._ledger.open().audit, self._state_dir, host=self._host.hostname, clock=self._host.clock)

    def record(
        self,
        action: str,
        *,
        actor: str | None = None,
        subject: str,
        result: str,
        detail: Mapping[str, str],
        key: str | None = None,
    ) -> None:
        """Put one thing on record, done by this process's user unless an `actor` is named."""
        try:
            written = self.log()
            written.record(
                action, actor=actor or self._host.user, subject=subject, result=result, detail=detail, key=key
            )
            self._prune(written)
        except GitferryError as error:
            if self.fault != error.title:
                log.error("%s could not be put on record: %s", action, error, extra={"action": "audit"})
            self.fault = f"the audit log lacks something: {error.title}"
        else:
            self.fault = None

    def words(self, states: Iterable[TaskState], *, granted: bool) -> None:
        """A person said a word on changes that need approval: approved, or rejected."""
        for state in states:
            detail = {"repository": state.repository, "task": state.path, "version": state.version_seen or ""}
            result = "approved" if granted else "rejected"
            self.record("approval", subject=_named(state), result=result, detail=detail)

    def resolution(self, state: TaskState, take: str, *, resolved: bool, outcome: Outcome) -> None:
        """A person answered a conflict."""
        detail = {"repository": state.repository, "task": state.path, "take": take} | _operation(outcome)
        self.record("resolution", subject=_named(state), result="resolved" if resolved else "open", detail=detail)

    def undo(self, repository: str, operation: str, outcome: Outcome) -> None:
        """A person had an operation undone."""
        done = outcome.operation is not None and outcome.operation.undoes == operation
        detail = {"repository": repository, "undoes": operation} | _operation(outcome)
        if outcome.error or outcome.waiting_for:
            detail["reason"] = outcome.error or outcome.waiting_for or ""
        self.record("undo", subject=f"{repository}/{operation}", result="done" if done else "failed", detail=detail)

    def paused(self, repository: str, until: datetime | None) -> None:
        """A person paused a repository."""
        detail = {"repository": repository, "until": until.astimezone(UTC).isoformat() if until else ""}
        self.record("pause", subject=repository, result="done", detail=detail)

    def resumed(self, repository: str) -> None:
        """A person let a repository cross again."""
        self.record("resume", subject=repository, result="done", detail={"repository": repository})

    def settings(self, path: Path, old: Settings | None, new: Settings) -> None:
        """Other settings are in force. Which keys changed is told, and no value; `old` None: nobody knows which."""
        from gitferry.config.changed import changed_keys

        self.settings_file(path, None if old is None else changed_keys(old, new))

    def settings_file(self, path: Path, keys: Iterable[str] | None) -> None:
        """The settings file is not the one last put on record; `keys` None: it changed while nobody looked."""
        from gitferry.security.audit import Wanted
        from gitferry.security.audit_chain import read_detail

        subject = str(path)
        try:
            now = hashlib.sha256(path.read_bytes()).hexdigest()
            newest = self.log().newest(Wanted(action="settings"))
            before = read_detail(newest.detail).get("new", "") if newest and newest.subject == subject else ""
        except (GitferryError, OSError) as error:
            log.error("the change of %s could not be put on record: %s", path, error, extra={"action": "audit"})
            self.fault = f"the audit log lacks something: the change of {path}"
            return
        if now != before:
            changed = "" if keys is None else listed(keys)
            detail = {"old": before, "new": now, "keys": changed}
            self.record("settings", subject=subject, result="first seen" if not before else "changed", detail=detail)

    def _prune(self, written: AuditLog) -> None:
        """Remove what is older than it is kept, at most once a day."""
        from gitferry.security.audit import Tampered

        now = time.monotonic()
        if self._keep is None:
            return
        if self._pruned_at is not None and now - self._pruned_at < _PRUNE_EVERY:
            return
        self._pruned_at = now
        try:
            gone = written.prune(self._host.clock() - timedelta(days=self._keep()))
        except Tampered as error:
            log.error("%s", error, extra={"action": "audit"})
            return
        if gone:
            log.info("%d audit records were older than they are kept", gone, extra={"action": "audit"})


def _named(state: TaskState) -> str:
    return f"{state.repository}/{state.name}"


def _operation(outcome: Outcome) -> dict[str, str]:
    return {} if outcome.operation is None else {"operation": outcome.operation.id}


def listed(names: Iterable[str]) -> str:
    """Return names as one text, a line each, of very many the first."""
    known = list(names)
    more = [f"and {len(known) - _NAMED} more"] if len(known) > _NAMED else []
    return "\n".join((*known[:_NAMED], *more))
