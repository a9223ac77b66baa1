"""What doctor looks at on the machine: git, libgit2, our directories, the socket, inotify's limits, room on disks."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from gitferry.config.errors import GitferryError
from gitferry.config.paths import socket_to_bind, state_dir
from gitferry.daemon.finding import Check, fail, failed, ok, warn
from gitferry.daemon.listen import LONGEST
from gitferry.daemon.private_files import open_to_others, starts_all_the_same

#: The first libgit2 without the published faults of the ones before it.
OLDEST_LIBGIT2 = (1, 9, 7)

_INOTIFY = Path("/proc/sys/fs/inotify")
_MIB = 1 << 20
_DAY = 86_400.0
_ANSWER = 5.0  # seconds for a program that only tells something
#: Where they come from, by Debian's names; elsewhere they are called alike.
_PACKAGES = {"ssh": "openssh-client", "git-remote-https": "git", "git-lfs": "git-lfs"}
_TIGHT, _FULL = 1024 * _MIB, 64 * _MIB  # free bytes


def git(environ: Mapping[str, str]) -> Check:
    """Return whether there is a git program that is new enough."""
    from gitferry.repos.git import version

    try:
        found = ".".join(map(str, version(environ)))
    except GitferryError as error:
        return failed("git", error)
    return ok("git", f"git {found}, {shutil.which('git', path=environ.get('PATH', os.defpath))}")


def libgit2() -> Check:
    """Return whether the libgit2 that pygit2 brings is new enough."""
    from importlib.metadata import version

    try:
        import pygit2
    except Exception as error:  # ImportError, or its own GitError, which has no name before the import
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        remedy = "install gitferry anew, with its requirements"
        if "certificates" in reason:
            remedy = "install the system's certificates (the package ca-certificates)"
        return fail("libgit2", f"pygit2 cannot be loaded: {reason}", remedy)
    found = tuple(int(part) for part in pygit2.LIBGIT2_VERSION.split(".")[:3] if part.isdigit())
    what = f"libgit2 {pygit2.LIBGIT2_VERSION} with pygit2 {version('pygit2')}"
    if found < OLDEST_LIBGIT2:
        needed = ".".join(map(str, OLDEST_LIBGIT2))
        return fail("libgit2", f"{what}, which has known faults", f"install a pygit2 with libgit2 {needed} or newer")
    return ok("libgit2", what)


def state(environ: Mapping[str, str], database: Path | None = None) -> Iterator[Check]:
    """Yield how the state directory stands: whether it can be written, and whether others can read our files.

    `database` is the file that the settings name, which may lie elsewhere.
    """
    directory = state_dir(environ)
    if not directory.exists():
        above = _existing(directory)
        if os.access(above, os.W_OK | os.X_OK):
            yield ok("state", f"{directory} is made when it is needed")
        else:
            yield fail("state", f"{directory} cannot be made: {above} is not writable", _other_directory(above))
        return
    if not directory.is_dir() or not os.access(directory, os.R_OK | os.W_OK | os.X_OK) or _read_only(directory):
        yield fail("state", f"{directory} cannot be written", _other_directory(directory))
        return
    open_ones = open_to_others(environ, database)
    if open_ones:
        names = " ".join(map(str, open_ones[:3])) + (" …" if len(open_ones) > 3 else "")
        inside = all(path == directory or directory in path.parents for path in open_ones)
        remedy = f"chmod -R go= {directory}" if inside else f"chmod go= {' '.join(map(str, open_ones))}"
        told = warn if starts_all_the_same(environ) else fail
        yield told("state", f"other users can reach {names}", remedy)
    else:
        yield ok("state", f"{directory}, for its owner only")
    crashes = sorted((directory / "crashes").glob("crash-*.txt"))
    if crashes:
        yield warn(
            "crashes",
            f"{len(crashes)} report{'' if len(crashes) == 1 else 's'} of a fault of gitferry: {crashes[-1]}",
            "send it to gitferry's makers (credentials are masked in it), then delete it",
        )


def socket(environ: Mapping[str, str]) -> Check:
    """Return whether the daemon's socket has a place that it can be bound at."""
    path = socket_to_bind(environ)
    if len(os.fsencode(path)) > LONGEST:
        return fail(
            "socket", f"{path} is longer than a socket's path may be", "set GITFERRY_RUNTIME_DIR to a shorter one"
        )
    above = _existing(path.parent)
    if not os.access(above, os.W_OK | os.X_OK):
        return fail("socket", f"{above} is not writable", "set GITFERRY_RUNTIME_DIR to a directory of your own")
    return ok("socket", str(path))


