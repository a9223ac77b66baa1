"""Filters of one's own: a file that is enciphered on its way, and filters that are missing, fail, hang or talk."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gitferry.pushback.outcome import Outcome, PushStatus, State
from gitferry.repos import cleaning, smudging
from gitferry.tests.pushback.ciphers import SECRET, Cipher
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo


def refused(side: Side, outcome: Outcome, path: str) -> str:
    """The reason for which a task failed."""
    task = side.task(outcome, path)
    assert task.push_status is PushStatus.FAILED, task
    assert task.reason
    return task.reason


def test_only_the_cipher_text_leaves_and_the_plain_text_comes_back(
    secret: Cipher, here: Side, there: Side, remote: Repo
) -> None:
    assert there.repo.read_bytes("a.secret") == SECRET
    there.repo.write("a.secret", b"changed\n")
    healthy(there.save("a.secret"))
    healthy(here.sync())
    assert here.repo.read_bytes("a.secret") == b"changed\n"
    here.repo.git("add", "a.secret")
    assert here.repo.staged() == there.repo.staged()
    assert here.repo.status() == there.repo.status() == ""
    blobs = remote.git_bytes("cat-file", "--batch-all-objects", "--batch")
    assert b"changed" not in blobs and b"name: value" not in blobs
    assert b"changed" not in here.repo.git_bytes("cat-file", "--batch-all-objects", "--batch")


def test_saving_it_again_as_it_is_changes_nothing(secret: Cipher, here: Side, remote: Repo) -> None:
    tip = remote.tip("main")
    here.repo.write("a.secret", SECRET)
    healthy(here.save("a.secret"))
    assert remote.tip("main") == tip


@pytest.mark.parametrize("required", [True, False])
def test_a_filter_that_runs_may_be_required_or_not(
    cipher: Cipher, here: Side, there: Side, remote: Repo, required: bool
) -> None:
    for side in (here, there):
        cipher.set_up(side, required=required)
    here.repo.write(".gitattributes", "*.secret filter=cipher\n")
    here.repo.write("a.secret", SECRET)
    healthy(here.sync())
    assert remote.tree("main")["a.secret"].startswith(b"\0CIPHER\0")
    healthy(there.sync())
    assert there.repo.read_bytes("a.secret") == SECRET


def test_where_it_is_not_trusted_the_file_is_refused_and_the_filter_does_not_run(
    secret: Cipher, here: Side, there: Side, remote: Repo, tmp_path: Path
) -> None:
    there.trusted = False
    for command in ("clean", "smudge"):
        there.repo.git("config", f"filter.cipher.{command}", f"touch {tmp_path}/ran; cat")
    there.repo.write_all({"a.secret": b"mine\n", "notes.md": "goes\n"})
    outcome = there.sync()
    assert "'cipher'" in refused(there, outcome, "a.secret") and "trusted" in refused(there, outcome, "a.secret")
    assert remote.tree("main")["notes.md"] == b"goes\n"
    here.repo.write("b.secret", SECRET)
    healthy(here.sync())
    outcome = there.sync()
    task = there.task(outcome, "b.secret")
    assert task.push_status is PushStatus.PENDING and "trusted" in (task.reason or "")
    assert not there.repo.exists("b.secret")
    assert not (tmp_path / "ran").exists()
    secret.set_up(there)
    there.repo.git("checkout", "--", "a.secret")
    healthy(there.sync())
    assert there.repo.read_bytes("b.secret") == SECRET


@pytest.mark.parametrize("trusted", [True, False])
def test_a_filter_that_is_not_set_up_and_required_is_refused(
    secret: Cipher, here: Side, remote: Repo, trusted: bool
) -> None:
    here.trusted = trusted
    for command in ("clean", "smudge"):
        here.repo.git("config", "--unset", f"filter.cipher.{command}")
    here.repo.write_all({"a.secret": b"mine\n", "notes.md": "goes\n"})
    assert "not set up here" in refused(here, here.sync(), "a.secret")
    assert remote.tree("main")["notes.md"] == b"goes\n"
    assert remote.tree("main")["a.secret"].startswith(b"\0CIPHER\0")


def test_an_unknown_filter_is_refused_but_where_the_settings_trust_the_repository(here: Side, remote: Repo) -> None:
    here.repo.write(".gitattributes", "*.secret filter=nobody-has-it\n")
    here.repo.write("a.secret", SECRET)
    assert "'nobody-has-it'" in refused(here, here.sync(), "a.secret")
    assert "a.secret" not in remote.tree("main")
    here.trusted = True  # git itself commits it as it is
    healthy(here.sync())
    assert remote.tree("main")["a.secret"] == SECRET


@pytest.mark.parametrize("name", ["git-crypt", "transcrypt", "crypt"])
def test_a_filter_that_is_known_to_hide_something_is_never_done_without(here: Side, remote: Repo, name: str) -> None:
    here.trusted = True
    here.repo.write(".gitattributes", f"*.secret filter={name}\n")
    here.repo.write("a.secret", SECRET)
    assert "not set up here" in refused(here, here.sync(), "a.secret")
    here.repo.git("config", f"filter.{name}.clean", "exit 1")  # and not required
    assert "clean filter" in refused(here, here.sync(), "a.secret")
    assert "a.secret" not in remote.tree("main")


def test_a_required_filter_that_fails_keeps_its_files_and_no_other(secret: Cipher, here: Side, remote: Repo) -> None:
    here.repo.write_all({"a.secret": b"mine\n", "b.secret": b"mine too\n", "notes.md": "goes\n"})
    secret.key.rename(secret.key.with_name("lost"))
    outcome = here.sync()
    for path in ("a.secret", "b.secret"):
        reason = refused(here, outcome, path)
        assert "clean filter 'cipher' failed" in reason and "No such file" in reason
    assert remote.tree("main")["notes.md"] == b"goes\n"
    assert "b.secret" not in remote.tree("main")
    secret.key.with_name("lost").rename(secret.key)
    healthy(here.sync())
    assert remote.tree("main")["b.secret"].startswith(b"\0CIPHER\0")


def test_a_required_filter_that_cannot_bring_a_file_holds_that_one_alone(
    secret: Cipher, here: Side, there: Side, remote: Repo, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    wrong = Cipher(other)
    wrong.key.write_bytes(b"o" * 32)
    here.repo.write_all({"b.secret": SECRET, "notes.md": "comes\n"})
    healthy(here.sync())
    wrong.set_up(there)
    outcome = there.sync()
    task = there.task(outcome, "b.secret")
    assert task.push_status is PushStatus.PENDING
    assert "another key" in (task.reason or "")
    assert there.repo.read("notes.md") == "comes\n" and not there.repo.exists("b.secret")
    tip = remote.tip("main")
    there.sync()
    assert remote.tip("main") == tip, "that it is not here is no deletion"
    secret.set_up(there)
    healthy(there.sync())
    assert there.repo.read_bytes("b.secret") == SECRET


def test_a_filter_that_fails_and_is_not_required_passes_the_file_as_git_does(here: Side, remote: Repo) -> None:
    here.trusted = True
    here.repo.git("config", "filter.odd.clean", "echo half; exit 1")
    here.repo.write(".gitattributes", "*.odd filter=odd\n")
    here.repo.write("a.odd", b"plain\n")
    healthy(here.sync())
    assert remote.tree("main")["a.odd"] == b"plain\n"


def test_a_filter_that_hangs_is_stopped_and_keeps_no_other_file(
    here: Side, there: Side, remote: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.trusted = there.trusted = True
    for side in (here, there):
        side.repo.git("config", "filter.slow.clean", "exec sleep 600")
        side.repo.git("config", "filter.slow.smudge", "exec sleep 600")
    here.repo.write(".gitattributes", "*.slow filter=slow\n*.txt text\n")
    healthy(here.sync())
    monkeypatch.setattr(cleaning, "DEADLINE", 0.3)
    here.repo.write_all({"a.slow": b"x", "b.slow": b"y", "c.txt": "a\r\n", "d.md": "d"})
    outcome = here.sync()
    for path in ("a.slow", "b.slow"):
        assert refused(here, outcome, path) == "the filter 'slow' had not converted it after 0.3 s and was stopped"
    assert remote.tree("main")["c.txt"] == b"a\n" and remote.tree("main")["d.md"] == b"d"
    here.repo.git("config", "filter.slow.clean", "cat")
    healthy(here.sync())
    monkeypatch.setattr(smudging, "DEADLINE", 0.3)
    outcome = there.sync()
    assert "'slow'" in (there.task(outcome, "a.slow").reason or "")
    assert there.repo.read_bytes("c.txt") == b"a\n"


def test_what_a_filter_says_is_not_taken_for_an_answer(here: Side, there: Side, remote: Repo) -> None:
    for side in (here, there):
        side.trusted = True
        side.repo.git("config", "filter.loud.clean", "tr a-y b-z; echo fatal: error: cleaning %f >&2")
        side.repo.git("config", "filter.loud.smudge", "tr b-z a-y; echo fatal: error: smudging %f >&2")
        side.repo.git("config", "filter.loud.required", "true")
    here.repo.write(".gitattributes", "*.loud filter=loud\n")
    here.repo.write("a.loud", b"hello\n")
    healthy(here.sync())
    healthy(there.sync())
    assert remote.tree("main")["a.loud"] == b"ifmmp\n"
    assert there.repo.read_bytes("a.loud") == b"hello\n"


def test_a_filter_that_fails_in_git_status_stops_only_its_file(secret: Cipher, here: Side, remote: Repo) -> None:
    # git status runs it on a file whose times changed, and ends where it is required and fails.
    here.repo.git("config", "filter.cipher.clean", "exit 1")
    here.repo.write_all({"a.secret": SECRET, "notes.md": "goes\n"})
    assert here.repo.try_git("status").returncode
    outcome = here.sync()
    assert outcome.state is not State.FAILING
    assert "clean filter 'cipher' failed" in refused(here, outcome, "a.secret")
    assert remote.tree("main")["notes.md"] == b"goes\n"


def test_an_untrusted_filter_does_not_run_when_the_index_is_written(
    here: Side, there: Side, remote: Repo, tmp_path: Path
) -> None:
    here.repo.write_all({"a.odd": "1\n", "hidden.md": "1\n"})
    healthy(here.sync())
    healthy(there.sync())
    # git looks into files that are as young as the index whenever it writes the index.
    soon = time.time() + 100
    os.utime(there.repo.path("a.odd"), (soon, soon))
    there.repo.git("update-index", "-q", "--refresh")
    there.repo.write(".git/info/attributes", "*.odd filter=evil\n")
    there.repo.git("config", "filter.evil.clean", f"touch {tmp_path}/ran; cat")
    there.repo.git("update-index", "--assume-unchanged", "hidden.md")
    (tmp_path / "ran").unlink(missing_ok=True)
    here.repo.write("hidden.md", "2\n")
    healthy(here.sync())
    there.sync()
    assert there.repo.read("hidden.md") == "2\n"
    assert not (tmp_path / "ran").exists()
    assert there.repo.git("ls-files", "-v", "hidden.md") == "h hidden.md"


def test_a_filter_that_fails_where_the_index_is_written_keeps_nothing_back(
    here: Side, there: Side, remote: Repo
) -> None:
    here.repo.write_all({"a.odd": "1\n", "b.md": "1\n"})
    healthy(here.sync())
    healthy(there.sync())
    there.trusted = True
    soon = time.time() + 100
    os.utime(there.repo.path("a.odd"), (soon, soon))
    there.repo.git("update-index", "-q", "--refresh")
    there.repo.write(".git/info/attributes", "*.odd filter=broken\n")
    there.repo.git("config", "filter.broken.clean", "exit 1")
    there.repo.git("config", "filter.broken.required", "true")
    here.repo.write("b.md", "2\n")
    healthy(here.sync())
    outcome = there.sync()
    assert outcome.waiting_for is None and outcome.error is None
    assert there.repo.head == remote.tip("main") and there.repo.read("b.md") == "2\n"
    there.repo.write("b.md", "3\n")
    there.sync()
    assert remote.tree("main")["b.md"] == b"3\n"
