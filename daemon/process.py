"""The daemon: settings → index → lanes → watching → pulls → API, and all of it ended again in that order."""

from __future__ import annotations

import faulthandler
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from gitferry.config.not_yet import asked
from gitferry.config.paths import settings_path, socket_to_bind, state_dir
from gitferry.daemon import crash, heartbeat, listen, logs
from gitferry.daemon.agent_socket import with_agent
from gitferry.daemon.control import Control
from gitferry.daemon.garbage import look_as_usual
from gitferry.daemon.house import House
from gitferry.daemon.instance import only_instance
from gitferry.daemon.notify import ServiceManager, for_others
from gitferry.daemon.private_files import database_file, open_to_others
from gitferry.daemon.private_memory import keep_memory_private
from gitferry.daemon.pulse import Pulse, Standing
from gitferry.daemon.safe import require_private_vault
from gitferry.daemon.settings_file import SettingsFile
from gitferry.daemon.stop_limit import StopLimit, beside
from gitferry.repos import git

if TYPE_CHECKING:
    from gitferry.config.model import Settings
    from gitferry.daemon.clock_watch import ClockWatch
    from gitferry.daemon.scheduler import PullScheduler
    from gitferry.daemon.server import Server
    from gitferry.daemon.tcp import Tcp
    from gitferry.daemon.watching import Watching

log = logging.getLogger(__name__)

#: Seconds between two looks at the settings file; an edit is in force after two looks that see the same.
_LOOK = 0.5

_LAST_SECONDS = 1.0  # that threads have to end by themselves


def run(settings: Path | None, environ: Mapping[str, str]) -> int:
    """Run until SIGTERM or SIGINT and return the exit code: 0, or 1 where a crossing had to be abandoned.

    It ends with 1 as well where its state directory, its socket or the thread that serves it is lost. SIGHUP reads
    the settings again. Raises SettingsError, GitMissing, GitTooOld, AlreadyRunning, StateUnusable, OpenToOthers,
    SocketTaken, StoreError, MemoryOpen before anything was begun.
    """
    manager, environ = ServiceManager(environ), for_others(environ)
    for name in os.environ.keys() - for_others(os.environ).keys():
        del os.environ[name]
    git.version(environ)
    path = settings_path(settings, environ).absolute()
    keep_memory_private()
    file = SettingsFile(path)  # before it is read, so that an edit meanwhile counts as one
    with ExitStack() as stack:
        house = House(path, with_agent(environ))
        said = house.roster.settings.daemon.log
        logs.set_up(said.level, said.format, journal=logs.to_journal(environ))
        # A watchdog that is not fed any more ends the process with SIGABRT: where every thread stood is told then.
        faulthandler.enable()
        held = stack.enter_context(only_instance(state_dir(environ)))
        require_private_vault(environ)
        limit = StopLimit()
        stack.callback(limit.end)
        signals = stack.enter_context(_signals(limit.begin))
        threading.excepthook = lambda failed: _thread_failed(house, failed)
        sys.unraisablehook = lambda failed: _unraisable(house, failed)
        ended, lost = _serve(house, file, environ, signals, held, manager, limit)
    if ended:
        log.info("stopped", extra={"action": "stopped"})
    else:
        log.error(
            "stopped, with a crossing cut short; the next start finishes or undoes it", extra={"action": "stopped"}
        )
    code = 0 if ended and not lost else 1
    _leave_hanging_threads(code)
    return code


