"""No saved version is lost to a save at the wrong moment, to a program that saves all the time, or to a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.repos.content import FILE, File
from gitferry.repos.renames import Place
from gitferry.repos.worktree import (
    BESIDE_PREFIX,
    IsDirectory,
    Raced,
    Renames,
    Replaced,
    StillChanging,
    Worktree,
)
from gitferry.tests.repos.trees import ONE, TWO, expecting, names

# --- saves between the look and the swap ---


def between(root: Path, then: Callable[[], object], expected: File | None) -> Callable[[File | None], bool]:
    """Accept `expected`, and act as a user would between the look and the swap."""
    looks = []

    def unchanged(found: File | None) -> bool:
        looks.append(found)
        if len(looks) == 1:
            then()
        return found == expected

    return unchanged


def save_by_rename(path: Path, data: bytes) -> None:
    new = path.with_name(path.name + ".tmp~")
    new.write_bytes(data)
    new.replace(path)


@pytest.mark.parametrize("save", [Path.write_bytes, save_by_rename])
@pytest.mark.parametrize("new", [TWO, None])
def test_a_save_between_look_and_swap_stays(
    tree: Worktree, root: Path, save: Callable[[Path, bytes], object], new: File | None
) -> None:
    (root / "f").write_bytes(ONE.data)
    raced = tree.replace("f", new, between(root, lambda: save(root / "f", b"saved"), ONE))
    assert raced == Raced(File(FILE, b"saved"))
    assert (root / "f").read_bytes() == b"saved"
    assert names(root) == ["f"]


def test_a_file_made_between_look_and_swap_stays(tree: Worktree, root: Path) -> None:
    def make() -> None:
        (root / "d").mkdir()
        (root / "d/f").write_bytes(b"mine")

    assert tree.replace("d/f", TWO, between(root, make, None)) == Raced(File(FILE, b"mine"))
    assert (root / "d/f").read_bytes() == b"mine"


def test_a_deletion_between_look_and_swap_stays(tree: Worktree, root: Path) -> None:
    for new in (TWO, None):
        (root / "f").write_bytes(ONE.data)
        assert tree.replace("f", new, between(root, (root / "f").unlink, ONE)) == Raced(None)
        assert names(root) == []


def test_a_directory_put_in_the_place_stays(tree: Worktree, root: Path) -> None:
    def become_directory() -> None:
        (root / "f").unlink()
        (root / "f").mkdir()
        (root / "f/inside").write_bytes(b"x")

    for new in (TWO, None):
        (root / "f").write_bytes(ONE.data)
        with pytest.raises(IsDirectory):
            tree.replace("f", new, between(root, become_directory, ONE))
        assert names(root) == ["f", "f/inside"]
        (root / "f/inside").unlink()
        (root / "f").rmdir()


def test_an_error_of_the_caller_puts_the_file_back(tree: Worktree, root: Path) -> None:
    (root / "f").write_bytes(ONE.data)
    for new in (TWO, None):
        looks: list[File | None] = []

        def unchanged(found: File | None, looks: list[File | None] = looks) -> bool:
            looks.append(found)
            if len(looks) > 1:
                raise RuntimeError("the store is gone")
            return True

        with pytest.raises(RuntimeError):
            tree.replace("f", new, unchanged)
        assert (root / "f").read_bytes() == ONE.data
        assert names(root) == ["f"]


def test_a_file_open_for_writing_is_not_taken_from_its_program(tree: Worktree, root: Path) -> None:
    (root / "f").write_bytes(ONE.data)
    with (root / "f").open("r+b") as program:
        for new in (TWO, None):
            assert tree.replace("f", new, expecting(ONE)) == Raced(ONE, busy=True)
        program.write(b"late")
    assert (root / "f").read_bytes() == b"late"
    (root / "f").write_bytes(ONE.data)
    with (root / "f").open("rb"):  # a reader is no obstacle
        assert tree.replace("f", TWO, expecting(ONE)) == Replaced()


def test_a_program_that_opens_the_file_as_it_is_swapped_keeps_it(tree: Worktree, root: Path) -> None:
    (root / "f").write_bytes(ONE.data)
    opened = []
    raced = tree.replace("f", TWO, between(root, lambda: opened.append((root / "f").open("r+b", buffering=0)), ONE))
    assert isinstance(raced, Raced)
    assert raced.busy
    with opened[0] as program:
        program.write(b"late")
    assert (root / "f").read_bytes() == b"late"


# --- after a crash ---


_CRASH = """
import os, signal, sys
from pathlib import Path
from gitferry.repos.content import FILE, File
from gitferry.repos.worktree import Renames, Worktree
root, scratch, kind, path, new = (os.fsencode(argument) for argument in sys.argv[1:])
looks = []
def unchanged(found):
    looks.append(found)
    if len(looks) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return True
