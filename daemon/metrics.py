"""The daemon's figures in Prometheus' text format, made from what is known at the moment they are asked for.

Source: prometheus.io/docs/practices/naming. Labels hold names of repositories and words of our own, nothing else.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gitferry.daemon.health import Health
from gitferry.daemon.vitals import TOTAL_BOUNDS, Result, Totals

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from gitferry.daemon.lane import Load

#: What a daemon answers with (prometheus.io/docs/instrumenting/exposition_formats).
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_PUSHES: Final = ("accepted", "refused", "failed")
_VAULT: Final = ("done", "failed")


@dataclass(frozen=True, slots=True)
class Figures:
    """One repository at this moment."""

    name: str
    health: Health
    conflicts: int
    pending: int
    lag: float | None  # seconds
    covered: bool  # every directory of its tasks is watched
    last_crossing: float | None  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is told at one moment."""

    version: str
    repositories: tuple[Figures, ...]
    totals: Totals
    load: Load
    alerts: tuple[tuple[str, int], ...]  # open ones by kind


@dataclass(frozen=True, slots=True)
class Told:
    """One metric as the documentation lists it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


METRICS: Final = (
    Told("gitferry_build_info", "gauge", ("version", "python"), "Which gitferry this is; the value is always 1."),
    Told("gitferry_crossings_total", "counter", ("repository", "result"), "Crossings since the start, by result."),
    Told(
        "gitferry_crossing_duration_seconds", "histogram", (), "How long crossings took, of all repositories together."
    ),
    Told("gitferry_pushes_total", "counter", ("repository", "status"), "Pushes since the start, by what came of them."),
    Told("gitferry_repository_state", "gauge", ("repository", "state"), "1 for the health that a repository has."),
    Told("gitferry_conflicts", "gauge", ("repository",), "Tasks that both sides changed and nobody answered yet."),
    Told("gitferry_pending_tasks", "gauge", ("repository",), "Tasks whose changes are not at the remote."),
    Told("gitferry_lag_seconds", "gauge", ("repository",), "Age of the oldest edit not at the remote; 0 without any."),
    Told(
        "gitferry_last_crossing_timestamp_seconds",
        "gauge",
        ("repository",),
        "When the last crossing ended.",
    ),
    Told("gitferry_watch_covered", "gauge", ("repository",), "1 where the whole repository is watched for edits."),
    Told("gitferry_queue_depth", "gauge", (), "Crossings that are wished for and not begun."),
    Told("gitferry_workers", "gauge", (), "Workers that the settings allow."),
    Told("gitferry_workers_busy", "gauge", (), "Workers that are at work, those that wait for a server included."),
    Told("gitferry_hosts_out_of_reach", "gauge", (), "Hosts of remotes that did not answer when last tried."),
    Told("gitferry_alerts", "gauge", ("kind",), "Alerts that are open, by kind."),
    Told("gitferry_vault_uses_total", "counter", ("result",), "Credentials asked of the vault since the start."),
)

_Sample = tuple[tuple[str, ...], float]


def text(snapshot: Snapshot) -> bytes:
    """Return all metrics, and those of the process itself: memory, time on processors, open files."""
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(snapshot))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Collector:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        """Yield every family."""
        for told in METRICS:
            yield _family(told, self._snapshot)


def _family(told: Told, snapshot: Snapshot) -> Metric:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    if told.kind == "histogram":
        family = HistogramMetricFamily(told.name, told.help)
        buckets, so_far = [], 0
        for bound, count in zip((*map(str, TOTAL_BOUNDS), "+Inf"), snapshot.totals.durations, strict=True):
            so_far += count
            buckets.append((bound, so_far))
        family.add_metric([], buckets, snapshot.totals.seconds)
        return family
    kind = CounterMetricFamily if told.kind == "counter" else GaugeMetricFamily
    samples = kind(told.name, told.help, labels=told.labels)
    for labels, value in _SAMPLES[told.name](snapshot):
        samples.add_metric(labels, value)
    return samples


def _of_each(value: Callable[[Figures], float | None]) -> Callable[[Snapshot], Iterator[_Sample]]:
    def samples(snapshot: Snapshot) -> Iterator[_Sample]:
        for each in snapshot.repositories:
            found = value(each)
            if found is not None:
                yield (each.name,), found

    return samples


def _states(snapshot: Snapshot) -> Iterator[_Sample]:
    for each in snapshot.repositories:
        for state in Health:
            yield (each.name, state.value), float(each.health is state)


def _counted(snapshot: Snapshot, counts: Iterable[tuple[str, str, int]], words: Sequence[str]) -> Iterator[_Sample]:
    """Yield a counter for each repository and word, 0 included: what comes into being with 1 shows no increase."""
    known = {(name, word): count for name, word, count in counts}
    for each in snapshot.repositories:
        for word in words:
            yield (each.name, str(word)), float(known.get((each.name, word), 0))


_SAMPLES: Final[dict[str, Callable[[Snapshot], Iterable[_Sample]]]] = {
    "gitferry_build_info": lambda found: [((found.version, platform.python_version()), 1.0)],
    "gitferry_crossings_total": lambda found: _counted(found, found.totals.crossings, tuple(Result)),
    "gitferry_pushes_total": lambda found: _counted(found, found.totals.pushes, _PUSHES),
    "gitferry_repository_state": _states,
    "gitferry_conflicts": _of_each(lambda each: each.conflicts),
    "gitferry_pending_tasks": _of_each(lambda each: each.pending),
    "gitferry_lag_seconds": _of_each(lambda each: each.lag or 0.0),
    "gitferry_last_crossing_timestamp_seconds": _of_each(lambda each: each.last_crossing),
    "gitferry_watch_covered": _of_each(lambda each: float(each.covered)),
    "gitferry_queue_depth": lambda found: [((), float(found.load.waiting))],
    "gitferry_workers": lambda found: [((), float(found.load.workers))],
    "gitferry_workers_busy": lambda found: [((), float(found.load.busy))],
    "gitferry_hosts_out_of_reach": lambda found: [((), float(found.load.lost))],
    "gitferry_alerts": lambda found: [((kind,), float(count)) for kind, count in found.alerts],
    "gitferry_vault_uses_total": lambda found: [
        ((word,), float(dict(found.totals.vault_uses).get(word, 0))) for word in _VAULT
    ],
}
