"""Real servers on loopback: sshd, and `git http-backend` behind lighttpd with basic authentication, also over TLS.

Each starts when the first test of a session asks for it, and ends with the session. They serve the
repositories below pytest's temporary directory as the user who runs the tests, and read no settings
of that user or of the system.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol
from urllib.parse import quote

import pytest

from gitferry.tests.integration.certificates import Authority, authority
from gitferry.tests.repo import Repo

HOST = "127.0.0.1"
READY_WITHIN = 15.0  # seconds
STOPPED_WITHIN = 5.0  # seconds
PORT_ATTEMPTS = 5
PR_SET_PDEATHSIG = 1  # prctl(2)
# Read once: the `house` fixture takes GITFERRY_* away from every test.
REQUIRED = os.environ.get("CI") == "true" or os.environ.get("GITFERRY_REQUIRE_SERVERS") == "1"


class Server(Protocol):
    """What a test needs of a server, whichever protocol it speaks."""

    @property
    def scheme(self) -> str: ...

    def url(self, repository: Repo) -> str:
        """The address of a repository below pytest's temporary directory."""

    def admit(self, home: Path) -> None:
        """Gives the user of `home` what the server asks for."""

    def refuse(self, home: Path) -> None:
        """Gives the user of `home` a key or password that the server does not know."""


@dataclass(frozen=True, slots=True)
class SshServer:
    """A running sshd, the key it accepts, one it does not, and its host key."""

    port: int
    user: str
    directory: Path
    pid: int
    scheme: str = "ssh"

    def url(self, repository: Repo) -> str:
        return f"ssh://{self.user}@{HOST}:{self.port}{quote(str(repository.root))}"

    def admit(self, home: Path) -> None:
        self._install(home, key="accepted", host_key="host")

    def refuse(self, home: Path) -> None:
        self._install(home, key="unknown", host_key="host")

    def impersonate(self, home: Path) -> None:
        """Makes the user of `home` expect another host key, as if someone sat in between."""
        self._install(home, key="accepted", host_key="unknown")

    def forget(self, home: Path) -> None:
        """Makes the server a host that the user of `home` has never met."""
        (home / ".ssh" / "known_hosts").write_text("")

    def _install(self, home: Path, *, key: str, host_key: str) -> None:
        identity = home / ".ssh" / "id_test"
        identity.unlink(missing_ok=True)
        shutil.copy(self.directory / key, identity)
        identity.chmod(0o600)
        kind, public = (self.directory / f"{host_key}.pub").read_text().split()[:2]
        (home / ".ssh" / "known_hosts").write_text(f"[{HOST}]:{self.port} {kind} {public}\n")


@dataclass(frozen=True, slots=True)
class HttpServer:
    """A running lighttpd, and the one user it knows."""

    port: int
    user: str
    password: str
    root: Path
    directory: Path
    pid: int
    scheme: str = "http"

    def url(self, repository: Repo, *, user: str = "", password: str = "") -> str:
        """The address, with `user` and `password` in it where given.

        With a user and no password git tries an empty one first, which lighttpd answers a second late.
        """
        given = f"{user}:{password}@" if password else f"{user}@" if user else ""
        path = quote(str(repository.root.relative_to(self.root)))
        return f"{self.scheme}://{given}{HOST}:{self.port}/git/{path}"

    def admit(self, home: Path) -> None:
        self._install(home, self.password)

    def refuse(self, home: Path) -> None:
        self._install(home, "not-" + self.password)

    def forget(self, home: Path) -> None:
        """Leaves the user of `home` without a password for the server."""
        (home / ".git-credentials").unlink(missing_ok=True)

    def _install(self, home: Path, password: str) -> None:
        config = home / ".gitconfig"
        helper = "[credential]\n\thelper = store\n"
        if helper not in config.read_text():
            config.write_text(config.read_text() + helper)
        credentials = home / ".git-credentials"
        credentials.write_text(f"{self.scheme}://{self.user}:{password}@{HOST}:{self.port}\n")
        credentials.chmod(0o600)


# -- programs


