"""What must not leave does not, and the rest goes on: checks, hooks and signatures in whole crossings; real git."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.pushback import operations
from gitferry.pushback.crossing import cross
from gitferry.pushback.host import Host
from gitferry.pushback.outcome import Outcome, PushStatus, Request, State
from gitferry.pushback.preview import preview
from gitferry.repos.objects import Objects
from gitferry.tests import signers
from gitferry.tests.pushback import invalid_tasks
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

Clone = Callable[..., Repo]

NAME = "notes.md"


@pytest.fixture
def shared() -> dict[str, str]:
    return {NAME: "notes\n"}


def secret_line() -> str:
    return f'key = "{invalid_tasks.credential()}"\n'


class TestChecks:
    """Validation before a push."""

    def test_five_of_fifty_invalid_tasks_leave_the_batch(self, clone: Clone, remote: Repo) -> None:
        a = Side(clone("a"), pushback={"max_batch_size": 50}, tasks={"schema": invalid_tasks.SCHEMA})
        tasks = invalid_tasks.build(a.repo, 50)
        healthy(a.sync())
        before = remote.tip("main")
        invalid_tasks.edit(a.repo, tasks)
        told = invalid_tasks.spoil(a.repo, tasks)
        outcome = a.sync()
        assert remote.parents("main") == [before]  # one commit
        states = {task.path: task for task in outcome.tasks}
        for task in tasks:
            wanted = PushStatus.FAILED if task in told else PushStatus.COMPLETED
            assert states[task].push_status is wanted, states[task]
        for task, words in told.items():
            assert words.partition(" ")[2] in (states[task].reason or ""), states[task].reason
        gone = {path.rpartition("/")[0] for path in remote.changed("main")}
        assert gone == set(tasks) - set(told)
        assert outcome.state is State.HEALTHY and outcome.pending == 5

    def test_mended_it_goes(self, a: Side, remote: Repo) -> None:
        a.repo.write(NAME, secret_line())
        state = a.task(a.sync(), NAME)
        assert state.push_status is PushStatus.FAILED and "notes.md:1" in (state.reason or "")
        assert invalid_tasks.credential() not in (state.reason or "")
        a.repo.write(NAME, "no key\n")
        healthy(a.sync())
        assert remote.tree("main")[NAME] == b"no key\n"

    def test_what_is_excused_is_recorded(self, a: Side, remote: Repo) -> None:
        a.repo.write(NAME, secret_line().rstrip() + "  # pragma: allowlist secret\n")
        done = healthy(a.sync()).operation
        assert done is not None
        objects = Objects(a.repo.root / ".git")
        try:
            (change,) = operations.find(objects, done.id).operation.tasks
        finally:
            objects.close()
        (excused,) = change.excused
        assert excused.startswith("notes.md:1: ") and invalid_tasks.credential() not in excused

    def test_a_name_that_others_cannot_hold_is_a_warning(self, a: Side, remote: Repo) -> None:
        a.repo.write("aux.txt", "text\n")
        outcome = healthy(a.sync())
        assert any("aux.txt" in warning for warning in a.task(outcome, "aux.txt").warnings)
        assert "aux.txt" in remote.tree("main")

    def test_a_commit_of_the_users_with_a_secret_waits_and_is_named(self, a: Side, remote: Repo) -> None:
        main = remote.tip("main")
        a.repo.write(NAME, secret_line())
        bad = a.repo.commit("By mistake")
        a.repo.write(NAME, "gone again\n")
        a.repo.commit("And taken out")
        a.repo.write("other.md", "other\n")
        outcome = a.sync()
        assert remote.tip("main") == main
        said = " ".join((*outcome.notes, *(task.reason or "" for task in outcome.tasks)))
        assert bad[:10] in said
        assert a.task(outcome, "other.md").push_status is PushStatus.PENDING
        a.repo.git("reset", "-q", "--soft", "origin/main")
        a.repo.commit("Anew")
        healthy(a.sync())
        assert remote.tree("main")[NAME] == b"gone again\n"

    def test_markers_of_a_merge_do_not_leave(self, a: Side, remote: Repo) -> None:
        a.repo.write(NAME, "<<<<<<< HEAD\nnotes\n=======\nothers\n>>>>>>> other\n")
        state = a.task(a.sync(), NAME)
        assert state.push_status is PushStatus.FAILED and "notes.md:1" in (state.reason or "")
        assert remote.tree("main")[NAME] == b"notes\n"

    def test_a_review_branch_gets_no_secret_either(self, a: Side, remote: Repo) -> None:
        a.pushback["branch_strategy"] = "feature_branch"
        a.repo.write(NAME, secret_line())
        assert a.task(a.sync(), NAME).push_status is PushStatus.FAILED
        assert remote.refs("refs/heads/gitferry/") == {}


class Daemon(Side):
    """A side whose crossings share a memory, as a daemon's do."""

    _host: Host | None = None

    @property
    def host(self) -> Host:
        if self._host is None:
            self._host = super().host
        return self._host

    def save(self, *paths: str, **wishes: object) -> Outcome:
        return cross(self.settings, Request("watch", paths=frozenset(paths)), host=self.host)


