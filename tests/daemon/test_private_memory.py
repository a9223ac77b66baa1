"""A process that keeps its memory private is so for the kernel."""

from __future__ import annotations

import os
import subprocess
import sys

SAID = """\
import ctypes, resource
from gitferry.daemon.private_memory import keep_memory_private
get = 3  # PR_GET_DUMPABLE, prctl(2)
before = ctypes.CDLL(None).prctl(get, 0, 0, 0, 0)
keep_memory_private()
print(before, ctypes.CDLL(None).prctl(get, 0, 0, 0, 0), *resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_no_core_dump_and_no_look_from_outside() -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", SAID], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "0", "0", "0"]
