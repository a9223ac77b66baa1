"""The tables. They index what git holds and can be made again from it, but for the vault's two and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from gitferry.store.columns import GitText, Instant, StoredText, TextList

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
    """A repository as its last crossing left it, and which directory and remote it was."""

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
    known_path: Mapped[str | None]
    known_device: Mapped[str | None]  # text: device and inode numbers are unsigned 64 bit
    known_inode: Mapped[str | None]
    known_url: Mapped[str | None]


class Task(Base):
    """What of a task its repository does not tell: when it last travelled, and as which commit."""

    __tablename__ = "tasks"
    __table_args__ = (Index(None, "repository"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    repository: Mapped[str] = mapped_column(String(255), ForeignKey("repositories.name", ondelete="CASCADE"))
    name: Mapped[str]
    push_status: Mapped[str] = mapped_column(String(32))
    last_registry_sync: Mapped[datetime | None]
    commit: Mapped[str | None]
    pull_request_url: Mapped[str | None]


class VaultKey(Base):
    """A key of the vault: where it comes from and how it proves to be the one, never the key itself."""

    __tablename__ = "vault_keys"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(16))
    parameters: Mapped[str] = mapped_column(Text)
    created: Mapped[str] = mapped_column(String(32))
    proof: Mapped[bytes] = mapped_column(LargeBinary)
    forward: Mapped[bytes | None] = mapped_column(LargeBinary)
    back: Mapped[bytes | None] = mapped_column(LargeBinary)


class Credential(Base):
    """A credential, sealed. Times are text: what is bound to the seal must come out byte for byte."""

    __tablename__ = "credentials"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(16))
    username: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int]
    created: Mapped[str] = mapped_column(String(32))
    rotated: Mapped[str] = mapped_column(String(32))
    expires: Mapped[str | None] = mapped_column(String(32))
    key_id: Mapped[str] = mapped_column(String(32))
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    last_used: Mapped[str | None] = mapped_column(String(32))


class AuditRecord(Base):
    """One record of the audit log. Nothing else remembers it: `audit export` keeps it beyond this database."""

    __tablename__ = "audit_records"
    __table_args__ = (Index(None, "key", unique=True), Index(None, "at"))

    sequence: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False
    )
    at: Mapped[str] = mapped_column(StoredText)
    action: Mapped[str] = mapped_column(StoredText)
    actor: Mapped[str] = mapped_column(StoredText)
    subject: Mapped[str] = mapped_column(StoredText)
    result: Mapped[str] = mapped_column(StoredText)
    detail: Mapped[str] = mapped_column(StoredText)
    key: Mapped[str | None] = mapped_column(StoredText)
    previous: Mapped[str] = mapped_column(StoredText)
    hash: Mapped[str] = mapped_column(StoredText)


class SentPush(Base):
    """A push that was begun and of which the audit log does not tell yet."""

    __tablename__ = "sent_pushes"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    repository: Mapped[str] = mapped_column(String(255), index=True)
    remote: Mapped[str]
    branch: Mapped[str]
    commit: Mapped[str] = mapped_column(String(64))
    expected: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime]


class Alert(Base):
    """Something that needs a person and is not over. It is removed when it is."""

    __tablename__ = "alerts"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    repository: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str]
    said: Mapped[str]
    remedy: Mapped[str]
    since: Mapped[datetime]
    raised: Mapped[datetime]


class Notice(Base):
    """An alert that one target of notifications is told of, and with which message."""

    __tablename__ = "notices"

    alert: Mapped[str] = mapped_column(String(32), ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True)
    target: Mapped[str] = mapped_column(String(64), primary_key=True)
    message: Mapped[str] = mapped_column(String(64))
    ended: Mapped[bool]