def missing(what: str) -> NoReturn:
    """Fails the test where servers are required (`CI=true` or `GITFERRY_REQUIRE_SERVERS=1`), else skips it."""
    if REQUIRED:
        pytest.fail(f"{what} is missing, and the tests with real servers are required here")
    pytest.skip(f"{what} is missing: .ci/run names the Debian packages that the tests need")


def program(name: str) -> str:
    """The absolute path of a program; server programs often lie outside an ordinary user's PATH."""
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    return shutil.which(name, path=places) or missing(f"the program {name}")


def http_backend() -> str:
    """The absolute path of git's own CGI program (git-http-backend(1))."""
    done = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True)
    path = Path(done.stdout.strip()) / "git-http-backend"
    return str(path) if path.is_file() else missing("git http-backend")


# -- life and death


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def die_with_parent() -> None:
    """A killed pytest takes its servers along: prctl(2), Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.contextmanager
def running(directory: Path, start: Callable[[int], list[str]], hello: bytes) -> Iterator[tuple[int, int]]:
    """Port and process id of a server that answers on loopback, for as long as the block runs.

    `start` writes the settings for a port and returns the command; `hello` is what a client sends to
    have an answer. The port is chosen before the server binds it, so a lost race is tried again.
    """
    log = directory / "log"
    for _ in range(PORT_ATTEMPTS):
        port = free_port()
        with log.open("ab") as output:
            process = subprocess.Popen(
                start(port),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=directory,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        try:
            if _answers(port, hello, process):
                yield port, process.pid
                return
        finally:
            _stop(process)
    pytest.fail(f"no server on loopback after {PORT_ATTEMPTS} attempts:\n{log.read_text(errors='replace')}")


def _answers(port: int, hello: bytes, process: subprocess.Popen[bytes]) -> bool:
    """Whether the server spoke before it ended or the time was over."""
    until = time.monotonic() + READY_WITHIN
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1) as client:
            client.sendall(hello)
            if client.recv(1) and process.poll() is None:
                return True
        time.sleep(0.02)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the server and everything in its process group."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOPPED_WITHIN)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


# -- sshd


@contextlib.contextmanager
def sshd(directory: Path) -> Iterator[SshServer]:
    """A running sshd of the current user, with settings and keys in `directory`."""
    server, keygen = program("sshd"), program("ssh-keygen")
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        missing("an entry of this user in the password database, without which OpenSSH does not run,")
    if os.getuid() == 0:
        # Started by root, sshd wants its privilege separation directory, which its service would have made.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    for name in ("host", "accepted", "unknown"):
        subprocess.run(
            [keygen, "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(directory / name)],
            stdin=subprocess.DEVNULL,
            check=True,
        )
    (directory / "authorized_keys").write_text("restrict " + (directory / "accepted.pub").read_text())
    home = directory / "server-home"
    home.mkdir()
    config = directory / "sshd_config"

    def start(port: int) -> list[str]:
        config.write_text(SSHD_CONFIG.format(host=HOST, port=port, directory=directory, home=home, user=user))
        return [server, "-D", "-e", "-f", str(config)]

    with running(directory, start, b"") as (port, pid):
        yield SshServer(port=port, user=user, directory=directory, pid=pid)


# sshd_config(5). The files' owner is the tests' own, and temporary directories are often group-writable: StrictModes.
SSHD_CONFIG = """\
ListenAddress {host}
Port {port}
HostKey {directory}/host
PidFile none
AuthorizedKeysFile {directory}/authorized_keys
AllowUsers {user}
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PubkeyAuthentication yes
PermitRootLogin prohibit-password
PermitUserRC no
PrintMotd no
PrintLastLog no
LoginGraceTime 30
MaxStartups 100
SetEnv HOME={home} GIT_CONFIG_NOSYSTEM=1
"""


# -- lighttpd


@contextlib.contextmanager
def lighttpd(directory: Path, root: Path, certificate: Path | None = None) -> Iterator[HttpServer]:
    """A running lighttpd that serves the repositories below `root`, with settings in `directory`.

    With a `certificate` (and its key, in one file) it speaks TLS.
    """
    server, backend = program("lighttpd"), http_backend()
    user, password = "ferry", secrets.token_urlsafe(12)
    users = directory / "users"
    users.write_text(f"{user}:{password}\n")
    for name in ("server-home", "empty", "upload"):
        (directory / name).mkdir()
    config = directory / "lighttpd.conf"

    def start(port: int) -> list[str]:
        config.write_text(
            LIGHTTPD_CONFIG.format(
                host=HOST, port=port, directory=directory, users=users, backend=backend, root=root, path=os.defpath
            )
            + ("" if certificate is None else LIGHTTPD_TLS.format(certificate=certificate))
        )
        return [server, "-D", "-f", str(config)]

    # A server that speaks TLS answers a hello that is none with an alert.
    hello, scheme = b"GET / HTTP/1.0\r\n\r\n", "http"
    if certificate is not None:
        hello, scheme = b"\x16\x03\x01\x00\x05hello", "https"
    with running(directory, start, hello) as (port, pid):
        yield HttpServer(port, user, password, root, directory, pid, scheme)


# git-http-backend(1), its example for lighttpd. A known REMOTE_USER is what allows the push.
LIGHTTPD_CONFIG = """\
server.modules = ("mod_accesslog", "mod_auth", "mod_authn_file", "mod_alias", "mod_setenv", "mod_cgi")
server.bind = "{host}"
server.port = {port}
server.document-root = "{directory}/empty"
server.upload-dirs = ("{directory}/upload")
server.errorlog = "{directory}/error.log"
accesslog.filename = "{directory}/access.log"
auth.backend = "plain"
auth.backend.plain.userfile = "{users}"
auth.require = ("/" => ("method" => "basic", "realm" => "git", "require" => "valid-user"))
alias.url = ("/git/" => "{backend}/")
$HTTP["url"] =~ "^/git/" {{
    cgi.assign = ("" => "")
    setenv.add-environment = (
        "GIT_PROJECT_ROOT" => "{root}",
        "GIT_HTTP_EXPORT_ALL" => "1",
        "GIT_CONFIG_NOSYSTEM" => "1",
        "HOME" => "{directory}/server-home",
        "PATH" => "{path}",
    )
}}
"""


LIGHTTPD_TLS = """\
server.modules += ("mod_openssl")
ssl.engine = "enable"
ssl.pemfile = "{certificate}"
"""


# -- fixtures


@pytest.fixture(scope="session")
def running_sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="session")
def running_lighttpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    with lighttpd(tmp_path_factory.mktemp("lighttpd"), tmp_path_factory.getbasetemp()) as server:
        yield server


@pytest.fixture(scope="session")
def authority_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A private authority that nobody trusts yet."""
    return authority(tmp_path_factory.mktemp("authority") / "ca.pem")


