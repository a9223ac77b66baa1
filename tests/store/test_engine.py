"""The database file: private, durable, serialised, and told from a damaged or foreign one."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gitferry.store import models
from gitferry.store.engine import READS_ONLY, open_engine
from gitferry.store.faults import CorruptStore, ForeignStore, NewerStore, StoreError
from gitferry.store.store import Store
from gitferry.tests.store.values import outcome


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "deeper" / "gitferry.db"


def url(file: Path) -> str:
    return f"sqlite:///{file}"


def test_files_and_new_directories_are_for_their_owner_only(file: Path) -> None:
    before = os.umask(0)
    try:
        with Store(url(file)) as store:
            store.save_outcome(outcome())
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"gitferry.db": 0o600, "gitferry.db-wal": 0o600, "gitferry.db-shm": 0o600}
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file.parent, file.parent.parent)] == [0o700, 0o700]


def test_every_connection_is_durable_and_checks_references(file: Path) -> None:
    engine = open_engine(url(file))
    with engine.connect() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_concurrent_increments_lose_none(file: Path) -> None:
    with Store(url(file)) as store:
        store.save_outcome(outcome())
    engine = open_engine(url(file))

    def work() -> None:
        for _ in range(100):
            with Session(engine) as session, session.begin():
                row = session.scalars(select(models.Repository)).one()
                row.ahead = row.ahead + 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    with Store(url(file)) as store:
        assert store.repositories()[0].ahead == 800


def test_a_reader_does_not_wait_for_a_writer(file: Path) -> None:
    with Store(url(file)) as store:
        store.save_outcome(outcome())
        engine = open_engine(url(file))
        with engine.begin() as writer:
            writer.execute(text("UPDATE repositories SET ahead = 7"))
            with engine.execution_options(**{READS_ONLY: True}).connect() as reader:
                assert reader.execute(text("SELECT ahead FROM repositories")).scalar() == 0
            assert store.repositories()[0].ahead == 0
        assert store.repositories()[0].ahead == 7
        engine.dispose()


def test_processes_that_open_a_new_file_at_once_all_succeed(file: Path) -> None:
    code = "import sys; from gitferry.store.store import Store; Store(sys.argv[1]).close()"
    started = [
        subprocess.Popen([sys.executable, "-c", code, url(file)], stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    said = [process.communicate(timeout=60)[1] for process in started]
    assert ([process.returncode for process in started], said) == ([0] * 4, [""] * 4)


def test_threads_that_open_a_new_file_at_once_all_succeed(file: Path) -> None:
    opened: list[Store] = []
    threads = [threading.Thread(target=lambda: opened.append(Store(url(file)))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in opened:
        store.close()
    assert len(opened) == 6


def test_a_file_that_is_no_database_is_named_and_kept(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(b"this is no database at all" * 100)
    kept = file.read_bytes()
    with pytest.raises(CorruptStore) as error:
        Store(url(file))
    assert str(file) in error.value.title
    assert "aside" in error.value.hint
    assert file.read_bytes() == kept


def test_damage_inside_the_file_is_named_when_it_is_met(file: Path) -> None:
    with Store(url(file)) as store:
        store.save_outcome(outcome())
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xee" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(CorruptStore) as error, Store(url(file)) as store:
        store.repositories()
    assert str(file) in error.value.title


def test_moved_aside_as_told_it_starts_again(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x" * 5000)
    with pytest.raises(CorruptStore):
        Store(url(file))
    shutil.move(file, file.with_suffix(".aside"))
    with Store(url(file)) as store:
        assert store.repositories() == ()


def test_a_newer_database_is_refused_by_its_version(file: Path) -> None:
    Store(url(file)).close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerStore) as error:
        Store(url(file))
    assert "9999" in error.value.title
    assert str(file) in error.value.title


def test_a_foreign_database_is_left_alone(file: Path) -> None:
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE photos (id INTEGER)")
    with pytest.raises(ForeignStore, match="photos"):
        Store(url(file))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("nonsense", "not a database URL"),
        ("postgresql://host:port/name", "not a database URL"),
        ("postgresql+nosuch://host/name", "names postgresql.nosuch"),
        ("sqlite+nosuch:////tmp/nowhere.db", "names sqlite.nosuch"),
        ("mysql://host/name", "names mysql"),
        ("sqlite://", "must be a file"),
        ("sqlite:////proc/nowhere/gitferry.db", "/proc/nowhere/gitferry.db"),
    ],
)
def test_a_wrong_url_is_explained(wrong: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as error:
        Store(wrong)
    assert error.value.hint


def test_a_password_in_the_url_is_never_shown() -> None:
    with pytest.raises(StoreError) as error:
        Store("postgresql://ada:sesame@127.0.0.1:1/none?connect_timeout=1")
    assert "sesame" not in str(error.value)
