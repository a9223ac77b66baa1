"""The verbs on real repositories, with a daemon and without one: what they print, do and return."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitferry.config.model import Health
from gitferry.daemon.alerts import Alert, Kind
from gitferry.daemon.cli.main import main
from gitferry.daemon.notification import alert_row
from gitferry.tests import samples
from gitferry.tests.daemon.cli.conftest import Gitferry, Register, Registered, alone
from gitferry.tests.repo import Repo

TASK = samples.TASKS[0]
OTHER = samples.TASKS[1]
NOW = datetime(2025, 1, 1, tzinfo=UTC)
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Place(Registered):
    """A place where samples are edited."""

    def edit(self, sample: samples.Sample = TASK, content: str = "edited\n") -> None:
        self.tree.write(f"{sample.directory}/notes.txt", content)


@pytest.fixture
def place(clone: Callable[..., Repo], remote: Repo, gitferry: Gitferry, register: Register) -> Place:
    """A registered tree whose changes wait for a push by hand."""
    tree = clone("work")
    register(tree, "auto_push: false")
    return Place(tree, remote, gitferry)


def test_status_tells_of_every_repository(place: Place) -> None:
    place.run("sync")
    answer = place.run("status", "--json").json
    assert answer["daemon"].keys() >= {"running", "version", "settings_error"}
    (row,) = answer["repositories"]
    assert {
        *("name", "path", "url", "branch", "head", "upstream", "ahead", "behind", "pending", "conflicts", "state"),
        *("waiting_for", "last_crossing_at", "last_error", "next_pull_at"),
    } <= row.keys()
    assert (row["name"], row["branch"], row["upstream"], row["state"]) == ("work", "main", "origin/main", "healthy")
    assert row["head"] == place.tree.head
    for arguments in (["status"], ["status", "work"]):
        said = place.run(*arguments)
        assert "work" in said.out and "healthy" in said.out
        assert all(len(line) <= 80 or str(place.tree.root.parent) in line for line in said.out.splitlines()), said.out


@alone
def test_every_key_of_status_and_alerts_is_documented(place: Place) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "status.md").read_text()
    documented = set(re.findall(r"`(\w+)`", page))
    answer = place.run("status", "--json").json
    alert = Alert("1", Kind.SETTINGS, "", "", "said", "remedy", since=NOW, raised=NOW)
    health = {*Health.model_fields}
    keys = {*answer["daemon"], *answer["repositories"][0], *alert_row(alert), *health}
    assert keys - documented == set() and "/api/v1/alerts" in page


def test_tasks_have_names_versions_and_status(place: Place) -> None:
    rows = place.run("--json", "tasks").json["tasks"]
    assert {"id", "repository", "name", "path", "kind", "version", "push_status"} <= rows[0].keys()
    found = {row["name"]: row["version"] for row in rows if row["kind"] == "directory"}
    assert found == {sample.name: sample.version for sample in samples.TASKS}
    place.edit()
    (row,) = place.run("tasks", "--modified", "--json").json["tasks"]
    assert (row["name"], row["path"], row["push_status"]) == (TASK.name, TASK.directory, "pending")
    assert TASK.name in place.run("tasks", "work").out


def test_diff_shows_the_edit(place: Place) -> None:
    place.edit(content="a line of my own\n")
    assert "+a line of my own" in place.run("diff", TASK.name).out
    assert "+a line of my own" in place.run("diff", f"work/{TASK.name}", "--json").json["diff"]
    assert "own" not in place.run("diff", TASK.name, "--remote").out


def test_push_shows_first_and_then_sends_only_what_is_named(place: Place) -> None:
    place.edit()
    place.edit(OTHER)
    before = place.remote.tip("main")
    said = place.run("push", "task", TASK.name, "--dry-run", "-m", "by hand")
    assert f"{TASK.directory}/notes.txt" in said.out and "by hand" in said.out and "origin/main" in said.out
    assert f"{OTHER.directory}/notes.txt" not in said.out
    assert place.remote.tip("main") == before

    said = place.run("push", "task", TASK.name, "-m", "by hand")
    assert f"pushed {TASK.name}" in said.out
    assert place.remote.changed("main") == [f"{TASK.directory}/notes.txt"]
    assert place.remote.log("main")[0] == "by hand"

    counts = place.run("push", "status", "--json").json["counts"]
    assert counts["pending"] == 1
    assert OTHER.name in place.run("push", "status").out
    (result,) = place.run("push", "all", "--json").json["results"]
    assert result["state"] == "healthy"
    assert place.remote.tree("main")[f"{OTHER.directory}/notes.txt"] == b"edited\n"
    assert place.run("push", "all").out == "work: nothing to do\n"


def test_log_show_and_undo(place: Place) -> None:
    place.edit()
    place.run("push", "all")
    rows = place.run("log", "--json").json["operations"]
    pushed = next(row for row in rows if row["commits"])
    assert {"id", "repository", "at", "cause", "tasks", "commits", "undoable"} <= pushed.keys()
    assert INSTANT.fullmatch(pushed["at"])
    assert pushed["commits"] == [place.remote.tip("main")]
    listed = place.run("log", "work").out
    assert pushed["id"][:8] in listed and TASK.name in listed
    shown = place.run("show", pushed["id"])
    assert f"{TASK.directory}/notes.txt" in shown.out
    assert place.run("show", pushed["id"], "--json").json["operation"]["id"] == pushed["id"]
    assert place.run("undo", pushed["id"]).code == 0
    assert f"{TASK.directory}/notes.txt" not in place.remote.tree("main")
    # The tree is as it was before the push, and what was undone does not go out again by itself.
    assert place.tree.read(f"{TASK.directory}/notes.txt") == "edited\n"
    tip = place.remote.tip("main")
    place.run("sync", code=None)
    assert place.remote.tip("main") == tip


def test_pull_brings_in_and_sends_nothing(place: Place, clone: Callable[..., Repo]) -> None:
    theirs = clone("theirs")
    theirs.write(f"{OTHER.directory}/theirs.txt", "theirs\n")
    tip = theirs.commit("theirs")
    theirs.push("origin", "main")
    place.edit()
    place.run("pull", "work")
    assert place.tree.read(f"{OTHER.directory}/theirs.txt") == "theirs\n"
    assert place.remote.tip("main") == tip
    # A daemon may have pulled before it was asked to, so the log is what tells.
    assert f"pulled {OTHER.name}" in place.run("log").out


def test_a_conflict_is_named_and_is_code_4(place: Place, clone: Callable[..., Repo], settings: Path) -> None:
    theirs = clone("theirs")
    theirs.write(f"{TASK.directory}/notes.txt", "theirs\n")
    theirs.commit("theirs")
    theirs.push("origin", "main")
    place.edit(content="ours\n")
    said = place.run("push", "all", code=4)
    assert TASK.name in said.out and "conflict" in said.out
    assert place.tree.read(f"{TASK.directory}/notes.txt") == "ours\n"


def test_waiting_is_code_4_and_says_for_what(place: Place) -> None:
    place.tree.git("checkout", "--quiet", "--detach")
    said = place.run("sync", code=4)
    assert "work: waits: HEAD is detached\n  → check a branch out" in said.out


def test_an_unreachable_remote_is_code_1(place: Place) -> None:
    place.remote.root.rename(place.remote.root.with_name("away.git"))
    said = place.run("sync", code=1)
    assert "work: failed" in said.out


@pytest.mark.parametrize("arguments", [["tasks"], ["tasks", "--modified"], ["push", "status"], ["log"], ["conflicts"]])
def test_a_repository_that_is_gone_is_named_and_is_code_4(place: Place, arguments: list[str]) -> None:
    place.tree.root.rename(place.tree.root.with_name("away"))
    said = place.run(*arguments, code=4)
    assert said.err.startswith("work: ") and str(place.tree.root) in said.err
    assert said.out == ""  # nobody knows whether there is nothing
    answer = place.run(*arguments, "--json", code=4).json
    assert [each["repository"] for each in answer["unreadable"]] == ["work"]


@pytest.mark.parametrize("arguments", [["undo", "ffff"], ["diff", "no-such-task"], ["push", "task", "no-such-task"]])
def test_what_is_not_found_may_be_in_a_repository_that_is_gone(place: Place, arguments: list[str]) -> None:
    place.tree.root.rename(place.tree.root.with_name("away"))
    said = place.run(*arguments, code=1)
    assert "work could not be read" in said.err


def test_pause_holds_and_resume_ends(place: Place) -> None:
    answer = place.run("pause", "work", "--for", "2h", "--json").json
    assert answer["paused"] == ["work"] and INSTANT.fullmatch(answer["until"])
    assert place.run("status", "--json").json["repositories"][0]["state"] == "paused"
    place.edit()
    assert "until" in place.run("pause").out
    said = place.run("status").out
    line = next(line for line in said.splitlines() if line.startswith("work "))
    assert line.split()[4] == "-" and line.split()[-1] == "-", "nobody looked what is pending, and nothing is pulled"
    assert "work: paused\n  → `gitferry resume work` ends the pause" in said
    place.run("pause", "--for", "2h")
    assert re.search(
        r"work: paused until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, \d+ \w+( \d+ min)? left\n", place.run("status").out
    )
    assert place.run("resume").out == "work: resumed\n"
    assert place.run("resume").out == "work: was not paused\n"
    assert place.run("status", "--json").json["repositories"][0]["state"] != "paused"


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "wrok"],
        ["tasks", "wrok"],
        ["diff", "no-such-task"],
        ["conflicts", "wrok"],
        ["push", "task", "no-such-task"],
        ["pull", "wrok"],
        ["sync", "wrok"],
        ["log", "wrok"],
        ["show", "ffff"],
        ["undo", "ffff"],
        ["pause", "wrok"],
        ["resume", "wrok"],
    ],
)
@alone
def test_unknown_names_are_errors_with_a_hint(place: Place, arguments: list[str]) -> None:
    said = place.run(*arguments, code=1)
    assert said.out == ""
    assert said.err.startswith("error: ") and "\n  " in said.err


@alone
def test_a_task_can_be_named_by_its_path(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.edit()
    monkeypatch.chdir(place.tree.root / "tasks")
    relative = f"./{Path(TASK.directory).name}"
    for name in (TASK.directory, relative, str(place.tree.root / TASK.directory)):
        assert "+edited" in place.run("diff", name).out


@alone
@pytest.mark.parametrize(
    ("words", "at", "found"),
    [("gitferry status w", "2", "plain,work\n"), ("gitferry diff cel", "2", "plain,celsius\n")],
)
def test_names_complete(
    place: Place,
    words: str,
    at: str,
    found: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    place.run("sync")
    for name, value in {"_GITFERRY_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": at}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        main([])
    assert capfd.readouterr().out == found
