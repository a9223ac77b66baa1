"""A preview shows what a push then does, to the tree's id, and changes nothing: no ref, no object, not even a time."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.pushback.outcome import Request
from gitferry.pushback.preview import Preview, preview
from gitferry.pushback.survey import survey
from gitferry.repos.overlay import NoScratch
from gitferry.tests.integration.servers import program
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

Clone = Callable[..., Repo]
Found = dict[str, tuple[int, int, int, bytes]]
LONG_AGO = 1_000_000_000


def shown(side: Side) -> Preview:
    side.pushback["secrets"] = "off"  # the scan has tests of its own, and takes long to load in a new home
    return preview(side.settings, Request("request", all_tasks=True, by_hand=True), host=side.host)


def everything(*roots: Path) -> Found:
    """Every file and directory: its mode, time, size and content. The files' own times are set long ago before."""
    found: Found = {}
    for path in (path for root in roots for path in (root, *root.rglob("*"))):
        status = path.lstat()
        regular = stat.S_ISREG(status.st_mode)
        data = path.read_bytes() if regular else os.fsencode(path.readlink()) if path.is_symlink() else b""
        found[str(path)] = (status.st_mode, status.st_mtime_ns, status.st_size, data)
    return found


def aged(git_dir: Path) -> None:
    """Make every object an old one, so that renewing its time shows."""
    for path in (git_dir / "objects").rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))


def requires_unchanged(side: Side, *others: Path) -> Preview:
    """Return a preview that left the working tree, the git directory and `others` as they were."""
    common = Path(side.repo.git("rev-parse", "--path-format=absolute", "--git-common-dir"))
    aged(common)
    roots = [side.repo.root, *([] if common.is_relative_to(side.repo.root) else [common]), *others]
    before = everything(*roots)
    found = shown(side)
    assert everything(*roots) == before
    return found


def requires_the_same(side: Side, found: Preview) -> None:
    """Push, and assert that what was made is what the preview showed."""
    assert found.waiting_for is None
    before = side.repo.tip("@{upstream}")
    healthy(side.sync(all_tasks=True))
    made = side.repo.git("rev-list", "--reverse", f"{before}..HEAD").splitlines()
    assert [commit.tree for commit in found.commits] == [side.repo.git("rev-parse", f"{oid}^{{tree}}") for oid in made]
    messages = [side.repo.git("log", "-1", "--format=%B", oid) for oid in made]
    assert [commit.message for commit in found.commits] == messages
    assert made and before != side.repo.tip("@{upstream}")


def edit(side: Side) -> None:
    side.repo.write_all({"a.md": "a\n", "tasks/report/notes.md": "n\n", "line ends.txt": "one\r\ntwo\r\n"})
    side.repo.delete("tasks/celsius/metadata.json")


# -- shapes of repositories ---------------------------------------------------------------------------------------


def ordinary(clone: Clone) -> Side:
    return Side(clone("work"))


def shared(clone: Clone) -> Side:
    return Side(clone("work", "--shared"))


def shared_twice(clone: Clone) -> Side:
    """A clone whose objects are in one whose own are elsewhere too; one path is relative, one is odd."""
    first = clone('we:ird "one"', "--shared")
    second = Repo.clone(first.root, first.root.parent / "work", "--shared")
    second.git("remote", "set-url", "origin", first.git("remote", "get-url", "origin"))
    second.git("fetch", "--quiet")
    second.path(".git/objects/info/alternates").write_text('../../../we:ird "one"/.git/objects\n')
    second.git("fsck")
    return Side(second)


def packed(clone: Clone) -> Side:
    work = clone("work")
    work.git("gc", "--quiet")
    work.git("pack-refs", "--all")
    return Side(work)


def linked(clone: Clone) -> Side:
    main = clone("main")
    main.git("checkout", "--quiet", "--detach")
    main.git("worktree", "add", "--quiet", str(main.root.parent / "work"), "main")
    return Side(Repo(main.root.parent / "work"))


def linked_with_settings(clone: Clone) -> Side:
    """A worktree whose settings are in a file of its own (git-worktree(1), CONFIGURATION FILE)."""
    side = linked(clone)
    side.repo.git("config", "extensions.worktreeConfig", "true")
    side.repo.git("config", "--worktree", "core.autocrlf", "input")
    return side


