"""A login reaches git at the server it is for, over real sshd and real TLS, and each other outcome is a clear one."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitferry.repos import transport
from gitferry.repos.git import Git
from gitferry.repos.private_socket import NoPrivatePlace
from gitferry.repos.remote_error import RemoteError
from gitferry.repos.signing_in import CannotSignIn, offered
from gitferry.repos.ssh_connections import Connections
from gitferry.repos.transport import Accepted, Refused, Seconds
from gitferry.security.login import Login
from gitferry.tests.canary import forms
from gitferry.tests.integration.certificates import Authority
from gitferry.tests.integration.servers import HttpServer, SshServer, program
from gitferry.tests.repo import Repo
from gitferry.tests.signers import PASSPHRASE


def signed_in(repo: Repo, login: Login | None, connections: Connections | None = None) -> Git:
    """git on `repo`, whose calls to its origin sign in with `login`."""
    git, environ = Git(repo.root), dict(os.environ)
    url = repo.git("remote", "get-url", "origin")
    git.access = lambda: offered(login, url, environ=environ, connections=connections)
    return git


def served(url: str, remote: Repo, root: Path) -> Repo:
    repo = Repo.clone(remote.root, root)
    repo.git("remote", "set-url", "origin", url)
    return repo


def goes_both_ways(git: Git, here: Repo, remote: Repo) -> None:
    before = here.head
    tip = here.commit("An edit", allow_empty=True)
    assert transport.push(git, "origin", "main", tip, before) == Accepted(tip)
    assert remote.tip("main") == tip
    assert transport.fetch(git, "origin", "main") == tip


def refused(call: Callable[[], object]) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        call()
    assert not caught.value.retry
    assert caught.value.hint
    return caught.value


# -- SSH


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "", *options: str) -> bytes:
    command = [program("ssh-keygen"), "-q", "-t", kind, "-N", passphrase, "-C", "login", "-f", str(path), *options]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path.read_bytes()


@pytest.fixture
def at_sshd(running_sshd: SshServer, home: Path, remote: Repo, tmp_path: Path) -> Repo:
    """A clone whose origin is a known sshd, and whose user has no key of their own."""
    running_sshd.admit(home)
    (home / ".ssh" / "id_test").unlink()
    return served(running_sshd.url(remote), remote, tmp_path / "here")


@pytest.fixture
def admitted(running_sshd: SshServer, tmp_path: Path) -> Callable[..., Login]:
    """Makes a key that the server accepts, and gives the login of it."""

    def make(kind: str = "ed25519", passphrase: str = "", *options: str) -> Login:
        secret = make_key(tmp_path / "login", kind, passphrase, *options)
        with (running_sshd.directory / "authorized_keys").open("a") as file:
            file.write("restrict " + (tmp_path / "login.pub").read_text())
        return Login("ssh_key", secret, passphrase=passphrase.encode() or None)

    return make


@pytest.mark.parametrize(
    ("kind", "passphrase", "options"),
    [
        ("ed25519", "", ()),
        ("ed25519", PASSPHRASE, ()),
        ("rsa", "", ("-b", "2048")),
        ("rsa", PASSPHRASE, ("-b", "2048", "-m", "PEM")),
        ("ecdsa", "", ("-b", "256")),
        ("ecdsa", PASSPHRASE, ("-b", "521", "-m", "PKCS8")),
    ],
)
def test_a_key_signs_in_over_ssh(
    at_sshd: Repo, remote: Repo, admitted: Callable[..., Login], kind: str, passphrase: str, options: tuple[str, ...]
) -> None:
    goes_both_ways(signed_in(at_sshd, admitted(kind, passphrase, *options)), at_sshd, remote)


@pytest.mark.parametrize("place", [0, 1])
def test_the_servers_identity_may_be_in_a_file_whose_name_has_blanks(
    at_sshd: Repo, remote: Repo, admitted: Callable[..., Login], home: Path, runtime_directory: Path, place: int
) -> None:
    files = [home / "of mine" / 'a "name" with 100%\\', home / "of mine" / "second %h"]
    files[0].parent.mkdir()
    (home / ".ssh" / "known_hosts").rename(files[place])
    config = home / ".ssh" / "config"
    names = " ".join(
        '"' + str(file).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"') + '"' for file in files
    )
    config.write_text(
        f'UserKnownHostsFile {names}\nGlobalKnownHostsFile "{home}/of mine/g%" /dev/null\n' + config.read_text()
    )
    goes_both_ways(signed_in(at_sshd, admitted()), at_sshd, remote)


def test_a_connection_is_shared_below_a_name_with_a_blank(ssh_server: SshServer, remote: Repo, tmp_path: Path) -> None:
    here = served(ssh_server.url(remote), remote, tmp_path / "here")
    with tempfile.TemporaryDirectory(prefix="a b", dir="/tmp") as runtime:  # short enough for a socket
        connections = Connections(os.environ | {"XDG_RUNTIME_DIR": runtime})
        goes_both_ways(signed_in(here, None, connections), here, remote)
        assert [path for path in Path(runtime).rglob("*") if path.is_socket()]
        connections.close()


def test_a_full_place_for_its_configuration_is_told(
    at_sshd: Repo, admitted: Callable[..., Login], runtime_directory: Path
) -> None:
    git = signed_in(at_sshd, admitted())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (0, hard)
    )  # no file may grow; a signal goes with it, which Python ignores
    try:
        with pytest.raises(NoPrivatePlace, match="config cannot be made: File too large") as caught:
            transport.fetch(git, "origin", "main")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.hint
    assert [path.name for path in runtime_directory.rglob("*")] == [f"gitferry-{os.getuid()}"]


@pytest.mark.parametrize("given", [b"wrong", None])
def test_a_wrong_passphrase_is_told(at_sshd: Repo, admitted: Callable[..., Login], given: bytes | None) -> None:
    right = admitted("ed25519", PASSPHRASE)
    error = refused(
        lambda: transport.fetch(signed_in(at_sshd, Login("ssh_key", right.secret, None, given)), "origin", "main")
    )
    assert error.kind == "auth"
    assert "passphrase" in error.title


def test_a_text_that_is_no_key_is_told_without_it(at_sshd: Repo) -> None:
    error = refused(lambda: transport.fetch(signed_in(at_sshd, Login("ssh_key", b"canary-no-key")), "origin", "main"))
    assert error.kind == "auth"
    assert "canary" not in str(error)


def test_a_wrong_key_is_refused_also_where_the_user_has_a_right_one(
    running_sshd: SshServer, at_sshd: Repo, home: Path, tmp_path: Path
) -> None:
    running_sshd.admit(home)
    assert transport.fetch(signed_in(at_sshd, None), "origin", "main") == at_sshd.head
    login = Login("ssh_key", make_key(tmp_path / "unknown"))
    assert refused(lambda: transport.fetch(signed_in(at_sshd, login), "origin", "main")).kind == "auth"


@pytest.mark.parametrize("situation", ["impersonate", "forget"])
def test_a_changed_or_unknown_host_key_ends_it(
    running_sshd: SshServer, at_sshd: Repo, home: Path, admitted: Callable[..., Login], situation: str
) -> None:
    getattr(running_sshd, situation)(home)
    (home / ".ssh" / "id_test").unlink(missing_ok=True)
    git = signed_in(at_sshd, admitted())
    assert refused(lambda: transport.fetch(git, "origin", "main")).kind == "host_key"


def test_one_connection_serves_many_commands_and_closes(
    at_sshd: Repo, remote: Repo, admitted: Callable[..., Login], running_sshd: SshServer
) -> None:
    connections = Connections(os.environ)
    login = admitted()
    goes_both_ways(signed_in(at_sshd, login, connections), at_sshd, remote)
    assert [entry.is_socket() for entry in connections.place(login).iterdir()] == [True]
    # The key is not even looked at while the connection is open.
    place = connections.place(login)
    connections.drop(login)
    assert list(place.iterdir()) == []
    goes_both_ways(signed_in(at_sshd, login, connections), at_sshd, remote)
    base = connections.place(login).parent
    connections.close()
    assert not base.exists()


def test_a_connection_is_not_shared_with_another_login(
    at_sshd: Repo, remote: Repo, admitted: Callable[..., Login], tmp_path: Path
) -> None:
    connections = Connections(os.environ)
    goes_both_ways(signed_in(at_sshd, admitted(), connections), at_sshd, remote)
    unknown = Login("ssh_key", make_key(tmp_path / "unknown"))
    try:
        error = refused(lambda: transport.fetch(signed_in(at_sshd, unknown, connections), "origin", "main"))
        assert error.kind == "auth"
    finally:
        connections.close()


def test_a_deadline_closes_the_shared_connection(
    at_sshd: Repo, remote: Repo, admitted: Callable[..., Login], tmp_path: Path
) -> None:
    connections, login = Connections(os.environ), admitted()
    git = signed_in(at_sshd, login, connections)
    assert transport.fetch(git, "origin", "main") == at_sshd.head
    place = connections.place(login)
    remote.hook("pre-receive", f"touch {tmp_path}/slow; sleep 20")
    before, tip = at_sshd.head, at_sshd.commit("Slow", allow_empty=True)
    with pytest.raises(RemoteError) as caught:
        transport.push(git, "origin", "main", tip, before, timeouts=Seconds(connect=2, transfer=2))
    assert caught.value.kind == "timeout"
    assert (tmp_path / "slow").exists()
    end = time.monotonic() + 10
    while list(place.iterdir()) and time.monotonic() < end:  # ssh was told to close it, and does so by itself
        time.sleep(0.02)
    assert list(place.iterdir()) == []
    assert connections.place(login) != place
    connections.close()


def test_a_place_that_was_cleaned_away_is_made_anew(
    at_sshd: Repo, remote: Repo, admitted: Callable[..., Login], running_sshd: SshServer, home: Path
) -> None:
    """The runtime directory goes when its user logs out, and cleaners of /tmp take what is old."""
    connections, login = Connections(os.environ), admitted()
    goes_both_ways(signed_in(at_sshd, login, connections), at_sshd, remote)
    running_sshd.admit(home)
    goes_both_ways(signed_in(at_sshd, None, connections), at_sshd, remote)
    base = connections.place(login).parent
    connections.drop(login)
    connections.drop(None)
    shutil.rmtree(base.parent)
    goes_both_ways(signed_in(at_sshd, login, connections), at_sshd, remote)
    goes_both_ways(signed_in(at_sshd, None, connections), at_sshd, remote)
    connections.close()
    connections.close()


@pytest.mark.parametrize("length", [40, 60])
def test_a_place_with_a_long_name_is_no_fault(
    at_sshd: Repo,
    remote: Repo,
    admitted: Callable[..., Login],
    running_sshd: SshServer,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    length: int,
) -> None:
    """ssh makes the socket of a shared connection under a longer name first, and gives up where that is too long."""
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        place = Path(short) / ("x" * (length - len(short) - 1))
        place.mkdir(mode=0o700)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
        connections = Connections(os.environ)
        running_sshd.admit(home)
        goes_both_ways(signed_in(at_sshd, None, connections), at_sshd, remote)
        goes_both_ways(signed_in(at_sshd, admitted(), connections), at_sshd, remote)
        connections.close()


def test_connections_that_the_user_shares_are_the_ones_used(
    at_sshd: Repo, remote: Repo, running_sshd: SshServer, home: Path
) -> None:
    """Whoever signs in with a second factor opens a connection by hand, and git goes over it."""
    running_sshd.admit(home)
    own = home / "cm"
    with (home / ".ssh" / "config").open("a") as file:
        file.write(f"\nHost *\n  ControlMaster auto\n  ControlPath {own}\n  ControlPersist 60\n")
    connections = Connections(os.environ)
    try:
        goes_both_ways(signed_in(at_sshd, None, connections), at_sshd, remote)
        assert own.is_socket()
        (home / ".ssh" / "id_test").unlink()
        goes_both_ways(signed_in(at_sshd, None, connections), at_sshd, remote)
    finally:
        subprocess.run([program("ssh"), "-F", "none", "-S", str(own), "-O", "exit", "any"], check=False)
        connections.close()


@pytest.mark.parametrize("own", [True, False])
def test_what_a_proxy_says_is_told(at_sshd: Repo, admitted: Callable[..., Login], home: Path, own: bool) -> None:
    with (home / ".ssh" / "config").open("a") as file:
        file.write("\nHost *\n  ProxyCommand sh -c 'echo \"git@jump: Permission denied (publickey).\" >&2; exit 255'\n")
    connections = Connections(os.environ)
    error = refused(
        lambda: transport.fetch(signed_in(at_sshd, None if own else admitted(), connections), "origin", "main")
    )
    connections.close()
    assert error.kind == "auth"


# -- HTTPS


@pytest.fixture
def trusting(home: Path, authority_of_tests: Authority) -> None:
    """The user's git settings name the private authority."""
    with (home / ".gitconfig").open("a") as file:
        file.write(f"[http]\n\tsslCAInfo = {authority_of_tests.file}\n")


