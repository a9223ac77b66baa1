"""A private socket is its user's alone, and goes with the block that it is for."""

from __future__ import annotations

import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from gitferry.repos.private_socket import NoPrivatePlace, answered, placed, private_directory


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_modes_answers_and_end(runtime_directory: Path) -> None:
    place = private_directory({"XDG_RUNTIME_DIR": str(runtime_directory)})
    path = place.path / "git"
    with answered(path, lambda client: client.sendall(client.recv(9)[::-1])):
        assert (mode(path), mode(place.path), mode(place.path.parent)) == (0o600, 0o700, 0o700)
        for word in (b"one", b"two"):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                client.sendall(word)
                assert client.recv(9) == word[::-1]
    assert not path.exists()
    place.release()
    assert list((runtime_directory / f"gitferry-{os.getuid()}").iterdir()) == []


def test_a_socket_that_cannot_be_made_is_told(runtime_directory: Path) -> None:
    with (
        pytest.raises(NoPrivatePlace, match="gone/git cannot be made: No such file") as caught,
        answered(runtime_directory / "gone" / "git", lambda client: None),
    ):
        pass
    assert "XDG_RUNTIME_DIR" in str(caught.value.hint)
    with (
        pytest.raises(NoPrivatePlace, match="cannot be made: No space left") as caught,
        placed(runtime_directory / "claimed" / "git"),
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        full.write(b"x")
    assert str(caught.value.hint) == f"free some space in {runtime_directory}"


def test_a_silent_client_holds_nothing_up(runtime_directory: Path) -> None:
    place = private_directory({"XDG_RUNTIME_DIR": str(runtime_directory)})
    reached, before = threading.Event(), threading.active_count()

    def wait(client: socket.socket) -> None:
        reached.set()
        client.recv(1)

    with socket.socket(socket.AF_UNIX) as client:
        with answered(place.path / "git", wait):
            client.connect(str(place.path / "git"))
            assert reached.wait(10)
        assert client.recv(1) == b""
    for thread in threading.enumerate():
        if thread.name == "answers one":
            thread.join(10)
    assert threading.active_count() == before
    place.release()


def test_what_a_killed_process_left_is_removed(runtime_directory: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(runtime_directory)}
    child = os.fork()
    if child == 0:
        place = private_directory(environ)
        (place.path / "config").write_text("left")
        os._exit(0)
    os.waitpid(child, 0)
    place = private_directory(environ)
    assert [path.name for path in place.path.parent.iterdir() if path.is_dir()] == [place.path.name]
    place.release()


def test_a_place_of_others_is_not_used(runtime_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = runtime_directory / f"gitferry-{os.getuid()}"
    ours.mkdir()
    ours.chmod(0o777)
    monkeypatch.setattr("tempfile.tempdir", str(runtime_directory))
    monkeypatch.setattr("gitferry.repos.private_socket._LAST", str(runtime_directory))
    with pytest.raises(NoPrivatePlace):
        private_directory({"XDG_RUNTIME_DIR": str(runtime_directory)})
