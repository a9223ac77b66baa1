"""The HTTP interface over its real socket, asked by the daemon's own client and byte by byte."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gitferry.config.errors import GitferryError
from gitferry.daemon import listen
from gitferry.daemon.api.app import application
from gitferry.daemon.client import Client, DaemonGone, DaemonNotRunning, connect
from gitferry.daemon.control import Control
from gitferry.daemon.house import House
from gitferry.daemon.ledger import Ledger
from gitferry.daemon.server import Server
from gitferry.tests.repo import Repo


def write_settings(*repositories: dict[str, Any]) -> Path:
    path = Path(os.environ["XDG_CONFIG_HOME"]) / "gitferry" / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": 1, "repositories": list(repositories)}))
    return path


PUSHBACK = {"auto_push": False, "conflict_strategy": "fail"}


class Raw:
    """A socket at which requests are written byte by byte."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def ask(self, request: str) -> tuple[int, dict[str, str], Any]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(30)
            connection.connect(str(self.place))
            connection.sendall(request.replace("\n", "\r\n").encode())
            answer = b""
            while part := connection.recv(65536):
                answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        return int(lines[0].split()[1]), fields, json.loads(body)

    def get(self, route: str) -> tuple[int, dict[str, str], Any]:
        return self.ask(f"GET {route} HTTP/1.1\nHost: localhost\nConnection: close\n\n")

    def post(self, route: str, body: str = "") -> tuple[int, dict[str, str], Any]:
        head = f"POST {route} HTTP/1.1\nHost: localhost\nConnection: close\nContent-Type: application/json\n"
        return self.ask(f"{head}Content-Length: {len(body)}\n\n{body}")


@pytest.fixture
def work(clone: Callable[..., Repo]) -> Repo:
    return clone()


@pytest.fixture
def served(work: Repo) -> Iterator[tuple[Client, Raw]]:
    """A house whose facade is served on a socket, as the daemon does it."""
    house = House(write_settings({"name": "work", "path": str(work.root), "pushback": PUSHBACK}), os.environ)
    house.remember()
    place = Path(os.environ["GITFERRY_RUNTIME_DIR"]) / "gitferry.sock"
    listener = listen.bind(place)
    server = Server(application(Control(None, os.environ, house=house), version="0", crash=house.crash), listener)
    server.start()
    yield Client(place), Raw(place)
    server.stop()
    listen.remove(place, listener, listen.identity(place))
    assert house.close()


def test_every_verb_answers_like_the_facade(served: tuple[Client, Raw], work: Repo) -> None:
    client, _ = served
    assert client.status()["daemon"]["running"] is True
    assert client.sync(["work"])["results"][0]["state"] == "healthy"
    work.write("a file.txt", "mine\n")
    task = client.tasks(modified=True)["tasks"][0]
    assert task["path"] == "a file.txt"
    assert "+mine" in client.diff("a file.txt")["diff"]
    assert client.push_status()["counts"]["pending"] == 1
    assert client.push([task["id"]], dry_run=True)["previews"][0]["commits"]
    assert client.push(["work/a file.txt"], message="Ä message")["results"][0]["commits"]
    assert work.git("log", "-1", "--format=%s") == "Ä message"
    newest = client.log()["operations"][0]
    assert client.show(newest["id"])["operation"]["id"] == newest["id"]
    assert client.conflicts()["conflicts"] == []
    assert client.pause("work", 60)["paused"] == ["work"]
    assert client.status("work")["repositories"][0]["state"] == "paused"
    assert client.resume()["resumed"] == ["work"]
    assert "a file.txt" in client.names()["tasks"]
    assert client.hold(str(work.root)) == {"held": True}
    assert client.release(str(work.root)) == {"held": False}
    assert client.survey_for_add(str(work.root))["registered_as"] == "work"
    assert client.undo(newest["id"])["results"][0]["error"] is None
    assert client.pull()["results"][0]["repository"] == "work"
    assert client.reload() == {"settings_error": None, "added": [], "changed": [], "removed": []}


def test_the_audit_log_is_told_and_checked(served: tuple[Client, Raw]) -> None:
    client, raw = served
    client.pause("work")
    client.resume("work")
    status, _, body = raw.get("/api/v1/audit-logs?action=pause&repository=work&since=1h")
    assert status == 200 and body["next_cursor"] is None
    assert [(row["action"], row["subject"], row["result"]) for row in body["records"]] == [("pause", "work", "done")]
    assert client.audit({"action": "resume"}, 1)["records"][0]["actor"] == body["records"][0]["actor"]
    assert client.audit_verify()["intact"] is True
    for wrong in ("since=soon", "cursor=x", "limit=0", "colour=red"):
        status, _, problem = raw.get(f"/api/v1/audit-logs?{wrong}")
        assert (status, problem["exit_code"]) == (422, 2), problem