@pytest.fixture
def at_https(running_https: HttpServer, remote: Repo, tmp_path: Path) -> Repo:
    return served(running_https.url(remote), remote, tmp_path / "here")


def password(server: HttpServer) -> Login:
    return Login("basic", server.password.encode(), server.user)


@pytest.mark.usefixtures("trusting")
def test_a_password_signs_in_over_https(running_https: HttpServer, at_https: Repo, remote: Repo) -> None:
    goes_both_ways(signed_in(at_https, password(running_https)), at_https, remote)


@pytest.mark.usefixtures("trusting")
def test_a_token_takes_the_user_name_of_the_url(running_https: HttpServer, remote: Repo, tmp_path: Path) -> None:
    repo = served(running_https.url(remote, user=running_https.user), remote, tmp_path / "here")
    goes_both_ways(signed_in(repo, Login("token", running_https.password.encode())), repo, remote)


@pytest.mark.usefixtures("trusting")
def test_a_wrong_password_is_refused_once_and_helpers_of_the_users_are_not_asked(
    running_https: HttpServer, at_https: Repo, home: Path
) -> None:
    running_https.admit(home)  # the user's own helper knows the right one
    log = running_https.directory / "access.log"
    before = len(log.read_text().splitlines())
    login = Login("basic", b"canary-wrong", running_https.user)
    error = refused(lambda: transport.fetch(signed_in(at_https, login), "origin", "main"))
    assert error.kind == "auth"
    assert "canary" not in f"{error} {error.__cause__}"
    asked = [line for line in log.read_text().splitlines()[before:] if '"GET ' in line]
    # git without a password; then libcurl, which asks the server for its methods and tries the one it has.
    assert len(asked) <= 3, asked


