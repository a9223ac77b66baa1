"""The audit log on a real database: appended to by several at once, killed anywhere, pruned, and never fooled."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings

from gitferry.security.audit import AuditLog, Tampered, Wanted, _clean
from gitferry.security.audit_chain import ANCHOR_LOST, CHECKPOINT, read_detail
from gitferry.store.store import Store
from gitferry.tests.security.audit_logs import START, Clock, Log, record_of, resealed
from gitferry.tests.security.mutated_audit import undetected

APPEND = """\
import sys
import time
from pathlib import Path
from gitferry.security.audit import AuditLog
from gitferry.store.store import Store
from gitferry.tests.security.audit_logs import Clock
directory, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with Store(f"sqlite:///{directory / 'gitferry.db'}") as store:
    log = AuditLog(store.audit, directory, host="here", clock=Clock())
    for number in range(count):
        log.record("push", actor=name, subject="tasks", result="accepted", detail={}, key=f"{name}:{number}")
        log.record("push", actor=name, subject="tasks", result="accepted", detail={}, key=f"shared:{number}")
"""


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def append(directory: Path, name: str, count: int, failpoint: str = "") -> subprocess.Popen[bytes]:
    environ = os.environ | ({"GITFERRY_FAILPOINT": failpoint} if failpoint else {})
    paths = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-c", APPEND, str(directory), name, str(count)]
    return subprocess.Popen(command, env={**environ, "PYTHONPATH": paths})


def test_records_are_given_back_and_asked_for(log: Log) -> None:
    log.fill(8)
    newest = next(log.audit.records(Wanted(newest_first=True)))
    assert (newest.sequence, newest.action, newest.actor, newest.subject) == (8, "settings", "person 1", "tasks/7")
    assert read_detail(newest.detail) == {"commit": f"{7:040x}", "host": "here", "task": "notes.txt"}
    assert [each.sequence for each in log.audit.records(Wanted(action="credential"))] == [2, 6]
    assert [each.sequence for each in log.audit.records(Wanted(action="cred"))] == []
    assert [each.sequence for each in log.audit.records(Wanted(actor="person 0", before=7))] == [1, 4]
    assert [each.sequence for each in log.audit.records(Wanted(since=newest.at))] == [8]
    assert [each.sequence for each in log.audit.records(Wanted(until="2026-01-01T00:02:30"))] == [1, 2]
    assert log.audit.verify().intact


def test_a_key_is_recorded_once(log: Log) -> None:
    for result in ("accepted", "again"):
        log.audit.record("push", actor="me", subject="tasks", result=result, detail={}, key="push:1")
    assert [each.result for each in log.audit.records(Wanted())] == ["accepted"]
    assert log.audit.verify().intact


def test_secrets_and_unwritable_characters_do_not_get_in(log: Log) -> None:
    token = "ghp" + "_" + "a1B2" * 9
    detail = {"url": f"https://me:{token}@host/x", token: "\udcff\0"}
    log.audit.record("push", actor=token, subject="a\0b", result="\udce4", detail=detail)
    assert token not in str(log.rows()) and "\\udcff" in str(log.rows())
    assert log.audit.verify().intact


def test_the_anchor_is_for_its_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        log = Log(tmp_path)
        log.fill(1)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir() if path.is_file()}
    assert modes["audit.head"] == 0o600 and set(modes.values()) == {0o600}
    assert ".audit.head.new" not in modes


@pytest.mark.parametrize("kills", [1, 2, 5])
def test_a_kill_between_database_and_anchor_is_no_tampering(log: Log, kills: int) -> None:
    log.fill(3)
    for number in range(kills):
        process = append(log.directory, f"killed {number}", 1, "audit.appended:kill:1")
        assert process.wait() == -signal.SIGKILL
        assert log.said() == []
    log.fill(2)
    assert log.said() == [] and len(log.rows()) == 5 + kills - 1  # the key of one of the two was there already


def test_what_is_cut_off_after_such_a_kill_was_healed_shows(log: Log) -> None:
    log.fill(3)
    assert append(log.directory, "killed", 1, "audit.appended:kill:1").wait() == -signal.SIGKILL
    log.audit.record("push", actor="me", subject="tasks", result="accepted", detail={})
    log.write(log.rows()[:-1])
    assert log.said() == ["record 5 was cut off at the end"]


def test_two_processes_append_at_once(log: Log) -> None:
    log.fill(1)
    processes = [append(log.directory, name, 20) for name in ("one", "other")]
    assert [process.wait() for process in processes] == [0, 0]
    assert log.said() == []
    rows = log.rows()
    assert [row[0] for row in rows] == list(range(1, 62))
    assert len({row[7] for row in rows if row[7]}) == 60


def test_killed_at_any_moment_the_log_holds(log: Log) -> None:
    log.fill(2)
    for turn in range(6):
        before = len(log.rows())
        process = append(log.directory, f"turn {turn}", 1000)
        while len(log.rows()) == before and process.poll() is None:
            time.sleep(0.01)
        time.sleep(turn * 0.037)
        process.kill()
        process.wait()
        assert log.said() == []
    assert len(log.rows()) >= 2 + 6


def test_appending_to_a_truncated_log_hides_nothing(log: Log) -> None:
    log.fill(6)
    log.write(log.rows()[:4])
    assert log.said() == ["records 5 to 6 were cut off at the end"]
    log.audit.record("push", actor="me", subject="tasks", result="accepted", detail={})
    assert log.said() == ["records 5 to 6 were removed"]


def test_appending_after_forged_records_hides_nothing(log: Log) -> None:
    log.fill(3)
    rows = log.rows()
    forged = record_of((4, rows[2][1], "push", "me", "tasks", "accepted", "{}", None, rows[2][9], "")).sealed()
    log.write(resealed([*rows, (4, *rows[2][1:8], forged.previous, forged.hash)], 3))
    assert log.said() == ["record 4 was added by something else"]
    log.audit.record("push", actor="me", subject="tasks", result="accepted", detail={})
    assert log.said() == ["record 5 does not follow record 4: one of the two was replaced"]


def test_a_log_whose_anchor_went_says_so_for_good(log: Log) -> None:
    log.fill(3)
    log.write(log.rows()[:2])
    log.anchor.unlink()
    assert log.said() == ["the anchor is gone: the newest records may be too"]
    log.audit.record("push", actor="me", subject="tasks", result="accepted", detail={})
    assert [row[2] for row in log.rows()][2:] == [ANCHOR_LOST, "push"]
    assert log.said() == ["the anchor was gone when record 3 was written: records before it may be missing"]
    log.anchor.write_bytes(b"nonsense")
    assert any("is not what gitferry wrote" in said for said in log.said())


def test_a_lost_database_shows(log: Log, tmp_path: Path) -> None:
    log.fill(3)
    log.store.close()
    for path in tmp_path.glob("gitferry.db*"):
        path.unlink()
    with Store(f"sqlite:///{tmp_path / 'gitferry.db'}") as store:
        audit = AuditLog(store.audit, tmp_path, host="here", clock=Clock())
        assert [each.what for each in audit.verify().findings] == ["records 1 to 3 were cut off at the end"]
        audit.record("push", actor="me", subject="tasks", result="accepted", detail={})
        assert [each.what for each in audit.verify().findings] == ["records 1 to 3 were removed"]


def test_old_records_go_and_the_chain_holds(log: Log) -> None:
    log.fill(20)
    assert log.audit.prune(START + timedelta(minutes=8, seconds=1), newest=3) == 8
    rows = log.rows()
    assert (rows[0][0], rows[-1][2]) == (9, CHECKPOINT)
    assert log.said() == []
    log.fill(4)
    assert log.audit.prune(START + timedelta(days=9), newest=5) > 0
    assert log.said() == []
    assert len(log.rows()) == 6  # the newest five of before, and the checkpoint
    assert log.audit.prune(START) == 0


def test_a_clock_that_jumps_empties_no_log(log: Log) -> None:
    log.fill(20)
    assert log.audit.prune(START + timedelta(days=9)) == 0
    assert len(log.rows()) == 20


def test_a_log_that_was_changed_keeps_its_evidence(log: Log) -> None:
    log.fill(20)
    rows = log.rows()
    log.write([*rows[:3], *rows[4:]])
    with pytest.raises(Tampered, match="record 4 was removed"):
        log.audit.prune(START + timedelta(minutes=8), newest=3)
    assert len(log.rows()) == 19


@pytest.mark.soak
def test_every_mutation_is_noticed(tmp_path: Path, seed: int) -> None:
    """A few hundred in an ordinary run, ten thousand in `make soak` and by `python -m …security.mutated_audit`."""
    count = 5 * settings().max_examples // 2
    for part in range(2):
        directory = tmp_path / str(part)
        directory.mkdir()
        tried, missed = undetected(directory, count, seed + part)
        assert missed == [] and tried.total() == count


def test_a_secret_at_the_place_where_a_text_is_cut_is_masked() -> None:
    token = "ghp_" + "a1B2" * 9
    for before in range(16_384 - len(token), 16_384):
        assert "a1B2" not in _clean("-" * before + token)