def inotify(needed: int, *, running: bool, limits: Path = _INOTIFY) -> Check:
    """Return whether the kernel allows as many watches as the trees have directories (inotify(7)).

    A running daemon has its instance already; without one it is tried whether there is one left.
    """
    try:
        watches = int((limits / "max_user_watches").read_text())
        instances = int((limits / "max_user_instances").read_text())
    except (OSError, ValueError):
        return ok("inotify", f"the limits cannot be read; {_directories(needed)} to watch")
    # Editors and file managers of the same user take theirs from the same purse.
    if needed > watches * 3 // 4:
        wanted = max(524_288, 2 * needed)
        return warn(
            "inotify",
            f"{_directories(needed)} to watch, and max_user_watches is {watches}: what is left is looked at now and"
            " then",
            f"echo fs.inotify.max_user_watches={wanted} | sudo tee /etc/sysctl.d/gitferry.conf && sudo sysctl --system",
        )
    if not running and not _has_instance():
        return warn(
            "inotify",
            f"all {instances} instances of max_user_instances are in use: edits are looked for now and then",
            f"echo fs.inotify.max_user_instances={max(1024, 4 * instances)} | sudo tee /etc/sysctl.d/gitferry.conf"
            " && sudo sysctl --system",
        )
    return ok("inotify", f"{_directories(needed)} to watch, of {watches} watches")


def programs(needed: Collection[str], environ: Mapping[str, str]) -> Iterator[Check]:
    """Yield the programs beside git that repositories need: where each is, or what to install."""
    path = environ.get("PATH", os.defpath)
    for name in sorted(needed):
        # git's own programs are not on PATH: git(1), --exec-path.
        found = shutil.which(name, path=f"{path}{os.pathsep}{_exec_path(environ)}" if name.startswith("git-") else path)
        if found is not None:
            yield ok("programs", f"{name}, {found}")
        else:
            package = _PACKAGES[name]
            yield fail("programs", f"{name} is not there, and repositories need it", f"install the package {package}")


def clock(environ: Mapping[str, str], now: float | None = None) -> Check:
    """Return whether the clock can be right, and whether anything keeps it so: timedatectl(1).

    Certificates and tokens expire by it, and the audit log tells times; it decides about no content.
    """
    time_of_day = time.time() if now is None else now
    shown = f"{datetime.fromtimestamp(time_of_day, UTC):%Y-%m-%d %H:%M} UTC"
    if time_of_day < Path(__file__).stat().st_mtime - _DAY:
        return fail("clock", f"it says {shown}, and this gitferry was installed later", "timedatectl set-ntp true")
    kept = _kept_by_network(environ)
    if kept is False:
        return warn("clock", f"it says {shown}, and nothing keeps it right", "timedatectl set-ntp true")
    return ok("clock", f"{shown}{', kept right by the network' if kept else ''}")


def _kept_by_network(environ: Mapping[str, str]) -> bool | None:
    """Return whether the kernel's clock is synchronised; None where nobody tells."""
    program = shutil.which("timedatectl", path=environ.get("PATH", os.defpath))
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "show", "--property=NTPSynchronized", "--value"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ANSWER,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(done.stdout.strip()) if done.returncode == 0 else None


def _exec_path(environ: Mapping[str, str]) -> str:
    program = shutil.which("git", path=environ.get("PATH", os.defpath))
    try:
        words = [program or "git", "--exec-path"]
        return subprocess.run(words, capture_output=True, text=True, timeout=_ANSWER, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def disks(places: Iterable[Path]) -> Iterator[Check]:
    """Yield how much room each file system below `places` has."""
    seen: set[int] = set()
    for place in places:
        above = _existing(place)
        device = above.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        numbers = os.statvfs(above)
        free = numbers.f_bavail * numbers.f_frsize
        what = f"{free // _MIB:,} MiB are free at {above}"
        if free < _FULL or (numbers.f_files and not numbers.f_favail):
            what += "" if free < _FULL else ", and no inode"
            yield fail("disk", what, "free some space: git writes an object before anything is replaced")
        elif free < _TIGHT:
            yield warn("disk", what, "free some space before it runs out; `git gc` makes repositories smaller")
        else:
            yield ok("disk", what)


def _directories(count: int) -> str:
    return f"{count:,} director{'y' if count == 1 else 'ies'}"


def _existing(path: Path) -> Path:
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())


def _read_only(path: Path) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _other_directory(path: Path) -> str:
    return f"give this user {path}, or set GITFERRY_STATE_DIR to a directory of its own"


def _has_instance() -> bool:
    from gitferry.repos.inotify import Inotify

    try:
        Inotify().close()
    except OSError:
        return False
    return True
