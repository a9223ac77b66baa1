"""An edit of the settings file counts once, and only when it is over."""

from __future__ import annotations

from pathlib import Path

from gitferry.daemon.settings_file import SettingsFile


def test_an_edit_counts_once_when_it_has_come_to_rest(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("one")
    file = SettingsFile(path)
    assert not file.edited()
    path.write_text("half")
    assert not file.edited()
    path.write_text("half and the rest")
    assert not file.edited()
    assert file.edited()
    assert not file.edited()


def test_a_replaced_a_removed_and_a_returned_file_are_edits(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("one")
    file = SettingsFile(path)
    (tmp_path / "new").write_text("two")
    (tmp_path / "new").rename(path)
    assert [file.edited(), file.edited(), file.edited()] == [False, True, False]
    path.unlink()
    assert [file.edited(), file.edited()] == [False, True]
    path.write_text("three")
    assert [file.edited(), file.edited()] == [False, True]