@pytest.fixture(scope="session")
def running_https(tmp_path_factory: pytest.TempPathFactory, authority_of_tests: Authority) -> Iterator[HttpServer]:
    directory = tmp_path_factory.mktemp("https")
    certificate = authority_of_tests.certify(directory / "server.pem")
    with lighttpd(directory, tmp_path_factory.getbasetemp(), certificate) as server:
        yield server


@pytest.fixture(scope="session")
def running_expired(tmp_path_factory: pytest.TempPathFactory, authority_of_tests: Authority) -> Iterator[HttpServer]:
    directory = tmp_path_factory.mktemp("expired")
    certificate = authority_of_tests.certify(directory / "server.pem", expired=True)
    with lighttpd(directory, tmp_path_factory.getbasetemp(), certificate) as server:
        yield server


@pytest.fixture
def ssh_server(running_sshd: SshServer, home: Path) -> SshServer:
    """A real sshd that the test's user may enter: key and host key are in the test's home."""
    running_sshd.admit(home)
    return running_sshd


@pytest.fixture
def http_server(running_lighttpd: HttpServer, home: Path) -> HttpServer:
    """A real web server over `git http-backend`; git's `store` helper in the test's home has the password."""
    running_lighttpd.admit(home)
    return running_lighttpd


@pytest.fixture(params=["ssh", "http"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the two in turn: a test that uses it holds for both."""
    found: Server = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.fixture(scope="session")
def git_lfs() -> str:
    """git-lfs, as the system has it."""
    return program("git-lfs")


_SERVERS = {"running_sshd", "running_lighttpd", "running_https", "running_expired", "server", "git_lfs"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test that needs a server, so that `-m 'not server'` leaves them out."""
    for item in items:
        if _SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.server)