def _serve(
    house: House,
    file: SettingsFile,
    environ: Mapping[str, str],
    signals: queue.SimpleQueue[int],
    held: Callable[[], bool],
    manager: ServiceManager,
    limit: StopLimit,
) -> tuple[bool, bool]:
    """Bring everything up, wait for a signal to end, take everything down.

    Returns whether all crossings ended, and whether that was for something lost; `held` says whether the state
    directory is still ours.
    """
    from gitferry.daemon.api.app import application
    from gitferry.daemon.clock_watch import ClockWatch
    from gitferry.daemon.network_watch import NetworkWatch
    from gitferry.daemon.scheduler import PullScheduler
    from gitferry.daemon.server import Server
    from gitferry.daemon.watching import Watching

    house.remember()
    control = Control(None, environ, house=house)
    with ExitStack() as stack:
        place = socket_to_bind(environ)
        listener = listen.bind(place)
        bound = listen.identity(place)
        stack.callback(listen.remove, place, listener, bound)
        server = Server(application(control, version=crash.version(), crash=house.crash), listener)
        server.start()
        stack.callback(server.stop)
        stack.callback(_monitored(house, logs.to_journal(environ)).stop)
        ended = False
        watching = Watching(house.roster.wish, environ, house.place, house.crash)
        pulls = PullScheduler(house.roster.wish, watching.reconcile)
        pulls.start()
        network = NetworkWatch(partial(_online, house))
        clock = ClockWatch(pulls.clock_set_back, partial(_woke_up, pulls, house))
        network.start()
        clock.start()
        try:
            house.attend(watching, pulls)
            look_as_usual()
            _greet(house, place)
            _warn_of_open_files(house, environ)
            threads = partial(_threads, house, watching, pulls, clock)
            pulse = _pulse(house, manager, partial(_signs, house, watching, server, threads))
            missing = _wait(house, file, signals, partial(_lost, house, held, place, bound, server), pulse)
            if missing is not None:
                log.error("%s: the daemon ends, start it again", missing, extra={"action": "lost"})
            manager.stopping()
            log.info("stopping: crossings in hand are finished", extra={"action": "stopping"})
        finally:
            limit.begin()  # it ends by itself too, without a signal
            # Beside each other: each may wait for a disk, and the crossings in hand need the time.
            with beside(clock.stop, network.stop, pulls.stop, watching.close):
                ended = house.close()
    return ended, missing is not None


def _signs(
    house: House, watching: Watching, server: Server, threads: Callable[[], tuple[tuple[str, bool], ...]]
) -> heartbeat.Signs:
    """Return what tells whether the daemon goes on with its work."""
    dead = [name for name, alive in threads() if not alive]
    return heartbeat.Signs((*house.roster.lanes.steps(), *watching.steps()), dead, server.turned)


def _lost(
    house: House, held: Callable[[], bool], place: Path, bound: tuple[int, int] | None, server: Server
) -> str | None:
    """Return what the daemon cannot go on without and has lost; None: nothing."""
    if not held():
        return f"the state directory {house.state_dir} was removed or replaced"
    if listen.identity(place) != bound:
        return f"the socket {place} was removed or replaced"
    return None if server.alive else "the control interface ended by itself"


def _pulse(house: House, manager: ServiceManager, signs: Callable[[], heartbeat.Signs]) -> Pulse:
    """Have the service manager hear that all is up, and whoever asks for health what does not go on."""
    house.probes.stuck = lambda: "; ".join(heartbeat.faults(signs(), time.monotonic())) or None
    pulse = Pulse(manager, Standing(house.board, house.roster).text, signs)
    pulse.ready()
    return pulse


def _monitored(house: House, journal: bool) -> Tcp:
    """Serve the routes for monitors over TCP as the settings say, now and whenever they change."""
    from gitferry.daemon.tcp import Tcp

    tcp = Tcp(house.probes, house.crash)
    tcp.apply(house.roster.settings.daemon.http)
    house.tcp_fault = lambda: tcp.fault
    house.roster.applied = partial(_apply, journal, tcp)
    return tcp


def _online(house: House) -> None:
    house.roster.lanes.hurry()
    house.attention.online()


def _woke_up(pulls: PullScheduler, house: House) -> None:
    log.info("the machine was asleep", extra={"action": "woke_up"})
    pulls.woke_up()
    _online(house)


