"""Our transport over real servers: each promise of `repos.transport` holds over SSH and over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.repos import transport
from gitferry.repos.git import Git
from gitferry.repos.remote_error import RemoteError
from gitferry.repos.transport import Accepted, Refused, Seconds
from gitferry.tests.integration import servers
from gitferry.tests.integration.servers import HttpServer, Server, SshServer
from gitferry.tests.repo import Repo


@pytest.fixture
def here(server: Server, remote: Repo, tmp_path: Path) -> Repo:
    """A clone whose origin is the real server."""
    return served(server, remote, tmp_path / "here")


def served(server: Server, remote: Repo, root: Path) -> Repo:
    repo = Repo.clone(remote.root, root)
    repo.git("remote", "set-url", "origin", server.url(remote))
    return repo


def push(repo: Repo, new: str, expected: str | None, branch: str = "main") -> Accepted | Refused:
    return transport.push(Git(repo.root), "origin", branch, new, expected)


def fetch(repo: Repo, branch: str = "main", timeouts: Seconds | None = None) -> str | None:
    return transport.fetch(Git(repo.root), "origin", branch, timeouts=timeouts or Seconds())


def failure(call: Callable[[], object]) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        call()
    return caught.value


def test_a_push_arrives_and_another_clone_fetches_it(
    server: Server, here: Repo, remote: Repo, clone: Callable[..., Repo]
) -> None:
    there = served(server, remote, here.root.with_name("there"))
    before = here.head
    here.write("tasks/celsius/main.js", "// over the wire\n")
    tip = here.commit("An edit")
    assert push(here, tip, before) == Accepted(tip)
    assert remote.tip("main") == tip
    assert here.tip("refs/remotes/origin/main") == tip
    assert fetch(there) == tip
    assert there.tip("refs/remotes/origin/main") == tip
    assert there.head == before
    assert not there.path(".git/FETCH_HEAD").exists()
    remote.fsck()
    there.fsck()


def test_a_push_that_arrived_already_is_accepted(here: Repo) -> None:
    before = here.head
    tip = here.commit("Once", allow_empty=True)
    push(here, tip, before)
    assert push(here, tip, before) == Accepted(tip, already=True)


def test_a_moved_remote_refuses_as_stale(server: Server, here: Repo, remote: Repo) -> None:
    there = served(server, remote, here.root.with_name("there"))
    before = here.head
    first = there.commit("First", allow_empty=True)
    assert push(there, first, before) == Accepted(first)
    second = here.commit("Second", allow_empty=True)
    answer = push(here, second, before)
    assert isinstance(answer, Refused)
    assert answer.kind == "stale"
    assert remote.tip("main") == first


def test_what_an_administrator_dropped_is_not_pushed_back(here: Repo, remote: Repo) -> None:
    before = here.head
    dropped = here.commit("Dropped at the remote", allow_empty=True)
    push(here, dropped, before)
    remote.git("update-ref", "refs/heads/main", before)
    answer = push(here, here.commit("On top of it", allow_empty=True), dropped)
    assert isinstance(answer, Refused)
    assert answer.kind == "stale"
    assert remote.tip("main") == before


def test_a_deleted_branch_is_not_recreated(here: Repo, remote: Repo) -> None:
    before = here.head
    remote.git("update-ref", "-d", "refs/heads/main")
    answer = push(here, here.commit("Late", allow_empty=True), before)
    assert isinstance(answer, Refused)
    assert answer.kind == "stale"
    assert remote.refs() == {}


def test_a_new_branch_is_created_only_where_none_is(here: Repo, remote: Repo) -> None:
    tip = here.commit("On a branch", allow_empty=True)
    assert push(here, tip, None, "review/one") == Accepted(tip)
    assert remote.refs()["refs/heads/review/one"] == tip
    answer = push(here, here.commit("Again", allow_empty=True), None, "review/one")
    assert isinstance(answer, Refused)
    assert answer.kind == "stale"


def test_a_hook_of_the_server_rejects_and_its_words_are_kept(here: Repo, remote: Repo) -> None:
    remote.hook("pre-receive", 'echo "no pushes on Sundays" >&2; exit 1')
    before = here.head
    answer = push(here, here.commit("Refused", allow_empty=True), before)
    assert isinstance(answer, Refused)
    assert answer.kind == "rejected"
    assert "no pushes on Sundays" in answer.message
    assert remote.tip("main") == before
    assert here.tip("refs/remotes/origin/main") == before


def test_a_hook_for_one_ref_rejects_too(here: Repo, remote: Repo) -> None:
    remote.hook("update", 'echo "main is protected" >&2; exit 1')
    before = here.head
    answer = push(here, here.commit("Refused", allow_empty=True), before)
    assert isinstance(answer, Refused)
    assert (answer.kind, "main is protected" in answer.message) == ("rejected", True)


def test_an_unknown_key_or_password_is_an_auth_failure(server: Server, here: Repo, home: Path) -> None:
    before, tip = here.head, here.commit("Kept", allow_empty=True)
    for call in (
        lambda: fetch(here),
        lambda: push(here, tip, before),
        lambda: transport.remote_refs(Git(here.root), "origin"),
    ):
        server.refuse(home)
        error = failure(call)
        assert error.kind == "auth"
        assert not error.retry
        assert error.title
        assert error.hint
    server.admit(home)
    assert push(here, tip, before) == Accepted(tip)


def test_a_refused_password_is_in_no_message(http_server: HttpServer, remote: Repo, tmp_path: Path) -> None:
    secret = "canary-5f1e9c"
    repo = served(http_server, remote, tmp_path / "here")
    repo.git("remote", "set-url", "origin", http_server.url(remote, user="ferry", password=secret))
    error = failure(lambda: fetch(repo))
    assert error.kind == "auth"
    assert secret not in str(error)
    assert secret not in str(error.__cause__)


def test_no_password_at_all_is_an_auth_failure_and_asks_nobody(
    http_server: HttpServer, remote: Repo, tmp_path: Path, home: Path
) -> None:
    repo = served(http_server, remote, tmp_path / "here")
    http_server.forget(home)
    assert failure(lambda: fetch(repo)).kind == "auth"


@pytest.mark.parametrize("situation", ["impersonate", "forget"])
def test_a_wrong_or_unknown_host_key_is_its_own_kind(
    ssh_server: SshServer, remote: Repo, tmp_path: Path, home: Path, situation: str
) -> None:
    repo = served(ssh_server, remote, tmp_path / "here")
    getattr(ssh_server, situation)(home)
    error = failure(lambda: fetch(repo))
    assert error.kind == "host_key"
    assert not error.retry


def test_a_repository_that_is_not_there(server: Server, here: Repo, tmp_path: Path) -> None:
    here.git("remote", "set-url", "origin", server.url(Repo(tmp_path / "nowhere.git")))
    assert failure(lambda: fetch(here)).kind == "not_found"


@pytest.mark.parametrize("scheme", ["ssh", "http"])
def test_nobody_answers(scheme: str, clone: Callable[..., Repo]) -> None:
    repo = clone("here")
    repo.git("remote", "set-url", "origin", f"{scheme}://{servers.HOST}:{servers.free_port()}/r.git")
    error = failure(lambda: fetch(repo))
    assert error.kind == "offline"
    assert error.retry


def test_a_server_that_hangs_is_given_up_in_time(here: Repo, remote: Repo) -> None:
    remote.hook("pre-receive", "sleep 8")
    before = here.head
    tip = here.commit("Slow", allow_empty=True)
    started = time.monotonic()
    error = failure(
        lambda: transport.push(Git(here.root), "origin", "main", tip, before, timeouts=Seconds(connect=2, transfer=2))
    )
    assert error.kind == "timeout"
    assert error.retry
    assert time.monotonic() - started < 7


def test_a_missing_branch_and_an_empty_remote_differ(server: Server, here: Repo, empty_remote: Repo) -> None:
    assert fetch(here, "no-such-branch") is None
    assert "refs/heads/main" in transport.remote_refs(Git(here.root), "origin")
    here.git("remote", "set-url", "origin", server.url(empty_remote))
    assert fetch(here) is None
    assert transport.remote_refs(Git(here.root), "origin") == {}


def test_the_first_push_to_an_empty_remote(server: Server, here: Repo, empty_remote: Repo) -> None:
    here.git("remote", "set-url", "origin", server.url(empty_remote))
    assert push(here, here.head, None) == Accepted(here.head)
    assert empty_remote.refs() == {"refs/heads/main": here.head}
