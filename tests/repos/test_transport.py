"""One suite for every way to a remote: fetch takes one branch, push moves one ref, failures have a kind."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitferry.repos.git import Completed, Git, GitCancelled
from gitferry.repos.transport import (
    Accepted,
    NotADescendant,
    Refused,
    RemoteError,
    Seconds,
    fetch,
    push,
    read_push,
    remote_refs,
    said_by_server,
)
from gitferry.tests.integration.servers import HttpServer, SshServer
from gitferry.tests.repo import Repo

QUICK = Seconds(connect=2, transfer=20)
TRACKING = "refs/remotes/origin/main"
NOBODY = "1111111111111111111111111111111111111111"

Address = Callable[[Repo], str]


@pytest.fixture(params=["path", "file", "ssh", "http"])
def address(request: pytest.FixtureRequest) -> Address:
    """How a remote is named, each way in turn."""
    if request.param == "path":
        return lambda repo: str(repo.root)
    if request.param == "file":
        return lambda repo: f"file://{repo.root}"
    server: SshServer | HttpServer = request.getfixturevalue(f"{request.param}_server")
    return server.url


@pytest.fixture
def here(clone: Callable[..., Repo], remote: Repo, address: Address) -> Repo:
    """A clone whose origin is reached in each way in turn."""
    repo = clone("here")
    repo.git("remote", "set-url", "origin", address(remote))
    return repo


@pytest.fixture
def plain(clone: Callable[..., Repo]) -> Repo:
    """A clone over a plain path, for what does not depend on the way."""
    return clone("plain")


@pytest.fixture
def there(clone: Callable[..., Repo]) -> Repo:
    return clone("there")


def edit(repo: Repo, text: str = "edit") -> str:
    repo.write("tasks/celsius/main.js", f"// {text}\n")
    return repo.commit(text)


# -- fetch


def test_fetch_moves_the_tracking_ref_and_nothing_else(here: Repo, there: Repo) -> None:
    there.git("tag", "v1")
    there.git("branch", "other")
    tip = edit(there)
    there.push("origin", "main", "other", "v1")
    before = here.refs()
    assert fetch(Git(here.root), "origin", "main", timeouts=QUICK) == tip
    # origin/HEAD is a symbolic ref to the tracking ref.
    assert here.refs() == before | {TRACKING: tip, "refs/remotes/origin/HEAD": tip}
    assert not here.exists(".git/FETCH_HEAD")
    assert here.status() == ""


def test_fetch_of_a_missing_branch_is_none_and_prunes_nothing(here: Repo, there: Repo) -> None:
    there.push("origin", "main:gone")
    here.fetch()
    there.push("origin", ":gone")
    here.git("config", "fetch.prune", "true")
    before = here.refs()
    assert fetch(Git(here.root), "origin", "gone", timeouts=QUICK) is None
    assert here.refs() == before
    assert set(remote_refs(Git(here.root), "origin", timeouts=QUICK)) == {"refs/heads/main"}


def test_an_empty_remote_is_none_and_has_no_refs(empty_remote: Repo, address: Address, tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "new")
    repo.git("remote", "add", "origin", address(empty_remote))
    git = Git(repo.root)
    assert fetch(git, "origin", "main", timeouts=QUICK) is None
    assert remote_refs(git, "origin", timeouts=QUICK) == {}


def test_fetch_follows_a_rewritten_branch(here: Repo, there: Repo, remote: Repo) -> None:
    fetch(Git(here.root), "origin", "main", timeouts=QUICK)
    there.git("commit", "--quiet", "--amend", "-m", "rewritten")
    there.push("--force", "origin", "main")
    assert fetch(Git(here.root), "origin", "main", timeouts=QUICK) == remote.tip("main") == here.tip(TRACKING)


def test_fetch_into_another_tracking_ref(plain: Repo, remote: Repo) -> None:
    assert fetch(Git(plain.root), "origin", "main", tracking_ref="refs/remotes/up/x") == remote.tip("main")
    assert plain.tip("refs/remotes/up/x") == remote.tip("main")


def test_fetch_needs_no_configured_refspec(plain: Repo, there: Repo) -> None:
    plain.git("config", "remote.origin.fetch", "+refs/heads/other:refs/remotes/origin/other")
    tip = edit(there)
    there.push()
    assert fetch(Git(plain.root), "origin", "main") == tip == plain.tip(TRACKING)


def test_refs_by_pattern(here: Repo, remote: Repo) -> None:
    git = Git(here.root)
    assert remote_refs(git, "origin", timeouts=QUICK) == {"refs/heads/main": remote.tip("main")}
    assert remote_refs(git, "origin", "refs/heads/none", timeouts=QUICK) == {}


def test_a_malformed_object_is_not_taken(plain: Repo, there: Repo, remote: Repo) -> None:
    inner = there.git("mktree", stdin=f"100644 blob {there.git('hash-object', '-w', '--stdin')}\tconfig\n")
    tree = there.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=b"40000 .git\0" + _raw(inner))
    bad = there.git("commit-tree", "-p", "main", "-m", "escape", tree)
    there.git("push", "--quiet", "origin", f"{bad}:refs/heads/main")
    with pytest.raises(RemoteError, match="hasDotgit") as failed:
        fetch(Git(plain.root), "origin", "main")
    assert failed.value.kind == "other"
    assert plain.tip(TRACKING) != bad == remote.tip("main")


def _raw(oid: str) -> bytes:
    return bytes.fromhex(oid)


# -- push


def test_push_moves_the_branch_and_the_tracking_ref(here: Repo, remote: Repo) -> None:
    old, new = here.head, edit(here)
    assert push(Git(here.root), "origin", "main", new, old, timeouts=QUICK) == Accepted(new)
    assert remote.tip("main") == here.tip(TRACKING) == new
    assert set(remote.refs()) == {"refs/heads/main"}


def test_push_sends_no_tags_and_runs_no_hook_of_ours(plain: Repo, remote: Repo) -> None:
    plain.git("config", "push.followTags", "true")
    plain.hook("pre-push", "exit 1")
    old, new = plain.head, edit(plain)
    plain.git("tag", "-a", "v1", "-m", "v1")
    assert push(Git(plain.root), "origin", "main", new, old) == Accepted(new)
    assert set(remote.refs()) == {"refs/heads/main"}


def test_a_second_push_of_the_same_is_accepted(here: Repo, remote: Repo) -> None:
    old, new = here.head, edit(here)
    push(Git(here.root), "origin", "main", new, old, timeouts=QUICK)
    assert push(Git(here.root), "origin", "main", new, old, timeouts=QUICK) == Accepted(new, already=True)


def test_a_push_to_a_moved_branch_is_stale(here: Repo, there: Repo, remote: Repo) -> None:
    theirs = edit(there, "theirs")
    there.push()
    old, new = here.head, edit(here, "ours")
    refused = push(Git(here.root), "origin", "main", new, old, timeouts=QUICK)
    assert isinstance(refused, Refused) and refused.kind == "stale"
    assert remote.tip("main") == theirs


def test_what_an_administrator_removed_is_not_brought_back(here: Repo, there: Repo, remote: Repo) -> None:
    first = here.head
    bad = edit(there, "to be purged")
    there.push()
    here.pull()
    remote.git("update-ref", "refs/heads/main", first)
    new = edit(here, "on top of it")
    refused = push(Git(here.root), "origin", "main", new, bad, timeouts=QUICK)
    assert isinstance(refused, Refused) and refused.kind == "stale"
    assert remote.tip("main") == first


def test_a_deleted_branch_is_not_recreated(here: Repo, remote: Repo) -> None:
    remote.git("update-ref", "-d", "refs/heads/main")
    old, new = here.head, edit(here)
    refused = push(Git(here.root), "origin", "main", new, old, timeouts=QUICK)
    assert isinstance(refused, Refused) and refused.kind == "stale"
    assert remote.refs() == {}


def test_create_only_if_absent(here: Repo, remote: Repo) -> None:
    new = edit(here)
    refused = push(Git(here.root), "origin", "main", new, None, timeouts=QUICK)
    assert isinstance(refused, Refused) and refused.kind == "stale"
    assert push(Git(here.root), "origin", "gitferry/new", new, None, timeouts=QUICK) == Accepted(new)
    assert remote.tip("gitferry/new") == here.tip("refs/remotes/origin/gitferry/new") == new


def test_first_push_to_an_empty_remote(empty_remote: Repo, address: Address, tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "new")
    repo.git("remote", "add", "origin", address(empty_remote))
    new = repo.commit("first", allow_empty=True)
    assert push(Git(repo.root), "origin", "main", new, None, timeouts=QUICK) == Accepted(new)
    assert empty_remote.tip("main") == new


def test_a_hook_of_the_server_refuses_in_its_own_words(here: Repo, remote: Repo) -> None:
    remote.hook("pre-receive", 'echo "no pushes on Sundays" >&2; echo "see https://example.org/rules" >&2; exit 1')
    old, new = here.head, edit(here)
    refused = push(Git(here.root), "origin", "main", new, old, timeouts=QUICK)
    assert refused == Refused(
        "rejected", "pre-receive hook declined\nno pushes on Sundays\nsee https://example.org/rules"
    )
    assert remote.tip("main") == old == here.tip(TRACKING)


def test_a_protected_ref_refuses(here: Repo, remote: Repo) -> None:
    remote.hook("update", 'echo "main is protected" >&2; exit 1')
    old, new = here.head, edit(here)
    refused = push(Git(here.root), "origin", "main", new, old, timeouts=QUICK)
    assert isinstance(refused, Refused) and refused.kind == "rejected"
    assert "hook declined" in refused.message and "main is protected" in refused.message


def test_a_branch_moved_during_the_push_is_stale(plain: Repo, there: Repo, remote: Repo) -> None:
    theirs = edit(there, "theirs")
    there.push("origin", "main:refs/heads/staging")
    # The hook runs after git compared the advertised value, and its own environment keeps it in quarantine.
    remote.hook(
        "pre-receive",
        f"unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n"
        f"git --git-dir={remote.root} update-ref refs/heads/main {theirs}",
    )
    old, new = plain.head, edit(plain, "ours")
    refused = push(Git(plain.root), "origin", "main", new, old)
    assert isinstance(refused, Refused) and refused.kind == "stale"
    assert remote.tip("main") == theirs


@pytest.mark.parametrize("how", ["amend", "orphan", "absent"])
def test_a_non_descendant_is_never_sent(plain: Repo, remote: Repo, how: str) -> None:
    sent = remote.root / "sent"
    remote.hook("pre-receive", f"touch {sent}")
    old = plain.head
    if how == "amend":
        plain.git("commit", "--quiet", "--amend", "--allow-empty", "-m", "rewritten")
        new = plain.head
    elif how == "orphan":
        new = plain.git("commit-tree", "-m", "orphan", "HEAD^{tree}")
    else:
        new, old = edit(plain), NOBODY
    with pytest.raises(NotADescendant) as failed:
        push(Git(plain.root), "origin", "main", new, old)
    assert failed.value.exit_code == 3
    assert not sent.exists()


def test_a_replace_ref_does_not_make_a_descendant(plain: Repo) -> None:
    old = plain.head
    orphan = plain.git("commit-tree", "-m", "orphan", "HEAD^{tree}")
    child = plain.git("commit-tree", "-p", old, "-m", "child", "HEAD^{tree}")
    plain.git("replace", orphan, child)
    with pytest.raises(NotADescendant):
        push(Git(plain.root), "origin", "main", orphan, old)


@pytest.mark.parametrize("branch", ["", "-x", "a:b", "+a b", "a..b", "x.lock", "*", "a\nb", "@{u}", "/a", "a/.b"])
def test_a_branch_name_cannot_change_the_refspec(plain: Repo, branch: str) -> None:
    with pytest.raises(RemoteError, match="is no branch name"):
        fetch(Git(plain.root), "origin", branch)
    with pytest.raises(RemoteError, match="is no branch name"):
        push(Git(plain.root), "origin", branch, plain.head, None)


def test_an_abbreviated_commit_is_no_argument(plain: Repo) -> None:
    with pytest.raises(ValueError, match="not a full object id"):
        push(Git(plain.root), "origin", "main", "HEAD", None)


def test_a_path_is_a_remote_too(plain: Repo, remote: Repo) -> None:
    old, new = plain.head, edit(plain)
    assert push(Git(plain.root), str(remote.root), "main", new, old) == Accepted(new)
    assert remote.tip("main") == new


# -- failures


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port whose queue of connections is full: the kernel drops what comes, as a firewall does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        yield address[1]
        for each in waiting:
            each.close()


@pytest.fixture
def mute_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield listener.getsockname()[1]


def fetch_failure(repo: Repo, url: str, timeouts: Seconds = QUICK) -> RemoteError:
    """How a fetch from `url` fails; the same must hold for a push."""
    repo.git("remote", "set-url", "origin", url)
    before = repo.refs()
    with pytest.raises(RemoteError) as fetching:
        fetch(Git(repo.root), "origin", "main", timeouts=timeouts)
    with pytest.raises(RemoteError) as pushing:
        push(Git(repo.root), "origin", "main", repo.head, repo.head, timeouts=timeouts)
    assert fetching.value.kind == pushing.value.kind
    assert fetching.value.hint and "origin" in fetching.value.title
    assert repo.refs() == before
    return fetching.value


@pytest.mark.parametrize("scheme", ["http", "ssh", "git"])
def test_a_closed_port_is_offline(plain: Repo, closed_port: int, scheme: str) -> None:
    failed = fetch_failure(plain, f"{scheme}://127.0.0.1:{closed_port}/x")
    assert (failed.kind, failed.retry) == ("offline", True)


@pytest.mark.parametrize("scheme", ["http", "ssh", "git"])
def test_an_unknown_host_is_offline(plain: Repo, scheme: str) -> None:
    failed = fetch_failure(plain, f"{scheme}://no-such-host.invalid/x")
    assert (failed.kind, failed.retry) == ("offline", True)


@pytest.mark.parametrize("scheme", ["http", "ssh", "git"])
def test_a_silent_address_is_given_up_after_the_connect_timeout(plain: Repo, silent_port: int, scheme: str) -> None:
    started = time.monotonic()
    plain.git("remote", "set-url", "origin", f"{scheme}://127.0.0.1:{silent_port}/x")
    with pytest.raises(RemoteError) as failed:
        fetch(Git(plain.root), "origin", "main", timeouts=Seconds(connect=1, transfer=30))
    assert (failed.value.kind, failed.value.retry) == ("offline", True)
    assert time.monotonic() - started < 6


def test_a_server_that_takes_the_connection_and_says_nothing(plain: Repo, mute_port: int) -> None:
    plain.git("remote", "set-url", "origin", f"http://127.0.0.1:{mute_port}/x")
    with pytest.raises(RemoteError, match="too slow") as failed:
        fetch(Git(plain.root), "origin", "main", timeouts=Seconds(connect=0.25, transfer=30))
    assert failed.value.kind == "timeout"


def test_the_transfer_timeout_ends_a_hanging_push(plain: Repo, remote: Repo) -> None:
    remote.hook("pre-receive", "sleep 60")
    old, new = plain.head, edit(plain)
    started = time.monotonic()
    with pytest.raises(RemoteError, match="did not finish within 1 s") as failed:
        push(Git(plain.root), "origin", "main", new, old, timeouts=Seconds(connect=1, transfer=1))
    assert (failed.value.kind, failed.value.retry) == ("timeout", True)
    assert time.monotonic() - started < 5
    assert remote.tip("main") == old


def test_stopping_ends_a_hanging_push(plain: Repo, remote: Repo) -> None:
    remote.hook("pre-receive", "sleep 60")
    old, new = plain.head, edit(plain)
    cancel = threading.Event()
    timer = threading.Timer(0.5, cancel.set)
    timer.start()
    started = time.monotonic()
    with pytest.raises(GitCancelled):
        push(Git(plain.root, cancel=cancel), "origin", "main", new, old)
    timer.join()
    assert time.monotonic() - started < 5


def test_no_repository_there(plain: Repo, tmp_path: Path) -> None:
    failed = fetch_failure(plain, str(tmp_path / "nothing"))
    assert (failed.kind, failed.retry) == ("not_found", False)


def test_no_repository_on_the_server(plain: Repo, remote: Repo, ssh_server: SshServer, http_server: HttpServer) -> None:
    gone = Repo(remote.root.with_name("gone.git"))
    assert fetch_failure(plain, ssh_server.url(gone)).kind == "not_found"
    assert fetch_failure(plain, http_server.url(gone)).kind == "not_found"


def test_refused_credentials(
    plain: Repo, remote: Repo, home: Path, ssh_server: SshServer, http_server: HttpServer
) -> None:
    ssh_server.refuse(home)
    failed = fetch_failure(plain, ssh_server.url(remote))
    assert (failed.kind, failed.retry) == ("auth", False)
    assert "Permission denied" in failed.title
    http_server.refuse(home)
    assert fetch_failure(plain, http_server.url(remote)).kind == "auth"
    http_server.forget(home)
    assert fetch_failure(plain, http_server.url(remote)).kind == "auth"


def test_an_unknown_or_changed_host_key(plain: Repo, remote: Repo, home: Path, ssh_server: SshServer) -> None:
    ssh_server.impersonate(home)
    failed = fetch_failure(plain, ssh_server.url(remote))
    assert (failed.kind, failed.retry) == ("host_key", False)
    ssh_server.forget(home)
    assert fetch_failure(plain, ssh_server.url(remote)).kind == "host_key"


def test_a_password_in_the_url_is_not_shown(plain: Repo, closed_port: int) -> None:
    failed = fetch_failure(plain, f"http://user:hunter2@127.0.0.1:{closed_port}/x")
    assert "hunter2" not in str(failed)
    with pytest.raises(RemoteError) as direct:
        remote_refs(Git(plain.root), f"http://user:hunter2@127.0.0.1:{closed_port}/x", timeouts=QUICK)
    assert "hunter2" not in f"{direct.value}{direct.value.__cause__}"


def test_a_helper_program_is_never_started(plain: Repo, tmp_path: Path) -> None:
    plain.git("config", "protocol.ext.allow", "always")
    started = tmp_path / "started"
    plain.git("remote", "set-url", "origin", f"ext::touch {started}")
    with pytest.raises(RemoteError):
        fetch(Git(plain.root), "origin", "main", timeouts=QUICK)
    assert not started.exists()


# -- what servers say, as recorded


def porcelain(summary: str, stderr: str = "", code: int = 1, flag: str = "!") -> Completed:
    return Completed(code, f"To host:x\n{flag}\t{NOBODY}:refs/heads/main\t{summary}\nDone\n".encode(), stderr)


@pytest.mark.parametrize(
    ("summary", "stderr", "kind"),
    [
        ("[rejected] (stale info)", "", "stale"),
        ("[rejected] (fetch first)", "", "stale"),
        ("[remote rejected] (non-fast-forward)", "", "stale"),
        ("[remote rejected] (incorrect old value provided)", "", "stale"),
        ("[remote rejected] (failed to update ref)", "", "stale"),
        ("[remote rejected] (failed to update ref)", "remote: error: unable to write: No space left\n", "rejected"),
        (
            "[remote rejected] (failed to update ref)",
            f"remote: error: cannot lock ref 'refs/heads/main': is at {NOBODY} but expected {NOBODY[::-1]}\n",
            "stale",
        ),
        ("[remote rejected] (LOCK_FAILURE)", "", "stale"),
        ("[remote rejected] (protected branch hook declined)", "remote: error: GH006: Protected branch\n", "rejected"),
        ("[remote rejected] (pre-receive hook declined)", "remote: cannot lock ref x: File exists\n", "rejected"),
        ("[remote rejected] (unpacker error)", "remote: fatal: early EOF\n", "rejected"),
        ("[remote rejected] (shallow update not allowed)", "", "rejected"),
    ],
)
def test_refusals(summary: str, stderr: str, kind: str) -> None:
    refused = read_push(porcelain(summary, stderr), "origin", "refs/heads/main", NOBODY)
    assert isinstance(refused, Refused) and refused.kind == kind


def test_a_lost_report_is_an_error_and_not_a_refusal() -> None:
    with pytest.raises(RemoteError) as failed:
        read_push(porcelain("[remote failure] (remote failed to report status)"), "origin", "refs/heads/main", NOBODY)
    assert (failed.value.kind, failed.value.retry) == ("offline", True)


def test_the_server_s_lines() -> None:
    said = said_by_server("remote: \nremote: GH013: rules   \nremote:   - no        \nremote: \nerror: failed\n")
    assert said == "GH013: rules\n- no"
