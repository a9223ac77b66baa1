"""Every push goes on record once, however it ends: accepted, refused, or found at the remote by a later crossing."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gitferry.config.errors import GitferryError
from gitferry.config.failpoints import fp
from gitferry.daemon.auditing import listed
from gitferry.pushback import operations
from gitferry.pushback.ground import opened
from gitferry.repos.git import Git, GitCancelled
from gitferry.repos.remote_error import RemoteError
from gitferry.repos.transport import Accepted, Refused, Seconds, Timeouts

if TYPE_CHECKING:
    from gitferry.config.model import Repository
    from gitferry.daemon.auditing import Auditing
    from gitferry.daemon.ledger import Ledger
    from gitferry.pushback.host import Host, Transport
    from gitferry.pushback.outcome import Operation
    from gitferry.store.rows import SentPush

log = logging.getLogger(__name__)

_USUAL = Seconds()
_HEADS = "refs/heads/"


class Pushes:
    """Gives each crossing a transport that notes what it sends, and puts on record what came of it."""

    def __init__(
        self,
        auditing: Auditing,
        ledger: Ledger,
        count: Callable[[str, str], None] = lambda repository, status: None,
    ) -> None:
        """`count` is told each push as it goes on record: whose it was, and accepted, refused or failed."""
        self._auditing = auditing
        self._count = count
        self._ledger = ledger

    @contextmanager
    def noted(self, repository: Repository, host: Host) -> Iterator[Noted]:
        """Give the host whose transport notes pushes; at the end of the block those that arrived go on record."""
        transport = NotingTransport(host.transport, self, repository)
        noted = Noted(replace(host, transport=transport))
        try:
            yield noted
        finally:
            if transport.arrived:
                self._arrived(repository, host, list(transport.arrived.values()), noted.operation)

    def begins(self, push: SentPush) -> None:
        """Remember a push before anything is sent, so that its record survives this process."""
        try:
            self._ledger.open().push_begins(push)
        except GitferryError as error:
            log.error("a push could not be noted before it began: %s", error, extra={"action": "audit"})

    def unanswered(self, repository: str) -> tuple[SentPush, ...]:
        """Return the pushes of which nobody knows how they ended."""
        try:
            return self._ledger.open().sent_pushes(repository)
        except GitferryError as error:
            log.error("pushes without an answer cannot be read: %s", error, extra={"action": "audit"})
            return ()

    def failed(self, repository: Repository, git: Git, push: SentPush, result: str, reason: str) -> None:
        """Put on record that a push came to nothing."""
        try:
            detail = _detail(repository, git, push) | {"reason": reason} | _carried(git, push)
        except GitferryError as error:  # the crossing is to hear of the push, and not of this
            log.warning("what a push carried cannot be told: %s", error, extra={"action": "audit"})
            detail = {"repository": repository.name, "commit": push.commit, "from": push.expected or ""}
            detail |= {"remote": push.remote, "branch": push.branch, "reason": reason}
        self._settle(push, result, detail, key=f"push:{push.id}")

    def deleted(self, repository: Repository, remote: str, branch: str, commit: str, result: str) -> None:
        """Put on record that a branch was to be deleted at the remote."""
        detail = {"repository": repository.name, "remote": remote, "branch": branch, "commit": commit}
        self._auditing.record(
            "push.delete", subject=f"{repository.name} to {remote}/{branch}", result=result, detail=detail
        )

    def _arrived(self, repository: Repository, host: Host, arrived: list[Arrived], entered: Operation | None) -> None:
        try:
            with opened(repository, host) as ground:
                for one in arrived:
                    push = one.push
                    done = entered
                    if done is None or push.commit not in done.commits:
                        done = _operation_of(operations.read_all(ground.objects), push.commit)
                    told = _carried(ground.git, push) if done is None else _done(done)
                    detail = _detail(repository, ground.git, push) | told
                    if not one.acknowledged:
                        detail["acknowledged"] = "no"
                    if one.already:
                        detail["already"] = "yes"
                    place = ground.place.common_dir
                    key = f"push:{place}:{push.remote}/{push.branch}:{push.commit}"
                    self._settle(push, "accepted", detail, key=key)
        except GitferryError as error:
            # They are remembered, and the next crossing that sees the remote puts them on record.
            log.error("pushes could not be put on record: %s", error, extra={"action": "audit"})

    def _settle(self, push: SentPush, result: str, detail: dict[str, str], key: str) -> None:
        subject = f"{push.repository} to {push.remote}/{push.branch}"
        self._auditing.record("push", subject=subject, result=result, detail=detail, key=key)
        self._count(push.repository, result)
        fp("audit.push_recorded")
        if self._auditing.fault is None:
            try:
                self._ledger.open().push_ended(push.id)
            except GitferryError as error:
                log.error("a push that is on record cannot be forgotten: %s", error, extra={"action": "audit"})


@dataclass(slots=True)
class Noted:
    """What a crossing is given, and what it says of itself: the operation that it entered last."""

    host: Host
    operation: Operation | None = None


@dataclass(frozen=True, slots=True)
class Arrived:
    """A push that the remote has."""

    push: SentPush
    acknowledged: bool
    already: bool = False  # it had it before: what stood there was not moved by this push


@dataclass
class NotingTransport:
    """The transport of one crossing: what it sends is remembered first, and what the remote shows settles the rest."""

    inner: Transport
    pushes: Pushes
    repository: Repository
    arrived: dict[str, Arrived] = field(default_factory=dict)  # by the id of the push

    def remote_refs(self, git: Git, remote: str, *patterns: str, timeouts: Timeouts = _USUAL) -> dict[str, str]:
        """Return the refs that the remote shows."""
        refs = self.inner.remote_refs(git, remote, *patterns, timeouts=timeouts)
        for push in self.pushes.unanswered(self.repository.name):
            shown = refs.get(f"{_HEADS}{push.branch}")
            if push.remote == remote and shown == push.commit:
                self._note(push, acknowledged=False)
        return refs

    def fetch(
        self, git: Git, remote: str, branch: str, *, timeouts: Timeouts = _USUAL, tracking_ref: str | None = None
    ) -> str | None:
        """Fetch one branch and return its tip, None where the remote has no such branch."""
        tip = self.inner.fetch(git, remote, branch, timeouts=timeouts, tracking_ref=tracking_ref)
        for push in self.pushes.unanswered(self.repository.name):
            if (push.remote, push.branch) != (remote, branch) or push.id in self.arrived:
                continue
            if tip is not None and _contains(git, tip, push.commit):
                self._note(push, acknowledged=False)
            else:
                self.pushes.failed(
                    self.repository, git, push, "failed", "no answer came, and the remote does not have it"
                )
        return tip

    def push(
        self,
        git: Git,
        remote: str,
        branch: str,
        new: str,
        expected: str | None,
        *,
        timeouts: Timeouts = _USUAL,
        is_ancestor: Callable[[str, str], bool] | None = None,
    ) -> Accepted | Refused:
        """Move one branch from `expected` to a descendant of it."""
        push = self._begun(remote, branch, new, expected)
        try:
            answer = self.inner.push(git, remote, branch, new, expected, timeouts=timeouts, is_ancestor=is_ancestor)
        except GitCancelled:
            raise  # it may have arrived: who sees the remote next tells
        except GitferryError as error:
            if not (isinstance(error, RemoteError) and error.retry):
                self.pushes.failed(self.repository, git, push, "failed", error.title)
            raise
        if isinstance(answer, Refused):
            # At once: while the lane is locked no other process can look at the remote and tell it otherwise.
            self.pushes.failed(self.repository, git, push, "refused", f"{answer.kind}: {answer.message}")
        else:
            self._note(push, acknowledged=True, already=answer.already)
        return answer

    def delete(
        self, git: Git, remote: str, branch: str, expected: str, *, timeouts: Timeouts = _USUAL
    ) -> Accepted | Refused:
        """Delete a branch that stands at `expected`."""
        result = "failed"
        try:
            answer = self.inner.delete(git, remote, branch, expected, timeouts=timeouts)
            result = "refused" if isinstance(answer, Refused) else "accepted"
        finally:
            self.pushes.deleted(self.repository, remote, branch, expected, result)
        return answer

    def _begun(self, remote: str, branch: str, new: str, expected: str | None) -> SentPush:
        from gitferry.store.rows import SentPush

        push = SentPush(secrets.token_hex(8), self.repository.name, remote, branch, new, expected, datetime.now(UTC))
        self.pushes.begins(push)
        return push

    def _note(self, push: SentPush, *, acknowledged: bool, already: bool = False) -> None:
        self.arrived.setdefault(push.id, Arrived(push, acknowledged, already))


def _contains(git: Git, tip: str, commit: str) -> bool:
    return tip == commit or git.run("merge-base", "--is-ancestor", commit, tip, check=False).code == 0


def _operation_of(entered: list[operations.Entered], commit: str) -> Operation | None:
    return next((each.operation for each in entered if commit in each.operation.commits), None)


def _detail(repository: Repository, git: Git, push: SentPush) -> dict[str, str]:
    found = git.run("remote", "get-url", "--push", "--", push.remote, check=False)
    return {
        "repository": repository.name,
        "remote": push.remote,
        "url": found.text if found.code == 0 else "",  # its password is masked by the log
        "branch": push.branch,
        "commit": push.commit,
        "from": push.expected or "",
        "sent_at": push.at.isoformat(),
    }


def _done(operation: Operation) -> dict[str, str]:
    """What an operation tells of its push."""
    approved = dict.fromkeys(change.approved for change in operation.tasks if change.approved)
    return {
        "operation": operation.id,
        "cause": operation.cause,
        "commits": listed(operation.commits),
        "tasks": listed(change.path for change in operation.tasks if change.action != "pull"),
    } | ({"approved_by": listed(approved)} if approved else {})


def _carried(git: Git, push: SentPush) -> dict[str, str]:
    """What a push carried that no operation tells of: its commits and the files that they touch."""
    span = (push.commit, *((f"^{push.expected}",) if push.expected else ()))
    commits = git.run("rev-list", "--reverse", *span, "--", check=False).text.splitlines()
    against = push.expected or f"{push.commit}^"
    files = git.run("diff-tree", "-r", "--name-only", "-z", "--no-renames", against, push.commit, "--", check=False)
    names = files.stdout.decode("utf-8", "surrogateescape").split("\0") if files.code == 0 else []
    return {"commits": listed(commits), "files": listed(name for name in names if name)}