def sparse(clone: Clone) -> Side:
    work = clone("work")
    work.write("elsewhere/a.txt", "a\n")
    work.commit("more")
    work.push()
    work.git("sparse-checkout", "set", "tasks")
    assert not work.exists("elsewhere")
    return Side(work)


def with_line_ends(clone: Clone) -> Side:
    work = clone("work")
    work.write(".gitattributes", "*.txt text eol=crlf\n*.md text eol=lf ident\n")
    work.write("old.txt", "one\r\n")
    work.commit("line ends")
    work.push()
    work.write("old.txt", "one\r\nmore\r\n")
    work.write("b.md", "$Id$\r\n")
    return Side(work)


def with_kept_line_ends(clone: Clone) -> Side:
    """Where git leaves a file's line ends alone, because the index has them so."""
    work = clone("work")
    work.write("kept.txt", "one\r\n")
    work.commit("as it is")
    work.write(".gitattributes", "* text=auto\n")
    work.commit("from now on")
    work.push()
    work.write("kept.txt", "one\r\ntwo\r\n")
    return Side(work)


def with_settings_beside(clone: Clone) -> Side:
    """Settings in a file that is named from where the repository's own are."""
    work = clone("work")
    work.write(".shared", "[core]\n\tattributesFile = .attributes-too\n")
    work.write(".attributes-too", "*.txt text\n")
    work.git("config", "include.path", "../.shared")
    return Side(work)


def with_settings_by_place(clone: Clone) -> Side:
    """The user's settings for repositories that lie in a certain place."""
    work = clone("work")
    Path(os.environ["HOME"], "here").write_text("[core]\n\tautocrlf = input\n")
    work.git("config", "--global", f"includeIf.gitdir:{work.root}/.path", "~/here")
    return Side(work)


def with_large_files(clone: Clone) -> Side:
    """A repository in which git-lfs has not run yet: on its first run it notes that down in the settings."""
    program("git-lfs")
    work = clone("work")
    work.git("config", "--global", "filter.lfs.process", "git-lfs filter-process")
    work.git("config", "--global", "filter.lfs.clean", "git-lfs clean -- %f")
    work.git("config", "--global", "filter.lfs.smudge", "git-lfs smudge -- %f")
    work.git("config", "--global", "filter.lfs.required", "true")
    work.git("remote", "set-url", "origin", f"file://{work.git('remote', 'get-url', 'origin')}")
    work.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    work.write("large.bin", b"\0large\1" * 1000)
    return Side(work)


def with_many(clone: Clone) -> Side:
    """As many tasks as are stored as packs."""
    side = Side(clone("work"))
    side.repo.write_all({f"many/{n}/metadata.json": f'{{"name": "task-{n}", "version": "1.{n}"}}' for n in range(100)})
    return side


