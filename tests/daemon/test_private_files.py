"""What others can reach of gitferry's own files is found, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitferry.daemon import crash
from gitferry.daemon.auditing import Auditing
from gitferry.daemon.ledger import Ledger
from gitferry.daemon.private_files import database_file, open_to_others
from gitferry.pushback.host import Host


@pytest.fixture
def state() -> Path:
    return Path(os.environ["GITFERRY_STATE_DIR"])


def test_nothing_of_ours_is_open_whatever_the_umask(state: Path) -> None:
    state.parent.mkdir(parents=True)
    before = os.umask(0)
    try:
        ledger = Ledger(f"sqlite:///{state / 'gitferry.db'}")
        Auditing(ledger, state, Host(), lambda: 1).record("pause", subject="it", result="done", detail={})
        crash.write(ValueError("x"), state, "testing")
        made = {path.name for path in state.rglob("*")}
        assert {"gitferry.db", "gitferry.db-wal", "audit.head", "audit.lock", "crashes"} <= made
        assert open_to_others(os.environ) == ()
        ledger.close()
    finally:
        os.umask(before)


def test_what_is_open_is_named(state: Path, tmp_path: Path) -> None:
    (state / "crashes").mkdir(parents=True)
    state.chmod(0o700)
    (state / "crashes").chmod(0o700)
    database = tmp_path / "elsewhere.db"
    for path in (state / "vault.key", state / "crashes" / "crash-1.txt", database, tmp_path / "elsewhere.db-wal"):
        path.write_bytes(b"")
        path.chmod(0o640)
    (state / "private").touch(0o600)
    (state / "link").symlink_to("/etc/passwd")
    runtime = Path(os.environ["GITFERRY_RUNTIME_DIR"])
    runtime.mkdir(mode=0o755)
    assert set(open_to_others(os.environ, database)) == {
        runtime,
        state / "vault.key",
        state / "crashes" / "crash-1.txt",
        database,
        tmp_path / "elsewhere.db-wal",
    }


def test_the_file_of_a_database_url() -> None:
    assert database_file("sqlite:////var/lib/x.db?mode=rw") == Path("/var/lib/x.db")
    assert database_file("sqlite+pysqlite:///x.db") == Path("x.db")
    assert database_file("postgresql://me@host/name") is None
