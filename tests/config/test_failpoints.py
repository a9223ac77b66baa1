"""An armed failpoint kills the process, or raises, at the n-th time it is reached, and no other does anything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = "from gitferry.config.failpoints import fp\nfor n in range(5):\n    fp('a'); fp('b'); print(n, flush=True)\n"


@pytest.mark.parametrize(
    ("armed", "printed"), [("a:kill:1", 0), ("b:kill:3", 2), ("c:kill:1", 5), ("", 5), ("a:kill:9", 5)]
)
def test_it_dies_where_it_was_told_to(armed: str, printed: int) -> None:
    environ = {**os.environ, "GITFERRY_FAILPOINT": armed}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True)
    assert done.stdout.split() == [str(number) for number in range(printed)]
    assert done.returncode == (0 if printed == 5 else -signal.SIGKILL)


def test_it_fails_where_it_was_told_to_and_goes_on_then() -> None:
    program = PROGRAM.replace("fp('a'); ", "\n    try: fp('a')\n    except RuntimeError as error: print(error)\n    ")
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "GITFERRY_FAILPOINT": "a:raise:2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["0", "the failpoint a was reached", "1", "2", "3", "4"]
