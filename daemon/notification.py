"""One message of notifications: which alerts it tells, as text for a person and as an object for a program. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gitferry.config.errors import GitferryError
from gitferry.daemon.rows import instant
from gitferry.security.redact import redact

if TYPE_CHECKING:
    from gitferry.daemon.alerts import Alert

_LINES = 6  # a desktop's bubble holds hardly more


class NotDelivered(GitferryError):
    """A message did not get through. `passing`: the same may work later without anyone acting."""

    def __init__(self, title: str, hint: str = "", *, passing: bool = True) -> None:
        super().__init__(title, hint)
        self.passing = passing


@dataclass(frozen=True, slots=True)
class Message:
    """Alerts that are told together. `id` is the same at every try; `host` is the machine that sends it."""

    id: str
    at: datetime
    host: str
    alerts: tuple[Alert, ...]

    def summary(self) -> str:
        """Return one line."""
        if len(self.alerts) > 1:
            return f"gitferry: {len(self.alerts)} things need you"
        return f"gitferry: {_where(self.alerts[0])}needs you"

    def lines(self) -> list[str]:
        """Return a line an alert, of many the first."""
        if len(self.alerts) == 1:
            return [redact(self.alerts[0].said), redact(self.alerts[0].remedy)]
        lines = [redact(f"{_where(each, ': ')}{each.said}") for each in self.alerts[:_LINES]]
        more = len(self.alerts) - _LINES
        return [*lines, f"and {more} more: gitferry status"] if more > 0 else lines

    def payload(self) -> dict[str, Any]:
        """Return the object that webhooks carry; its form is that of the Standard Webhooks specification."""
        return {
            "type": "gitferry.attention",
            "timestamp": instant(self.at),
            "data": {"host": self.host, "alerts": [alert_row(each) for each in self.alerts]},
        }


def alert_row(alert: Alert) -> dict[str, Any]:
    """Return the row of an alert, as the API and webhooks tell it."""
    return {
        "id": alert.id,
        "kind": alert.kind.value,
        "repository": alert.repository or None,
        "subject": alert.subject or None,
        "message": redact(alert.said),
        "remedy": redact(alert.remedy),
        "since": instant(alert.since),
        "raised_at": instant(alert.raised),
    }


def _where(alert: Alert, after: str = " ") -> str:
    return f"{alert.repository}{after}" if alert.repository else ""
