"""`gitferry audit`: lists, checks and copies what is on record, with a daemon and without one."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gitferry.config.paths import state_dir
from gitferry.daemon.cli.audit import _cell
from gitferry.security.audit_chain import Record, digest, written_detail
from gitferry.tests.daemon.cli.conftest import Gitferry, Register, Registered, alone
from gitferry.tests.repo import Repo


@pytest.fixture
def place(clone: Callable[..., Repo], remote: Repo, gitferry: Gitferry, register: Register) -> Registered:
    tree = clone("work")
    register(tree, "auto_push: false")
    gitferry("pause", "work")
    gitferry("resume", "work")
    return Registered(tree, remote, gitferry)


def change(statement: str) -> None:
    """Go behind gitferry's back."""
    with closing(sqlite3.connect(state_dir(os.environ) / "gitferry.db")) as connection, connection:
        connection.execute(statement)


def test_list_shows_what_is_asked_for(place: Registered) -> None:
    rows = place.run("audit", "list", "--json").json["records"]
    assert [row["action"] for row in rows if row["action"] != "settings"] == ["resume", "pause"]
    assert {"id", "at", "action", "actor", "subject", "result", "repository", "detail", "hash"} <= rows[0].keys()
    (row,) = place.run("audit", "list", "--json", "--action", "pause", "--repository", "work").json["records"]
    assert row["subject"] == "work" and row["at"].endswith("Z")
    assert place.run("audit", "list", "--actor", "nobody").out == "Nothing is on record.\n"
    said = place.run("audit", "list", "--since", "1h", "-n", "1").out.splitlines()
    assert said[0].split() == ["RECORD", "WHEN", "ACTION", "ACTOR", "RESULT", "SUBJECT"]
    assert len(said) == 2 and "resume" in said[1]
    assert "is no time" in place.run("audit", "list", "--since", "yesterday", code=2).err


def test_verify_names_what_was_done(place: Registered) -> None:
    count = len(place.run("audit", "list", "--json").json["records"])
    assert place.run("audit", "verify").out == f"{count} records, as they were written\n"
    change("UPDATE audit_records SET actor = 'somebody' WHERE sequence = 1")
    said = place.run("audit", "verify", code=1)
    assert said.out.splitlines() == ["record 1 was edited", "The audit log was changed."]
    answer = place.run("audit", "verify", "--json", code=1).json
    assert answer["intact"] is False
    assert answer["findings"] == [{"kind": "edited", "first": 1, "last": 1, "what": "record 1 was edited"}]
    change(f"DELETE FROM audit_records WHERE sequence = {count}")
    assert f"record {count} was cut off at the end" in place.run("audit", "verify", code=1).out


@alone
def test_export_can_be_checked_elsewhere(place: Registered, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in place.run("audit", "export").out.splitlines()]
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
    before = "0" * 64
    for row in rows:
        row["detail"] = written_detail(row["detail"])
        del row["repository"]
        record = Record(**row)
        assert (record.previous, record.hash) == (before, digest(record))
        before = record.hash
    copy = tmp_path / "copy.csv"
    place.run("audit", "export", "--format", "csv", "-o", str(copy))
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    read = list(csv.DictReader(io.StringIO(copy.read_bytes().decode(), newline="")))
    assert [row["hash"] for row in read] == [row["hash"] for row in rows]
    assert json.loads(read[-1]["detail"])["repository"] == "work"
    taken = place.run("audit", "export", "-o", str(copy), code=1).err
    assert "is there already" in taken and "--config" not in taken


@alone
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_log_that_somebody_wrote_bytes_into_is_exported_too(place: Registered, tmp_path: Path, form: str) -> None:
    change("UPDATE audit_records SET actor = x'ff00', subject = x'ff0a'")
    copy = tmp_path / "copy"
    place.run("audit", "export", "--format", form, "-o", str(copy))
    place.run("audit", "export", "--format", form)
    place.run("audit", "list")
    assert copy.read_bytes()


def test_a_spreadsheet_takes_no_cell_for_a_formula() -> None:
    assert [_cell(value) for value in ("=1+1", "-x", "fine", 7, None)] == ["'=1+1", "'-x", "fine", 7, None]


@alone
def test_edits_of_the_settings_file_by_commands_are_told(place: Registered) -> None:
    place.run("config", "set", "defaults.pull.every", "7m")
    place.run("remove", "work")
    rows = place.run("audit", "list", "--action", "settings", "--json").json["records"]
    assert [row["detail"]["keys"] for row in rows][:2] == ["repositories.work", "defaults.pull.every"]