def test_routes_that_contracts_name(served: tuple[Client, Raw], work: Repo) -> None:
    _, raw = served
    assert raw.get("/health")[::2] == (200, {"status": "ok"})
    assert raw.get("/ready")[2]["repositories"] == 1
    assert raw.post("/api/v1/repositories/work/sync")[2]["results"][0]["state"] == "healthy"
    assert raw.get("/api/v1/repositories")[2]["repositories"][0]["name"] == "work"
    assert raw.get("/api/v1/repositories/work")[2]["state"] == "healthy"
    work.write("one.txt", "1\n")
    work.write("two.txt", "2\n")
    modified = raw.get("/api/v1/tasks/modified")[2]["tasks"]
    assert [row["path"] for row in modified] == ["one.txt", "two.txt"]
    status, _, pushed = raw.post(f"/api/v1/tasks/{modified[0]['id']}/push-back")
    assert (status, pushed["success"], pushed["errors"]) == (200, True, [])
    assert pushed["commit"] == work.git("rev-parse", "HEAD") and pushed["pull_request_url"] is None
    assert raw.get(f"/api/v1/tasks/{modified[1]['id']}/diff")[2]["diff"].endswith("+2\n")
    assert raw.post("/api/v1/registry/push-all-pending")[0] == 200
    assert raw.get("/api/v1/registry/push-status")[2]["counts"]["completed"] == 2
    operations = raw.get("/api/v1/operations?limit=1")[2]
    assert len(operations["operations"]) == 1 and operations["next_cursor"] == operations["operations"][0]["id"]
    older = raw.get(f"/api/v1/operations?limit=1&cursor={operations['next_cursor']}")[2]
    assert older["operations"][0]["id"] != operations["next_cursor"] and older["next_cursor"] is None
    assert raw.post(f"/api/v1/operations/{operations['operations'][0]['id']}/undo")[0] == 200
    assert raw.post("/api/v1/repositories/work/pause", '{"seconds": 5}')[2]["paused"] == ["work"]
    assert raw.post("/api/v1/repositories/work/resume")[2]["resumed"] == ["work"]
    assert raw.post("/api/v1/repositories/work/pull")[0] == 200
    paths = raw.get("/openapi.json")[2]["paths"]
    assert {"/health", "/ready", "/api/v1/tasks/{task_id}/push-back", "/api/v1/reload"} <= set(paths)


@pytest.fixture
def clash(served: tuple[Client, Raw], work: Repo, clone: Callable[..., Repo]) -> dict[str, Any]:
    """A conflict: `a dir/notes.txt` is ours here and theirs at the remote. Its row."""
    client, _ = served
    client.sync()
    theirs = clone("theirs")
    theirs.write("a dir/notes.txt", "theirs\n")
    theirs.commit("theirs")
    theirs.push("origin", "main")
    work.write("a dir/notes.txt", "ours\n")
    assert client.sync()["results"][0]["state"] == "conflict"
    (row,) = client.conflicts()["conflicts"]
    found: dict[str, Any] = row
    return found


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_conflict_is_shown_and_resolved(served: tuple[Client, Raw], clash: dict[str, Any], work: Repo) -> None:
    client, raw = served
    status, _, answer = raw.get(f"/api/v1/conflicts/{clash['id']}")
    (row,) = answer["conflicts"]
    assert status == 200 and all(row[key] == clash[key] for key in clash.keys() - {"files"})
    (file,) = row["files"]
    assert (file["base"], file["merged"]) == (None, None)
    assert file["local"] == {"mode": "100644", "content": encoded("ours\n")}
    assert file["remote"]["content"] == encoded("theirs\n")
    assert client.conflict("a dir/notes.txt") == client.conflict("work/a dir/notes.txt") == answer
    given = {"a dir/notes.txt": {"content": encoded("both\n"), "mode": "100755"}}
    body = json.dumps({"take": "given", "version": clash["version"], "files": given})
    status, _, answer = raw.post(f"/api/v1/conflicts/{clash['id']}/resolve", body)
    assert (status, answer["resolved"], answer["task"]["id"]) == (200, True, clash["id"])
    assert work.read("a dir/notes.txt") == "both\n" and work.tree("@{u}")["a dir/notes.txt"] == b"both\n"
    assert work.entries("@{u}")["a dir/notes.txt"][0] == "100755"
    assert client.conflicts()["conflicts"] == []


