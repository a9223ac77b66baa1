"""A file is written anew, for whom it should be, whatever a crash left in its place."""

from __future__ import annotations

from pathlib import Path

from gitferry.config.durable import flush_directory, write_flushed


def test_what_a_crash_left_is_replaced_and_never_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"theirs")
    file = tmp_path / "file"
    file.symlink_to(elsewhere)
    write_flushed(file, b"ours")
    flush_directory(tmp_path)
    assert (file.read_bytes(), elsewhere.read_bytes()) == (b"ours", b"theirs")
    assert file.stat().st_mode & 0o777 == 0o600
    write_flushed(file, b"again", 0o444)
    assert file.read_bytes() == b"again"
    assert file.stat().st_mode & 0o777 == 0o444