def test_an_authority_that_nobody_trusts_ends_it(running_https: HttpServer, at_https: Repo) -> None:
    git = signed_in(at_https, password(running_https))
    assert refused(lambda: transport.fetch(git, "origin", "main")).kind == "host_key"


@pytest.mark.usefixtures("trusting")
def test_an_expired_certificate_ends_it(running_expired: HttpServer, remote: Repo, tmp_path: Path) -> None:
    repo = served(running_expired.url(remote), remote, tmp_path / "here")
    error = refused(lambda: transport.fetch(signed_in(repo, password(running_expired)), "origin", "main"))
    assert error.kind == "host_key"
    assert "expired" in error.title


#: A server's hook (githooks(5), proc-receive) that refuses every push with the password in the reason, and says it in
#: other ways too.
TELLTALE = r"""#!{python}
import base64, os, sys

def read():
    size = int(sys.stdin.buffer.read(4), 16)
    return sys.stdin.buffer.read(size - 4) if size else None

def write(text):
    sys.stdout.buffer.write(b"%04x" % (len(text) + 4) + text + b"0000")
    sys.stdout.buffer.flush()

read(), read()
write(b"version=1\0\n")
ref = read().split()[2]
header = os.environ["HTTP_AUTHORIZATION"]
password = base64.b64decode(header.split()[1]).partition(b":")[2]
print(header, password.decode(), password.hex(), file=sys.stderr, flush=True)
write(b"ng " + ref + b" not with " + password)
"""


