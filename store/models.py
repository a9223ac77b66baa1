"""The tables. They index what git holds: every row can be made again from the repositories."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from gitferry.store.columns import GitText, Instant, TextList

# Names that do not depend on the database, so that later migrations can drop what an earlier one made.
_NAMES = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """What all tables share."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map: ClassVar[dict[object, object]] = {str: GitText, datetime: Instant, tuple[str, ...]: TextList}


class Repository(Base):
    """A repository as its last crossing left it, and what was seen of it first."""

    __tablename__ = "repositories"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    state: Mapped[str] = mapped_column(String(32), default="unknown")
    branch: Mapped[str | None]
    head: Mapped[str | None]
    upstream: Mapped[str | None]
    ahead: Mapped[int] = mapped_column(default=0)
    behind: Mapped[int] = mapped_column(default=0)
    pending: Mapped[int] = mapped_column(default=0)
    conflicts: Mapped[int] = mapped_column(default=0)
    waiting_for: Mapped[str | None]
    last_error: Mapped[str | None]
    hint: Mapped[str | None]
    offline: Mapped[bool] = mapped_column(default=False)
    notes: Mapped[tuple[str, ...]] = mapped_column(default=())
    last_crossing_at: Mapped[datetime | None]
    first_branch: Mapped[str | None]
    known_path: Mapped[str | None]
    known_device: Mapped[str | None]  # text: device and inode numbers are unsigned 64 bit
    known_inode: Mapped[str | None]


class Task(Base):
    """A task as the last crossing or survey that looked at it saw it."""

    __tablename__ = "tasks"
    __table_args__ = (Index(None, "repository", "name"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    repository: Mapped[str] = mapped_column(String(255), ForeignKey("repositories.name", ondelete="CASCADE"))
    name: Mapped[str]
    path: Mapped[str]
    kind: Mapped[str] = mapped_column(String(16))
    version: Mapped[str | None]
    push_status: Mapped[str] = mapped_column(String(32), index=True)
    reason: Mapped[str | None]
    modified: Mapped[bool]
    local_modification_time: Mapped[datetime | None]
    last_registry_sync: Mapped[datetime | None]
    commit: Mapped[str | None]
    pull_request_url: Mapped[str | None]


class Operation(Base):
    """An operation. Its id is only unique in its repository: two copies of one share their refs' names."""

    __tablename__ = "operations"
    __table_args__ = (Index(None, "repository", "at"), Index(None, "id"))

    repository: Mapped[str] = mapped_column(
        String(255), ForeignKey("repositories.name", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime]
    cause: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(16))
    host: Mapped[str]
    user: Mapped[str]
    commits: Mapped[tuple[str, ...]]
    head_before: Mapped[str | None]
    head_after: Mapped[str | None]
    upstream_before: Mapped[str | None]
    upstream_after: Mapped[str | None]
    undoable: Mapped[bool]
    undoes: Mapped[str | None]
    tasks: Mapped[list[OperationTask]] = relationship(
        order_by="OperationTask.position", lazy="selectin", passive_deletes=True
    )


class OperationTask(Base):
    """What an operation did to one task."""

    __tablename__ = "operation_tasks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["repository", "operation"], ["operations.repository", "operations.id"], ondelete="CASCADE"
        ),
    )

    repository: Mapped[str] = mapped_column(String(255), primary_key=True)
    operation: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    task: Mapped[str] = mapped_column(String(64))
    name: Mapped[str]
    path: Mapped[str]
    action: Mapped[str] = mapped_column(String(16))
    files: Mapped[tuple[str, ...]]
