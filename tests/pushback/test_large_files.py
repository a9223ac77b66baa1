"""Large files kept by git-lfs, with a real git-lfs and a server that speaks its protocol."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitferry.pushback import operations
from gitferry.pushback.ground import opened
from gitferry.pushback.outcome import PushStatus, Request, State
from gitferry.pushback.preview import preview
from gitferry.pushback.undo import undo
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.lfs_server import LfsServer, lfs_server
from gitferry.tests.repo import Repo

pytestmark = pytest.mark.usefixtures("git_lfs")

BIG = b"\0large\r\n\1" * 2000
OTHER = b"\0other\r\n\2" * 2000


def pointer(data: bytes) -> bytes:
    """The blob that git-lfs puts in the place of a large file."""
    oid = hashlib.sha256(data).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n".encode()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LfsServer]:
    with lfs_server(tmp_path / "store") as running:
        yield running


@pytest.fixture
def lfs(server: LfsServer, here: Side, there: Side) -> LfsServer:
    """The server, with both clones set up and `*.bin` kept there."""
    for side in (here, there):
        server.used_by(side.repo)
    here.repo.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    here.repo.write("large.bin", BIG)
    healthy(here.sync())
    healthy(there.sync())
    return server


def test_pointers_are_committed_and_the_objects_are_uploaded_before_them(
    server: LfsServer, here: Side, there: Side, remote: Repo, tmp_path: Path
) -> None:
    for side in (here, there):
        server.used_by(side.repo)
    remote.hook("pre-receive", f"ls {server.store} > {tmp_path}/uploaded")
    here.repo.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    here.repo.write("large.bin", BIG)
    healthy(here.sync())
    assert remote.tree("main")["large.bin"] == pointer(BIG)
    assert (tmp_path / "uploaded").read_text().split() == [hashlib.sha256(BIG).hexdigest()]
    healthy(there.sync())
    assert there.repo.read_bytes("large.bin") == BIG
    there.repo.write("large.bin", OTHER)
    healthy(there.save("large.bin"))
    assert remote.tree("main")["large.bin"] == pointer(OTHER)
    assert server.has(OTHER)
    healthy(here.sync())
    assert here.repo.read_bytes("large.bin") == OTHER
    for side in (here, there):
        assert side.repo.status() == ""
        side.repo.fsck()
        assert side.repo.head == remote.tip("main")


def test_an_edit_does_not_fetch_what_it_replaces(lfs: LfsServer, there: Side, remote: Repo) -> None:
    shutil.rmtree(there.repo.path(".git/lfs/objects"))
    lfs.requests.clear()
    there.repo.write("large.bin", OTHER)
    healthy(there.save("large.bin"))
    assert remote.tree("main")["large.bin"] == pointer(OTHER)
    assert "GET" not in lfs.requests


def test_an_upload_that_the_server_refuses_fails_the_push_and_moves_nothing(
    lfs: LfsServer, here: Side, there: Side, remote: Repo
) -> None:
    tip = remote.tip("main")
    lfs.refuse_uploads = 403
    here.repo.write("large.bin", OTHER)
    here.repo.write("notes.md", "with it\n")
    outcome = here.sync()
    assert outcome.state is State.FAILING
    assert outcome.error is not None and "uploads are not for you" in outcome.error
    assert not outcome.retry
    task = here.task(outcome, "large.bin")
    assert task.push_status is PushStatus.FAILED
    assert task.reason is not None and "uploads are not for you" in task.reason
    assert remote.tip("main") == here.repo.head == tip
    assert here.repo.read_bytes("large.bin") == OTHER
    assert not lfs.has(OTHER)
    there.repo.write("other.md", "theirs\n")
    healthy(there.sync())
    here.sync()
    assert here.repo.read("other.md") == "theirs\n", "what is to be pulled comes all the same"
    lfs.refuse_uploads = 0
    healthy(here.sync())
    healthy(there.sync())
    assert there.repo.read_bytes("large.bin") == OTHER


def test_a_server_that_is_away_is_tried_again(lfs: LfsServer, here: Side, remote: Repo) -> None:
    tip = remote.tip("main")
    here.repo.git("config", "lfs.url", "http://127.0.0.1:9/lfs")
    here.repo.write("large.bin", OTHER)
    outcome = here.sync()
    assert outcome.state is State.FAILING and outcome.retry
    assert here.task(outcome, "large.bin").push_status is PushStatus.PENDING
    assert remote.tip("main") == tip
    here.repo.git("config", "lfs.url", lfs.url)
    healthy(here.sync())
    assert lfs.has(OTHER)


def test_a_file_that_someone_else_has_locked_is_not_pushed(lfs: LfsServer, here: Side, remote: Repo) -> None:
    tip = remote.tip("main")
    lfs.locked = {"large.bin"}
    here.repo.write("large.bin", OTHER)
    outcome = here.sync()
    assert outcome.error is not None and "large.bin - Someone" in outcome.error
    assert here.task(outcome, "large.bin").push_status is PushStatus.FAILED
    assert remote.tip("main") == tip


def test_an_object_that_the_server_lost_is_said_and_comes_when_it_is_back(
    lfs: LfsServer, here: Side, there: Side, remote: Repo
) -> None:
    here.repo.write_all({"large.bin": OTHER, "notes.md": "with it\n"})
    healthy(here.sync())
    lfs.forget(OTHER)
    there.repo.write("own.md", "an edit\n")
    outcome = there.sync()
    task = there.task(outcome, "large.bin")
    assert task.push_status is PushStatus.PENDING
    assert task.reason is not None and "Object does not exist" in task.reason
    assert there.repo.read_bytes("large.bin") == BIG, "what was there stays"
    assert there.repo.read("notes.md") == "with it\n", "everything else comes"
    assert remote.tree("main")["own.md"] == b"an edit\n", "and goes"
    assert remote.tree("main")["large.bin"] == pointer(OTHER)
    (lfs.store / hashlib.sha256(OTHER).hexdigest()).write_bytes(OTHER)
    healthy(there.sync())
    assert there.repo.read_bytes("large.bin") == OTHER
    assert remote.tree("main")["large.bin"] == pointer(OTHER)
    assert there.repo.status() == ""


def test_without_git_lfs_its_files_are_refused_by_name(
    lfs: LfsServer, here: Side, remote: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "without-lfs"
    programs.mkdir()
    for directory in os.environ["PATH"].split(os.pathsep):
        for file in Path(directory).iterdir() if Path(directory).is_dir() else ():
            link = programs / file.name
            if file.name != "git-lfs" and not link.is_symlink():
                link.symlink_to(file)
    monkeypatch.setenv("PATH", str(programs))
    here.repo.write_all({"large.bin": OTHER, "notes.md": "without it\n"})
    outcome = here.sync()
    task = here.task(outcome, "large.bin")
    assert task.push_status is PushStatus.FAILED
    assert task.reason == "it is kept by git-lfs, which is not installed here: install git-lfs"
    assert remote.tree("main")["notes.md"] == b"without it\n"
    assert remote.tree("main")["large.bin"] == pointer(BIG)


def test_where_git_lfs_is_not_set_up_its_files_are_refused_by_name(lfs: LfsServer, here: Side, remote: Repo) -> None:
    here.repo.git("lfs", "uninstall", "--local", "--skip-repo")
    here.repo.write("large.bin", OTHER)
    outcome = here.sync()
    assert here.task(outcome, "large.bin").push_status is PushStatus.FAILED
    assert "git lfs install" in (here.task(outcome, "large.bin").reason or "")
    assert remote.tree("main")["large.bin"] == pointer(BIG)


def test_a_large_file_over_the_limit_is_refused_until_that_is_raised(
    lfs: LfsServer, here: Side, there: Side, remote: Repo
) -> None:
    here.pushback = {"limits": {"file": 1 << 10}}
    here.repo.write("large.bin", OTHER)
    outcome = here.sync()
    assert here.task(outcome, "large.bin").push_status is PushStatus.FAILED
    assert "limits.file" in (here.task(outcome, "large.bin").reason or "")
    assert remote.tree("main")["large.bin"] == pointer(BIG)
    here.pushback = {}
    healthy(here.sync())
    assert lfs.has(OTHER)
    there.pushback = {"limits": {"file": 1 << 10}}
    healthy(there.sync())
    assert there.repo.read_bytes("large.bin") == OTHER, "the limit is for what is pushed"
    healthy(there.sync())


def test_a_lockable_file_stays_read_only(lfs: LfsServer, here: Side, there: Side, remote: Repo) -> None:
    here.repo.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text lockable\n")
    healthy(here.sync())
    there.repo.path("large.bin").chmod(0o444)  # as git-lfs's own hooks leave it
    here.repo.write("large.bin", OTHER)
    healthy(here.sync())
    healthy(there.sync())
    assert there.repo.read_bytes("large.bin") == OTHER
    assert stat.S_IMODE(there.repo.path("large.bin").stat().st_mode) == 0o444
    assert there.repo.status() == ""
    assert remote.entries("main")["large.bin"][0] == "100644"


def test_a_pointer_that_only_an_older_commit_of_the_users_holds_is_uploaded(
    lfs: LfsServer, here: Side, there: Side, remote: Repo
) -> None:
    here.repo.write("passing.bin", OTHER)
    here.repo.commit("added")
    here.repo.git("rm", "-q", "passing.bin")
    here.repo.commit("and removed")
    healthy(here.sync())
    assert remote.log("main")[:2] == ["and removed", "added"]
    assert lfs.has(OTHER)


def test_a_file_tracked_by_lfs_from_the_other_side_is_no_edit_here(
    server: LfsServer, here: Side, there: Side, remote: Repo
) -> None:
    for side in (here, there):
        server.used_by(side.repo)
    here.repo.write("large.bin", BIG)
    healthy(here.sync())
    healthy(there.sync())
    here.repo.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    here.repo.git("add", "--renormalize", ".")
    here.repo.commit("large files to git-lfs")
    healthy(here.sync())
    tip = remote.tip("main")
    healthy(there.sync())
    healthy(there.sync())
    assert there.repo.read_bytes("large.bin") == BIG
    assert remote.tip("main") == tip
    assert remote.tree("main")["large.bin"] == pointer(BIG)
    assert server.has(BIG)


def test_a_filter_of_lfs_that_fails_never_commits_the_plain_file(lfs: LfsServer, here: Side, remote: Repo) -> None:
    here.repo.git("config", "--unset", "filter.lfs.required")
    objects = here.repo.path(".git/lfs/objects")
    shutil.rmtree(objects)
    objects.write_text("in the way")
    here.repo.write("large.bin", OTHER)
    outcome = here.sync()
    assert here.task(outcome, "large.bin").push_status is PushStatus.FAILED
    assert remote.tree("main")["large.bin"] == pointer(BIG)


def test_what_was_replaced_outlives_a_prune(lfs: LfsServer, here: Side, there: Side) -> None:
    third = b"\0third\n" * 3000
    here.repo.write("large.bin", third)
    healthy(here.sync())
    there.pushback = {"conflict_strategy": "take_remote"}
    there.repo.write("large.bin", OTHER)
    there.sync()
    assert there.repo.read_bytes("large.bin") == third
    there.repo.git("lfs", "prune")
    oid = hashlib.sha256(OTHER).hexdigest()
    assert not there.repo.path(f".git/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}").exists(), "git-lfs knows nothing of it"
    with opened(there.settings, there.host) as ground:
        last = operations.read_all(ground.objects)[0].operation.id
    undo(there.settings, last, host=there.host)
    assert there.repo.read_bytes("large.bin") == OTHER


def test_its_own_hook_is_not_told_as_skipped(lfs: LfsServer, here: Side) -> None:
    here.repo.git("lfs", "install", "--local", "--force")
    assert here.repo.path(".git/hooks/pre-push").exists()
    here.repo.write("large.bin", OTHER)
    assert not [note for note in healthy(here.sync()).notes if "hooks" in note]


def test_a_preview_keeps_nothing(lfs: LfsServer, here: Side) -> None:
    here.repo.write("large.bin", OTHER)
    here.repo.git("add", "large.bin")  # git-lfs has it now
    here.repo.git("reset", "-q")
    kept = here.repo.path(".git/gitferry/large")
    before = sorted(kept.iterdir())
    preview(here.settings, Request("request", by_hand=True), host=here.host)
    assert sorted(kept.iterdir()) == before
    healthy(here.sync())
    assert len(list(kept.iterdir())) == len(before) + 1
