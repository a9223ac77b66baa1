"""The facade in-process: every verb on real repositories, without a daemon."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gitferry.config.errors import GitferryError
from gitferry.daemon.address import AmbiguousTask, UnknownOperation, UnknownTask
from gitferry.daemon.candidate import Enclosed
from gitferry.daemon.control import Control
from gitferry.daemon.roster import UnknownRepository
from gitferry.tests.repo import Repo


def write_settings(*repositories: dict[str, Any], **more: Any) -> Path:
    """JSON is YAML."""
    path = Path(os.environ["XDG_CONFIG_HOME"]) / "gitferry" / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": 1, "repositories": list(repositories)} | more))
    return path


def entry(repo: Repo, **more: Any) -> dict[str, Any]:
    return {"name": repo.root.name, "path": str(repo.root)} | more


@pytest.fixture
def control() -> Iterator[Control]:
    made = Control(None, os.environ)
    yield made
    made.close()


def only(answer: dict[str, Any], key: str = "results") -> dict[str, Any]:
    assert len(answer[key]) == 1
    found: dict[str, Any] = answer[key][0]
    return found


def test_sync_carries_both_ways(control: Control, clone: Callable[..., Repo], remote: Repo) -> None:
    here, there = clone("here"), clone("there")
    write_settings(entry(here), entry(there))
    control.sync([])
    here.write("notes.txt", "from here\n")
    there.write("other.txt", "from there\n")
    first = control.sync(["here"])
    assert only(first)["state"] == "healthy" and only(first)["commits"]
    assert [(task["path"], task["action"]) for task in only(first)["tasks"]] == [("notes.txt", "push")]
    both = control.sync()
    assert [result["repository"] for result in both["results"]] == ["here", "there"]
    only(control.pull(["here"]))
    assert here.path("other.txt").read_text() == "from there\n"
    assert there.path("notes.txt").read_text() == "from here\n"
    assert remote.git("rev-parse", "main") == here.git("rev-parse", "HEAD")


def test_pull_sends_nothing(control: Control, clone: Callable[..., Repo], remote: Repo) -> None:
    here = clone("here")
    write_settings(entry(here))
    before = remote.git("rev-parse", "main")
    here.write("notes.txt", "mine\n")
    assert only(control.pull(["here"]))["commits"] == []
    assert remote.git("rev-parse", "main") == before


def test_status_looks_afresh_without_a_daemon(control: Control, clone: Callable[..., Repo]) -> None:
    here = clone("here")
    write_settings(entry(here), {"name": "gone", "path": str(here.root.parent / "gone")})
    here.write("notes.txt", "mine\n")
    answer = control.status()
    assert answer["daemon"]["running"] is False and answer["daemon"]["pid"] is None
    first, second = answer["repositories"]
    assert (first["name"], first["branch"], first["pending"], first["conflicts"]) == ("here", "main", 1, 0)
    assert (first["upstream"], first["url"]) == ("origin/main", str(here.root.parent / "remote.git"))
    assert first["last_crossing_at"] is None
    assert second["state"] != "healthy" and second["hint"]
    control.sync(["here"])
    row = control.status("here")["repositories"][0]
    assert row["pending"] == 0 and row["last_crossing_at"].endswith("Z")
    json.dumps(answer)


def test_tasks_and_their_push_status(control: Control, clone: Callable[..., Repo]) -> None:
    here = clone("here")
    write_settings(entry(here, pushback={"auto_push": False}))
    control.sync()
    assert control.tasks(modified=True)["tasks"] == []
    here.write("notes.txt", "mine\n")
    row = only(control.tasks(modified=True), "tasks")
    assert (row["name"], row["kind"], row["push_status"], row["modified"]) == ("notes.txt", "file", "pending", True)
    assert set(row) >= {"id", "repository", "name", "path", "kind", "version", "push_status", "reason", "modified"}
    status = control.push_status()
    assert status["counts"]["pending"] == 1
    pushed = control.push(["notes.txt"], message="By hand")
    assert only(pushed)["tasks"][0]["action"] == "push"
    after = control.task("here/notes.txt")
    assert after["push_status"] == "completed" and after["commit"] == here.git("rev-parse", "HEAD")
    assert here.git("log", "-1", "--format=%s") == "By hand"
    assert {"here"} == set(control.names()["repositories"]) and "notes.txt" in control.names()["tasks"]


def test_a_dry_run_changes_nothing(control: Control, clone: Callable[..., Repo], remote: Repo) -> None:
    here = clone("here")
    write_settings(entry(here))
    control.sync()
    before = remote.git("rev-parse", "main"), here.git("rev-parse", "HEAD")
    here.write("notes.txt", "mine\n")
    answer = control.push([], all=True, dry_run=True)
    preview = only(answer, "previews")
    assert answer["dry_run"] is True
    assert preview["target"].startswith("origin/main at ")
    assert preview["commits"][0]["files"] == [{"path": "notes.txt", "change": "added"}]
    assert (remote.git("rev-parse", "main"), here.git("rev-parse", "HEAD")) == before


def test_diff_log_show_and_undo(control: Control, clone: Callable[..., Repo], remote: Repo) -> None:
    here = clone("here")
    write_settings(entry(here))
    control.sync()
    here.write("notes.txt", "mine\n")
    shown = control.diff(str(here.path("notes.txt")))
    assert shown["against"] == "local" and "+mine" in shown["diff"] and shown["task"]["name"] == "notes.txt"
    control.sync()
    newest = control.log("here")["operations"][0]
    assert newest["tasks"][0]["action"] == "push" and newest["undoable"] is True
    told = control.show(newest["id"][:6])
    assert told["operation"]["tasks"][0]["files"] == ["notes.txt"] and "+mine" in told["diff"]
    assert only(control.undo(newest["id"]))["error"] is None
    assert remote.try_git("show", "main:notes.txt").returncode != 0
    assert here.path("notes.txt").read_text() == "mine\n"
    assert control.log()["operations"][0]["undoes"] == newest["id"]
    write_settings(entry(here) | {"name": "renamed"})
    control.reload()
    assert control.show(newest["id"])["operation"]["repository"] == "renamed"


def test_pause_resume_and_hold(control: Control, clone: Callable[..., Repo]) -> None:
    here = clone("here")
    write_settings(entry(here))
    control.sync()
    paused = control.pause("here", 3600)
    assert paused["paused"] == ["here"] and paused["until"].endswith("Z")
    row = control.status("here")["repositories"][0]
    assert (row["state"], row["paused_until"]) == ("paused", paused["until"])
    assert control.resume()["resumed"] == ["here"]
    assert control.status("here")["repositories"][0]["state"] == "healthy"
    assert control.hold(str(here.root)) == {"held": True}
    here.write("notes.txt", "mine\n")
    assert only(control.sync(["here"]))["commits"] == []
    assert control.status("here")["repositories"][0]["held"] is True
    assert len(only(control.push([], all=True))["commits"]) == 1
    assert control.status("here")["repositories"][0]["held"] is False


def test_what_add_shows(clone: Callable[..., Repo], remote: Repo) -> None:
    here, other = clone("here"), clone("other")
    here.write("mine.txt", "committed\n")
    here.commit("A commit of mine")
    here.write("notes.txt", "not committed\n")
    with Control(None, os.environ) as before_settings:
        found = before_settings.survey_for_add(str(here.root))
    assert (found["name"], found["registered_as"], found["branch"]) == ("here", None, "main")
    assert (found["remote"], found["remote_branch"], found["url"]) == ("origin", "main", str(remote.root))
    assert [each["path"] for each in found["uncommitted"]] == ["notes.txt"]
    assert [each["subject"] for each in found["unpushed"]] == ["A commit of mine"]
    assert found["layout"] == "directory" and found["waiting_for"] is None
    assert here.git("for-each-ref", "refs/gitferry") == ""
    write_settings(entry(here), entry(other))
    with Control(None, os.environ) as control:
        assert control.survey_for_add(str(here.root))["registered_as"] == "here"
        inside = Repo.clone(remote.root, other.root / "inside")
        with pytest.raises(Enclosed):
            control.survey_for_add(str(inside.root))


def test_a_registered_url_is_cloned_once(control: Control, remote: Repo, tmp_path: Path) -> None:
    tree = tmp_path / "trees" / "cloned"
    write_settings({"name": "cloned", "path": str(tree), "url": str(remote.root)})
    assert only(control.sync())["state"] == "healthy"
    assert Repo(tree).git("rev-parse", "HEAD") == remote.git("rev-parse", "main")
    tree.rename(tmp_path / "unmounted")
    again = only(control.sync())
    assert again["state"] != "healthy" and not tree.exists()


def test_another_repository_in_its_place_waits_until_resumed(
    control: Control, clone: Callable[..., Repo], remote: Repo, tmp_path: Path
) -> None:
    here = clone("here")
    write_settings(entry(here))
    assert only(control.sync())["state"] == "healthy"
    here.root.rename(tmp_path / "away")
    other = Repo.clone(remote.root, tmp_path / "other.git", "--bare")
    Repo.clone(other.root, here.root)
    here.write("notes.txt", "not for this remote\n")
    before = other.tip("main")
    with Control(None, os.environ) as later:
        result = only(later.sync())
        assert result["state"] == "waiting" and str(other.root) in result["waiting_for"]
        assert "resume" in result["hint"]
        row = later.status()["repositories"][0]
        assert (row["state"], row["waiting_for"]) == ("waiting", result["waiting_for"])
        assert other.tip("main") == before
        later.resume("here")
        assert only(later.sync())["state"] == "healthy"
        assert other.git("show", "main:notes.txt") == "not for this remote"


def test_a_new_clone_in_its_place_pulls_and_holds_its_pushes(
    control: Control, clone: Callable[..., Repo], remote: Repo, tmp_path: Path
) -> None:
    here = clone("here")
    write_settings(entry(here))
    control.sync()
    here.root.rename(tmp_path / "away")
    clone("here")
    there = clone("there")
    there.write("theirs.txt", "theirs\n")
    there.commit("theirs")
    there.push("origin", "main")
    here.write("notes.txt", "mine\n")
    before = remote.tip("main")
    with Control(None, os.environ) as later:
        assert only(later.sync())["commits"] == []
        assert here.read("theirs.txt") == "theirs\n"
        assert remote.tip("main") == before
        assert later.status()["repositories"][0]["held"] is True
        later.resume()
        assert len(only(later.sync())["commits"]) == 1


def test_a_tree_that_was_moved_is_the_same_repository(
    control: Control, clone: Callable[..., Repo], remote: Repo, tmp_path: Path
) -> None:
    here = clone("here")
    write_settings(entry(here))
    control.sync()
    shutil.copytree(here.root, tmp_path / "copy", symlinks=True)
    shutil.rmtree(here.root)
    (tmp_path / "copy").rename(here.root)
    here.write("notes.txt", "mine\n")
    with Control(None, os.environ) as later:
        assert len(only(later.sync())["commits"]) == 1


def test_settings_that_are_not_acted_on_yet_are_noted(control: Control, clone: Callable[..., Repo]) -> None:
    here = clone("here")
    write_settings(entry(here))
    assert control.status()["daemon"]["notes"] == []
    write_settings(entry(here, pushback={"pr_template": "mine"}))
    control.reload()
    (note,) = control.status()["daemon"]["notes"]
    assert note.startswith("repositories.here.pushback.pr_template: not acted on yet")


def test_one_unreadable_repository_keeps_no_other_from_a_verb(control: Control, clone: Callable[..., Repo]) -> None:
    good = clone("good")
    write_settings({"name": "gone", "path": str(good.root.parent / "gone")}, entry(good))
    control.sync(["good"])
    paused = control.pause()
    assert (paused["paused"], [row["repository"] for row in paused["unreadable"]]) == (["good"], ["gone"])
    resumed = control.resume()
    assert (resumed["resumed"], [row["repository"] for row in resumed["unreadable"]]) == (["good"], ["gone"])
    good.write("notes.txt", "mine\n")
    dry = control.push([], all=True, dry_run=True)
    assert [each["repository"] for each in dry["previews"]] == ["good"]
    assert [row["repository"] for row in dry["unreadable"]] == ["gone"]
    assert [row["repository"] for row in control.log()["unreadable"]] == ["gone"]
    for verb in (control.pause, control.resume, control.log):
        with pytest.raises(GitferryError):
            verb("gone")
    with pytest.raises(UnknownOperation) as unknown:
        control.undo("ffffff")
    assert "gone could not be read" in unknown.value.hint


def test_deleting_the_state_loses_nothing(clone: Callable[..., Repo]) -> None:
    here = clone("here")
    write_settings(entry(here))
    with Control(None, os.environ) as control:
        control.sync()
        here.write("notes.txt", "mine\n")
        control.sync()
        names, log = control.names(), control.log()
    assert len(names["tasks"]) > 1
    shutil.rmtree(os.environ["GITFERRY_STATE_DIR"])
    with Control(None, os.environ) as control:
        assert only(control.sync())["commits"] == []
        assert (control.names(), control.log()) == (names, log)


def test_names_that_mean_nothing_or_too_much(control: Control, clone: Callable[..., Repo]) -> None:
    here, there = clone("here"), clone("there")
    write_settings(entry(here), entry(there))
    name = control.tasks("here")["tasks"][0]["name"]
    with pytest.raises(AmbiguousTask) as ambiguous:
        control.diff(name)
    assert "here/" in ambiguous.value.title and "there/" in ambiguous.value.title
    assert control.diff(f"here/{name}")["task"]["repository"] == "here"
    with pytest.raises(UnknownTask):
        control.diff("no-such-task")
    with pytest.raises(UnknownRepository) as unknown:
        control.sync(["heer"])
    assert "here" in unknown.value.hint
    with pytest.raises(UnknownOperation):
        control.undo("123456")


def test_one_unreadable_repository_hides_no_others_tasks(control: Control, clone: Callable[..., Repo]) -> None:
    good, bad = clone("good"), clone("bad")
    (bad.root / ".git" / "HEAD").write_text("nonsense")
    write_settings(entry(bad), entry(good))
    answer = control.tasks()
    assert {row["repository"] for row in answer["tasks"]} == {"good"}
    assert [row["repository"] for row in answer["unreadable"]] == ["bad"]
    with pytest.raises(GitferryError):
        control.tasks("bad")
    results = control.sync()["results"]
    assert {row["repository"]: row["state"] for row in results}["good"] == "healthy"


def test_a_damaged_index_stops_no_crossing(control: Control, clone: Callable[..., Repo], remote: Repo) -> None:
    here = clone("here")
    write_settings(entry(here))
    state = Path(os.environ["GITFERRY_STATE_DIR"])
    state.mkdir(parents=True)
    (state / "gitferry.db").write_bytes(b"this is no database" * 100)
    here.write("notes.txt", "mine\n")
    assert only(control.sync())["state"] == "healthy"
    assert remote.git("show", "main:notes.txt") == "mine"
    assert control.status()["daemon"]["notes"] == []
    assert control.names()["tasks"], "the new index knows nothing"
    (aside,) = state.glob("gitferry.db.broken-*")
    assert aside.read_bytes().startswith(b"this is no database")
