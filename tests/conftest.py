"""The house every test lives in: its own home, its own git identity, its own repositories."""

from __future__ import annotations

import gc
import os
import shlex
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pygit2
import pytest
from hypothesis import settings
from pygit2.enums import ConfigLevel

from gitferry.tests import order, samples
from gitferry.tests.repo import Repo

pytest_plugins = ["gitferry.tests.integration.servers"]

# The same examples in every ordinary run, and as many new ones as the time allows in `make soak`.
settings.register_profile("quick", deadline=None, max_examples=60, derandomize=True, print_blob=True)
settings.register_profile("soak", deadline=None, max_examples=2000, stateful_step_count=80, print_blob=True)
settings.load_profile("quick")

# What a developer's shell or a service manager may hold that would change what git, ssh or gitferry do.
FOREIGN_PREFIXES = ("GIT_", "SSH_", "GITFERRY_", "XDG_")
FOREIGN_NAMES = {
    "ALL_PROXY",
    "COLUMNS",
    "CREDENTIALS_DIRECTORY",
    "DBUS_SESSION_BUS_ADDRESS",
    "EDITOR",
    "EMAIL",
    "GNUPGHOME",
    "GPG_TTY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LINES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "NOTIFY_SOCKET",
    "NO_COLOR",
    "FORCE_COLOR",
    "PAGER",
    "RUNTIME_DIRECTORY",
    "STATE_DIRECTORY",
    "VISUAL",
    "WATCHDOG_USEC",
}
# A path in a socket's address holds 108 bytes with its closing zero: unix(7).
SOCKET_PATH_LIMIT = 107
GITCONFIG = """\
[user]
\tname = Test Person
\temail = test@example.org
[init]
\tdefaultBranch = main
[advice]
\tdetachedHead = false
[commit]
\tgpgSign = false
[maintenance]
\tauto = false
"""
SSH_CONFIG = """\
UserKnownHostsFile {home}/.ssh/known_hosts
GlobalKnownHostsFile /dev/null
StrictHostKeyChecking yes
IdentityFile {home}/.ssh/id_test
IdentitiesOnly yes
IdentityAgent none
BatchMode yes
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=None, help="what the `seed` fixture gives (default: one a test)")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: `make soak` repeats it with new seeds")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One of several processes (pytest-xdist's) has the order in which files are to be begun."""
    if hasattr(config, "workerinput"):
        place = order.place([item.path for item in items])
        items.sort(key=lambda item: place(item.path))


def pytest_collection_finish() -> None:
    """Thousands of tests stay until the end: Python need not look for garbage among them each time."""
    gc.freeze()


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A number for `random.Random`: the same for a test in every run, or what `--seed` says. A failure shows it."""
    given: int | None = request.config.getoption("--seed")
    found = zlib.crc32(request.node.nodeid.encode()) if given is None else given
    print(f"--seed={found}")
    return found


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for PATH whose `ssh` reads `$HOME/.ssh/config`.

    OpenSSH looks the home directory up in the password database and would read the real one (ssh_config(5)).
    """
    directory = tmp_path_factory.mktemp("programs")
    real = shutil.which("ssh")
    if real:
        shim = directory / "ssh"
        shim.write_text(f'#!/bin/sh\nexec {shlex.quote(real)} -F "$HOME/.ssh/config" "$@"\n')
        shim.chmod(0o755)
    return directory


@pytest.fixture
def runtime_directory() -> Iterator[Path]:
    """A directory whose name leaves room for a socket's: pytest's own paths are too long for one."""
    given = os.environ.get("PYTEST_DEBUG_TEMPROOT") or tempfile.gettempdir()  # where pytest makes its own, too
    base = given if len(given) < SOCKET_PATH_LIMIT // 2 else "/tmp"
    directory = Path(tempfile.mkdtemp(prefix="gitferry-", dir=base))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The test's home directory, with a git identity and an ssh configuration."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    (home / ".gitconfig").write_text(GITCONFIG)
    (home / ".ssh" / "config").write_text(SSH_CONFIG.format(home=home))
    return home


@pytest.fixture(autouse=True)
def house(home: Path, runtime_directory: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees or touches the real home, the system's git settings, an agent or a proxy."""
    for name in list(os.environ):
        if name.startswith(FOREIGN_PREFIXES) or name.upper() in FOREIGN_NAMES:
            monkeypatch.delenv(name)
    state = home / ".local" / "state"
    environment = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_STATE_HOME": str(state),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_RUNTIME_DIR": str(runtime_directory),
        "GITFERRY_STATE_DIR": str(state / "gitferry"),
        "GITFERRY_RUNTIME_DIR": str(runtime_directory / "gitferry"),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        # The compiled forms of credentials: seconds for each test whose home is new.
        "KF_RULE_CACHE_DIR": str(Path(__file__).resolve().parent.parent / ".secret_rules_cache"),
        "LC_ALL": "C.UTF-8",
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    # libgit2 reads HOME once, when it is loaded.
    for level, directory in (
        (ConfigLevel.GLOBAL, str(home)),
        (ConfigLevel.XDG, str(home / ".config" / "git")),
        (ConfigLevel.SYSTEM, str(home / "no-system-settings")),
    ):
        pygit2.settings.search_path[level] = directory


@pytest.fixture(scope="session")
def registry_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository that holds the sample registry in one commit, to be copied and never changed."""
    directory = tmp_path_factory.mktemp("registry")
    (directory / "gitconfig").write_text(GITCONFIG)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)
        patch.setenv("GIT_CONFIG_GLOBAL", str(directory / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        bare = Repo.init(directory / "remote.git", "--bare", "--template=")
        work = Repo.init(directory / "work", "--template=")
        samples.build(work.root)
        work.commit("The sample registry")
        work.push(str(bare.root), "main")
    return bare.root


@pytest.fixture
def remote(tmp_path: Path, registry_template: Path) -> Repo:
    """A bare repository with the sample registry (`gitferry.tests.samples`) in one commit on main."""
    root = tmp_path / "remote.git"
    shutil.copytree(registry_template, root)
    return Repo(root)


@pytest.fixture
def empty_remote(tmp_path: Path) -> Repo:
    """A bare repository without a ref."""
    return Repo.init(tmp_path / "empty.git", "--bare", "--template=")


@pytest.fixture
def clone(tmp_path: Path, remote: Repo) -> Callable[..., Repo]:
    """`clone("here")` is a working tree of `remote` at `tmp_path/here`, on main, tracking origin/main."""

    def make(name: str = "work", *options: str) -> Repo:
        return Repo.clone(remote.root, tmp_path / name, *options)

    return make
