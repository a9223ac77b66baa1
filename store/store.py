"""The index of what crossings came to: saved after each, read by every verb, and rebuilt when it is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Table, bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from gitferry.store import models
from gitferry.store.audit import AuditTable
from gitferry.store.engine import READS_ONLY, open_engine
from gitferry.store.faults import translated
from gitferry.store.migrate import migrate
from gitferry.store.rows import KnownPath, OutcomeLike, RepositoryRow, SentPush, TaskLike, TaskRow

_REPOSITORIES = models.Base.metadata.tables["repositories"]
_TASKS = models.Base.metadata.tables["tasks"]

# What a crossing that did not push a task does not know: the last known value stays true.
_KEPT = frozenset({"last_registry_sync", "commit"})


class Store:
    """One open database, usable from any thread. Every method may raise StoreError."""

    def __init__(self, url: str) -> None:
        """Open `url`, creating and migrating what is missing. Raises CorruptStore, NewerStore, ForeignStore."""
        self._engine = open_engine(url)
        self._reader = self._engine.execution_options(**{READS_ONLY: True})
        #: The audit log's records.
        self.audit = AuditTable(self._engine)
        try:
            migrate(self._engine)
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Close every connection; the last one out folds the write-ahead log into the file."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What crossings tell

    def save_outcome(self, outcome: OutcomeLike) -> None:
        """Remember one crossing in one transaction: the repository and the tasks it established."""
        with self.writing() as session:
            _save_repository(session, outcome)
            _save_tasks(session, outcome.repository, outcome.tasks)

    def replace_tasks(self, repository: str, states: Iterable[TaskLike]) -> None:
        """Remember a survey of all tasks: those it does not name are forgotten."""
        known = list(states)
        kept = {state.id for state in known}
        with self.writing() as session:
            _introduce(session, repository)
            stored = session.scalars(select(models.Task.id).where(models.Task.repository == repository)).all()
            gone = [{"gone": task} for task in stored if task not in kept]
            if gone:
                session.connection().execute(delete(_TASKS).where(_TASKS.c.id == bindparam("gone")), gone)
            _save_tasks(session, repository, known)

    def remember_root(self, repository: str, root: KnownPath) -> None:
        """Remember which directory the root is, so that a vanished or replaced one is noticed."""
        with self.writing() as session:
            _introduce(session, repository)
            row = session.get_one(models.Repository, repository)
            row.known_path, row.known_url = root.path, root.url
            row.known_device, row.known_inode = str(root.device), str(root.inode)

    def forget(self, repository: str) -> None:
        """Remove a repository with its tasks from the index; git keeps what it has."""
        with self.writing() as session:
            session.execute(delete(models.Repository).where(models.Repository.name == repository))

    # What pushes tell before they begin

    def push_begins(self, push: SentPush) -> None:
        """Remember a push, so that one whose end nobody sees is looked for."""
        with self.writing() as session:
            session.add(models.SentPush(**{name: getattr(push, name) for name in SentPush.__slots__}))

    def push_ended(self, push_id: str) -> None:
        """Forget a push: the audit log tells of it."""
        with self.writing() as session:
            session.execute(delete(models.SentPush).where(models.SentPush.id == push_id))

    def sent_pushes(self, repository: str) -> tuple[SentPush, ...]:
        """Return the pushes of a repository whose end nobody saw, oldest first."""
        query = select(models.SentPush).where(models.SentPush.repository == repository).order_by(models.SentPush.at)
        with self.reading() as session:
            rows = session.scalars(query)
            return tuple(SentPush(**{name: getattr(row, name) for name in SentPush.__slots__}) for row in rows)

    # What verbs ask

    def repositories(self) -> tuple[RepositoryRow, ...]:
        """Return every repository, by name."""
        with self.reading() as session:
            rows = session.scalars(select(models.Repository).order_by(models.Repository.name))
            return tuple(_repository_row(row) for row in rows)

    def repository(self, name: str) -> RepositoryRow | None:
        """Return one repository; None where no crossing was saved yet."""
        with self.reading() as session:
            row = session.get(models.Repository, name)
            return None if row is None else _repository_row(row)

    def tasks(self, repository: str | None = None) -> tuple[TaskRow, ...]:
        """Return the tasks of one repository or of all, by repository and name."""
        query = select(models.Task).order_by(models.Task.repository, models.Task.name)
        if repository is not None:
            query = query.where(models.Task.repository == repository)
        with self.reading() as session:
            return tuple(
                TaskRow(**{name: getattr(row, name) for name in TaskRow.__slots__}) for row in session.scalars(query)
            )

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose writes are one transaction, for the stores of other tables."""
        with translated(self._engine.url), Session(self._engine) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads, and waits for no writer."""
        with translated(self._engine.url), Session(self._reader) as session, session.begin():
            yield session


def _save_repository(session: Session, outcome: OutcomeLike) -> None:
    row = {
        "name": outcome.repository,
        "state": outcome.state,
        "branch": outcome.branch,
        "head": outcome.head,
        "upstream": outcome.upstream,
        "ahead": outcome.ahead,
        "behind": outcome.behind,
        "pending": outcome.pending,
        "conflicts": outcome.conflicts,
        "waiting_for": outcome.waiting_for,
        "last_error": outcome.error,
        "hint": outcome.hint,
        "offline": outcome.offline,
        "notes": outcome.notes,
        "last_crossing_at": outcome.at,
    }
    _upsert(session, _REPOSITORIES, [row])


def _introduce(session: Session, repository: str) -> None:
    """See that the row exists which tasks refer to."""
    if session.get(models.Repository, repository) is None:
        session.add(models.Repository(name=repository))
        session.flush()


def _save_tasks(session: Session, repository: str, states: Iterable[TaskLike]) -> None:
    names = [column.name for column in _TASKS.columns if column.name != "repository"]
    rows = [{name: getattr(state, name) for name in names} | {"repository": repository} for state in states]
    _upsert(session, _TASKS, rows, kept=_KEPT)


def _upsert(session: Session, table: Table, rows: Sequence[dict[str, Any]], kept: frozenset[str] = frozenset()) -> None:
    """Insert rows, or update those whose key exists; an update to null leaves the columns `kept` alone."""
    if not rows:
        return
    connection = session.connection()
    # Both databases take the same ON CONFLICT clause; SQLAlchemy has no common spelling of it.
    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table)
    key = [column.name for column in table.primary_key]
    changed = {
        name: func.coalesce(statement.excluded[name], table.c[name]) if name in kept else statement.excluded[name]
        for name in rows[0]
        if name not in key
    }
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), list(rows))


def _repository_row(row: models.Repository) -> RepositoryRow:
    known = None
    if row.known_path is not None and row.known_device is not None and row.known_inode is not None:
        known = KnownPath(row.known_path, int(row.known_device), int(row.known_inode), row.known_url)
    values = {name: getattr(row, name) for name in RepositoryRow.__slots__ if name != "known_path"}
    return RepositoryRow(**values, known_path=known)
