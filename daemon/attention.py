"""What needs a person: noticed, kept and told, joined for one house."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gitferry.daemon.alerting import Alerting
from gitferry.daemon.alerts import NO_ALERTS
from gitferry.daemon.clock_watch import since_boot
from gitferry.daemon.notification import alert_row
from gitferry.daemon.notifying import Notifying, target_of
from gitferry.daemon.stop_limit import beside

if TYPE_CHECKING:
    from gitferry.config.model import Settings
    from gitferry.daemon.board import Board, Known
    from gitferry.daemon.ledger import Ledger
    from gitferry.daemon.roster import Roster
    from gitferry.daemon.vitals import Vital, Vitals
    from gitferry.security.credential import Credential
    from gitferry.security.vault import Vault
    from gitferry.store.alerts import StoredAlerts


class Standing:
    """What is known of everything at this moment, for whoever looks for what needs a person."""

    def __init__(
        self, roster: Roster, board: Board, vitals: Vitals, vault: Vault, clock: Callable[[], datetime]
    ) -> None:
        self._roster = roster
        self._board = board
        self._vitals = vitals
        self._vault = vault
        self._clock = clock

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._roster.settings

    @property
    def settings_error(self) -> str | None:
        """Why the settings file cannot be used; None: it is in force."""
        return self._roster.settings_error

    def standing(self, name: str) -> tuple[Known, Vital]:
        """Return what is known of a repository."""
        return self._board.get(name), self._vitals.standing(name, since_boot())

    def credentials(self) -> Iterable[Credential]:
        """Return what stands in the clear of the vault's credentials. Raises GitferryError."""
        return self._vault.listed()

    def now(self) -> datetime:
        """Return the time of day."""
        return self._clock()


class Attention:
    """Nothing runs until `start`; before it, and without a daemon, what is open can be read."""

    def __init__(self, facts: Standing, ledger: Ledger, vault: Vault, environ: Mapping[str, str], host: str) -> None:
        def stored() -> StoredAlerts:
            from gitferry.store.alerts import StoredAlerts

            return StoredAlerts(ledger.open)

        self._facts = facts
        self._vault = vault
        self._started = False
        self._notifying = Notifying(stored, environ, host=host)
        self._alerting = Alerting(facts, stored, news=self._notifying.news)

    def start(self) -> None:
        """Begin to look, and to tell."""
        self._started = True
        self.settings_changed()
        self._notifying.start()
        self._alerting.start()

    def close(self) -> None:
        """End both threads."""
        with beside(self._alerting.close):
            self._notifying.close()

    def heard(self, name: str) -> None:
        """A repository crossed."""
        self._alerting.heard(name)

    def settings_changed(self) -> None:
        """The settings were read: they may tell others, or have a fault."""
        if not self._started:
            return

        def secret(name: str) -> str:
            return self._vault.login(name, "notifications").secret.decode("utf-8", "replace")

        self._notifying.set(tuple(target_of(each, secret) for each in self._facts.settings.notifications))
        self._alerting.hurry()

    def online(self) -> None:
        """The network is back, or the machine woke up."""
        self._notifying.hurry()

    def alerts(self) -> list[dict[str, Any]]:
        """Return the rows of what is open, the oldest first."""
        return [alert_row(each) for each in self._alerting.open() if each.kind not in NO_ALERTS]

    def told(self) -> list[dict[str, str | None]]:
        """Return a row for each target of notifications, and why it cannot be told."""
        return self._notifying.standing()
