"""The working tree gets what is to be there, and no file that differs from what was observed is touched."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gitferry.pushback.checkout import Steps, Unchanged, check_out
from gitferry.pushback.ground import Ground, opened
from gitferry.pushback.outcome import Request
from gitferry.pushback.planning import Planner
from gitferry.repos.content import EXECUTABLE, FILE, SYMLINK, Entry, File
from gitferry.repos.observe import Observer
from gitferry.repos.record import Record
from gitferry.tests.pushback.kit import Side, healthy


def observer(ground: Ground, side: Side) -> Observer:
    return Planner(ground, Request("request"), side.clock()).observer


def entry(ground: Ground, text: str, mode: int = FILE) -> Entry:
    return Entry(mode, ground.objects.write_blob(text.encode()))


def disk(ground: Ground, side: Side) -> str:
    """The root tree that a crossing observes now."""
    head = ground.state.head
    return Planner(ground, Request("request"), side.clock()).look(Record("main"), head, head)[1].disk


def steps(ground: Ground, files: Mapping[str, str | Entry | None], unit: str = "t") -> Steps:
    new = {path: entry(ground, text) if isinstance(text, str) else text for path, text in files.items()}
    return {unit: tuple(new.items())}


def replace(ground: Ground, side: Side, files: Mapping[str, str | Entry | None]) -> dict[str, str]:
    """Observe, and check these files out as task t; return why it could not be."""
    return check_out(ground, observer(ground, side), disk(ground, side), steps(ground, files))[0]


# -- is it still what was observed?


@pytest.mark.parametrize(
    ("file", "same"),
    [
        (File(FILE, b"text\n"), True),
        (File(FILE, b"text, edited\n"), False),
        (File(EXECUTABLE, b"text\n"), False),
        (File(SYMLINK, b"text\n"), False),
        (None, False),
    ],
)
def test_a_file_is_unchanged_by_content_and_mode(here: Side, ground: Ground, file: File | None, same: bool) -> None:
    assert Unchanged(observer(ground, here), "x.md", entry(ground, "text\n"))(file) is same


def test_a_file_that_was_absent_is_unchanged_only_while_it_is(here: Side, ground: Ground) -> None:
    unchanged = Unchanged(observer(ground, here), "x.md", None)
    assert unchanged(None)
    assert not unchanged(File(FILE, b""))


def test_other_line_ends_count_as_an_edit_once_the_file_was_seen(here: Side) -> None:
    here.repo.write(".gitattributes", "*.txt text\n")
    here.repo.write("x.txt", "one\r\ntwo\r\n")
    with opened(here.settings, here.host) as ground:
        unchanged = Unchanged(observer(ground, here), "x.txt", entry(ground, "one\ntwo\n"))
        assert unchanged(File(FILE, b"one\r\ntwo\r\n"))
        assert unchanged(File(FILE, b"one\r\ntwo\r\n"))
        assert not unchanged(File(FILE, b"one\ntwo\n"))


# -- what is replaced


def test_files_are_written_changed_and_removed(here: Side, ground: Ground) -> None:
    repo = here.repo
    script, link = entry(ground, "#!/bin/sh\n", EXECUTABLE), entry(ground, "README.md", SYMLINK)
    wanted = {"README.md": "new\n", "a/new.md": "n\n", "registry.yaml": None, "run.sh": script, "link": link}
    assert replace(ground, here, wanted) == {}
    assert repo.read("README.md") == "new\n"
    assert repo.read("a/new.md") == "n\n"
    assert not repo.exists("registry.yaml")
    assert repo.path("run.sh").stat().st_mode & 0o111
    assert repo.path("link").is_symlink() and repo.path("link").readlink().name == "README.md"


def test_a_file_gives_way_to_a_directory_and_a_directory_to_a_file(here: Side) -> None:
    here.repo.write_all({"file": "f\n", "dir/a": "a\n", "dir/deep/b": "b\n"})
    healthy(here.sync())
    wanted = {"file": None, "file/inner": "i\n", "dir": "d\n", "dir/a": None, "dir/deep/b": None}
    with opened(here.settings, here.host) as ground:
        assert replace(ground, here, wanted) == {}
    assert here.repo.read("file/inner") == "i\n"
    assert here.repo.read("dir") == "d\n"


def test_attributes_that_arrive_govern_the_files_beside_them(here: Side, ground: Ground) -> None:
    assert replace(ground, here, {"a.txt": "1\n2\n", ".gitattributes": "*.txt text eol=crlf\n"}) == {}
    assert here.repo.read_bytes("a.txt") == b"1\r\n2\r\n"


# -- what is not


def test_an_edit_made_since_is_kept_and_other_tasks_still_come(here: Side, ground: Ground) -> None:
    seen = disk(ground, here)
    here.repo.write("README.md", "edited since\n")
    wanted = {**steps(ground, {"README.md": "new\n"}, "README.md"), **steps(ground, {"x.md": "new\n"}, "x.md")}
    raced, _ = check_out(ground, observer(ground, here), seen, wanted)
    assert raced.keys() == {"README.md"}
    assert here.repo.read("README.md") == "edited since\n"
    assert here.repo.read("x.md") == "new\n"


@pytest.mark.parametrize("new", ["new\n", None])
def test_a_file_that_a_program_has_open_is_kept(here: Side, ground: Ground, new: str | None) -> None:
    seen, before = disk(ground, here), here.repo.read("README.md")
    with here.repo.path("README.md").open("r+") as file:
        raced, _ = check_out(ground, observer(ground, here), seen, steps(ground, {"README.md": new}))
        assert "open" in raced["t"]
        assert here.repo.read("README.md") == before
        file.seek(0, 2)
        file.write("saved after all\n")
    assert here.repo.read("README.md") == before + "saved after all\n"


def test_a_file_created_since_is_kept(here: Side, ground: Ground) -> None:
    seen = disk(ground, here)
    here.repo.write("new.md", "mine\n")
    raced, _ = check_out(ground, observer(ground, here), seen, steps(ground, {"new.md": "theirs\n"}))
    assert raced.keys() == {"t"}
    assert here.repo.read("new.md") == "mine\n"


def test_a_directory_with_content_is_not_replaced_by_a_file(here: Side, ground: Ground) -> None:
    here.repo.write("x/kept.log", "ignored\n")
    assert replace(ground, here, {"x": "a file\n"}).keys() == {"t"}
    assert here.repo.read("x/kept.log") == "ignored\n"


def test_nothing_is_written_through_a_symlink_out_of_the_tree(here: Side, ground: Ground) -> None:
    outside = here.repo.root.parent / "outside"
    outside.mkdir()
    here.repo.link("x", str(outside))
    assert replace(ground, here, {"x/file": "escaped\n"}).keys() == {"t"}
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("name", ["../x.md", ".git/config", "a/.GIT/hooks/pre-commit"])
def test_a_name_that_no_tree_may_hold_is_refused(here: Side, ground: Ground, name: str) -> None:
    config = here.repo.read(".git/config")
    raced, _ = check_out(ground, observer(ground, here), ground.objects.tree_of(None), steps(ground, {name: "bad\n"}))
    assert raced.keys() == {"t"}
    assert here.repo.read(".git/config") == config
    assert not here.repo.exists("../x.md") and not here.repo.exists("a")


def test_a_file_whose_filter_may_not_run_is_left_as_it_is(here: Side) -> None:
    here.repo.git("config", "filter.shout.smudge", "tr a-z A-Z")
    here.repo.git("config", "filter.shout.clean", "tr A-Z a-z")
    here.repo.write(".git/info/attributes", "README.md filter=shout\n")
    before = here.repo.read("README.md")
    with opened(here.settings, here.host) as ground:
        raced = replace(ground, here, {"README.md": "new\n"})
    assert "shout" in raced["t"]
    assert here.repo.read("README.md") == before
