"""A database that cannot be used is moved out of the way with its journals; what may be another's is left alone."""

from __future__ import annotations

from pathlib import Path

from gitferry.store.aside import move_aside


def test_it_goes_with_its_journals(tmp_path: Path) -> None:
    file = tmp_path / "state" / "gitferry.db"
    file.parent.mkdir()
    for name in ("gitferry.db", "gitferry.db-wal", "gitferry.db-shm"):
        file.with_name(name).write_text(name)
    aside = move_aside(f"sqlite:///{file}")
    assert aside is not None and aside.name.startswith("gitferry.db.broken-")
    assert aside.read_text() == "gitferry.db"
    assert Path(f"{aside}-wal").read_text() == "gitferry.db-wal"
    assert len(list(file.parent.iterdir())) == 3


def test_a_file_that_was_never_a_database_is_left_alone(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    assert move_aside(f"sqlite:///{notes}") is None
    assert notes.read_text() == "mine"


def test_a_servers_database_and_a_missing_file_are_not_moved(tmp_path: Path) -> None:
    assert move_aside("postgresql://db.example.org/gitferry") is None
    assert move_aside(f"sqlite:///{tmp_path}/gitferry.db") is None
