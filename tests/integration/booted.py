"""A machine with a really booted systemd: a container of systemd-nspawn whose programs are this machine's own.

It has a root of its own, in which only /usr, the Python that runs the tests, and this project are the host's, all
read-only. It takes part in no network. Needs root, and Debian's packages systemd, systemd-container and dbus.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gitferry.daemon.unit import Scope
from gitferry.tests.integration.servers import die_with_parent, missing, program

PROJECT = Path(__file__).resolve().parents[2]
BOOTED_WITHIN = 30.0  # seconds
COMMAND_WITHIN = 60.0  # seconds
ADA, FERRY = 1000, 990  # who logs in, and the account of the system's service
USERS = f"""\
root:x:0:0:root:/root:/bin/bash
messagebus:x:101:101::/nonexistent:/usr/sbin/nologin
ferry:x:{FERRY}:{FERRY}::/srv/ferry:/bin/bash
ada:x:{ADA}:{ADA}::/home/ada:/bin/bash
nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin
"""
GROUPS = f"root:x:0:\nmessagebus:x:101:\nferry:x:{FERRY}:\nada:x:{ADA}:\nnogroup:x:65534:\n"
# What pam_systemd(8) would do for the user's manager; these tests are not about PAM.
USER_MANAGER = "[Service]\nPAMName=\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n"
OFF = ("systemd-resolved", "systemd-networkd", "systemd-timesyncd", "systemd-firstboot", "ldconfig", "console-getty")
GITCONFIG = "[user]\n\tname = Test Person\n\temail = test@example.org\n[init]\n\tdefaultBranch = main\n"
# How long tests wait is what the manager waits: the delays of a service that nobody watches are for real life.
QUICK = "[Service]\nRestartSec=100ms\nWatchdogSec=4s\nTimeoutAbortSec=500ms\n"


class Machine:
    """The booted machine."""

    def __init__(self, root: Path, leader: int) -> None:
        self.root = root
        self._leader = leader

    def run(
        self, *words: str, user: int = 0, given: bytes = b"", check: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command in it, as root or `user`, with a login's environment."""
        home = {0: "/root", FERRY: "/srv/ferry", ADA: "/home/ada"}[user]
        told = {"HOME": home, "PATH": os.defpath, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(PROJECT / ".typing")}
        if user == ADA:
            told |= {"XDG_RUNTIME_DIR": f"/run/user/{ADA}"}
        enter = ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "--"]
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]
        done = subprocess.run(
            [*enter, *become, "env", "-i", *(f"{name}={value}" for name, value in told.items()), *words],
            input=given,
            capture_output=True,
            timeout=COMMAND_WITHIN,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr.decode()}")
        return done

    def say(self, *words: str, user: int = 0) -> str:
        """Return what a command that must succeed prints."""
        return self.run(*words, user=user).stdout.decode().removesuffix("\n")

    def path(self, inside: str) -> Path:
        """Return where a file of the machine's own root is here; nothing below /run or /tmp is."""
        return self.root / inside.lstrip("/")

    def write(self, inside: str, text: str, user: int = 0) -> None:
        """Write a file whole, as an editor that renames does, and give it and its new directories to `user`."""
        path = self.path(inside)
        for made in reversed([each for each in path.parents if not each.exists()]):
            made.mkdir()
            os.chown(made, user, user)
        written = path.with_name(f".{path.name}.new")
        written.write_text(text)
        os.chown(written, user, user)
        written.rename(path)