def test_a_file_can_be_given_as_deleted(served: tuple[Client, Raw], clash: dict[str, Any], work: Repo) -> None:
    client, _ = served
    assert client.resolve("a dir/notes.txt", "given", clash["version"], {"a dir/notes.txt": None})["resolved"]
    assert not work.exists("a dir/notes.txt") and "a dir/notes.txt" not in work.tree("@{u}")


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        ({"take": "merged"}, 409, 1, "does not merge"),
        ({"take": "local", "version": "0123456789abcdef"}, 409, 4, "nothing was done"),
        ({"take": "given", "files": {"other.txt": None}}, 422, 1, "other.txt"),
        ({"take": "given", "files": {"a dir/notes.txt": {"content": "%"}}}, 422, 2, "malformed"),
        ({"take": "given", "files": {"a dir/notes.txt": {"content": "", "mode": "160000"}}}, 422, 2, "malformed"),
        ({"take": "local", "files": {"a dir/notes.txt": None}}, 422, 2, "malformed"),
        ({"take": "ours"}, 422, 2, "malformed"),
        ({}, 422, 2, "malformed"),
    ],
)
def test_an_answer_that_cannot_be_is_a_problem(
    served: tuple[Client, Raw],
    clash: dict[str, Any],
    work: Repo,
    body: dict[str, Any],
    status: int,
    code: int,
    words: str,
) -> None:
    _, raw = served
    found, _, problem = raw.post(f"/api/v1/conflicts/{clash['id']}/resolve", json.dumps(body))
    assert (found, problem["exit_code"]) == (status, code)
    assert words in problem["title"] and problem["detail"]
    assert work.read("a dir/notes.txt") == "ours\n" and work.tree("@{u}")["a dir/notes.txt"] == b"theirs\n"


def test_what_is_in_no_conflict_is_a_problem(served: tuple[Client, Raw], work: Repo) -> None:
    client, raw = served
    client.sync()
    work.write("notes.txt", "mine\n")
    assert raw.get("/api/v1/conflicts/notes.txt")[0] == 409
    assert raw.post("/api/v1/conflicts/notes.txt/resolve", '{"take": "local"}')[0] == 409
    assert raw.get("/api/v1/conflicts/none")[0] == 404


def test_a_push_back_can_have_a_strategy_of_its_own(
    served: tuple[Client, Raw], clash: dict[str, Any], work: Repo
) -> None:
    _, raw = served
    route = f"/api/v1/tasks/{clash['id']}/push-back"
    assert raw.post(route)[2]["success"] is False
    assert raw.post(route, '{"strategy": "ours"}')[0] == 422
    assert raw.post("/api/v1/registry/push", '{"all": true, "strategy": "fail"}')[0] == 422
    answer = raw.post(route, '{"strategy": "take_local"}')[2]
    assert answer["success"] is True and work.tree("@{u}")["a dir/notes.txt"] == b"ours\n"


@pytest.mark.parametrize(
    ("method", "route", "body", "status"),
    [
        ("GET", "/api/v1/tasks/no-such-task", "", 404),
        ("GET", "/api/v1/repositories/none", "", 404),
        ("GET", "/api/v1/operations/ffffff", "", 404),
        ("GET", "/no/such/route", "", 404),
        ("PUT", "/health", "", 405),
        ("POST", "/api/v1/pause", '{"repository": "work", "seconds": -1}', 422),
        ("POST", "/api/v1/sync", '{"repositries": []}', 422),
        ("POST", "/api/v1/sync", "{", 422),
        ("GET", "/api/v1/operations?limit=0", "", 422),
        ("GET", "/api/v1/operations?cursor=ffffff", "", 422),
        ("POST", "/api/v1/survey", '{"path": "/no/such/place"}', 422),
    ],
)
def test_failures_are_problem_documents(
    served: tuple[Client, Raw], method: str, route: str, body: str, status: int
) -> None:
    _, raw = served
    head = f"{method} {route} HTTP/1.1\nHost: localhost\nConnection: close\nContent-Type: application/json\n"
    found, fields, problem = raw.ask(f"{head}Content-Length: {len(body)}\n\n{body}")
    assert found == status == problem["status"]
    assert fields["content-type"] == "application/problem+json"
    assert problem["title"] and problem["detail"] and "Traceback" not in json.dumps(problem)