SHAPES = (
    ordinary,
    shared,
    shared_twice,
    packed,
    linked,
    linked_with_settings,
    sparse,
    with_line_ends,
    with_kept_line_ends,
    with_settings_beside,
    with_settings_by_place,
    with_large_files,
    with_many,
)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_preview_changes_nothing_and_a_push_makes_what_it_showed(
    shape: Callable[[Clone], Side], clone: Clone, remote: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    side = shape(clone)
    edit(side)
    found = requires_unchanged(side, remote.root)
    assert list((tmp_path / "scratch").iterdir()) == []
    requires_the_same(side, found)
    side.repo.fsck()


@pytest.mark.parametrize("shape", [ordinary, shared, with_line_ends, with_many], ids=lambda shape: shape.__name__)
def test_what_is_stored_already_keeps_its_time(shape: Callable[[Clone], Side], clone: Clone) -> None:
    side = shape(clone)
    healthy(side.sync())
    side.repo.write("line ends.txt", "one\r\ntwo\r\n")
    survey(side.settings, host=side.host)  # which writes all that differs
    edit(side)
    survey(side.settings, host=side.host)
    first = requires_unchanged(side)
    requires_the_same(side, first)


# -- what else may not happen -------------------------------------------------------------------------------------


def test_no_hook_runs_and_no_key_is_asked_for(here: Side, tmp_path: Path) -> None:
    edit(here)
    here.repo.hook("pre-commit", f"touch {tmp_path}/ran")
    here.repo.hook("commit-msg", f"touch {tmp_path}/ran")
    (tmp_path / "sign").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    (tmp_path / "sign").chmod(0o755)
    here.repo.git("config", "commit.gpgSign", "true")
    here.repo.git("config", "gpg.program", str(tmp_path / "sign"))
    pushback = here.settings.pushback.model_copy(update={"hooks": "run", "secrets": "off"})
    settings = here.settings.model_copy(update={"trusted": True, "pushback": pushback})
    before = everything(here.repo.root)
    found = preview(settings, Request("request", all_tasks=True, by_hand=True), host=here.host)
    assert len(found.commits) == 1
    assert set(found.hooks) == {"pre-commit", "commit-msg"}
    assert everything(here.repo.root) == before
    assert not (tmp_path / "ran").exists()


def test_no_remote_is_asked(here: Side, remote: Repo) -> None:
    edit(here)
    remote.root.rename(remote.root.with_name("away"))
    assert len(requires_unchanged(here).commits) == 1


def test_the_users_own_commits_and_both_sides_of_a_merge(here: Side, there: Side) -> None:
    there.repo.write("theirs.md", "t\n")
    healthy(there.sync())
    here.repo.write("mine.md", "m\n")
    here.repo.commit("my own words")
    here.repo.fetch()
    edit(here)
    found = requires_unchanged(here)
    assert [len(commit.tasks) > 0 for commit in found.commits] == [False, False, True]
    before = here.repo.tip("@{upstream}")
    healthy(here.sync(all_tasks=True))
    made = here.repo.git("rev-list", "--reverse", f"{before}..HEAD").splitlines()
    assert {commit.tree for commit in found.commits} == {here.repo.git("rev-parse", f"{oid}^{{tree}}") for oid in made}


def test_a_merged_file_is_merged_in_the_preview_too(here: Side, there: Side) -> None:
    here.pushback["conflict_strategy"] = "merge"
    here.repo.write("shared.md", "".join(f"{n}\n" for n in range(20)))
    healthy(here.sync())
    healthy(there.sync())
    there.repo.write("shared.md", there.repo.read("shared.md").replace("2\n", "two\n", 1))
    healthy(there.sync())
    here.repo.fetch()
    here.repo.write("shared.md", here.repo.read("shared.md") + "last\n")
    requires_the_same(here, requires_unchanged(here))


def test_a_repository_that_waits_is_not_touched_either(here: Side, there: Side) -> None:
    there.repo.write("theirs.md", "t\n")
    healthy(there.sync())
    here.pushback["push_commits"] = False
    here.repo.write("mine.md", "m\n")
    here.repo.commit("my own words")
    here.repo.fetch()
    edit(here)
    survey(here.settings, host=here.host)
    found = requires_unchanged(here)
    assert found.waiting_for is not None and "push_commits is false" in found.waiting_for


def test_a_repository_without_a_commit(tmp_path: Path, empty_remote: Repo) -> None:
    side = Side(Repo.clone(empty_remote.root, tmp_path / "work"))
    side.repo.write("first.md", "1\n")
    found = requires_unchanged(side)
    assert [commit.files[0].path for commit in found.commits] == ["first.md"]
    healthy(side.sync(all_tasks=True))
    assert found.commits[0].tree == side.repo.git("rev-parse", "HEAD^{tree}")


def test_the_scratch_directory_is_this_users_alone(here: Side, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    here.repo.write(".gitattributes", "*.x text\n")
    here.repo.write("a.x", "a\r\n")
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    program = tmp_path / "programs" / "git"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\ncase " $* " in *" hash-object "*) ls -ld {tmp_path}/scratch/* > {seen};; esac\n'
        f'exec {shutil.which("git")} "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    assert requires_unchanged(here).commits
    assert seen.read_text().startswith("drwx------")


def test_where_no_scratch_directory_can_be_made(here: Side, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(NoScratch, match="no scratch directory") as caught:
        shown(here)
    assert "TMPDIR" in caught.value.hint
