"""What needs a person, kept so that it is said once, also over restarts; and who was told of it with which message."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import delete, select, update

from gitferry.store import models
from gitferry.store.store import Store


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert as it is kept. `repository` and `subject` are empty where it is about none."""

    id: str
    kind: str
    repository: str
    subject: str
    said: str
    remedy: str
    since: datetime
    raised: datetime


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One alert and one target that is told of it; `ended`: it was, or it never will be."""

    alert: str
    target: str
    message: str
    ended: bool


class AlertLike(Protocol):
    """An alert as it is given."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def repository(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def said(self) -> str: ...
    @property
    def remedy(self) -> str: ...
    @property
    def since(self) -> datetime: ...
    @property
    def raised(self) -> datetime: ...


class StoredAlerts:
    """The two tables. Every method is one transaction and may raise StoreError."""

    def __init__(self, store: Callable[[], Store]) -> None:
        """`store` gives the open database: it may be another one after a damaged one was moved aside."""
        self._store = store

    def open(self) -> tuple[AlertRow, ...]:
        """Return what is not over, the oldest first."""
        with self._store().reading() as session:
            rows = session.scalars(select(models.Alert).order_by(models.Alert.raised, models.Alert.id))
            return tuple(AlertRow(**{name: getattr(row, name) for name in AlertRow.__slots__}) for row in rows)

    def change(self, raised: Iterable[AlertLike], over: Iterable[str]) -> None:
        """Keep these, and forget those of these ids with all that was told of them."""
        with self._store().writing() as session:
            for each in raised:
                values = {name: getattr(each, name) for name in AlertRow.__slots__}
                session.merge(models.Alert(**values | {"kind": str(each.kind)}))
            for gone in over:
                session.execute(delete(models.Alert).where(models.Alert.id == gone))

    def notices(self, target: str) -> tuple[NoticeRow, ...]:
        """Return what one target was told, or is to be."""
        with self._store().reading() as session:
            rows = session.scalars(select(models.Notice).where(models.Notice.target == target))
            return tuple(NoticeRow(**{name: getattr(row, name) for name in NoticeRow.__slots__}) for row in rows)

    def begin(self, target: str, message: str, alerts: Iterable[str]) -> None:
        """Keep which alerts a message to a target tells, before it is sent; those that are over meanwhile are left."""
        with self._store().writing() as session:
            wanted = select(models.Alert.id).where(models.Alert.id.in_(tuple(alerts)))
            for alert in session.scalars(wanted):
                session.merge(models.Notice(alert=alert, target=target, message=message, ended=False))

    def end(self, target: str, message: str) -> None:
        """Keep that a message arrived, or never will."""
        same = (models.Notice.target == target, models.Notice.message == message)
        with self._store().writing() as session:
            session.execute(update(models.Notice).where(*same).values(ended=True))
