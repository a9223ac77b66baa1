"""Surveys and previews tell what is there and what would happen, and change nothing."""

from __future__ import annotations

from collections.abc import Callable

from gitferry.pushback.outcome import PushStatus, Request, State
from gitferry.pushback.preview import preview
from gitferry.pushback.survey import diff, glance, survey
from gitferry.tests import samples
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo


def everything(repo: Repo) -> tuple[object, ...]:
    return repo.refs("refs/"), repo.staged(), repo.worktree(), repo.status(), repo.git("count-objects", "-v")


def test_the_sample_tasks_are_found_with_names_and_versions(here: Side) -> None:
    found = {state.path: state for state in survey(here.settings, host=here.host)}
    for task in samples.TASKS:
        state = found[task.directory]
        assert (state.name, state.version, state.kind) == (task.name, task.version, "directory")
        assert state.push_status is PushStatus.NOT_REQUIRED
    paths = here.repo.tree()
    owners = [unit for path in paths for unit in found if path == unit or path.startswith(unit + "/")]
    assert len(owners) == len(paths)  # each path belongs to exactly one task


def test_what_would_be_pushed_is_pending(here: Side) -> None:
    here.repo.write("a.md", "a\n")
    state = next(state for state in survey(here.settings, host=here.host) if state.path == "a.md")
    assert (state.push_status, state.modified) == (PushStatus.PENDING, True)
    seen = glance(here.settings, host=here.host)
    assert (seen.state, seen.pending) == (State.HEALTHY, 1)


def test_a_preview_shows_the_commit_and_changes_nothing(here: Side, remote: Repo) -> None:
    here.repo.write("a.md", "a\n")
    here.repo.delete("README.md") if here.repo.exists("README.md") else None
    tip = remote.tip("main")
    refs, staged, tree = everything(here.repo)[:3]
    shown = preview(here.settings, Request("request", all_tasks=True, message="words"), host=here.host)
    assert everything(here.repo)[:3] == (refs, staged, tree)
    assert remote.tip("main") == tip
    assert shown.target.startswith("origin/main at ")
    assert [commit.message for commit in shown.commits] == ["words\n"]
    assert ("a.md", "added") in {(change.path, change.change) for change in shown.commits[0].files}


def test_a_preview_shows_the_users_own_commits_too(here: Side) -> None:
    here.repo.write("mine.md", "m\n")
    here.repo.commit("my own words")
    here.repo.write("edit.md", "e\n")
    shown = preview(here.settings, Request("request", all_tasks=True), host=here.host)
    assert [commit.message.splitlines()[0] for commit in shown.commits] == ["my own words", "Add edit.md"]
    assert [[change.path for change in commit.files] for commit in shown.commits] == [["mine.md"], ["edit.md"]]


def test_a_look_at_a_repository_that_cannot_be_written_says_so(here: Side) -> None:
    objects = here.repo.path(".git/objects")
    here.repo.write("new.md", "n\n")
    objects.rename(objects.with_name("elsewhere"))
    objects.write_text("no directory")
    seen = glance(here.settings, host=here.host)
    assert seen.state is State.FAILING
    assert seen.hint


def test_diff_of_either_side(here: Side, clone: Callable[..., Repo]) -> None:
    there = Side(clone("there"))
    healthy(there.sync())
    here.repo.write("a.md", "base\n")
    healthy(here.sync())
    healthy(there.sync())
    there.repo.write("a.md", "theirs\n")
    healthy(there.sync())
    here.repo.write("a.md", "ours\n")
    assert here.sync().state is State.CONFLICT
    assert "-base\n+ours" in diff(here.settings, ["a.md"], host=here.host)
    assert "-base\n+theirs" in diff(here.settings, ["a.md"], host=here.host, remote=True)
