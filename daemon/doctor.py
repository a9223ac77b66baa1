"""`gitferry doctor` as values: everything that is looked at, in the order in which it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitferry.config.paths import state_dir
from gitferry.daemon import checkup_machine as machine
from gitferry.daemon import checkup_service as service
from gitferry.daemon import checkup_vault as vault
from gitferry.daemon.agreed import is_system_service
from gitferry.daemon.finding import Check, failed
from gitferry.daemon.private_files import database_file
from gitferry.daemon.safe import lent

if TYPE_CHECKING:
    from gitferry.config.errors import GitferryError
    from gitferry.config.model import Repository
    from gitferry.daemon.unit import Scope
    from gitferry.security.login import Login

_AT_ONCE = 8  # repositories, each of which waits for its remote most of the time


def examine(
    settings_path: Path,
    environ: Mapping[str, str],
    status: Mapping[str, Any] | None,
    silent: GitferryError | None = None,
) -> tuple[Check, ...]:
    """Return every finding, the machine's first, then each repository's.

    `status` is what the running daemon answers to `status`, None where none runs, or why it is `silent`. Nothing is
    changed; remotes are asked, each for at most 8 s.
    """
    return tuple(_all(settings_path, environ, status, silent))


def _all(
    settings_path: Path, environ: Mapping[str, str], status: Mapping[str, Any] | None, silent: GitferryError | None
) -> Iterator[Check]:
    from gitferry.daemon.crash import version

    git = machine.git(environ)
    libgit2 = machine.libgit2()
    settings, told = service.settings(settings_path, environ)
    repositories = settings.repositories if settings is not None else ()
    usable = git.level == libgit2.level == "ok"
    rows = {row["name"]: row for row in status["repositories"]} if status else {}
    examined = _Examined()
    if usable and settings is not None:
        with lent(settings.database.url, environ) as logins:
            examined = _repositories(repositories, environ, rows, logins)
    yield git
    yield libgit2
    yield from machine.programs(examined.programs, environ)
    yield machine.clock(environ)
    yield from told
    yield from machine.state(environ, None if settings is None else database_file(settings.database.url))
    if settings is not None:
        yield from vault.plain_secrets(settings)
        yield from vault.vault(settings, environ)
    yield machine.socket(environ)
    yield machine.inotify(examined.directories, running=status is not None or silent is not None)
    yield from machine.disks([state_dir(environ), *(each.path for each in repositories)])
    scope: Scope = "system" if is_system_service(environ) else "user"
    if silent is not None:
        yield failed("daemon", silent)
    else:
        yield service.daemon(status["daemon"] if status else None, version(), {check.what for check in told}, scope)
    yield from service.notifications(status["daemon"] if status else None)
    yield from service.unit(environ)
    agent = service.agent(environ, ssh=examined.ssh)
    if agent is not None:
        yield agent
    yield from examined.checks


class _Examined:
    """What the looks at all repositories came to."""

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.directories = 0
        self.ssh = False
        self.programs: frozenset[str] = frozenset()


def _repositories(
    repositories: tuple[Repository, ...],
    environ: Mapping[str, str],
    rows: Mapping[str, Mapping[str, Any]],
    logins: Callable[[Repository], Login | None],
) -> _Examined:
    from gitferry.daemon import checkup_repository as checkup
    from gitferry.pushback.host import Host

    cancel = threading.Event()
    host = Host(environ=dict(environ), cancel=cancel, logins=logins)
    examined = _Examined()
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="doctor") as pool:
        try:
            for found in pool.map(lambda each: checkup.examine(each, host, rows.get(each.name)), repositories):
                examined.checks += found
            examined.directories = sum(pool.map(lambda each: checkup.directories(each, environ), repositories))
            examined.programs = frozenset().union(*pool.map(lambda each: checkup.programs(each, host), repositories))
            examined.ssh = any(pool.map(lambda each: checkup.uses_ssh(each, host), repositories))
        except BaseException:  # ^C: the pool is left when its threads end, which wait for remotes
            cancel.set()
            pool.shutdown(cancel_futures=True)
            raise
    return examined