@pytest.fixture
def trusting(a: Side) -> Daemon:
    return Daemon(a.repo, pushback={"hooks": "run"}, clock=a.clock, trusted=True)


class TestHooks:
    """The repository's own hooks."""

    def test_one_that_says_no_is_a_failed_push_with_its_words(self, trusting: Daemon, remote: Repo) -> None:
        main = remote.tip("main")
        trusting.repo.hook("pre-commit", "echo not today; grep -q fine notes.md")
        trusting.repo.write(NAME, "edited\n")
        outcome = trusting.sync()
        state = trusting.task(outcome, NAME)
        assert state.push_status is PushStatus.FAILED and "not today" in (state.reason or "")
        assert remote.tip("main") == main and trusting.repo.read(NAME) == "edited\n"
        trusting.repo.write(NAME, "fine\n")
        healthy(trusting.sync())
        assert remote.tree("main")[NAME] == b"fine\n"

    def test_what_comes_from_the_remote_comes_all_the_same(self, trusting: Daemon, clone: Clone, remote: Repo) -> None:
        other = Side(clone("other"))
        other.repo.write("theirs.md", "theirs\n")
        healthy(other.sync())
        trusting.repo.hook("pre-commit", "exit 1")
        trusting.repo.write(NAME, "edited\n")
        trusting.sync()
        assert trusting.repo.read("theirs.md") == "theirs\n"
        assert trusting.repo.head == remote.tip("main")

    def test_a_no_stands_until_something_changes(self, trusting: Daemon, tmp_path: Path) -> None:
        asked = tmp_path / "asked"
        trusting.repo.hook("pre-commit", f"echo x >> {asked}; exit 1")
        trusting.repo.write(NAME, "edited\n")
        for _ in range(3):
            assert trusting.task(trusting.save(NAME), NAME).push_status is PushStatus.FAILED
        assert asked.read_text() == "x\n"
        trusting.sync(by_hand=True)
        assert asked.read_text() == "x\nx\n"
        trusting.repo.write(NAME, "edited again\n")
        trusting.save(NAME)
        assert asked.read_text() == "x\nx\nx\n"

    def test_one_that_formats_proposes(self, trusting: Daemon, remote: Repo) -> None:
        trusting.repo.hook("pre-commit", "echo formatted > notes.md; git add notes.md")
        trusting.repo.write(NAME, "edited\n")
        state = trusting.task(trusting.sync(), NAME)
        assert state.push_status is PushStatus.FAILED and "+formatted" in (state.reason or "")
        assert trusting.repo.read(NAME) == "edited\n" and trusting.repo.status() == f" M {NAME}"
        assert remote.tree("main")[NAME] == b"notes\n"

    def test_a_message_that_a_hook_changed_is_the_message(self, trusting: Daemon, remote: Repo) -> None:
        trusting.repo.hook("commit-msg", 'echo >> "$1"; echo "Ticket: 7" >> "$1"')
        trusting.repo.write(NAME, "edited\n")
        healthy(trusting.sync())
        assert remote.git("log", "-1", "--format=%(trailers:key=Ticket,valueonly)").strip() == "7"

    def test_pre_push_sees_what_goes_and_may_say_no(self, trusting: Daemon, remote: Repo, tmp_path: Path) -> None:
        main, seen = remote.tip("main"), tmp_path / "seen"
        trusting.repo.hook("pre-push", f'echo "$1" > {seen}; cat >> {seen}; exit 1')
        trusting.repo.write(NAME, "edited\n")
        outcome = trusting.sync()
        assert trusting.task(outcome, NAME).push_status is PushStatus.FAILED
        name, line = seen.read_text().splitlines()
        assert (name, line.split()[2:]) == ("origin", ["refs/heads/main", main])
        assert remote.tip("main") == main
        trusting.repo.hook("pre-push", "exit 0")
        healthy(trusting.sync())
        assert remote.tree("main")[NAME] == b"edited\n"

    def test_without_trust_none_runs_and_that_is_said(self, a: Side, tmp_path: Path) -> None:
        a.repo.hook("pre-commit", f"touch {tmp_path / 'ran'}; exit 1")
        a.repo.write(NAME, "edited\n")
        outcome = healthy(a.sync())
        assert not (tmp_path / "ran").exists()
        assert any("pre-commit" in note and "skipped" in note for note in outcome.notes)

    def test_a_dry_run_names_them_and_runs_none(self, trusting: Daemon, tmp_path: Path) -> None:
        trusting.repo.hook("pre-commit", f"touch {tmp_path / 'ran'}; exit 1")
        trusting.repo.write(NAME, "edited\n")
        shown = preview(trusting.settings, Request("request", all_tasks=True, by_hand=True), host=trusting.host)
        assert shown.hooks == ("pre-commit",) and len(shown.commits) == 1
        assert not (tmp_path / "ran").exists()


