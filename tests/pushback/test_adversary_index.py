"""What the user stages, hides, merges or has ignored stays theirs, also where a crossing meets it half-way."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from gitferry.pushback import carry, operations
from gitferry.repos import record, transport
from gitferry.tests.pushback.adversary import REMOTE, Meanwhile, both_have, reachable, remote_keeps
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

LOCAL_FILE = ("-c", "protocol.file.allow=always")
ASSUME, SKIP = "assume-unchanged", "skip-worktree"


# -- staged


def test_what_is_staged_while_a_push_is_on_its_way_stays_staged(
    here: Side, there: Side, remote: Repo, meanwhile: Meanwhile
) -> None:
    both_have(here, there)

    def stage() -> None:
        here.repo.write("t/p", "v2, staged\n")
        here.repo.git("add", "t/p")
        here.repo.write("t/p", "v3\n")

    here.repo.write("t/p", "v1\n")
    meanwhile(transport, "push", stage)
    here.sync()
    assert here.repo.git("show", ":t/p") == "v2, staged"
    assert here.repo.read("t/p") == "v3\n"
    remote_keeps(remote, content="v1\n")


def test_an_emptied_file_staged_while_a_push_is_on_its_way_stays_staged(
    here: Side, there: Side, meanwhile: Meanwhile
) -> None:
    both_have(here, there)

    def stage() -> None:
        here.repo.write("t/p", "")
        here.repo.git("add", "t/p")

    here.repo.write("t/p", "v1\n")
    meanwhile(transport, "push", stage)
    here.sync()
    assert here.repo.git("show", ":t/p") == ""


def test_a_deletion_staged_while_a_push_is_on_its_way_stays_staged(
    here: Side, there: Side, meanwhile: Meanwhile
) -> None:
    both_have(here, there)
    here.repo.write("t/p", "v1\n")
    meanwhile(transport, "push", lambda: here.repo.git("rm", "-q", "--cached", "t/p"))
    here.sync()
    assert here.repo.git("ls-files", "t/p") == ""


def test_conflict_markers_of_a_stash_popped_while_a_push_is_on_its_way_are_not_pushed(
    here: Side, there: Side, remote: Repo, meanwhile: Meanwhile
) -> None:
    both_have(here, there)
    here.repo.write("t/p", "stashed\n")
    here.repo.git("stash", "-q")

    def pop() -> None:
        here.repo.git("add", "t/p")
        assert here.repo.try_git("stash", "pop").returncode == 1

    here.repo.write("t/p", "v1\n")
    meanwhile(transport, "push", pop)
    here.sync()
    here.sync()
    remote_keeps(remote, content="v1\n")
    assert here.repo.git("ls-files", "--unmerged", "t/p")


def test_a_staged_commit_of_a_submodule_stays_staged(here: Side, there: Side, remote: Repo, tmp_path: Path) -> None:
    made = Repo.init(tmp_path / "made")
    commits = []
    for number in "123":
        made.write("file", number)
        commits.append(made.commit(number))
    here.repo.git(*LOCAL_FILE, "submodule", "--quiet", "add", str(made.root), "sub")
    step(here, commits[0])
    healthy(there.sync())
    there.repo.git(*LOCAL_FILE, "submodule", "--quiet", "update", "--init")
    step(here, commits[1])
    there.repo.git("-C", "sub", "checkout", "-q", commits[2])
    there.repo.git("add", "sub")
    there.sync()
    assert commits[2] in there.repo.git("ls-files", "--stage", "sub")
    assert remote.entries("main")["sub"][1] == commits[1]


def step(side: Side, commit: str) -> None:
    """Commit and push that the submodule is at this commit."""
    side.repo.git("-C", "sub", "checkout", "-q", commit)
    side.repo.git("add", "sub")
    side.repo.commit(f"the submodule at {commit}")
    healthy(side.sync())


@pytest.mark.parametrize(
    ("module", "before", "path"),
    [
        pytest.param(operations, "enter", "t/p", id="before the first look at HEAD"),
        pytest.param(carry, "check_out", "t/p", id="before the working tree"),
        pytest.param(carry, "advance", "feature.md", id="before the index"),
    ],
)
def test_a_merge_begun_in_the_middle_of_a_pull_keeps_its_index(
    here: Side, there: Side, remote: Repo, meanwhile: Meanwhile, module: ModuleType, before: str, path: str
) -> None:
    both_have(here, there)
    there.repo.git("switch", "-qc", "feature")
    there.repo.write(path, "FEATURE\n")
    there.repo.commit("on the feature branch")
    there.repo.git("switch", "-q", "main")
    head = there.repo.head
    here.repo.write_all({"t/p": REMOTE, "t/q": "q, from the remote\n"})
    healthy(here.sync())
    meanwhile(module, before, lambda: there.repo.git("merge", "-q", "--no-commit", "--no-ff", "feature"))
    assert there.sync().state == "waiting"
    assert there.repo.git("show", f":{path}") == "FEATURE"
    assert there.repo.head == head
    there.repo.git("merge", "--abort")
    there.sync()
    there.sync()
    remote_keeps(remote)
    remote_keeps(remote, "t/q", "q, from the remote\n")


# -- hidden from git


@pytest.mark.parametrize("flag", [ASSUME, SKIP])
def test_an_edit_hidden_from_git_is_not_replaced_and_overwrites_nothing(
    here: Side, there: Side, remote: Repo, flag: str
) -> None:
    both_have(here, there)
    there.repo.git("update-index", f"--{flag}", "t/p")
    there.repo.write("t/p", "LOCAL ONLY\n")
    here.repo.write("t/p", REMOTE)
    healthy(here.sync())
    for _ in range(3):
        there.sync()
        assert there.repo.read("t/p") == "LOCAL ONLY\n"
        remote_keeps(remote)
    there.repo.git("update-index", f"--no-{flag}", "t/p")
    assert there.sync().state == "conflict"
    assert there.repo.read("t/p") == "LOCAL ONLY\n"
    remote_keeps(remote)


@pytest.mark.parametrize(("flag", "tag"), [(ASSUME, "h"), (SKIP, "S")])
def test_a_pull_leaves_a_file_hidden_from_git_hidden(here: Side, there: Side, flag: str, tag: str) -> None:
    both_have(here, there)
    there.repo.git("update-index", f"--{flag}", "t/p")
    here.repo.write("t/p", REMOTE)
    healthy(here.sync())
    healthy(there.sync())
    assert there.repo.read("t/p") == REMOTE
    assert there.repo.git("ls-files", "-v", "t/p") == f"{tag} t/p"


# -- ignored, converted


def test_an_ignored_file_in_the_way_of_a_tracked_one_is_kept(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there)
    there.repo.write("x.log", "my log\n")
    here.repo.write("x.log", "tracked\n")
    here.repo.git("add", "-f", "x.log")
    here.repo.git("commit", "-qm", "track a log")
    healthy(here.sync())
    for _ in range(2):
        there.sync()
        assert there.repo.read("x.log") == "my log\n"
        remote_keeps(remote, "x.log", "tracked\n")


def test_a_waiting_file_that_the_remote_ignores_from_now_on_is_kept(here: Side, there: Side) -> None:
    both_have(here, there)
    there.pushback = {"auto_push": False}
    there.repo.write("only.md", "only here\n")
    there.sync()
    here.repo.write(".gitignore", "only.md\n")
    healthy(here.sync())
    there.sync()
    there.pushback = {}
    there.sync()
    assert there.repo.read("only.md") == "only here\n"


def test_attributes_that_arrive_with_their_files_make_no_edit(here: Side, there: Side, remote: Repo) -> None:
    both_have(here, there, {"e.txt": "a\nb\n", "f.txt": "x\ny\n"})
    here.repo.write(".gitattributes", "*.txt text eol=crlf\n")
    here.repo.write("e.txt", "a\r\nb2\r\n")
    healthy(here.sync())
    tip = remote.tip("main")
    healthy(there.sync())
    assert there.repo.read_bytes("e.txt") == b"a\r\nb2\r\n"
    healthy(there.sync())
    healthy(here.sync())
    assert there.repo.status() == ""
    assert remote.tip("main") == tip
    remote_keeps(remote, "e.txt", "a\nb2\n")


# -- half a save


@pytest.mark.parametrize("path", ["s.md", "t/p"])
def test_a_file_between_its_deletion_and_its_new_self_is_not_deleted_at_the_remote(
    here: Side, there: Side, remote: Repo, path: str
) -> None:
    both_have(here, there, {"s.md": "v0\n", "t/metadata.json": '{"name":"t"}\n', "t/p": "v0\n"})
    here.repo.path(path).unlink()
    here.save(path, unsettled=frozenset({path}))
    remote_keeps(remote, path, "v0\n")
    here.repo.write(path, "v1\n")
    healthy(here.save(path))
    remote_keeps(remote, path, "v1\n")


# -- what was read


@pytest.mark.parametrize("news", [False, True])
def test_what_was_read_behind_an_unpushed_commit_that_waits_stays_reachable(
    here: Side, there: Side, news: bool
) -> None:
    here.pushback = {"auto_push": False}
    here.repo.write("committed.md", "c\n")
    here.repo.commit("mine")
    here.repo.write("d.md", "first edit\n")
    if news:
        there.repo.write("theirs.md", "t\n")
        healthy(there.sync())
    here.sync()
    here.repo.write("d.md", "second edit\n")
    assert reachable(here.repo, "first edit\n")


def collect(side: Side) -> Callable[[], object]:
    """Return the user's `git gc --prune=now`, which may not take what a crossing is about to name."""
    return lambda: side.repo.git("gc", "-q", "--prune=now")


