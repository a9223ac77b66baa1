"""The figures as Prometheus reads them: well formed, by its own checker and parser, and listed in the manual."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gitferry.daemon.health import Health
from gitferry.daemon.lane import Load
from gitferry.daemon.metrics import METRICS, Figures, Snapshot, text
from gitferry.daemon.vitals import TOTAL_BOUNDS, Vitals
from gitferry.pushback.outcome import Outcome, State

AT = datetime(2026, 1, 2, tzinfo=UTC)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "health.md"


def snapshot() -> Snapshot:
    vitals = Vitals()
    for seconds in (0.004, 0.3, 400.0):
        vitals.heard(Outcome("work", State.HEALTHY, AT, seconds=seconds), 0.0)
    vitals.heard(Outcome("work", State.FAILING, AT, error="no"), 0.0)
    vitals.pushed("work", "accepted")
    vitals.vault_used("done")
    figures = Figures("work", Health.DEGRADED, 1, 2, 90.5, True, 1.5e9)
    other = Figures("Größe.2", Health.HEALTHY, 0, 0, None, False, None)
    load = Load(waiting=3, busy=2, workers=4, lost=1)
    return Snapshot("0.1.0", (figures, other), vitals.totals(), load, (("failing", 2),))


def samples() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(text(snapshot()).decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_every_sample_says_what_is_so() -> None:
    found = samples()
    work = ("repository", "work")
    assert found["gitferry_crossings_total", (work, ("result", "ok"))] == 3
    assert found["gitferry_crossings_total", (work, ("result", "failed"))] == 1
    assert found["gitferry_crossings_total", (("repository", "Größe.2"), ("result", "ok"))] == 0
    assert found["gitferry_pushes_total", (work, ("status", "accepted"))] == 1
    assert found["gitferry_repository_state", (work, ("state", "degraded"))] == 1
    assert found["gitferry_repository_state", (work, ("state", "healthy"))] == 0
    assert found["gitferry_lag_seconds", (work,)] == 90.5
    assert found["gitferry_lag_seconds", (("repository", "Größe.2"),)] == 0
    assert found["gitferry_watch_covered", (work,)] == 1
    assert ("gitferry_last_crossing_timestamp_seconds", (("repository", "Größe.2"),)) not in found
    assert found["gitferry_queue_depth", ()] == 3 and found["gitferry_workers_busy", ()] == 2
    assert found["gitferry_hosts_out_of_reach", ()] == 1
    assert found["gitferry_alerts", (("kind", "failing"),)] == 2
    assert found["gitferry_vault_uses_total", (("result", "done"),)] == 1
    assert found["process_resident_memory_bytes", ()] > 0


def test_the_histogram_is_cumulative() -> None:
    found = samples()
    counts = [found["gitferry_crossing_duration_seconds_bucket", (("le", str(bound)),)] for bound in TOTAL_BOUNDS]
    assert counts == sorted(counts) and counts[0] == 1 and counts[-1] == 2
    assert found["gitferry_crossing_duration_seconds_bucket", (("le", "+Inf"),)] == 3
    assert found["gitferry_crossing_duration_seconds_count", ()] == 3
    assert found["gitferry_crossing_duration_seconds_sum", ()] == pytest.approx(400.304)


def test_what_prometheus_own_checker_says() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        if os.environ.get("CI") == "true":
            pytest.fail("promtool is missing: install Debian's prometheus")
        pytest.skip("no promtool")
    checked = subprocess.run([promtool, "check", "metrics"], input=text(snapshot()), capture_output=True, timeout=60)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_the_documentation_lists_every_metric_with_its_labels_and_help() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    labels = {each.name: ", ".join(f"`{label}`" for label in each.labels) for each in METRICS}
    assert rows == [(each.name, each.kind, labels[each.name], each.help) for each in METRICS]
