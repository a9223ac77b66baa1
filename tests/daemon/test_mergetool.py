"""Merging a conflict by hand: real git mergetool with a scripted tool, and a scripted editor."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from gitferry.config.errors import GitferryError
from gitferry.daemon.markers import left_in, marked, regions
from gitferry.daemon.mergetool import NoTerminal, NothingToEdit, NotMerged, ScratchMerge, Uneditable
from gitferry.daemon.three_way import ThreeWay
from gitferry.repos.content import EXECUTABLE, FILE, SUBMODULE, File
from gitferry.repos.disk_errors import UnsafeName
from gitferry.tests.repo import Repo


def text(data: str, mode: int = FILE) -> File:
    return File(mode, data.encode())


BOTH = ThreeWay("sub/notes.txt", text("a\nb\nc\n"), text("a\nours\nc\n"), text("a\ntheirs\nc\n"))
MARKED = b"a\n<<<<<<< yours\nours\n||||||| base\nb\n=======\ntheirs\n>>>>>>> theirs\nc\n"
CLEAN = ThreeWay("task.json", text("1\n"), text("1\n"), text("2\n"), merged=text("2\n"), clean=True)


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Write a shell script and return the command that runs it."""

    def write(body: str) -> str:
        place = tmp_path / "a script.sh"
        place.write_text(f"#!/bin/sh\n{body}\n")
        place.chmod(0o700)
        return f"'{place}'"

    return write


@pytest.fixture
def user_git(home: Path) -> Callable[[str, str], None]:
    """Set something in the user's own git."""

    def set_(key: str, value: str) -> None:
        Repo.init(home / "any").git("config", "--global", key, value)

    return set_


@pytest.fixture
def opened() -> Iterator[Callable[..., ScratchMerge]]:
    made: list[ScratchMerge] = []

    def open_(*files: ThreeWay, settings: Mapping[str, str] | None = None, **environ: str) -> ScratchMerge:
        scratch = ScratchMerge(files, {**os.environ, **environ}, settings or {})
        made.append(scratch)
        return scratch

    yield open_
    for scratch in made:
        if scratch.root.exists():
            scratch.close(keep=False)


Open = Callable[..., ScratchMerge]
Script = Callable[[str], str]


def test_markers_are_gits_own_and_are_found_again() -> None:
    assert marked(BOTH, os.environ) == MARKED
    (region,) = regions(MARKED)
    assert (region[0], region[-1], len(region)) == (b"<<<<<<< yours", b">>>>>>> theirs", 7)
    assert left_in(MARKED, BOTH.sides) == [2, 4, 8]
    heading = File(FILE, b"Conflicts\n<<<<<<< HEAD\nare so marked\n=======\n")
    assert left_in(heading.data, [heading]) == [], "a document about conflicts has them on purpose"
    assert left_in(b"a ======= b\n=======\n-------\n", []) == [], "it underlines headings"
    assert left_in(b"<<<<<<< HEAD\r\n", []) == [1]


def test_the_editor_gets_markers_and_the_versions_beside_them(opened: Open, script: Script, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    editor = script(f'cd "$(dirname "$1")"; head -50 *BASE* *LOCAL* *REMOTE* "$1" >"{seen}"; printf "both\\n" >"$1"')
    scratch = opened(BOTH, CLEAN, GIT_EDITOR=editor)
    assert scratch.root.stat().st_mode & 0o777 == 0o700
    scratch.edit(None)
    assert scratch.result() == {"sub/notes.txt": text("both\n"), "task.json": text("2\n")}
    shown = seen.read_text()
    for name, content in {"BASE": "a\nb\nc\n", "LOCAL": "a\nours\nc\n", "REMOTE": "a\ntheirs\nc\n"}.items():
        assert f"==> notes_{name}.txt <==\n{content}" in shown
    assert MARKED.decode() in shown
    assert sorted(path.name for path in (scratch.root / "sub").iterdir()) == ["notes.txt"]
    assert scratch.close(keep=False) is None and not scratch.root.exists()


def test_what_equals_our_side_is_not_given(opened: Open, script: Script) -> None:
    scratch = opened(BOTH, CLEAN, GIT_EDITOR=script('printf "a\\nours\\nc\\n" >"$1"'))
    scratch.edit(None)
    assert scratch.result() == {"task.json": text("2\n")}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (":", "still has conflict markers (lines 2, 4, 8)"),
        ('echo more >>"$1"', "still has conflict markers"),
        ('echo half >"$1"; exit 1', "exit code 1"),
        ('rm "$1"; mkdir "$1"', "no plain file"),
        ('ln -sf /etc/passwd "$1"', "no plain file"),
    ],
)
def test_what_is_no_answer_is_told(opened: Open, script: Script, body: str, words: str) -> None:
    scratch = opened(BOTH, GIT_EDITOR=script(body))
    with pytest.raises(NotMerged) as refused:
        scratch.edit(None)
        scratch.result()
    assert words in refused.value.title and refused.value.hint


