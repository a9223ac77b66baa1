"""A canary that is held, or stands where secrets stand, comes out nowhere: log, error, crash file, settings, HTTP."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitferry.config.errors import GitferryError
from gitferry.config.paths import state_dir
from gitferry.daemon import crash, logs
from gitferry.daemon.api.problems import problem
from gitferry.daemon.cli.main import _explained, main
from gitferry.daemon.control import Control
from gitferry.security import redact
from gitferry.tests.daemon.test_control import entry, write_settings
from gitferry.tests.repo import Repo

HELD = "c4nary" + "heldbythevault"  # nothing about it looks like a secret
CODED = base64.b64encode(f"user:{HELD}".encode()).decode()
SEEN = "c4nary" + "0123456789"
TEXTS = (
    f"it said {HELD} and {CODED}",
    f"https://me:{SEEN}@example.org/x.git",
    f"Authorization: Basic {SEEN}",
    f"--password={SEEN}",
    f"token: {SEEN}",
)


@pytest.fixture(autouse=True)
def held() -> Iterator[None]:
    end = redact.register(HELD)
    yield
    end()


def clean(text: str) -> bool:
    return bool(text) and not any(canary in text for canary in (HELD, CODED, CODED[8:24], SEEN))


@pytest.fixture
def root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.usefixtures("root_logger")
def test_logs(style: str, text: str) -> None:
    stream = io.StringIO()
    logs.set_up("debug", style, stream)
    log = logging.getLogger("gitferry.test")
    log.info("said %s", text, extra={"action": text, "cause": ValueError(text), "rows": [{"url": text}]})
    try:
        raise ValueError(text) from OSError(text)
    except ValueError:
        log.exception("it failed: %s", text)
    loop = asyncio.new_event_loop()
    loop.call_exception_handler({"message": text, "exception": ValueError(text)})
    loop.close()
    assert clean(stream.getvalue())


@pytest.mark.parametrize("text", TEXTS)
def test_errors_and_crash_files(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    from gitferry.daemon.cli.context import Context

    assert _explained(GitferryError(text, text), Context(os.environ)) == 1
    assert _explained(RuntimeError(text), Context(os.environ)) == 3
    assert clean(capfd.readouterr().err)
    error = ValueError(text)
    error.add_note(text)
    report = crash.write(error, state_dir(os.environ), text)
    assert clean(report.read_text()) and stat.S_IMODE(report.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", TEXTS)
def test_problem_documents(text: str) -> None:
    assert clean(bytes(problem(422, text, text, errors=[{"what": text}]).body).decode())


def test_settings_as_they_are_shown(capfd: pytest.CaptureFixture[str], clone: Callable[..., Repo]) -> None:
    here = clone("here")
    path = write_settings(
        entry(here, url=f"https://me:{SEEN}@example.org/x", auth={"type": "basic", "username": "me", "password": HELD}),
        database={"url": f"postgresql://me:{SEEN}@db/gitferry"},
        notifications=[{"type": "webhook", "url": f"https://hooks.slack.com/services/T0/B0/{SEEN}", "secret": HELD}],
    )
    for arguments in (["config", "show"], ["config", "show", "--json"]):
        assert main(arguments) == 0
        assert clean(capfd.readouterr().out)
    broken = json.loads(path.read_text())
    broken["repositories"][0]["auth"] |= {"username": ["x"], "pasword": HELD, "password": {"x": SEEN}}
    path.write_text(json.dumps(broken))
    assert main(["config", "validate"]) == 1 and main(["config", "validate", "--json"]) == 1
    said = capfd.readouterr()
    assert clean(said.err) and clean(said.out)


def test_what_a_server_says_of_a_push(clone: Callable[..., Repo], remote: Repo) -> None:
    here = clone("here")
    write_settings(entry(here))
    with Control(None, os.environ) as control:
        control.sync()
        remote.hook("pre-receive", f"echo 'refused for {HELD}, password={SEEN}' >&2; exit 1")
        here.write("notes.txt", "mine\n")
        assert clean(json.dumps(control.sync()))
        assert clean(json.dumps(control.status())) and clean(json.dumps(control.push_status()))
        (row,) = control.audit({"action": "push"})["records"]
        assert "refused for ***" in row["detail"]["reason"] and clean(json.dumps(row))
    for path in Path(state_dir(os.environ)).iterdir():
        if path.is_file():
            assert HELD.encode() not in path.read_bytes() and SEEN.encode() not in path.read_bytes(), path
