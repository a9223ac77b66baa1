"""A clone is complete or absent, and never over something that is there."""

from __future__ import annotations

import re
import socket
import threading
from pathlib import Path

import pytest

from gitferry.repos.clone import PlaceTaken, PlaceUnusable
from gitferry.repos.git import GitCancelled
from gitferry.repos.transport import RemoteError, Seconds, clone
from gitferry.security.urls import UnsafeUrl
from gitferry.tests.integration.servers import Server
from gitferry.tests.repo import Repo


def test_a_clone_is_an_ordinary_one(remote: Repo, tmp_path: Path) -> None:
    clone(str(remote.root), tmp_path / "a" / "b" / "work")
    work = Repo(tmp_path / "a" / "b" / "work")
    assert work.worktree() == remote.tree("main")
    assert work.status() == ""
    assert work.git("rev-parse", "--abbrev-ref", "@{upstream}") == "origin/main"
    assert not re.search("hookspath|fsync|gc", work.git("config", "--local", "--list"))
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["work"]


def test_over_the_wire_with_a_branch(server: Server, remote: Repo, tmp_path: Path) -> None:
    remote.git("branch", "other", "main")
    clone(server.url(remote), tmp_path / "work", "other", timeouts=Seconds(connect=5, transfer=30))
    assert Repo(tmp_path / "work").git("symbolic-ref", "HEAD") == "refs/heads/other"


def test_a_relative_address_is_read_from_here(remote: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    clone("./remote.git", Path("below") / "work")
    assert Repo(tmp_path / "below" / "work").head == remote.tip("main")


def test_an_empty_directory_is_filled_and_keeps_its_mode(remote: Repo, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir(mode=0o750)
    clone(str(remote.root), tmp_path / "work")
    assert Repo(tmp_path / "work").status() == ""
    assert (tmp_path / "work").stat().st_mode & 0o777 == 0o750


def test_an_empty_remote_gives_an_empty_repository(empty_remote: Repo, tmp_path: Path) -> None:
    clone(str(empty_remote.root), tmp_path / "work")
    assert Repo(tmp_path / "work").worktree() == {}


@pytest.mark.parametrize("what", ["file", "directory", "link"])
def test_what_is_there_stays(remote: Repo, tmp_path: Path, what: str) -> None:
    place = tmp_path / "work"
    if what == "file":
        place.write_text("mine")
    elif what == "directory":
        place.mkdir()
        (place / "mine").write_text("mine")
    else:
        place.symlink_to(tmp_path / "nowhere")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(PlaceTaken):
        clone(str(remote.root), place)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("branch", [None, "nowhere"])
def test_a_failure_leaves_nothing(remote: Repo, tmp_path: Path, branch: str | None) -> None:
    url = str(remote.root) if branch else str(tmp_path / "nothing.git")
    with pytest.raises(RemoteError) as failed:
        clone(url, tmp_path / "a" / "b" / "work", branch)
    assert failed.value.kind == "not_found"
    assert not (tmp_path / "a").exists()


def test_a_failure_leaves_an_empty_directory_empty(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    with pytest.raises(RemoteError):
        clone(str(tmp_path / "nothing.git"), tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_stopping_leaves_nothing(tmp_path: Path) -> None:
    cancel = threading.Event()
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(1)
        timer = threading.Timer(0.5, cancel.set)
        timer.start()
        with pytest.raises(GitCancelled):
            clone(f"http://127.0.0.1:{mute.getsockname()[1]}/x", tmp_path / "a" / "work", cancel=cancel)
        timer.join()
    assert not (tmp_path / "a").exists()


def test_a_place_under_a_file(remote: Repo, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PlaceUnusable):
        clone(str(remote.root), tmp_path / "file" / "work")


def test_an_unsafe_address_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnsafeUrl):
        clone(f"ext::touch {tmp_path / 'started'}", tmp_path / "work")
    assert not (tmp_path / "started").exists() and not (tmp_path / "work").exists()