def test_what_was_typed_is_kept_and_nothing_else(opened: Open, script: Script) -> None:
    untouched = opened(BOTH, CLEAN, GIT_EDITOR=script(":"))
    with pytest.raises(NotMerged):
        untouched.edit(None)
    assert untouched.close(keep=True) is None and not untouched.root.exists()
    typed = opened(BOTH, CLEAN, GIT_EDITOR=script('echo more >>"$1"'))
    with pytest.raises(NotMerged):
        typed.edit(None)
    assert typed.close(keep=True) == typed.root
    assert (typed.root / "sub/notes.txt").read_bytes() == MARKED + b"more\n"


def test_a_side_that_deleted_it_counts_as_empty(opened: Open, script: Script) -> None:
    gone = ThreeWay("a.txt", text("1\n"), None, text("2\n"))
    kept = opened(gone, GIT_EDITOR=script('echo 2 >"$1"'))
    kept.edit(None)
    assert kept.result() == {"a.txt": text("2\n")}
    for body in (': >"$1"', 'rm "$1"'):
        deleted = opened(gone, GIT_EDITOR=script(body))
        deleted.edit(None)
        assert deleted.result() == {}, "it is deleted here already"
    theirs = opened(ThreeWay("a.txt", text("1\n"), text("2\n"), None), GIT_EDITOR=script('rm "$1"'))
    theirs.edit(None)
    assert theirs.result() == {"a.txt": None}


def test_the_mode_is_the_one_that_a_side_changed(opened: Open, script: Script) -> None:
    for local, remote in ((EXECUTABLE, FILE), (FILE, EXECUTABLE)):
        file = ThreeWay("run.sh", text("1\n"), text("2\n", local), text("3\n", remote))
        scratch = opened(file, GIT_EDITOR=script('echo 4 >"$1"'))
        scratch.edit(None)
        assert scratch.result() == {"run.sh": text("4\n", EXECUTABLE)}


def test_the_users_merge_tool_gets_the_three_versions(
    opened: Open, user_git: Callable[[str, str], None], tmp_path: Path
) -> None:
    user_git("merge.tool", "scripted")
    user_git("mergetool.scripted.cmd", f'cat "$BASE" "$LOCAL" "$REMOTE" >"{tmp_path}/seen"; echo both >"$MERGED"')
    user_git("mergetool.scripted.trustExitCode", "true")
    scratch = opened(BOTH, CLEAN, GIT_EDITOR="false")
    with (tmp_path / "said").open("wb") as said:
        scratch.edit(scratch.tool(), output=said.fileno())
    assert (tmp_path / "seen").read_text() == "a\nb\nc\na\nours\nc\na\ntheirs\nc\n"
    assert "sub/notes.txt" in (tmp_path / "said").read_text()
    assert scratch.result() == {"sub/notes.txt": text("both\n"), "task.json": text("2\n")}


def test_a_merge_tool_that_fails_resolves_nothing(
    opened: Open, user_git: Callable[[str, str], None], tmp_path: Path
) -> None:
    user_git("merge.tool", "scripted")
    user_git("mergetool.scripted.cmd", "false")
    user_git("mergetool.scripted.trustExitCode", "true")
    scratch = opened(BOTH)
    with pytest.raises(NotMerged), (tmp_path / "said").open("wb") as said:
        scratch.edit(scratch.tool(), output=said.fileno())


