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
import time
import weakref
from collections.abc import Callable, Mapping
from typing import IO, Any

from gitferry.pushback.findings import Finding, Weight
from gitferry.pushback.schema_worker import SECONDS

#: What a Python started anew needs to find what this one found.
_KEPT = ("HOME", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONUSERBASE")
_COMMAND = (sys.executable, "-P", "-c", "from gitferry.pushback.schema_worker import main; main()")
_PATIENCE = 60.0  # seconds for one check on a machine that is busy with something else
_TOO_OFTEN = 3  # checks that ended the process; then it is not started again


class Unchecked(Exception):
    """A check came to no result. `lasting`: it would not the next time either."""

    def __init__(self, message: str, *, lasting: bool) -> None:
        super().__init__(message)
        self.message = message
        self.lasting = lasting


class SchemaProcess:
    """Checks by schemas, one at a time; for one thread. Its process ends with it."""

    def __init__(self) -> None:
        self._worker: _Worker | None = None
        self._ended = 0

    def start(self) -> None:
        """Start the process, where that was not done: it takes a tenth of a second in which others can work.

        Raises Unchecked.
        """
        self._started()

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

    def close(self) -> None:
        """End the process."""
        if self._worker is not None:
            self._worker.end()
            self._worker = None

    def _started(self) -> _Worker:
        if self._worker is None:
            if self._ended >= _TOO_OFTEN:
                raise Unchecked("too many checks before it had to be stopped", lasting=False)
            try:
                self._worker = _Worker()
            except OSError as error:
                raise Unchecked(f"{sys.executable} did not start: {error}", lasting=False) from error
        return self._worker

    def _ask(
        self, question: Mapping[str, str], data: bytes, fetch: Callable[[str], bytes | None]
    ) -> tuple[Finding, ...]:
        worker = self._started()
        until = time.monotonic() + _PATIENCE
        try:
            worker.tell({**question, "data": _packed(data)})
            answer = worker.hear(until)
            while "fetch" in answer:
                found = fetch(answer["fetch"])
                worker.tell({"data": None if found is None else _packed(found)})
                answer = worker.hear(until)
        except (OSError, EOFError):  # it has ended, or is still at it
            self._ended += 1
            why = worker.why_silent()
            self.close()
            raise why from None
        if "failed" in answer:
            raise Unchecked(answer["failed"], lasting=True)
        return tuple(Finding(**{**each, "weight": Weight(each["weight"])}) for each in answer["findings"])


class _Worker:
    """One process, and what passes between it and us: a JSON object a line."""

    def __init__(self) -> None:
        """Raises OSError where it does not start."""
        self._process = subprocess.Popen(
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={name: os.environ[name] for name in _KEPT if name in os.environ} | {"LC_ALL": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
        )
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._in, self._out, self._err = (pipe for pipe in pipes if pipe is not None)
        self._received = b""
        self.end = weakref.finalize(self, _end, self._process, (self._in, self._out, self._err))

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


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _end(process: subprocess.Popen[bytes], pipes: tuple[IO[bytes], ...]) -> None:
    process.kill()
    process.wait()
    for pipe in pipes:
        with contextlib.suppress(BrokenPipeError):  # what the process did not read of its input any more
            pipe.close()