@pytest.mark.usefixtures("trusting")
def test_what_a_server_tells_of_the_password_is_masked(running_https: HttpServer, at_https: Repo, remote: Repo) -> None:
    remote.git("config", "receive.procReceiveRefs", "refs/heads/main")
    remote.hook("proc-receive", "exit 1")
    remote.path("hooks/proc-receive").write_text(TELLTALE.format(python=sys.executable))
    before, login = at_https.head, password(running_https)
    tip = at_https.commit("An edit", allow_empty=True)
    answer = transport.push(signed_in(at_https, login), "origin", "main", tip, before)
    assert isinstance(answer, Refused) and "not with ***" in answer.message
    assert not [form for form in forms(login) if form in answer.message.encode()]


# -- what does not fit


@pytest.mark.parametrize(
    ("url", "login", "words"),
    [
        ("http://example.org/r.git", Login("token", b"canary"), "not encrypted"),
        ("https://example.org/r.git", Login("ssh_key", b"canary"), "SSH key"),
        ("git@example.org:r.git", Login("token", b"canary"), "over SSH"),
        ("git://example.org/r.git", Login("token", b"canary"), "takes no credential"),
        ("https://example.org/r.git", Login("basic", b"canary\nhost=evil", "me"), "line end"),
    ],
)
def test_a_login_that_does_not_fit_is_not_offered(url: str, login: Login, words: str) -> None:
    with pytest.raises(CannotSignIn, match=words) as caught, offered(login, url, environ={}):
        pytest.fail("it was offered")
    assert "canary" not in str(caught.value)


def test_plain_http_is_for_loopback(http_server: HttpServer, remote: Repo, tmp_path: Path, home: Path) -> None:
    http_server.forget(home)
    repo = served(http_server.url(remote), remote, tmp_path / "here")
    goes_both_ways(signed_in(repo, password(http_server)), repo, remote)
