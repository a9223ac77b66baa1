"""The process that applies schemas, seen from the one that asks: started when it is needed, ended when it is too much.

A JSON Schema decides how long it takes: its patterns may backtrack for ever, its references double at each step. No
library in this process could be stopped from outside, so there is another one, with a limit on its computing time.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from gitferry.pushback.findings import Finding, Weight
from gitferry.pushback.schema_worker import SECONDS

#: What a Python started anew needs to find what this one found.
_KEPT = ("HOME", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONUSERBASE")
_COMMAND = (sys.executable, "-P", "-c", "from gitferry.pushback.schema_worker import main; main()")
_PATIENCE = 60.0  # seconds for one check on a machine that is busy with something else
_SPARE = 30.0  # seconds; it takes 30 MB
_TOO_OFTEN = 3  # checks that ended the process; then it is not started again


class Unchecked(Exception):
    """A check came to no result. `lasting`: it would not the next time either."""

    def __init__(self, message: str, *, lasting: bool) -> None:
        super().__init__(message)
        self.message = message
        self.lasting = lasting


class SchemaWorkers:
    """The processes that apply schemas, for all crossings: starting one takes longer than many a push.

    One that has nothing to do waits `spare` seconds for the next question before it ends. For several threads.
    """

    def __init__(self, *, spare: float = _SPARE) -> None:
        self._seconds = spare
        self._lock = threading.Lock()
        self._spare: _Worker | None = None
        self._since = 0.0  # when it was last given back
        self._clock: threading.Timer | None = None

    def warm(self) -> None:
        """See that there is one, which starts while others work. Raises OSError."""
        self.give(self.take())

    def take(self) -> _Worker:
        """Return one that nobody else has. Raises OSError where it does not start."""
        with self._lock:
            worker, self._spare = self._spare, None
        if worker is not None and worker.has_ended():
            worker.end()
            worker = None
        return worker or _Worker()

    def give(self, worker: _Worker) -> None:
        """Take back one that has nothing to do."""
        with self._lock:
            surplus, self._spare, self._since = self._spare, worker, time.monotonic()
            if self._clock is None:
                self._wait(self._seconds)
        if surplus is not None:
            surplus.end()

    def close(self) -> None:
        """End what waits."""
        with self._lock:
            worker, self._spare = self._spare, None
        if worker is not None:
            worker.end()

    def _wait(self, seconds: float) -> None:
        # It must not keep us: what waits ends when nobody can ask it any more.
        self._clock = threading.Timer(seconds, _look, (weakref.ref(self),))
        self._clock.daemon = True
        self._clock.start()

    def _end_what_waited(self) -> None:
        with self._lock:
            left = self._since + self._seconds - time.monotonic()
            self._clock = None
            if self._spare is not None and left > 0:
                self._wait(left)
                return
        self.close()


def _look(workers: weakref.ref[SchemaWorkers]) -> None:
    found = workers()
    if found is not None:
        found._end_what_waited()


class SchemaProcess:
    """Checks by schemas, one at a time; for one crossing, since what a schema refers to may change until the next."""

    def __init__(self, workers: SchemaWorkers) -> None:
        self._workers = workers
        self._asker = uuid.uuid4().hex
        self._ended = 0

    def start(self) -> None:
        """Start the process, unless one is there: it takes a tenth of a second in which others can work.

        Raises Unchecked.
        """
        try:
            self._workers.warm()
        except OSError as error:
            raise _unstarted(error) from error

    def manifest(
        self, path: str, data: bytes, schema: str, version: str, fetch: Callable[[str], bytes | None]
    ) -> tuple[Finding, ...]:
        """Return what the schema at `schema` has against a manifest. Raises Unchecked.

        `fetch` gives files of the repository: the schema, where its `version` is new, and those that it refers to.
        """
        return self._ask({"path": path, "schema": schema, "version": version}, data, fetch)

    def schema(self, path: str, data: bytes) -> tuple[Finding, ...]:
        """Return what is wrong with a schema. Raises Unchecked."""
        return self._ask({"path": path}, data, lambda _: None)

    def _ask(
        self, question: Mapping[str, str], data: bytes, fetch: Callable[[str], bytes | None]
    ) -> tuple[Finding, ...]:
        if self._ended >= _TOO_OFTEN:
            raise Unchecked("too many checks before it had to be stopped", lasting=False)
        try:
            worker = self._workers.take()
        except OSError as error:
            raise _unstarted(error) from error
        until = time.monotonic() + _PATIENCE
        try:
            worker.tell({**question, "asker": self._asker, "data": _packed(data)})
            answer = worker.hear(until)
            while "fetch" in answer:
                found = fetch(answer["fetch"])
                worker.tell({"data": None if found is None else _packed(found)})
                answer = worker.hear(until)
        except (OSError, EOFError):  # it has ended, or is still at it
            self._ended += 1
            why = worker.why_silent()
            worker.end()
            raise why from None
        except BaseException:  # of `fetch`: it still waits for that file
            worker.end()
            raise
        self._workers.give(worker)
        if "failed" in answer:
            raise Unchecked(answer["failed"], lasting=True)
        return tuple(Finding(**{**each, "weight": Weight(each["weight"])}) for each in answer["findings"])


def _unstarted(error: OSError) -> Unchecked:
    return Unchecked(f"{sys.executable} did not start: {error}", lasting=False)


class _Worker:
    """One process, and what passes between it and us: a JSON object a line."""

    def __init__(self) -> None:
        """Raises OSError where it does not start."""
        self._process = subprocess.Popen(
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            cwd="/",
            start_new_session=True,
        )
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._in, self._out, self._err = (pipe for pipe in pipes if pipe is not None)
        self._received = b""
        self.end = weakref.finalize(self, _end, self._process, (self._in, self._out, self._err))

    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def tell(self, words: Mapping[str, object]) -> None:
        """Send an object. Raises OSError where the process has ended."""
        self._in.write(json.dumps(words).encode() + b"\n")
        self._in.flush()

    def hear(self, until: float) -> dict[str, Any]:
        """Return the next object. Raises EOFError where the process has ended, TimeoutError where it is late."""
        ready = select.poll()
        ready.register(self._out, select.POLLIN)
        while b"\n" not in self._received:
            if not ready.poll(max(0.0, until - time.monotonic()) * 1000):
                raise TimeoutError
            part = os.read(self._out.fileno(), 1 << 16)
            if not part:
                raise EOFError
            self._received += part
        line, _, self._received = self._received.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def why_silent(self) -> Unchecked:
        """Return why there is no answer."""
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return Unchecked(f"it had not ended after {_PATIENCE:g} seconds", lasting=False)
        if code == -signal.SIGPROF:
            return Unchecked(f"it takes more than {SECONDS:g} seconds of computing", lasting=True)
        said = self._err.read().decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
        return Unchecked(f"the process that checks it ended with {code}: {said or 'it said nothing'}", lasting=False)


def _environment() -> dict[str, str]:
    """Return the environment of a process that starts in `/` and is to find the modules that are found here."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"LC_ALL": "C.UTF-8"}
    if kept.get("PYTHONPATH"):
        kept["PYTHONPATH"] = os.pathsep.join(
            str(Path(entry).absolute()) for entry in kept["PYTHONPATH"].split(os.pathsep)
        )
    return kept


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _end(process: subprocess.Popen[bytes], pipes: tuple[IO[bytes], ...]) -> None:
    process.kill()
    process.wait()
    for pipe in pipes:
        with contextlib.suppress(BrokenPipeError):  # what the process did not read of its input any more
            pipe.close()