def test_a_gc_between_reading_and_recording_a_held_edit_breaks_no_ref(
    here: Side, there: Side, remote: Repo, meanwhile: Meanwhile
) -> None:
    both_have(here, there)
    here.repo.write("t/p", REMOTE)
    healthy(here.sync())
    there.repo.write("t/p", "edited long enough\n")
    meanwhile(record, "save", collect(there))
    there.sync()
    there.repo.fsck()
    assert there.sync().state == "conflict"
    there.repo.fsck()
    there.repo.write("t/p", "edited again\n")
    there.sync()
    assert reachable(there.repo, "edited long enough\n")
    remote_keeps(remote)


def test_a_gc_between_reading_and_recording_a_waiting_edit_breaks_no_ref(
    here: Side, there: Side, remote: Repo, meanwhile: Meanwhile
) -> None:
    both_have(here, there)
    there.pushback = {"auto_push": False}
    there.repo.write("t/p", "edited long enough\n")
    meanwhile(record, "save", collect(there))
    there.sync()
    there.repo.fsck()
    there.repo.write("t/p", "second\n")
    assert there.sync().error is None
    there.repo.git("gc", "-q")
    there.repo.fetch()
    there.repo.fsck()
    remote_keeps(remote, content="p0\n")


# -- what a dead crossing displaced


def displaced(side: Side, path: str, data: str) -> Path:
    """Leave in the scratch directory what a crossing that died there would: an edit, and a note of where it was."""
    scratch = side.repo.root / ".git" / "gitferry" / f"scratch-{os.getuid()}"
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / "00-aa").write_text(data, newline="")
    (scratch / "00-aa.path").symlink_to(path)
    return scratch


def test_a_displaced_file_with_line_ends_to_convert_stops_no_later_crossing(here: Side) -> None:
    here.repo.git("config", "core.autocrlf", "true")
    displaced(here, "t/p", "user's\r\nedit\r\n")
    here.sync()
    healthy(here.sync())
    assert reachable(here.repo, "user's\r\nedit\r\n")


def test_a_displaced_file_that_a_filter_would_refuse_is_not_swept_away(here: Side) -> None:
    here.repo.git("config", "filter.crypt.clean", "cat")
    here.repo.git("config", "filter.crypt.smudge", "cat")
    here.repo.write(".git/info/attributes", "*.sec filter=crypt\n")
    scratch = displaced(here, "t/p.sec", "the only copy of the edit\n")
    here.sync()
    assert list(scratch.iterdir()) or reachable(here.repo, "the only copy of the edit\n")
