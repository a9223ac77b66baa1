"""A newer gitferry keeps a copy of the database as the older one left it; an older one refuses it by name."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

import gitferry.store
from gitferry.config import durable
from gitferry.store import backup
from gitferry.store.backup import kept
from gitferry.store.engine import open_engine
from gitferry.store.faults import NewerStore, StoreError
from gitferry.store.migrate import migrate
from gitferry.store.migrations import HEAD
from gitferry.store.store import Store


@pytest.fixture
def old(tmp_path: Path) -> str:
    """The URL of a database of version 0001 that knows a repository."""
    url = f"sqlite:///{tmp_path / 'gitferry.db'}"
    engine = open_engine(url)
    with engine.begin() as connection:
        _upgrade(connection, "0001")
        connection.exec_driver_sql(
            "INSERT INTO repositories (name, state, ahead, behind, pending, conflicts, offline, notes)"
            " VALUES ('notes', 'healthy', 0, 0, 0, 0, 0, '[]')"
        )
    engine.dispose()
    return url


def _upgrade(connection: Connection, version: str) -> None:
    (room,) = gitferry.store.__path__
    config = Config()
    config.set_main_option("script_location", str(Path(room) / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, version)


def version(file: Path) -> str:
    """Return the version of the tables in a file."""
    with closing(sqlite3.connect(file)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_the_older_database_is_kept_for_its_owner_alone(old: str, tmp_path: Path) -> None:
    with Store(old) as store:
        assert [row.name for row in store.repositories()] == ["notes"]
    copy = tmp_path / "gitferry.db.version-0001"
    assert (version(tmp_path / "gitferry.db"), version(copy)) == (HEAD, "0001")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT name FROM repositories").fetchall() == [("notes",)]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_new_or_current_database_is_not_copied(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'gitferry.db'}"
    Store(url).close()
    Store(url).close()
    assert [file.name for file in tmp_path.glob("*version*")] == []


def test_only_the_last_copy_stays(old: str, tmp_path: Path) -> None:
    (tmp_path / "gitferry.db.version-0000").write_bytes(b"older still")
    Store(old).close()
    assert [file.name for file in tmp_path.glob("*version*")] == ["gitferry.db.version-0001"]


def test_without_room_for_a_copy_nothing_is_changed(old: str, tmp_path: Path) -> None:
    (tmp_path / "gitferry.db.version-0001").mkdir()
    with pytest.raises(StoreError, match="no copy of the database") as error:
        Store(old)
    assert "nothing was changed" in error.value.hint
    assert version(tmp_path / "gitferry.db") == "0001"
    assert not list(tmp_path.glob(".*"))


def test_the_older_gitferry_names_the_copy_that_it_can_read(old: str, tmp_path: Path) -> None:
    engine = open_engine(old)
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerStore, match="9999") as error:
        migrate(engine)
    assert str(kept(engine.url)[-1]) in error.value.hint
    engine.dispose()


def test_the_copys_name_is_on_the_disk_before_the_tables_change(
    old: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[Path, list[Path], str]] = []

    def flush(directory: Path) -> None:
        durable.flush_directory(directory)
        flushed.append((directory, [*directory.glob("*.version-*")], version(tmp_path / "gitferry.db")))

    monkeypatch.setattr(backup, "flush_directory", flush)
    Store(old).close()
    assert flushed == [(tmp_path, [tmp_path / "gitferry.db.version-0001"], "0001")]