class Managed:
    """gitferry's service in the machine, under the system's manager or ada's."""

    def __init__(self, machine: Machine, scope: Scope) -> None:
        self.machine = machine
        self.scope = scope
        self.user = ADA if scope == "user" else FERRY
        self.state = "/home/ada/.local/state/gitferry" if scope == "user" else "/var/lib/gitferry"
        self.home = "/home/ada" if scope == "user" else "/srv/ferry"
        self.settings = f"{self.home}/.config/gitferry/config.yaml" if scope == "user" else "/etc/gitferry/config.yaml"
        self.tree = machine.path(f"{self.home}/tasks")
        self.remote = f"{self.home}/remote.git"

    @property
    def units(self) -> str:
        """The directory of the manager's units."""
        return "/home/ada/.config/systemd/user" if self.scope == "user" else "/etc/systemd/system"

    def systemctl(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Ask the manager."""
        return self.machine.run("systemctl", f"--{self.scope}", *words, user=self._asker, check=check)

    def asked(self, name: str) -> str:
        """Return one property of the service, as `systemctl show` has it."""
        return self.systemctl("show", "--value", f"--property={name}", "gitferry").stdout.decode().strip()

    def gitferry(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Run a command of gitferry's as the service's account, in a shell that knows nothing of the service."""
        return self.machine.run(str(gitferry()), *words, user=self.user, check=check)

    def json(self, *words: str) -> Any:
        """Return what a command prints with --json, however it ends."""
        return json.loads(self.gitferry(*words, "--json", check=False).stdout)

    def git(self, *words: str) -> str:
        """Run git as the account."""
        return self.machine.say("git", *words, user=self.user)

    def configure(self, *repositories: str, more: str = "") -> None:
        """Write settings that name these trees of the home directory."""
        rows = "".join(f"  - {{name: {name}, path: {self.home}/{name}}}\n" for name in repositories)
        quick = "defaults: {watch: {quiet: 200ms}, pull: {every: 1h}}\n"
        self.machine.write(self.settings, f"version: 1\n{quick}repositories:\n{rows}{more}", self.user)

    def clone(self, name: str) -> None:
        """Make a working tree of the remote in the home directory."""
        self.git("clone", "--quiet", self.remote, f"{self.home}/{name}")

    def extend(self, name: str, text: str) -> None:
        """Write a drop-in of the unit (systemd.unit(5)) and have the manager read it."""
        self.machine.write(f"{self.units}/gitferry.service.d/{name}.conf", text, ADA if self.scope == "user" else 0)
        self.systemctl("daemon-reload")

    def until(self, true: Callable[[], bool], seconds: float = 40) -> None:
        """Wait until it is so; a failure shows the journal."""
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                raise AssertionError("it did not come to that:\n" + "\n".join(line for _at, line in self.journal()))
            time.sleep(0.25)

    def journal(self) -> list[tuple[int, str]]:
        """Return the level and text of everything that the service has written to the journal."""
        which = f"_SYSTEMD_{'USER_' if self.scope == 'user' else ''}UNIT=gitferry.service"
        lines = self.machine.say("journalctl", "--no-pager", "--output=json", which).splitlines()
        return [(int(each["PRIORITY"]), str(each["MESSAGE"])) for each in map(json.loads, lines)]

    @property
    def _asker(self) -> int:
        return ADA if self.scope == "user" else 0


def gitferry() -> Path:
    """The command that belongs to the Python of the tests."""
    return Path(sys.executable).with_name("gitferry")


@contextlib.contextmanager
def booted(root: Path) -> Iterator[Machine]:
    """A machine that has come up, with two users' trees in it; it is switched off at the end."""
    nspawn = program("systemd-nspawn")
    for needed in ("nsenter", "setpriv", "dbus-daemon", "systemd-creds"):
        program(needed)
    if os.geteuid() != 0:
        missing("root, who alone may boot a machine with systemd-nspawn,")
    if not Path("/lib").is_symlink():
        missing("a merged /usr")
    _furnish(root)
    log = root.parent / "console.log"
    with log.open("wb") as console:
        process = subprocess.Popen(
            [nspawn, *_options(root)],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    try:
        machine = _come_up(process, root, log)
        yield machine
    finally:
        _switch_off(process)


def _options(root: Path) -> list[str]:
    places = dict.fromkeys(Path(each) for each in ("/usr", sys.base_prefix, sys.prefix, str(PROJECT)))
    outer = [each for each in places if not any(other != each and other in each.parents for other in places)]
    options = ["--quiet", "--boot", f"--directory={root}", f"--machine=gitferry-{os.getpid()}", "--register=no"]
    if not Path("/run/systemd/system").exists():
        options.append("--keep-unit")  # there is no manager who could give it one of its own
    options += ["--private-network", "--link-journal=no", *(f"--bind-ro={place}" for place in outer)]
    return [*options, "systemd.unit=multi-user.target"]


def _furnish(root: Path) -> None:
    for name in ("etc/systemd/system", "usr", "home", "root", "srv", "var/lib/systemd/linger", "var/log"):
        (root / name).mkdir(parents=True)
    for link in ("bin", "sbin", "lib", "lib64"):
        (root / link).symlink_to(f"usr/{link}")
    for place in ("ld.so.cache", "alternatives", "ssl", "os-release"):
        source = Path("/etc", place)
        if source.is_dir():
            shutil.copytree(source, root / "etc" / place, symlinks=True, ignore=shutil.ignore_patterns("private"))
        elif source.exists():
            shutil.copy(source, root / "etc" / place)
    written = {"passwd": USERS, "group": GROUPS, "machine-id": "", "gitconfig": GITCONFIG, "nsswitch.conf": "\n"}
    written |= {"systemd/system/user@.service.d/tests.conf": USER_MANAGER}
    environ = f'"PYTHONPATH={PROJECT / ".typing"}"'
    for manager in ("system", "user"):
        written[f"systemd/{manager}.conf.d/tests.conf"] = f"[Manager]\nDefaultEnvironment={environ}\n"
    for name, text in written.items():
        path = root / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in OFF:
        (root / "etc/systemd/system" / f"{name}.service").symlink_to("/dev/null")
    (root / "var/lib/systemd/linger/ada").touch()
    for home, user in (("home/ada", ADA), ("srv/ferry", FERRY)):
        (root / home).mkdir()
        os.chown(root / home, user, user)


def _come_up(process: subprocess.Popen[bytes], root: Path, log: Path) -> Machine:
    end = time.monotonic() + BOOTED_WITHIN
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    said = ""
    while time.monotonic() < end and process.poll() is None:
        found = children.read_text().split()
        if found:
            machine = Machine(root, int(found[0]))
            state = machine.run("systemctl", "is-system-running", check=False)
            manager = machine.run("systemctl", "--user", "is-system-running", user=ADA, check=False)
            said = f"{state.stdout!r} {state.stderr!r} {manager.stdout!r} {manager.stderr!r}"
            if state.stdout.strip() in (b"running", b"degraded") and manager.stdout.strip() == b"running":
                return machine
        time.sleep(0.1)
    print(log.read_text(errors="replace"))
    missing(f"a machine that systemd-nspawn can boot ({said})")


def _switch_off(process: subprocess.Popen[bytes]) -> None:
    """systemd-nspawn(1): SIGTERM begins an orderly end."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
