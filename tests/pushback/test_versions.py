"""The versions of tasks in conflict, over real repositories: what each side made of it, and what stops a merge."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

import pytest

from gitferry.pushback.outcome import State
from gitferry.pushback.versions import Held, Versions, held, versions
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

LINES = "one\ntwo\nthree\nfour\nfive\n"
BINARY = "both changed it, and it is binary"
BARRED = "both changed it, and its git attributes allow no merge"
Save = Callable[[Repo], object]


@pytest.fixture
def there(clone: Callable[..., Repo]) -> Repo:
    """The clone of somebody else, who commits and pushes by hand."""
    return clone("there")


@pytest.fixture
def clash(here: Side, there: Repo) -> Callable[[Save, Save, Save], Side]:
    """Have both sides go on from the same base, and the conflict be held."""

    def make(base: Save, ours: Save, theirs: Save) -> Side:
        base(here.repo)
        healthy(here.sync())
        there.pull()
        theirs(there)
        there.commit("theirs", allow_empty=False)
        there.push("origin", "main")
        ours(here.repo)
        assert here.sync().state is State.CONFLICT
        return here

    return make


def wrote(path: str, data: str | bytes) -> Save:
    return lambda repo: repo.write(path, data)


def one(side: Side) -> Held:
    (found,) = held(side.settings, host=side.host)
    return found


def full(side: Side, path: str) -> Versions:
    found = versions(side.settings, path, host=side.host)
    assert found is not None
    return found


def test_who_changed_what_and_when(clash: Callable[..., Side], there: Repo) -> None:
    side = clash(wrote("a.md", LINES), wrote("a.md", "ours\n"), wrote("a.md", "theirs\n"))
    before = side.repo.refs("refs/"), side.repo.staged(), side.repo.worktree()
    found = one(side)
    assert found.unit == "a.md" and found.merged is None
    assert found.theirs is not None
    assert (found.theirs.commit, found.theirs.author) == (there.head, "Test Person <test@example.org>")
    assert found.theirs.at == datetime.fromisoformat(there.git("log", "-1", "--format=%aI"))
    (file,) = found.files
    assert (file.path, file.conflict, file.text) == ("a.md", "both changed the same part", True)
    shown = full(side, "a.md")
    assert [shown.blobs[entry.oid] for entry in (file.base, file.local, file.remote) if entry] == [
        LINES.encode(),
        b"ours\n",
        b"theirs\n",
    ]
    assert "+ours" in shown.local_diff and "+theirs" in shown.remote_diff and shown.merged_diff is None
    assert (side.repo.refs("refs/"), side.repo.staged(), side.repo.worktree()) == before


def test_a_clean_merge_is_ready(clash: Callable[..., Side]) -> None:
    ours, theirs = LINES.replace("one", "ours"), LINES.replace("five", "theirs")
    side = clash(wrote("a.md", LINES), wrote("a.md", ours), wrote("a.md", theirs))
    shown = full(side, "a.md")
    (file,) = shown.held.files
    assert file.conflict is None and file.merged is not None
    assert shown.blobs[file.merged.oid].decode() == ours.replace("five", "theirs")
    assert shown.merged_diff is not None and "-five\n+theirs" in shown.merged_diff and "ours" in shown.merged_diff


def test_lines_that_clash_may_merge_by_keys(clash: Callable[..., Side]) -> None:
    def task(level: str, version: str) -> Save:
        text = json.dumps({"name": "t", "level": level, "version": version}, indent=2)
        return wrote("t/metadata.json", text + "\n")

    side = clash(task("easy", "1.0.0"), task("hard", "1.0.0"), task("easy", "1.1.0"))
    shown = full(side, "t")
    assert shown.held.merged is not None
    (file,) = shown.held.files
    assert file.merged is not None
    assert json.loads(shown.blobs[file.merged.oid]) == {"name": "t", "level": "hard", "version": "1.1.0"}


def test_the_version_is_another_one_as_soon_as_a_side_changes(clash: Callable[..., Side], there: Repo) -> None:
    side = clash(wrote("a.md", LINES), wrote("a.md", "ours\n"), wrote("a.md", "theirs\n"))
    seen = {one(side).version}
    side.repo.write("a.md", "ours again\n")
    seen.add(one(side).version)
    there.write("a.md", "theirs again\n")
    there.commit("again")
    there.push("origin", "main")
    side.sync()
    seen.add(one(side).version)
    assert len(seen) == 3
    side.repo.write("b.md", "another task\n")
    assert one(side).version in seen


def link(path: str, target: str) -> Save:
    return lambda repo: repo.link(path, target)


def deleted(path: str) -> Save:
    return lambda repo: repo.delete(path)


def unmergeable(repo: Repo) -> None:
    repo.write(".gitattributes", "a.md -merge\n")
    repo.write("a.md", LINES)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "why", "text"),
    [
        (wrote("a.md", LINES), deleted("a.md"), wrote("a.md", "theirs\n"), "deleted here, changed there", True),
        (wrote("a.md", LINES), wrote("a.md", "ours\n"), deleted("a.md"), "changed here, deleted there", True),
        (wrote("z.md", ""), wrote("a.md", "ours\n"), wrote("a.md", "theirs\n"), "both added it, differently", True),
        (wrote("a.md", b"\0"), wrote("a.md", b"\0\1"), wrote("a.md", b"\0\2"), BINARY, False),
        (link("a.md", "x"), link("a.md", "y"), link("a.md", "z"), "a symbolic link or a submodule", False),
        (unmergeable, wrote("a.md", "1\n"), wrote("a.md", "2\n"), BARRED, False),
    ],
)
def test_what_stops_a_merge_is_said(
    clash: Callable[..., Side], base: Save, ours: Save, theirs: Save, why: str, text: bool
) -> None:
    found = one(clash(base, ours, theirs))
    assert found.merged is None
    assert [(file.path, file.conflict, file.text) for file in found.files] == [("a.md", why, text)]


def test_files_that_merge_are_told_beside_one_that_does_not(clash: Callable[..., Side]) -> None:
    def task(notes: str, readme: str) -> Save:
        def save(repo: Repo) -> None:
            repo.write("t/metadata.json", '{"name": "t", "version": "1.0.0"}\n')
            repo.write("t/notes.md", notes)
            repo.write("t/readme.md", readme)

        return save

    side = clash(task("1\n", LINES), task("2\n", LINES), task("3\n", LINES + "six\n"))
    shown = full(side, "t")
    found = {file.path: file for file in shown.held.files}
    assert found.keys() == {"t/notes.md", "t/readme.md"}
    assert found["t/notes.md"].conflict == "both changed the same part"
    readme = found["t/readme.md"]
    assert readme.conflict is None and readme.merged is not None
    assert shown.blobs[readme.merged.oid].decode() == LINES + "six\n"


def test_tasks_that_a_rename_joins_are_shown_as_one(clash: Callable[..., Side]) -> None:
    def moved(repo: Repo) -> None:
        repo.git("mv", "a.md", "b.md")

    side = clash(wrote("a.md", LINES), wrote("a.md", LINES + "six\n"), moved)
    found = {each.unit: each for each in held(side.settings, host=side.host)}
    assert {unit: each.together for unit, each in found.items()} == {"a.md": ("b.md",), "b.md": ("a.md",)}
    for path in found:
        shown = full(side, path)
        assert shown.held.merged is not None and shown.held.merged.keys() == {"b.md"}
        assert "rename from a.md\nrename to b.md" in shown.remote_diff
        assert "+six" in shown.local_diff and shown.merged_diff is not None and "six" not in shown.merged_diff


def test_merge_tools_are_a_trusted_repositorys_own(clash: Callable[..., Side]) -> None:
    side = clash(wrote("a.md", LINES), wrote("a.md", "ours\n"), wrote("a.md", "theirs\n"))
    side.repo.git("config", "merge.tool", "own")
    side.repo.git("config", "mergetool.own.cmd", "touch here")
    side.repo.git("config", "core.pager", "less")
    assert full(side, "a.md").tool_settings == {}
    trusted = side.settings.model_copy(update={"trusted": True})
    shown = versions(trusted, "a.md", host=side.host)
    assert shown is not None
    assert shown.tool_settings == {"merge.tool": "own", "mergetool.own.cmd": "touch here"}


def test_what_is_in_no_conflict_has_no_versions(here: Side) -> None:
    here.repo.write("a.md", "a\n")
    assert held(here.settings, host=here.host) == ()
    assert versions(here.settings, "a.md", host=here.host) is None
