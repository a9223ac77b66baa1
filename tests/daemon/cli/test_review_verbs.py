"""Approval, review branches and their end, as a user meets them on the command line, with a daemon and without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitferry.tests import samples
from gitferry.tests.daemon.cli.conftest import Gitferry
from gitferry.tests.repo import Repo

TASK = samples.TASKS[0]


@dataclass(frozen=True, slots=True)
class Desk:
    """One registered working tree, its remote, and the command line."""

    tree: Repo
    remote: Repo
    run: Gitferry

    def edit(self, content: str = "edited\n") -> None:
        self.tree.write(f"{TASK.directory}/notes.txt", content)

    def branches(self) -> list[str]:
        """The remote's review branches."""
        return [name.removeprefix("refs/heads/") for name in self.remote.refs("refs/heads/gitferry/")]

    def row(self) -> dict[str, object]:
        """The task as `push status` tells it."""
        rows = self.run("push", "status", "--json").json["tasks"]
        found: dict[str, object] = next(row for row in rows if row["name"] == TASK.name)
        return found


@pytest.fixture(params=["alone", "daemon"])
def desk(
    request: pytest.FixtureRequest,
    clone: Callable[..., Repo],
    remote: Repo,
    gitferry: Gitferry,
    settings: Path,
    daemon: Callable[[], int],
) -> Desk:
    """A registered tree whose changes go to review once they are approved."""
    tree = clone("work")
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(
        "version: 1\ndefaults:\n  pushback: {approval: required, branch_strategy: feature_branch}\n"
        f"  watch: {{enabled: false}}\nrepositories:\n  - name: work\n    path: {tree.root}\n"
    )
    if request.param == "daemon":
        daemon()
    return Desk(tree, remote, gitferry)


def test_from_an_edit_to_a_merged_branch(desk: Desk) -> None:
    desk.edit()
    said = desk.run("sync", code=4)
    assert "awaiting approval" in said.out and f"gitferry push approve {TASK.name}" in said.out
    assert desk.row()["push_status"] == "awaiting_approval"
    assert desk.branches() == []

    said = desk.run("push", "approve", TASK.name)
    assert f"sent {TASK.name} for review" in said.out
    (branch,) = desk.branches()
    assert desk.row()["push_status"] == "in_review"
    assert f"1 task in review: {TASK.name}" in desk.run("status").out
    assert desk.run("conflicts", "--json").json["conflicts"] == []
    shown = desk.run("show", desk.run("log", "--json").json["operations"][0]["id"]).out
    assert "approved by" in shown

    desk.remote.git("update-ref", "refs/heads/main", desk.remote.tip(branch))
    said = desk.run("sync")
    assert f"{branch} is merged" in said.out
    assert desk.row()["push_status"] == "completed"

    assert desk.branches() == [branch]
    said = desk.run("push", "prune", "--yes")
    assert f"work: {branch} is deleted" in said.out
    assert desk.branches() == []
    assert desk.run("push", "prune").out == "No review branch is over.\n"
    assert desk.tree.refs("refs/gitferry/review/") == {}


def test_a_branch_that_others_went_on_with_is_not_pruned(desk: Desk) -> None:
    desk.edit()
    desk.run("push", "approve", TASK.name)
    (branch,) = desk.branches()
    desk.remote.git("update-ref", "refs/heads/main", desk.remote.tip(branch))
    desk.run("sync")
    desk.remote.git("update-ref", f"refs/heads/{branch}", f"{branch}^")
    said = desk.run("push", "prune", "--yes", code=4)
    assert f"{branch} stays: it was changed there" in said.out
    assert desk.branches() == [branch]


def test_reject_keeps_the_change_here(desk: Desk) -> None:
    desk.edit()
    said = desk.run("push", "reject", TASK.name)
    assert f"rejected {TASK.name}" in said.out
    assert "rejected by" in desk.run("sync", code=4).out
    row = desk.row()
    assert row["push_status"] == "failed" and "rejected by" in str(row["error"])
    assert desk.tree.read(f"{TASK.directory}/notes.txt") == "edited\n"
    assert desk.branches() == []


def test_approving_what_did_not_change_is_said(desk: Desk) -> None:
    said = desk.run("push", "approve", TASK.name, code=1)
    assert "has no change to approve" in said.err


def test_what_would_happen_to_branches_is_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.edit()
    desk.run("push", "approve", TASK.name)
    (branch,) = desk.branches()
    desk.remote.git("update-ref", "refs/heads/main", desk.remote.tip(branch))
    desk.run("sync")
    said = desk.run("push", "prune", code=None)
    assert said.code != 0 and f"work: {branch} is merged" in said.err
    assert desk.branches() == [branch]
