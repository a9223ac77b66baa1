"""The index of what crossings came to: saved after each, read by every verb, and rebuilt when it is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Table, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from gitferry.store import models
from gitferry.store.engine import READS_ONLY, open_engine
from gitferry.store.faults import AmbiguousOperation, translated
from gitferry.store.migrate import migrate
from gitferry.store.rows import (
    KnownPath,
    OperationLike,
    OperationRow,
    OperationTaskRow,
    OutcomeLike,
    RepositoryRow,
    TaskLike,
    TaskRow,
)

_REPOSITORIES = models.Base.metadata.tables["repositories"]
_TASKS = models.Base.metadata.tables["tasks"]
_OPERATIONS = models.Base.metadata.tables["operations"]
_OPERATION_TASKS = models.Base.metadata.tables["operation_tasks"]

# What a crossing that did not push a task does not know: the last known value stays true.
_KEPT = frozenset({"last_registry_sync", "commit"})


class Store:
    """One open database, usable from any thread. Every method may raise StoreError."""

    def __init__(self, url: str) -> None:
        """Open `url`, creating and migrating what is missing. Raises CorruptStore, NewerStore, ForeignStore."""
        self._engine = open_engine(url)
        self._reader = self._engine.execution_options(**{READS_ONLY: True})
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
        """Remember one crossing in one transaction: the repository, the tasks it established, its operation."""
        with self._writing() as session:
            _save_repository(session, outcome)
            _save_tasks(session, outcome.repository, outcome.tasks)
            if outcome.operation is not None:
                _save_operations(session, outcome.repository, [outcome.operation])

    def replace_tasks(self, repository: str, states: Iterable[TaskLike]) -> None:
        """Remember a survey of all tasks: those it does not name are forgotten."""
        known = list(states)
        kept = {state.id for state in known}
        with self._writing() as session:
            _introduce(session, repository)
            stored = session.scalars(select(models.Task.id).where(models.Task.repository == repository)).all()
            gone = [{"gone": task} for task in stored if task not in kept]
            if gone:
                session.connection().execute(delete(_TASKS).where(_TASKS.c.id == bindparam("gone")), gone)
            _save_tasks(session, repository, known)

    def replace_operations(self, repository: str, operations: Iterable[OperationLike]) -> None:
        """Rebuild the log of one repository from what its refs tell."""
        with self._writing() as session:
            _introduce(session, repository)
            session.execute(delete(models.Operation).where(models.Operation.repository == repository))
            _save_operations(session, repository, list(operations))

    def remember_root(self, repository: str, root: KnownPath) -> None:
        """Remember which directory the root is, so that a vanished or replaced one is noticed."""
        with self._writing() as session:
            _introduce(session, repository)
            row = session.get_one(models.Repository, repository)
            row.known_path, row.known_device, row.known_inode = root.path, str(root.device), str(root.inode)

    def forget(self, repository: str) -> None:
        """Remove a repository with its tasks and operations from the index; git keeps what it has."""
        with self._writing() as session:
            session.execute(delete(models.Repository).where(models.Repository.name == repository))

    # What verbs ask

    def repositories(self) -> tuple[RepositoryRow, ...]:
        """Return every repository, by name."""
        with self._reading() as session:
            rows = session.scalars(select(models.Repository).order_by(models.Repository.name))
            return tuple(_repository_row(row) for row in rows)

    def repository(self, name: str) -> RepositoryRow | None:
        """Return one repository; None where no crossing was saved yet."""
        with self._reading() as session:
            row = session.get(models.Repository, name)
            return None if row is None else _repository_row(row)

    def tasks(self, repository: str | None = None) -> tuple[TaskRow, ...]:
        """Return the tasks of one repository or of all, by repository and path."""
        query = select(models.Task).order_by(models.Task.repository, models.Task.path)
        if repository is not None:
            query = query.where(models.Task.repository == repository)
        with self._reading() as session:
            return tuple(
                TaskRow(**{name: getattr(row, name) for name in TaskRow.__slots__}) for row in session.scalars(query)
            )

    def counts(self) -> dict[str, int]:
        """Return how many tasks there are of each push status that occurs."""
        query = select(models.Task.push_status, func.count()).group_by(models.Task.push_status)
        with self._reading() as session:
            return {status: count for status, count in session.execute(query)}

    def operations(self, repository: str | None = None, limit: int | None = None) -> tuple[OperationRow, ...]:
        """Return the operations of one repository or of all, newest first."""
        query = select(models.Operation).order_by(models.Operation.at.desc(), models.Operation.id.desc())
        if repository is not None:
            query = query.where(models.Operation.repository == repository)
        if limit is not None:
            query = query.limit(limit)
        with self._reading() as session:
            return tuple(_operation_row(row) for row in session.scalars(query))

    def operation(self, id: str) -> OperationRow | None:
        """Return the operation with this id, or the only one that the abbreviation `id` fits.

        Raises AmbiguousOperation, which lists some of those that fit.
        """
        with self._reading() as session:
            exact = select(models.Operation).where(models.Operation.id == id)
            starts = select(models.Operation).where(models.Operation.id.startswith(id, autoescape=True)).limit(5)
            rows = session.scalars(exact).all() or (session.scalars(starts).all() if id else [])
            if len(rows) > 1:
                fitting = ", ".join(f"{row.id} ({row.repository})" for row in rows)
                raise AmbiguousOperation(f"more than one operation is called {id}", f"one of: {fitting}")
            return _operation_row(rows[0]) if rows else None

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with translated(self._engine.url), Session(self._engine) as session, session.begin():
            yield session

    @contextmanager
    def _reading(self) -> Iterator[Session]:
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
    if outcome.branch is not None:
        first = update(_REPOSITORIES).where(_REPOSITORIES.c.name == outcome.repository)
        session.execute(first.where(_REPOSITORIES.c.first_branch.is_(None)).values(first_branch=outcome.branch))


def _introduce(session: Session, repository: str) -> None:
    """See that the row exists which tasks and operations refer to."""
    if session.get(models.Repository, repository) is None:
        session.add(models.Repository(name=repository))
        session.flush()


def _save_tasks(session: Session, repository: str, states: Iterable[TaskLike]) -> None:
    rows = [_copied(state, _TASKS) | {"repository": repository} for state in states]
    _upsert(session, _TASKS, rows, kept=_KEPT)


def _save_operations(session: Session, repository: str, operations: Sequence[OperationLike]) -> None:
    rows = [_copied(operation, _OPERATIONS) | {"repository": repository} for operation in operations]
    changes = [
        {
            "repository": repository,
            "operation": operation.id,
            "position": position,
            "task": change.task,
            "name": change.name,
            "path": change.path,
            "action": change.action,
            "files": change.files,
        }
        for operation in operations
        for position, change in enumerate(operation.tasks)
    ]
    _upsert(session, _OPERATIONS, rows)
    _upsert(session, _OPERATION_TASKS, changes)


def _copied(value: object, table: Table) -> dict[str, Any]:
    return {column.name: getattr(value, column.name) for column in table.columns}


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
        known = KnownPath(row.known_path, int(row.known_device), int(row.known_inode))
    values = {name: getattr(row, name) for name in RepositoryRow.__slots__ if name != "known_path"}
    return RepositoryRow(**values, known_path=known)


def _task_row(row: models.Task) -> TaskRow:
    return TaskRow(**{name: getattr(row, name) for name in TaskRow.__slots__})


def _operation_row(row: models.Operation) -> OperationRow:
    changes = tuple(
        OperationTaskRow(change.task, change.name, change.path, change.action, change.files) for change in row.tasks
    )
    values = {name: getattr(row, name) for name in OperationRow.__slots__ if name != "tasks"}
    return OperationRow(**values, tasks=changes)
