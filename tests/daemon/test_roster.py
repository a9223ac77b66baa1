"""What a new reading of the settings starts, changes and stops."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gitferry.config.errors import GitferryError
from gitferry.config.model import Repository
from gitferry.daemon.house import House
from gitferry.daemon.roster import Changes, UnknownRepository, difference


class Attendance:
    """An attendant that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def put(self, repository: Repository) -> None:
        self.told.append(("put", repository.name))
        if repository.name == "unwatchable":
            raise GitferryError("it cannot be watched")

    def drop(self, name: str) -> None:
        self.told.append(("drop", name))


def write(*names: str, **more: Any) -> Path:
    path = Path(os.environ["XDG_CONFIG_HOME"]) / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = [{"name": name, "path": f"/nowhere/{name}"} for name in names]
    path.write_text(json.dumps({"version": 1, "repositories": entries} | more))
    return path


def test_only_what_differs_is_touched() -> None:
    house = House(write("a", "b", "c"), os.environ)
    attendance = Attendance()
    house.roster.attend(attendance)
    assert attendance.told == [("put", "a"), ("put", "b"), ("put", "c")]
    attendance.told.clear()
    path = write("b", "c", "d")
    settings = json.loads(path.read_text())
    settings["repositories"][1]["pull"] = {"every": "1h"}
    path.write_text(json.dumps(settings))
    assert house.roster.reload() == Changes(("d",), ("c",), ("a",))
    assert attendance.told == [("drop", "a"), ("put", "d"), ("put", "c")]
    assert house.roster.reload() == Changes()
    assert house.roster.repository("c").pull.every == 3600
    with pytest.raises(UnknownRepository):
        house.roster.repository("a")
    house.close()


def test_unreadable_settings_keep_the_last_good_ones() -> None:
    path = write("a")
    house = House(path, os.environ)
    for text in ("", "repositories: [", "version: 1\nrepositories:\n  - naem: x\n"):
        path.write_text(text)
        assert house.roster.reload() == Changes()
        assert house.roster.settings_error is not None
        assert house.roster.repository("a").name == "a"
    write("a", "b")
    assert house.roster.reload().added == ("b",)
    assert house.roster.settings_error is None
    house.close()


def test_one_that_cannot_be_attended_to_keeps_no_other_from_it() -> None:
    house = House(write("unwatchable", "b"), os.environ)
    attendance = Attendance()
    house.roster.attend(attendance)
    assert attendance.told == [("put", "unwatchable"), ("put", "b")]
    house.close()


def test_the_difference_of_nothing_is_nothing() -> None:
    assert difference((), ()) == Changes()
