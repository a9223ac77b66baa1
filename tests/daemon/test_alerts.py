"""What needs a person: every kind, and that each is raised once and ends once whatever happens in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.config.errors import GitferryError
from gitferry.config.model import _EVENTS, Event, Repository, Settings
from gitferry.config.model import Health as Thresholds
from gitferry.daemon.alerting import Alerting
from gitferry.daemon.alerts import EVENTS, LONG, Alert, Concern, Kind, Look, difference, of_credentials, of_repository
from gitferry.daemon.board import Asking, Known
from gitferry.daemon.cli.status import _alerts
from gitferry.daemon.notification import alert_row
from gitferry.daemon.vitals import Vital
from gitferry.pushback.outcome import Lack, PushStatus
from gitferry.security.credential import Credential
from gitferry.store.alerts import StoredAlerts
from gitferry.store.store import Store

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
WELL = Known(state="healthy", looked=True, reached=True)
SEEN = Vital(seen=True)


def failing(times: int, seconds: float = 60.0) -> Vital:
    return Vital(failures=times, error="no", failing_for=seconds, seen=True)


def conflict(hours: float, path: str = "a") -> Asking:
    return Asking(path, path.upper(), PushStatus.CONFLICT, NOW - timedelta(hours=hours))


@pytest.mark.parametrize(
    ("known", "vital", "kinds"),
    [
        (WELL, SEEN, []),
        (Known(), Vital(), []),
        (WELL, failing(4), []),
        (WELL, failing(5), [Kind.FAILING]),
        (WELL, failing(2, LONG), [Kind.FAILING_LONG]),
        (WELL, failing(2, LONG - 1), []),
        (replace(WELL, offline=True), failing(5, LONG), [Kind.FAILING]),
        (replace(WELL, lacks=Lack.CREDENTIAL), SEEN, [Kind.CREDENTIAL_REFUSED]),
        (replace(WELL, lacks=Lack.VAULT), SEEN, [Kind.VAULT_LOCKED]),
        (replace(WELL, asking=(conflict(1),)), SEEN, [Kind.CONFLICT]),
        (replace(WELL, asking=(conflict(24),)), SEEN, [Kind.CONFLICT, Kind.CONFLICT_OLD]),
        (replace(WELL, asking=(Asking("a", "A", PushStatus.AWAITING_APPROVAL, None),)), SEEN, [Kind.APPROVAL]),
    ],
)
def test_what_of_a_repository_needs_a_person(known: Known, vital: Vital, kinds: list[Kind]) -> None:
    found = list(of_repository("work", known, vital, thresholds=Thresholds(), credential="work", now=NOW))
    assert [each.kind for each in found] == kinds
    assert all(each.said and each.remedy and each.repository == "work" for each in found)


def test_since_when() -> None:
    known = replace(WELL, asking=(conflict(30),))
    _, old = of_repository("work", known, SEEN, thresholds=Thresholds(), credential=None, now=NOW)
    assert old.since == NOW - timedelta(hours=30) and "since 2026-01-01" in old.said
    (failed,) = of_repository("work", WELL, failing(5, 90), thresholds=Thresholds(), credential=None, now=NOW)
    assert failed.since == NOW - timedelta(seconds=90)


def credential(name: str, days: float | None) -> Credential:
    expires = None if days is None else NOW + timedelta(days=days)
    return Credential(name, name, "token", None, 1, NOW, NOW, expires, None)


def test_credentials_that_expire() -> None:
    found = list(
        of_credentials([credential("a", None), credential("b", 30), credential("c", 5), credential("d", -1)], NOW)
    )
    assert [(each.kind, each.subject) for each in found] == [
        (Kind.CREDENTIAL_EXPIRING, "c"),
        (Kind.CREDENTIAL_EXPIRED, "d"),
    ]
    assert found[1].said == "the credential 'd' expired on 2026-01-01"
    assert found[1].remedy == "`gitferry credentials rotate d` takes a new one"


def test_every_event_of_the_settings_has_its_alerts() -> None:
    told: set[Event] = set(EVENTS.values())
    assert told == set(_EVENTS)


def alert(kind: Kind, repository: str = "work", subject: str = "") -> Alert:
    return Alert(f"{kind}{repository}{subject}", kind, repository, subject, "said", "do", NOW, NOW)


@pytest.mark.parametrize(
    ("kind", "known", "vital", "over"),
    [
        (Kind.FAILING, WELL, SEEN, True),
        (Kind.FAILING, replace(WELL, offline=True), SEEN, False),
        (Kind.FAILING, replace(WELL, looked=False), SEEN, False),
        (Kind.FAILING, WELL, failing(1), False),  # after a restart: it still fails
        (Kind.FAILING_LONG, WELL, Vital(), False),
        (Kind.CONFLICT, WELL, SEEN, True),
        (Kind.CONFLICT, replace(WELL, looked=False), SEEN, False),  # a rebase is under way: nobody looked
        (Kind.CONFLICT, WELL, Vital(), False),
        (Kind.CREDENTIAL_REFUSED, WELL, SEEN, True),
        (Kind.CREDENTIAL_REFUSED, replace(WELL, reached=False), SEEN, False),
        (Kind.VAULT_LOCKED, replace(WELL, lacks=Lack.CREDENTIAL), SEEN, False),
    ],
)
def test_when_one_is_over(kind: Kind, known: Known, vital: Vital, over: bool) -> None:
    look = Look(("work",), True, True, lambda name: False, lambda name: (known, vital))
    assert bool(difference([alert(kind)], [], look).over) is over


def test_what_a_look_did_not_judge_stays() -> None:
    look = Look((), False, True, lambda name: name == "gone", lambda name: (WELL, SEEN))
    raised = [alert(Kind.CONFLICT), alert(Kind.CONFLICT, "gone"), alert(Kind.CREDENTIAL_EXPIRED, "", "c")]
    assert [each.repository for each in difference(raised, [], look).over] == ["gone"]
    assert [each.kind for each in difference([alert(Kind.SETTINGS, "")], [], look).over] == [Kind.SETTINGS]


KEYS = st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"]))


@given(st.lists(st.tuples(st.sets(KEYS), st.sets(st.sampled_from(["a", "b"])), st.booleans()), max_size=30))
def test_each_is_raised_once_and_ends_once(steps: list[tuple[set[tuple[str, str]], set[str], bool]]) -> None:
    """Looks at some repositories each, with a restart, which forgets all but what is kept, before some."""
    kept: dict[tuple[str, str, str], Alert] = {}
    known: dict[str, tuple[Known, Vital]] = {}
    balance: Counter[tuple[str, str, str]] = Counter()
    for wanted, names, restarted in steps:
        known = {} if restarted else known
        known |= {name: (WELL, SEEN) for name in names}
        concerns = [Concern(Kind.CONFLICT, name, path, "", "", NOW) for name, path in wanted if name in names]
        look = Look(names, True, True, lambda name: False, lambda name: known.get(name, (Known(), Vital())))  # noqa: B023
        change = difference(kept.values(), concerns, look)
        for new in change.new:
            balance[new.key] += 1
            kept[new.key] = alert(new.kind, new.repository, new.subject)
        for gone in change.over:
            balance[gone.key] -= 1
            del kept[gone.key]
        assert set(balance.values()) <= {0, 1}
        there = {("conflict", *key) for key in wanted if key[0] in names}
        assert {key for key in kept if key[1] in names} == there


class House:
    """What a daemon knows, as this test says it."""

    def __init__(self) -> None:
        self.settings = Settings(repositories=(Repository(name="work", path=Path("/nowhere")),))
        self.settings_error: str | None = None
        self.known = WELL
        self.vital = SEEN
        self.expired: list[Credential] = []

    def standing(self, name: str) -> tuple[Known, Vital]:
        return self.known, self.vital

    def credentials(self) -> Iterable[Credential]:
        return self.expired

    def now(self) -> datetime:
        return NOW


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path / 'gitferry.db'}") as store:
        yield store


def log_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [record.getMessage() for record in caplog.records if record.name == "gitferry.daemon.alerting"]
    caplog.clear()
    return found


def test_an_alert_is_raised_once_and_ends_once_over_restarts(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    house = House()

    def process() -> Alerting:
        return Alerting(house, lambda: StoredAlerts(lambda: store))

    first = process()
    house.vital = failing(5)
    first.look()
    first.look(["work"])
    assert log_of(caplog) == ["work: it failed 5 times in a row: no; `gitferry status work` tells more"]
    (raised,) = first.open()
    house.vital = Vital()  # the next process knows nothing of failures
    second = process()
    assert second.open() == (raised,)
    second.look()
    house.vital = failing(1)
    second.look(["work"])
    assert second.open() == (raised,) and log_of(caplog) == []
    house.vital = SEEN
    second.look(["work"])
    second.look()
    assert second.open() == () and log_of(caplog) == ["work: over: it failed 5 times in a row: no"]
    assert process().open() == ()


def test_settings_and_credentials_and_news(store: Store) -> None:
    house, news = House(), list[tuple[Alert, ...]]()
    alerting = Alerting(house, lambda: StoredAlerts(lambda: store), news=news.append)
    house.settings_error, house.expired = "/f:1:1: wrong\n/f:2:1: wrong too", [credential("c", -1)]
    alerting.look()
    assert {each.kind for each in news[-1]} == {Kind.SETTINGS, Kind.CREDENTIAL_EXPIRED}
    house.settings_error = None
    alerting.look([])
    assert [each.kind for each in news[-1]] == [Kind.CREDENTIAL_EXPIRED]
    house.expired = []
    alerting.look([])  # nobody asked the vault
    assert len(alerting.open()) == 1
    alerting.look()
    assert news[-1] == ()


def test_what_cannot_be_kept_is_kept_later(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    house, broken = House(), [True]

    def stored() -> StoredAlerts:
        if broken[0]:
            raise GitferryError("the disk is full")
        return StoredAlerts(lambda: store)

    alerting = Alerting(house, stored)
    house.known = replace(WELL, asking=(conflict(30),))
    alerting.look()
    alerting.look()
    assert log_of(caplog).count("alerts cannot be kept: the disk is full") == 1
    assert [each.kind for each in alerting.open()] == [Kind.CONFLICT, Kind.CONFLICT_OLD]
    broken[0] = False
    alerting.look([])
    assert len(StoredAlerts(lambda: store).open()) == 2


def test_the_thread_looks_soon_after_a_crossing_and_ends(store: Store) -> None:
    house = House()
    alerting = Alerting(house, lambda: StoredAlerts(lambda: store))
    alerting.start()
    house.vital = failing(5)
    alerting.heard("work")
    for _ in range(500):
        if alerting.open():
            break
        alerting._ended.wait(0.02)
    assert [each.kind for each in alerting.open()] == [Kind.FAILING]
    alerting.close()
    assert not alerting._thread.is_alive()


def test_how_status_shows_them() -> None:
    rows = [
        alert_row(alert(Kind.FAILING)),
        alert_row(alert(Kind.SETTINGS, "")),
        alert_row(alert(Kind.CREDENTIAL_EXPIRED, "")),
    ]
    assert _alerts(rows) == ["alert: work: said; do", "alert: said; do"]