def _greet(house: House, place: Path) -> None:
    count = len(house.roster.settings.repositories)
    log.info(
        "gitferry %s looks after %s; it is asked at %s",
        crash.version(),
        "1 repository" if count == 1 else f"{count} repositories",
        place,
        extra={"action": "started", "socket": str(place), "pid": os.getpid()},
    )
    for note in house.notes():
        log.warning("%s", note, extra={"action": "note"})


def _warn_of_open_files(house: House, environ: Mapping[str, str]) -> None:
    for path in open_to_others(environ, database_file(house.roster.settings.database.url)):
        log.warning(
            "other users can reach %s: chmod go= %s", path, path, extra={"action": "open_file", "path": str(path)}
        )


def _threads(house: House, watching: Watching, pulls: PullScheduler, clock: ClockWatch) -> tuple[tuple[str, bool], ...]:
    """Return what must run for the daemon to do its work, and whether it does. Without news of the network it goes."""
    return (
        ("the watcher", watching.alive),
        ("the scheduler", pulls.alive),
        ("the look at the clock", clock.alive),
        ("the retries", house.roster.lanes.alive()),
    )


def _wait(
    house: House,
    file: SettingsFile,
    signals: queue.SimpleQueue[int],
    lost: Callable[[], str | None],
    pulse: Pulse,
) -> str | None:
    """Return None when a signal asks for the end, or what was `lost`; meanwhile apply edits of the settings file."""
    while True:
        pulse.go_on()
        try:
            received = signals.get(timeout=_LOOK)
        except queue.Empty:
            if missing := lost():
                return missing
            if not file.edited():
                continue
        else:
            if received != signal.SIGHUP:
                return None
            pulse.manager.reloading()
            house.roster.reload()
            pulse.ready()
            continue
        house.roster.reload()


@contextmanager
def _signals(ending: Callable[[], None]) -> Iterator[queue.SimpleQueue[int]]:
    """Collect SIGTERM, SIGINT and SIGHUP in a queue while the block runs; call `ending` at the first two."""
    received: queue.SimpleQueue[int] = queue.SimpleQueue()

    def note(number: int, frame: FrameType | None) -> None:
        received.put(number)  # reentrant, unlike queue.Queue: a handler may interrupt the reader
        if number != signal.SIGHUP:
            ending()

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _apply(journal: bool, tcp: Tcp, old: Settings, new: Settings) -> None:
    """Apply what belongs to the process itself; what cannot change while it runs is said."""
    tcp.apply(new.daemon.http)
    if new.daemon.log != old.daemon.log:
        logs.set_up(new.daemon.log.level, new.daemon.log.format, journal=journal)
    if new.database != old.database:
        log.warning("database.url was changed: the next start applies it", extra={"action": "restart_needed"})
    known = {each.said for each in asked(old)}
    for each in asked(new):
        if each.said not in known:
            log.warning("%s", each.said, extra={"action": "note"})


def _leave_hanging_threads(code: int) -> None:
    """End the process now where a thread waits for a disk or server that does not answer.

    The interpreter would join such a thread at its exit, for as long as that takes. All that matters is closed here.
    """
    end = time.monotonic() + _LAST_SECONDS
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.current_thread():
            thread.join(max(0.0, end - time.monotonic()))
            if thread.is_alive():
                log.warning("%s does not end and is left", thread.name, extra={"action": "stopped"})
                logging.shutdown()
                os._exit(code)


def _thread_failed(house: House, failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None:
        house.crash(failed.exc_value, f"running {failed.thread.name if failed.thread else 'a thread'}")


def _unraisable(house: House, failed: sys.UnraisableHookArgs) -> None:
    """Keep what went wrong where nobody could be told: Python prints it, and would not mask credentials."""
    if failed.exc_value is not None:
        house.crash(failed.exc_value, "clearing an object away")


def main() -> int:
    """Run by the environment's settings; for `python -m gitferry.daemon.process`."""
    from gitferry.daemon.cli.main import main as command

    return command(["run"])


if __name__ == "__main__":
    sys.exit(main())