def lock(key: Path) -> None:
    """Give a key a passphrase, which nobody is there to type."""
    change = ["ssh-keygen", "-q", "-p", "-P", "", "-N", signers.PASSPHRASE, "-f", str(key)]
    subprocess.run(change, check=True, capture_output=True)


@pytest.mark.server
class TestSignatures:
    """Commits signed as the user's git is set up."""

    @pytest.fixture
    def ssh_key(self, a: Side, tmp_path: Path) -> Path:
        key, allowed = tmp_path / "key", tmp_path / "allowed"
        allowed.write_text(f"test@example.org {signers.ssh_key(key)}")
        for name, value in {
            "commit.gpgSign": "true",
            "gpg.format": "ssh",
            "user.signingKey": str(key),
            "gpg.ssh.allowedSignersFile": str(allowed),
        }.items():
            a.repo.git("config", "--global", name, value)
        return key

    def test_a_pushed_commit_is_one_that_git_verifies(self, a: Side, ssh_key: Path) -> None:
        a.repo.write(NAME, "edited\n")
        healthy(a.sync())
        assert "Good" in a.repo.try_git("verify-commit", "HEAD").stderr
        a.repo.fsck()

    def test_a_review_commit_as_well(self, a: Side, ssh_key: Path) -> None:
        a.pushback["branch_strategy"] = "feature_branch"
        a.repo.write(NAME, "edited\n")
        outcome = healthy(a.sync())
        commit = a.task(outcome, NAME).commit
        assert commit is not None and "Good" in a.repo.try_git("verify-commit", commit).stderr

    def test_sign_never_is_obeyed(self, a: Side, ssh_key: Path) -> None:
        a.pushback["sign"] = "never"
        a.repo.write(NAME, "edited\n")
        healthy(a.sync())
        assert a.repo.try_git("verify-commit", "HEAD").returncode != 0

    def test_a_locked_key_waits_and_lets_theirs_in(self, a: Side, ssh_key: Path, clone: Clone, remote: Repo) -> None:
        other = Side(clone("other"), pushback={"sign": "never"})
        other.repo.write("theirs.md", "theirs\n")
        healthy(other.sync())
        lock(ssh_key)
        a.repo.write(NAME, "edited\n")
        outcome = a.sync()
        assert outcome.state is State.WAITING and "locked" in (outcome.waiting_for or "")
        assert outcome.retry and "ssh-add" in (outcome.hint or "")
        assert a.task(outcome, NAME).push_status is PushStatus.PENDING
        assert a.repo.read("theirs.md") == "theirs\n" and remote.tree("main")[NAME] == b"notes\n"

    def test_a_dry_run_asks_for_no_key(self, a: Side, ssh_key: Path) -> None:
        lock(ssh_key)
        a.repo.write(NAME, "edited\n")
        shown = preview(a.settings, Request("request", all_tasks=True, by_hand=True), host=a.host)
        assert [commit.tasks for commit in shown.commits] == [(NAME,)]
