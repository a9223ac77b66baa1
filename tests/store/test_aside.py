"""A database that cannot be used is moved out of the way with its journals; what may be another's is left alone."""

from __future__ import annotations

from pathlib import Path

from gitferry.store.aside import brought_over, move_aside, unfinished


def test_it_goes_with_its_journals(tmp_path: Path) -> None:
    file = tmp_path / "state" / "gitferry.db"
    file.parent.mkdir()
    for name in ("gitferry.db", "gitferry.db-wal", "gitferry.db-shm"):
        file.with_name(name).write_text(name)
    aside = move_aside(f"sqlite:///{file}")
    assert aside is not None and aside.name.startswith("gitferry.db.broken-")
    assert aside.read_text() == "gitferry.db"
    assert Path(f"{aside}-wal").read_text() == "gitferry.db-wal"
    assert len([path for path in file.parent.iterdir() if ".broken-" in path.name]) == 3


def test_what_is_moved_in_the_same_second_replaces_nothing(tmp_path: Path) -> None:
    file = tmp_path / "gitferry.db"
    moved = []
    for number in range(3):
        file.write_text(str(number))
        moved.append(move_aside(f"sqlite:///{file}"))
    assert [path.read_text() for path in moved if path is not None] == ["0", "1", "2"]


def test_a_move_that_a_process_died_over_is_finished(tmp_path: Path) -> None:
    file = tmp_path / "gitferry.db"
    file.write_text("database")
    aside = move_aside(f"sqlite:///{file}")
    assert aside is not None
    aside.rename(file)
    assert unfinished(f"sqlite:///{file}") == aside
    assert aside.read_text() == "database" and not file.exists()
    brought_over(f"sqlite:///{file}")
    assert unfinished(f"sqlite:///{file}") is None


def test_a_process_that_died_before_it_noted_the_name_moved_nothing(tmp_path: Path) -> None:
    file = tmp_path / "gitferry.db"
    file.write_text("database")
    (tmp_path / "gitferry.db.rescue").touch()
    assert unfinished(f"sqlite:///{file}") is None
    assert file.read_text() == "database"


def test_a_file_that_was_never_a_database_is_left_alone(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    assert move_aside(f"sqlite:///{notes}") is None
    assert notes.read_text() == "mine"


def test_a_servers_database_and_a_missing_file_are_not_moved(tmp_path: Path) -> None:
    assert move_aside("postgresql://db.example.org/gitferry") is None
    assert move_aside(f"sqlite:///{tmp_path}/gitferry.db") is None