def test_problems_become_the_errors_they_were(served: tuple[Client, Raw]) -> None:
    client, _ = served
    with pytest.raises(GitferryError) as unknown:
        client.sync(["wrok"])
    assert "wrok" in unknown.value.title and "work" in unknown.value.hint and unknown.value.exit_code == 1


def test_a_fault_of_ours_leaves_a_crash_file_and_tells_nothing(
    served: tuple[Client, Raw], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: Ledger) -> list[str]:
        raise ZeroDivisionError("token=ghp_0123456789abcdefghijABCDEFGHIJ012345")

    monkeypatch.setattr(Ledger, "task_names", broken)
    client, _ = served
    with pytest.raises(GitferryError) as fault:
        client.names()
    assert fault.value.exit_code == 3
    assert "ZeroDivisionError" not in str(fault.value)
    said = [record for record in caplog.records if getattr(record, "action", "") == "crash"]
    assert [record.levelname for record in said] == ["ERROR"]  # once, wherever it was met
    reports = list((Path(os.environ["GITFERRY_STATE_DIR"]) / "crashes").iterdir())
    assert len(reports) == 1 and reports[0].name in str(fault.value)
    text = reports[0].read_text()
    assert "ZeroDivisionError" in text and "ghp_0123456789" not in text
    assert reports[0].stat().st_mode & 0o777 == 0o600


def test_a_name_that_is_not_utf8_passes_through(served: tuple[Client, Raw], work: Repo) -> None:
    client, _ = served
    (work.root / os.fsdecode(b"caf\xe9.txt")).write_text("x\n")
    row = client.tasks(modified=True)["tasks"][0]
    assert os.fsencode(row["path"]) == b"caf\xe9.txt"
    assert "+x" in client.diff(row["id"])["diff"]


def test_a_slow_crossing_does_not_delay_status(served: tuple[Client, Raw], work: Repo) -> None:
    client, raw = served
    client.sync()
    (work.root / ".git" / "gitferry").mkdir(exist_ok=True)
    held = ["flock", str(work.root / ".git" / "gitferry" / "lock"), "sh", "-c", "echo held; cat"]
    holder = subprocess.Popen(held, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        waiting = threading.Thread(target=lambda: raw.post("/api/v1/repositories/work/sync"))
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        assert client.status()["repositories"][0]["name"] == "work"
    finally:
        holder.communicate(b"")
    waiting.join(20)
    assert not waiting.is_alive()


def test_without_a_daemon_there_is_no_client(tmp_path: Path) -> None:
    assert connect(os.environ) is None
    with pytest.raises(DaemonNotRunning):
        Client(tmp_path / "none.sock").status()


def test_a_daemon_with_other_settings_is_not_ours(served: tuple[Client, Raw], tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("version: 1\nrepositories: []\n")
    assert connect(os.environ, other) is None
    same = connect(os.environ, Path(os.environ["XDG_CONFIG_HOME"]) / "gitferry" / "config.yaml")
    assert same is not None
    same.close()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}", b"nonsense\r\n\r\n"])
def test_a_daemon_that_ends_in_mid_answer_is_told(runtime_directory: Path, answer: bytes) -> None:
    place = runtime_directory / "dying.sock"
    listener = listen.bind(place)

    def once() -> None:
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall(answer)
        connection.close()

    thread = threading.Thread(target=once)
    thread.start()
    with pytest.raises(DaemonGone):
        Client(place).status()
    thread.join()
    listen.remove(place, listener, listen.identity(place))


def test_the_client_imports_nothing_slow() -> None:
    slow = {"http.client", "asyncio", "urllib.request", "email", "ssl", "pydantic", "sqlalchemy", "fastapi", "pygit2"}
    program = "import sys, gitferry.daemon.client, gitferry.config.paths; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not slow & set(done.stdout.split())


def test_the_socket_is_its_owners_and_only_taken_from_the_dead(runtime_directory: Path) -> None:
    place = runtime_directory / "a" / "one.sock"
    before = os.umask(0)
    try:
        first = listen.bind(place)
    finally:
        os.umask(before)
    assert place.stat().st_mode & 0o777 == 0o600
    with pytest.raises(listen.SocketTaken):
        listen.bind(place)
    first.close()
    second = listen.bind(place)
    bound = listen.identity(place)
    place.unlink()
    third = listen.bind(place)
    listen.remove(place, second, bound)
    assert place.exists(), "it was the third one's"
    listen.remove(place, third, listen.identity(place))
    assert not place.exists()
    place.write_text("not ours")
    with pytest.raises(listen.SocketTaken):
        listen.bind(place)
    assert place.read_text() == "not ours"