tree = Worktree(Path(os.fsdecode(root)), Path(os.fsdecode(scratch)), renames=Renames(native=kind != b"plain"))
tree.replace(os.fsdecode(path), File(FILE, new) if new else None, unchanged)
"""


@pytest.mark.parametrize("path", ["d/näme\n\udcff", "f"])
@pytest.mark.parametrize("new", [b"two\n", b""])
def test_what_a_killed_swap_displaced_is_offered_before_it_is_swept(
    tree: Worktree, root: Path, scratch: Path, kind: str, path: str, new: bytes
) -> None:
    tree.replace(path, ONE, expecting(None))
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    arguments: list[str | bytes] = [sys.executable, "-c", _CRASH, str(root), str(scratch), kind, path, new]
    assert subprocess.run(arguments, env=environ, check=False).returncode == -signal.SIGKILL
    tree.sweep()
    left = tree.leftovers()
    assert [(leftover.path, leftover.file) for leftover in left] == [(path, ONE)]
    tree.sweep()
    assert tree.leftovers() == []
    assert list(scratch.iterdir()) == []
    assert [name for name in names(root) if BESIDE_PREFIX in name] == []


def test_our_own_content_that_never_arrived_is_swept_and_not_offered(
    tree: Worktree, root: Path, scratch: Path, kind: str
) -> None:
    (root / "f").write_bytes(ONE.data)
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    script = _CRASH.replace("looks = []", "import gitferry.repos.swap as swap\n" + _DIE_BEFORE_SWAP)
    arguments: list[str | bytes] = [sys.executable, "-c", script, str(root), str(scratch), kind, "f", TWO.data]
    assert subprocess.run(arguments, env=environ, check=False).returncode == -signal.SIGKILL
    assert (root / "f").read_bytes() == ONE.data
    assert tree.leftovers() == []
    assert len(list(scratch.iterdir())) >= 1
    tree.sweep()
    assert list(scratch.iterdir()) == []
    assert names(root) == ["f"]


_DIE_BEFORE_SWAP = """
looks = []
swap.exchange = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
"""


# --- races with programs that save all the time ---


class Saver(threading.Thread):
    """Saves numbered versions as fast as it can and remembers each, and each that it overwrote itself."""

    def __init__(self, root: Path, save: Callable[[Saver, bytes], None]) -> None:
        super().__init__()
        self.root, self.file, self.save = root, root / "f", save
        self.saved: list[bytes] = []
        self.overwritten: set[bytes] = set()
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set():
            data = b"user %d\n" % len(self.saved)
            self.saved.append(data)
            self.save(self, data)
            if len(self.saved) % 3 == 0:
                time.sleep(0.0005)


def by_rename(saver: Saver, data: bytes) -> None:
    """Save as an editor does, but by an exchange, so that what this program itself overwrites is known."""
    new = saver.root / "f.new"
    new.write_bytes(data)
    descriptor = os.open(saver.root, os.O_RDONLY)
    try:
        here, there = Place(descriptor, "f.new"), Place(descriptor, "f")
        for _ in range(1000):
            try:
                Renames().exchange(here, there)
            except FileNotFoundError:
                try:
                    Renames().move_new(here, there)
                except FileExistsError:
                    continue
                return
            saver.overwritten.add(new.read_bytes())
            new.unlink()
            return
    finally:
        os.close(descriptor)
    raise AssertionError("the file came and went a thousand times")


def by_appending(saver: Saver, data: bytes) -> None:
    """Write into the file itself, as shells and many editors do; nothing it held is removed."""
    with saver.file.open("ab") as stream:
        time.sleep(0)  # let a swap fall between opening and writing
        stream.write(data)


@pytest.mark.parametrize("save", [by_rename, by_appending])
@pytest.mark.parametrize("deleting", [False, True])
def test_no_saved_version_is_lost_to_a_race(
    native: Worktree, root: Path, save: Callable[[Saver, bytes], None], deleting: bool
) -> None:
    (root / "f").write_bytes(b"start\n")
    saver = Saver(root, save)
    seen: set[bytes] = set()
    outcomes: list[Replaced | Raced] = []

    def note(*files: File | None) -> None:
        seen.update(line for file in files if file is not None for line in file.data.splitlines(keepends=True))

    def unchanged(found: File | None) -> bool:
        note(found)
        return len(outcomes) % 5 != 0 or found is None or not found.data.endswith(b"1\n")

    saver.start()
    try:
        while len(outcomes) < 500 or len(saver.saved) < 600:
            new = None if deleting and len(outcomes) % 3 else File(FILE, b"ours %d\n" % len(outcomes))
            try:
                outcomes.append(native.replace("f", new, unchanged))
            except StillChanging:
                continue
            if isinstance(result := outcomes[-1], Raced):
                note(result.found, *result.kept)
    finally:
        saver.stop.set()
        saver.join()
    note(native.read("f"), *(leftover.file for leftover in native.leftovers()))
    native.sweep()
    assert [data for data in saver.saved if data not in seen | saver.overwritten] == []
    assert sum(isinstance(outcome, Replaced) for outcome in outcomes) >= 100
    assert [name for name in names(root) if name != "f"] == []