def test_the_users_own_conversions_do_not_reach_what_is_merged(
    opened: Open, user_git: Callable[[str, str], None], script: Script, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    user_git("core.autocrlf", "true")
    user_git("core.attributesFile", str(tmp_path / "attributes"))
    (tmp_path / "attributes").write_text("* filter=evil text\n")
    user_git("filter.evil.clean", f"touch {ran}; cat")
    user_git("filter.evil.smudge", f"touch {ran}; cat")
    user_git("merge.tool", "scripted")
    user_git("mergetool.scripted.cmd", 'cp "$LOCAL" "$MERGED"')
    user_git("mergetool.scripted.trustExitCode", "true")
    theirs = ThreeWay(".gitattributes", text(""), text("* filter=evil\n"), text("* filter=evil eol=crlf\n"))
    scratch = opened(BOTH, theirs)
    with (tmp_path / "said").open("wb") as said:
        scratch.edit(scratch.tool(), output=said.fileno())
    assert scratch.result() == {}, "our side was taken, byte by byte"
    assert not ran.exists()


def test_settings_of_a_trusted_repository_count(opened: Open, tmp_path: Path) -> None:
    settings = {"merge.tool": "own", "mergetool.own.cmd": 'echo own >"$MERGED"', "mergetool.own.trustExitCode": "true"}
    scratch = opened(BOTH, settings=settings)
    with (tmp_path / "said").open("wb") as said:
        scratch.edit(scratch.tool(), output=said.fileno())
    assert scratch.result() == {"sub/notes.txt": text("own\n")}


def test_without_a_terminal_only_a_script_is_run(
    opened: Open, user_git: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "vi")
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(NoTerminal):
            opened(BOTH).tool()
        user_git("merge.tool", "vimdiff")
        with pytest.raises(NoTerminal):
            opened(BOTH).tool()


@pytest.mark.parametrize(
    "file",
    [
        ThreeWay("a.png", None, File(FILE, b"\0\1"), File(FILE, b"\0\2"), barred="both changed it, and it is binary"),
        ThreeWay("lib", text("", SUBMODULE), text("", SUBMODULE), text("", SUBMODULE), text("", SUBMODULE), clean=True),
    ],
)
def test_what_is_no_text_is_refused_by_name(opened: Open, file: ThreeWay) -> None:
    with pytest.raises(Uneditable) as refused:
        opened(BOTH, file)
    assert file.path in refused.value.title and "--take local" in refused.value.hint


@pytest.mark.parametrize("path", ["../out.txt", "/etc/out.txt", ".git/hooks/post-checkout", "a/.GIT/config"])
def test_a_name_that_leads_elsewhere_is_refused(opened: Open, path: str) -> None:
    with pytest.raises(UnsafeName):
        opened(ThreeWay(path, None, text("1\n"), text("2\n")))


def test_a_file_in_the_place_of_a_directory_is_refused(opened: Open) -> None:
    with pytest.raises(Uneditable) as refused:
        opened(ThreeWay("a", None, text("1\n"), None), ThreeWay("a/b", None, None, text("2\n")))
    assert refused.value.title.startswith("a cannot")


def test_a_clean_merge_can_be_looked_over(opened: Open, script: Script) -> None:
    both = ThreeWay("a.txt", text("1\n\n2\n"), text("0\n\n2\n"), text("1\n\n3\n"), text("0\n\n3\n"), clean=True)
    scratch = opened(both, CLEAN, GIT_EDITOR=script('grep -q "^0" "$1" && echo 4 >>"$1"'))
    scratch.edit(scratch.tool())
    assert scratch.result() == {"a.txt": text("0\n\n3\n4\n"), "task.json": text("2\n")}
    with pytest.raises(NothingToEdit):
        opened(CLEAN)


def test_a_name_that_is_not_utf8_can_be_merged(opened: Open, script: Script) -> None:
    path = os.fsdecode(b"caf\xe9.txt")
    scratch = opened(ThreeWay(path, None, text("1\n"), text("2\n")), GIT_EDITOR=script('echo 3 >"$1"'))
    scratch.edit(None)
    assert scratch.result() == {path: text("3\n")}


def test_an_editor_that_is_not_there_is_told(opened: Open) -> None:
    with pytest.raises(GitferryError) as refused:
        opened(BOTH, GIT_EDITOR="no-such-editor --wait").edit(None)
    assert "no-such-editor" in refused.value.title and "core.editor" in refused.value.hint
